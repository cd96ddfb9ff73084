"""Charts: places and sizes are worked out here, `charts.html` draws them as SVG of our own.

Across, everything is in percent of the width, so that a chart is as wide as its place and its
words keep their size; upwards it is in pixels. Colours are classes, so that dark is another
style and not another chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

HEIGHT = 190
GAP = 2
AXIS = 7.0
"""How much of the width the scale takes, in percent."""
FILLED = 0.6
"""How much of its share of the width a column fills."""


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of thing that is counted: `kind` is its class, `name` what people call it."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """One coloured piece, from `start` on `size` long; in pixels upwards, in percent across."""

    series: Series
    count: int
    start: float
    size: float


@dataclass(frozen=True, slots=True)
class Column:
    """One stack of blocks, and its middle in percent of the width."""

    label: str
    middle: float
    total: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the scale."""

    count: int
    y: float


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of stacked columns."""

    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    width: float
    """Of one column, in percent."""
    height: int = HEIGHT

    @property
    def total(self) -> int:
        """Everything that the columns count."""
        return sum(column.total for column in self.columns)


def columns(series: Sequence[Series], rows: Sequence[tuple[str, Mapping[str, int]]]) -> Columns:
    """A column for each row: its label, and how many of each kind."""
    totals = [sum(counts.get(each.kind, 0) for each in series) for _label, counts in rows]
    step, steps = scale(max(totals, default=0))
    unit = HEIGHT / (step * steps)
    share = (100 - AXIS) / max(len(rows), 1)
    drawn = tuple(
        Column(label, round(AXIS + share * (i + 0.5), 3), total, _stacked(series, counts, unit))
        for i, ((label, counts), total) in enumerate(zip(rows, totals, strict=True))
    )
    ticks = tuple(Tick(step * i, round(HEIGHT - step * i * unit, 2)) for i in range(steps + 1))
    return Columns(tuple(series), drawn, ticks, round(share * FILLED, 3))


def bar(series: Sequence[Series], counts: Mapping[str, int], *, of: int) -> tuple[Block, ...]:
    """The blocks of one bar from left to right; `of` is what fills the whole width."""
    ends = [0.0]
    for each in series:
        ends.append(ends[-1] + 100 * counts.get(each.kind, 0) / max(of, 1))
    return tuple(
        Block(each, counts[each.kind], round(start, 3), round(end - start, 3))
        for each, (start, end) in zip(series, pairwise(ends), strict=True)
        if counts.get(each.kind, 0)
    )


def scale(largest: int) -> tuple[int, int]:
    """A round step and how many of them, two to five, reach the largest number."""
    for step in _round_numbers():
        if step * 5 >= largest:
            return step, max(2, -(-largest // step))
    raise AssertionError("round numbers have no end")


def _round_numbers() -> Iterable[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _stacked(series: Sequence[Series], counts: Mapping[str, int], unit: float) -> tuple[Block, ...]:
    """The blocks of a column from the ground up, with a little space between two."""
    blocks = []
    top = float(HEIGHT)
    for each in series:
        count = counts.get(each.kind, 0)
        if not count:
            continue
        size = count * unit
        top -= size
        blocks.append(Block(each, count, round(top, 2), round(max(size - GAP, 1.5), 2)))
    return tuple(blocks)
