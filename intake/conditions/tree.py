"""Conditions as trees: comparisons of fields below AND, OR and NOT, and reading them from JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from intake.conditions import meaning
from intake.conditions.fields import (
    PRESENT,
    RELATIVE,
    BadCondition,
    Field,
    Fields,
    Operator,
    did_you_mean,
)
from intake.conditions.spans import Span

DEEPEST = 10
MOST_COMPARISONS = 200

AT = "at"
"""Where facts say at which instant they are known; relative times are seen from there."""

Facts = Mapping[str, Any]
Columns = Mapping[str, ColumnElement[Any]]
Names = Mapping[str, str]
NO_NAMES: Names = MappingProxyType({})


class Condition(ABC):
    """A question that a record answers with yes or no."""

    @classmethod
    def from_json(cls, form: object, fields: Fields) -> Condition:
        """The condition that `as_json` gave. Raises BadCondition, naming the place."""
        return _Reader(fields).read(form)

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal condition."""

    @abstractmethod
    def holds(self, facts: Facts) -> bool:
        """Whether it is true of one record; facts that are not given are missing.

        One that says something relative to the time (`is_relative`) needs the instant AT.
        """

    @abstractmethod
    def as_sql(self, columns: Columns, *, at: datetime) -> ColumnElement[bool]:
        """The same question to a table at an instant; `columns` are those of the fields, by name.

        A TEXT column keeps `folded(text)` and a WORDS column `joined(words)`, the others the
        values themselves. Raises BadCondition for a field that has no column.
        """

    @abstractmethod
    def comparisons(self) -> Iterator[Comparison]:
        """What it says of single fields, in the order in which people read it."""

    @abstractmethod
    def in_words(self, names: Names = NO_NAMES) -> str:
        """For people to read; `names` say what ids stand for."""

    def explain(self, facts: Facts, names: Names = NO_NAMES) -> list[tuple[str, bool]]:
        """Each comparison in words and whether it holds; "not" around it is left out of both."""
        return [(each.in_words(names), each.holds(facts)) for each in self.comparisons()]

    def is_relative(self) -> bool:
        """Whether time alone may make it true or false."""
        return any(each.relative for each in self.comparisons())

    def field_names(self) -> frozenset[str]:
        """The fields that it depends on."""
        return frozenset(each.field.name for each in self.comparisons())


@dataclass(frozen=True)
class Comparison(Condition):
    """What is said of one field. `value` is a tuple where the operator takes several."""

    field: Field
    operator: Operator
    value: Any = None

    @property
    def relative(self) -> bool:
        """Whether it is said as seen from the instant at which it is asked."""
        return self.operator in RELATIVE

    @cached_property
    def _plain(self) -> tuple[Operator, meaning.Wanted]:
        return meaning.plainly(self.field, self.operator, self.value)

    def as_json(self) -> dict[str, Any]:
        form: dict[str, Any] = {"field": self.field.name, "op": self.operator.value}
        if self.operator not in PRESENT:
            several = isinstance(self.value, tuple)
            form["value"] = [*map(_written, self.value)] if several else _written(self.value)
        return form

    def holds(self, facts: Facts) -> bool:
        field = self.field
        plain = meaning.placed(*self._plain, facts[AT]) if self.relative else self._plain
        asked = field.lineage if self.operator is Operator.WITHIN else field.name
        return meaning.holds(field, *plain, facts.get(asked))

    def as_sql(self, columns: Columns, *, at: datetime) -> ColumnElement[bool]:
        if self.field.name not in columns:
            why = f": {self.field.unsearchable}" if self.field.unsearchable else ""
            raise BadCondition(
                f'"{self.field}" can be asked of one record, but not searched for{why}'
            )
        plain = meaning.placed(*self._plain, at)
        return meaning.as_sql(self.field, *plain, columns[self.field.name])

    def comparisons(self) -> Iterator[Comparison]:
        yield self

    def in_words(self, names: Names = NO_NAMES) -> str:
        if self.operator in PRESENT:
            return f"{self.field} {self.operator}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        between = " and " if self.operator is Operator.BETWEEN else ", "
        said = between.join(self.field.show(value, names) for value in values)
        return f"{self.field} {self.operator} {said}"


