"""Lists that may be long: Relay connections over a keyset, never over an offset.

A cursor holds where its row stands in the order, signed, so that it means nothing anywhere else
and cannot be made up.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
import strawberry
from sqlalchemy import ColumnElement, Date, Select, Uuid, func, literal, select, tuple_

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.limits import FIRST_DEFAULT, FIRST_MOST
from graph.api.loading import S, Shown, together
from intake.db import Instant
from intake.desk import Desk
from intake.errors import IntakeError

T = TypeVar("T")
First = Annotated[
    int, strawberry.argument(description=f"How many at most, from 1 to {FIRST_MOST}.")
]
After = Annotated[
    str | None, strawberry.argument(description="A cursor: what comes after it in the same order.")
]


class WrongCursor(IntakeError):
    """The cursor is not one that this list gave."""

    code = "wrong-cursor"


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is ordered. `name` is the list's own, so that its cursors fit no other list."""

    name: str
    column: Any
    id: Any
    descending: bool = False

    def by(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """What to order by."""
        if self.descending:
            return self.column.desc(), self.id.desc()
        return self.column.asc(), self.id.asc()

    def follows(self, mark: Mark) -> ColumnElement[bool]:
        """The condition that a row comes after the mark."""
        here = tuple_(self.column, self.id)
        there = tuple_(_literal(self.column, mark.key), _literal(self.id, mark.id))
        return here < there if self.descending else here > there

    def mark(self, row: Any) -> Mark:
        """Where a row stands."""
        return Mark(self.name, getattr(row, self.column.key), getattr(row, self.id.key))


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an order."""

    order: str
    key: Any
    id: Any

    def cursor(self, desk: Desk) -> str:
        """The place as a client keeps it."""
        text = orjson.dumps([self.order, self.key, self.id])
        signed = desk.sign("cursor", text.decode()).encode() + text
        return urlsafe_b64encode(signed).rstrip(b"=").decode()


def mark_of(cursor: str, name: str, desk: Desk) -> Mark:
    """The place in that list which a cursor of ours names. Raises WrongCursor on anything else."""
    wrong = WrongCursor("this cursor is not of this list; start without `after`")
    try:
        padding = "=" * (-len(cursor) % 4)
        raw = b64decode(cursor + padding, altchars=b"-_", validate=True)
        signature, text = raw[:20].decode("ascii"), raw[20:].decode()
    except (NotBase64, ValueError):
        raise wrong from None
    if not desk.signed("cursor", text, signature):
        raise wrong
    mark = Mark(*orjson.loads(text))
    if mark.order != name:
        raise wrong
    return mark


# What JSON keeps as text, by the type of its column.
_READ: dict[type[Any], Callable[[str], Any]] = {
    Instant: datetime.fromisoformat,
    Date: date.fromisoformat,
    Uuid: UUID,
}


def _literal(column: Any, kept: Any) -> ColumnElement[Any]:
    read = _READ.get(type(column.type))
    return literal(read(kept) if read else kept, column.type)


@strawberry.type(description="Where a page of a list stands in the whole.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether this is not the first page.")
    start_cursor: str | None = strawberry.field(description="The cursor of its first entry.")
    end_cursor: str | None = strawberry.field(description="The cursor of its last: ask `after` it.")


@strawberry.type(description="One entry of a list, with its place.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The entry itself.")
    cursor: str = strawberry.field(description="Its place: ask for what comes `after` it.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The entries, in order.")
    marks: strawberry.Private[Sequence[Mark]]
    desk: strawberry.Private[Desk]
    more: strawberry.Private[bool]
    later: strawberry.Private[bool]
    whole: strawberry.Private[Select[Any] | None] = None

    @described("The entries with their cursors, in order.")
    def edges(self) -> list[Edge[T]]:
        pairs = zip(self.nodes, self.marks, strict=True)
        return [Edge(node=node, cursor=mark.cursor(self.desk)) for node, mark in pairs]

    @described(
        "How many there are on all pages, of those that you may see; null in a list "
        "within a list, and for the best of a search."
    )
    def total_count(self, info: Info) -> int | None:
        if self.whole is None:
            return None
        return info.context.session.scalar(select(func.count()).select_from(self.whole.subquery()))

    @described("Where this page stands.")
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self.more,
            has_previous_page=self.later,
            start_cursor=self.marks[0].cursor(self.desk) if self.marks else None,
            end_cursor=self.marks[-1].cursor(self.desk) if self.marks else None,
        )


def page(
    asking: Asking,
    statement: Select[Any],
    order: Order,
    kind: type[S],
    *,
    first: int = FIRST_DEFAULT,
    after: str | None = None,
) -> Connection[S]:
    """A page of the rows of a statement, as siblings. One statement; raises WrongCursor."""
    ordered = _after(asking, statement, order, after).order_by(*order.by())
    rows = asking.session.scalars(ordered.limit(first + 1)).all()
    return Connection(
        nodes=together(kind, rows[:first]),
        marks=[order.mark(row) for row in rows[:first]],
        desk=asking.house.desk,
        more=len(rows) > first,
        later=after is not None,
        whole=statement,
    )


def listed(
    asking: Asking, nodes: list[S], name: str, *, start: int, first: int, after: str | None
) -> Connection[S]:
    """A page of a list in an order that only its maker knows: a cursor says how far it went.

    `nodes` are those from `start` on, one more than `first` if there are more.
    """
    marks = [Mark(name, place, node.id) for place, node in enumerate(nodes[:first], start + 1)]
    return Connection(
        nodes=nodes[:first],
        marks=marks,
        desk=asking.house.desk,
        more=len(nodes) > first,
        later=after is not None,
    )


def pages(
    asking: Asking,
    statement: Select[Any],
    order: Order,
    kind: type[S],
    owners: Sequence[Shown],
    owner: Any,
    *,
    first: int,
    after: str | None,
) -> dict[UUID, Connection[S]]:
    """A page for each of the owners: `owner` is the column that names whose a row is.

    One statement for all of them, and all their rows are siblings.
    """
    rank = func.row_number().over(partition_by=owner, order_by=order.by()).label("rank")
    ranked = (
        _after(asking, statement, order, after)
        .where(owner.in_([one.id for one in owners]))
        .with_only_columns(order.id.label("id"), rank)
        .subquery()
    )
    ranked_rows = (
        select(owner.class_, ranked.c.rank)
        .join(ranked, ranked.c.id == order.id)
        .where(ranked.c.rank <= first + 1)
        .order_by(ranked.c.rank)
    )
    rows: dict[UUID, list[Any]] = {one.id: [] for one in owners}
    overflowing = set()
    for row, place in asking.session.execute(ranked_rows):
        whose = getattr(row, owner.key)
        if place > first:
            overflowing.add(whose)
        else:
            rows[whose].append(row)
    shown = iter(together(kind, chain.from_iterable(rows.values())))
    return {
        id: Connection(
            nodes=list(islice(shown, len(group))),
            marks=[order.mark(row) for row in group],
            desk=asking.house.desk,
            more=id in overflowing,
            later=after is not None,
        )
        for id, group in rows.items()
    }


def _after(asking: Asking, statement: Select[Any], order: Order, cursor: str | None) -> Select[Any]:
    if cursor is None:
        return statement
    return statement.where(order.follows(mark_of(cursor, order.name, asking.house.desk)))
