"""The parts of the form: comparisons in groups, each with its place in the names of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from intake.conditions import Field

BUTTON = "build"
"""The name of every button that changes the form and not the desk."""
MOST_FIELDS = 1_000
"""So many fields a form that holds conditions may post."""


class Join(StrEnum):
    """How the parts of a group hang together."""

    ALL = "all"
    ANY = "any"
    NONE = "none"
    NOT_ALL = "not all"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison as it was typed."""

    name: str
    field: Field
    operator: str
    typed: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def text(self) -> str:
        """What was typed, in one line; several values stand between commas."""
        return ", ".join(self.typed)


@dataclass(frozen=True, slots=True)
class Group:
    """Parts below one AND or OR. The whole form is one; without parts it asks nothing."""

    name: str
    join: Join = Join.ALL
    parts: tuple[Row | Group, ...] = ()
    wrong: str = ""

    def rows(self) -> Iterator[Row]:
        """Its comparisons and those of the groups in it, from top to bottom."""
        for part in self.parts:
            if isinstance(part, Row):
                yield part
            else:
                yield from part.rows()


def with_wrong(group: Group, wrong: Mapping[str, str]) -> Group:
    """The form with what is wrong said at its rows."""
    return replace(
        group,
        wrong=wrong.get(group.name, group.wrong),
        parts=tuple(
            with_wrong(part, wrong)
            if isinstance(part, Group)
            else replace(part, wrong=wrong.get(part.name, ""))
            for part in group.parts
        ),
    )


def labels(group: Group) -> dict[str, str]:
    """What people call the fields of the form, by their names."""
    return {row.name: str(row.field).capitalize() for row in group.rows()}


def placed(group: Group, name: str) -> Group:
    """The group with names that say where its parts stand now."""
    return replace(
        group,
        name=name,
        parts=tuple(
            placed(part, f"{name}.{number}")
            if isinstance(part, Group)
            else replace(part, name=f"{name}.{number}")
            for number, part in enumerate(group.parts)
        ),
    )