@dataclass(frozen=True)
class All(Condition):
    """True when every part is, so always without any."""

    parts: tuple[Condition, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"all": [part.as_json() for part in self.parts]}

    def holds(self, facts: Facts) -> bool:
        return all(part.holds(facts) for part in self.parts)

    def as_sql(self, columns: Columns, *, at: datetime) -> ColumnElement[bool]:
        return and_(true(), *(part.as_sql(columns, at=at) for part in self.parts))

    def comparisons(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.comparisons()

    def in_words(self, names: Names = NO_NAMES) -> str:
        return _together(" and ", self.parts, names) or "always"


@dataclass(frozen=True)
class AnyOf(Condition):
    """True when at least one part is."""

    parts: tuple[Condition, ...]

    def as_json(self) -> dict[str, Any]:
        return {"any": [part.as_json() for part in self.parts]}

    def holds(self, facts: Facts) -> bool:
        return any(part.holds(facts) for part in self.parts)

    def as_sql(self, columns: Columns, *, at: datetime) -> ColumnElement[bool]:
        return or_(false(), *(part.as_sql(columns, at=at) for part in self.parts))

    def comparisons(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.comparisons()

    def in_words(self, names: Names = NO_NAMES) -> str:
        return _together(" or ", self.parts, names) or "never"


@dataclass(frozen=True)
class Not(Condition):
    """True when its part is not."""

    part: Condition

    def as_json(self) -> dict[str, Any]:
        return {"not": self.part.as_json()}

    def holds(self, facts: Facts) -> bool:
        return not self.part.holds(facts)

    def as_sql(self, columns: Columns, *, at: datetime) -> ColumnElement[bool]:
        return ~self.part.as_sql(columns, at=at)

    def comparisons(self) -> Iterator[Comparison]:
        return self.part.comparisons()

    def in_words(self, names: Names = NO_NAMES) -> str:
        return f"not ({self.part.in_words(names)})"


class _Reader:
    """Reads one condition; counts its comparisons, so that nobody stores an endless one."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.left = MOST_COMPARISONS

    def read(self, form: object, place: str = "", depth: int = 1) -> Condition:
        match form:
            case {"all": list(parts), **more} if not more:
                return All(self._parts(parts, f"{place}.all", depth))
            case {"any": [_, *_] as parts, **more} if not more:
                return AnyOf(self._parts(parts, f"{place}.any", depth))
            case {"not": part, **more} if not more:
                self._refuse_depth(place, depth)
                return Not(self.read(part, f"{place}.not", depth + 1))
            case {"field": str(name), "op": str(said), **more} if not more.keys() - {"value"}:
                return self._comparison(name, said, more.get("value"), place)
        raise _bad(
            place,
            'expected {"all": [...]}, {"any": [...]} with something in it, {"not": ...} '
            'or {"field": ..., "op": ..., "value": ...}',
        )

    def _parts(self, parts: list[object], place: str, depth: int) -> tuple[Condition, ...]:
        self._refuse_depth(place, depth)
        return tuple(
            self.read(part, f"{place}[{number}]", depth + 1) for number, part in enumerate(parts)
        )

    def _comparison(self, name: str, said: str, value: object, place: str) -> Comparison:
        self.left -= 1
        if self.left < 0:
            raise _bad(place, f"a condition compares {MOST_COMPARISONS} times at most")
        if name not in self.fields:
            raise _bad(place, f'unknown field "{name:.80}"{did_you_mean(name, self.fields)}')
        field = self.fields[name]
        if said not in field.operators:
            hint = did_you_mean(said, field.operators) or f"; say {', '.join(field.operators)}"
            raise _bad(place, f'"{said:.80}" cannot be said of {field.name}{hint}')
        operator = Operator(said)
        try:
            return Comparison(field, operator, field.read(operator, value))
        except BadCondition as error:
            raise _bad(place, f"{field.name}: {error}") from None

    def _refuse_depth(self, place: str, depth: int) -> None:
        if depth > DEEPEST:
            raise _bad(place, f"a condition nests {DEEPEST} deep at most")


def _bad(place: str, why: str) -> BadCondition:
    return BadCondition(f"{place.lstrip('.') or 'condition'}: {why}")


def _together(word: str, parts: tuple[Condition, ...], names: Names) -> str:
    if len(parts) == 1:
        return parts[0].in_words(names)
    return word.join(
        f"({part.in_words(names)})" if _is_compound(part) else part.in_words(names)
        for part in parts
    )


def _is_compound(part: Condition) -> bool:
    """Whether its words hang together only with brackets around them."""
    match part:
        case All(parts=(only,)) | AnyOf(parts=(only,)):
            return _is_compound(only)
        case All(parts=(_, *_)) | AnyOf(parts=(_, *_)):
            return True
    return False


def _written(value: Any) -> Any:
    if isinstance(value, Span):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
