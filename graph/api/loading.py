"""Loading what a level of an answer needs at once, however many objects stand on it.

Objects that are made together are siblings. A field that reaches another table loads it for all
siblings with one statement when the first of them is asked, and the others find it there. So the
number of statements follows the depth of a query and not the length of its lists, without
futures or an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import select

from graph.api.asking import Asking, Info
from intake.db import Base

S = TypeVar("S", bound="Shown")
T = TypeVar("T", bound="Shown")
K = TypeVar("K")
V = TypeVar("V")
P = ParamSpec("P")


class Siblings(Generic[S]):
    """Objects of one level, and what was loaded for all of them."""

    def __init__(self, members: Sequence[S]) -> None:
        self.members = members
        self.loaded: dict[object, Any] = {}


class Shown:
    """A GraphQL type whose plain fields are attributes, of the same name, of the row it shows."""

    id: UUID
    row: Any
    siblings: Siblings[Any]

    @classmethod
    def of(cls: type[S], row: object) -> S:
        """The row as this type shows it, without siblings."""
        shown = cls(**{name: getattr(row, name) for name in _plain(cls)})  # type: ignore[arg-type]
        shown.row = row
        shown.siblings = Siblings([shown])
        return shown

    def loaded(
        self: S,
        info: Info,
        batch: Callable[Concatenate[Asking, Sequence[S], P], Mapping[K, V]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Mapping[K, V]:
        """What `batch` finds for this object and its siblings, found once for all of them."""
        key = (batch, args, tuple(kwargs.items()))
        found: Mapping[K, V] | None = self.siblings.loaded.get(key)
        if found is None:
            found = batch(info.context, self.siblings.members, *args, **kwargs)
            self.siblings.loaded[key] = found
        return found

    def named(self, info: Info, reference: str, kind: type[T], table: type[Base]) -> T | None:
        """The row of `table` whose id this attribute holds, found once for all siblings."""
        return self.loaded(info, _named, reference, kind, table).get(getattr(self, reference))


def _named(
    asking: Asking, members: Sequence[Shown], reference: str, kind: type[T], table: type[Base]
) -> Mapping[UUID | None, T]:
    return by_id(asking, kind, table, (getattr(one, reference) for one in members))


@cache
def _plain(kind: type[Any]) -> tuple[str, ...]:
    # Fields with a resolver are no arguments of the type; the others are.
    return tuple(f.name for f in fields(kind) if f.init)


def together(kind: type[S], rows: Iterable[object]) -> list[S]:
    """These rows as siblings."""
    members = [kind.of(row) for row in rows]
    siblings = Siblings(members)
    for member in members:
        member.siblings = siblings
    return members


def by_id(
    asking: Asking, kind: type[S], table: type[Base], ids: Iterable[UUID | None]
) -> dict[UUID | None, S]:
    """The rows of these ids, as siblings; one statement, or none when there is nothing to find.

    Nothing is found for None, so that a reference that may be empty needs no question first.
    """
    wanted = {id for id in ids if id is not None}
    if not wanted:
        return {}
    column = table.id  # type: ignore[attr-defined]
    rows = asking.session.scalars(select(table).where(column.in_(wanted)))
    return {shown.id: shown for shown in together(kind, rows)}


def shared(kind: type[S], rows: Iterable[Any]) -> dict[UUID, list[S]]:
    """Pairs of a row and one whose it is, who may share it with others: siblings by whom they
    belong to, in their order."""
    found = [tuple(pair) for pair in rows]
    groups: dict[UUID, list[S]] = {}
    for (_row, owner), shown in zip(found, together(kind, (r for r, _ in found)), strict=True):
        groups.setdefault(owner, []).append(shown)
    return groups


def grouped(
    kind: type[S], rows: Iterable[Any], owner: Callable[[Any], UUID]
) -> dict[UUID, list[S]]:
    """These rows as siblings, by whom they belong to and in their order."""
    found = list(rows)
    groups: dict[UUID, list[S]] = {}
    for row, shown in zip(found, together(kind, found), strict=True):
        groups.setdefault(owner(row), []).append(shown)
    return groups
