"""Two contacts turn out to be one person: the survivor takes over everything, and it can be undone.

Whatever table refers to a contact is found in the schema, so nothing is forgotten when another
one is added. Each row that moved is written down; undoing puts exactly those back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, and_, delete, insert, inspect, select, update
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.customers.people import Contact
from intake.db import Base, Json, new_id, refers_to
from intake.errors import IntakeError, NotFound

# Blank fields that the survivor takes from the other.
FILLED = ("account_id", "language", "time_zone")


class CannotMerge(IntakeError):
    """These two cannot be made one, or not be parted again; the text says why."""

    code = "cannot-merge"


class ContactMerge(Base):
    """That two contacts were made one, with all it changed."""

    __tablename__ = "contact_merges"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    survivor_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), index=True)
    merged_id: Mapped[UUID] = mapped_column(refers_to("contacts.id"), index=True)
    at: Mapped[datetime]
    agent_id: Mapped[UUID | None] = mapped_column(refers_to("agents.id"))
    undone_at: Mapped[datetime | None]
    moved: Mapped[dict[str, Any]] = mapped_column(Json)
    """`{"table.column": [key …]}`: the rows that named the other and now name the survivor."""
    displaced: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """The rows of the other that the survivor had its own of, whole."""
    changed: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """Single fields, with what they were and what they became."""


def merge(
    session: Session, by: Principal, survivor_id: UUID, merged_id: UUID, *, at: datetime
) -> ContactMerge:
    """Give the survivor everything of the other: ways to be reached, cases, entitlements …"""
    by.must(Act.WORK)
    _hold_cases(session, lambda cases: cases.c.contact_id == merged_id)
    survivor, other = _both(session, survivor_id, merged_id)
    record = ContactMerge(
        id=new_id(),
        survivor_id=survivor.id,
        merged_id=other.id,
        at=at,
        agent_id=by.id,
        moved={},
        displaced=[],
        changed=list(_fill(survivor, other)),
    )
    other.merged_into_id = survivor.id
    session.flush()
    for table, column in _references():
        record.changed += _yield_default(session, table, column, survivor.id, other.id)
        record.displaced += _displace(session, table, column, survivor.id, other.id)
        if keys := _move(session, table, column, survivor.id, other.id):
            record.moved[f"{table.name}.{column.name}"] = keys
    session.add(record)
    session.flush()
    session.expire_all()
    events.record(
        session,
        "contact.merged",
        at=at,
        actor=by,
        survivor=str(survivor.id),
        merged=str(other.id),
        merge=str(record.id),
    )
    return record


def undo(session: Session, by: Principal, merge_id: UUID, *, at: datetime) -> ContactMerge:
    """Make two of them again. What came since the merge stays with the survivor."""
    by.must(Act.WORK)
    record = session.get(ContactMerge, merge_id, with_for_update=True, populate_existing=True)
    if record is None:
        raise NotFound("there is no such merge")
    if record.undone_at is not None:
        raise CannotMerge("this merge was undone already")
    moved = [UUID(key) for [key] in record.moved.get("cases.contact_id", [])]
    _hold_cases(session, lambda cases: cases.c.id.in_(moved))
    survivor, other = _rows(session, record.survivor_id, record.merged_id)
    if survivor.merged_into_id is not None:
        raise CannotMerge(f"{survivor.name} was merged into another since; undo that first")
    record.undone_at, other.merged_into_id = at, None
    session.flush()
    for name, keys in record.moved.items():
        table, column = _named(name)
        _restore(session, table, column, keys, survivor.id, other.id)
    for row in record.displaced:
        table = Base.metadata.tables[row["table"]]
        session.execute(insert(table).values(_values(table, row["values"])))
    for change in record.changed:
        _take_back(session, change)
    session.expire_all()
    events.record(
        session,
        "contact.unmerged",
        at=at,
        actor=by,
        survivor=str(record.survivor_id),
        merged=str(record.merged_id),
        merge=str(record.id),
    )
    return record


def _both(session: Session, survivor_id: UUID, merged_id: UUID) -> tuple[Contact, Contact]:
    if survivor_id == merged_id:
        raise CannotMerge("a contact cannot be merged with itself")
    survivor, other = _rows(session, survivor_id, merged_id)
    for contact in (survivor, other):
        if contact.merged_into_id is not None:
            raise CannotMerge(f"{contact.name} was merged into another contact already")
    return survivor, other


def _hold_cases(session: Session, which: Callable[[Table], ColumnElement[bool]]) -> None:
    # Cases come before contacts, and those before entitlements, as messages that arrive hold them.
    cases = Base.metadata.tables["cases"]
    session.execute(
        select(cases.c.id).where(which(cases)).order_by(cases.c.id).with_for_update(key_share=True)
    )


def _rows(session: Session, survivor_id: UUID, merged_id: UUID) -> tuple[Contact, Contact]:
    # In the order of their ids, so that two who merge the same pair do not wait for each other.
    rows = session.scalars(
        select(Contact)
        .where(Contact.id.in_([survivor_id, merged_id]))
        .order_by(Contact.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {contact.id: contact for contact in rows}
    if len(found) < 2:
        raise NotFound("there is no such contact")
    return found[survivor_id], found[merged_id]


def _fill(survivor: Contact, other: Contact) -> Iterator[dict[str, Any]]:
    for field in FILLED:
        before, after = getattr(survivor, field), getattr(other, field)
        if not before and after:
            setattr(survivor, field, after)
            yield _change(_table(Contact), [survivor.id], field, before, after)


def _references() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column of the schema that names a contact, the merges themselves aside."""
    contacts = _table(Contact)
    for table in Base.metadata.sorted_tables:
        if table.name in (contacts.name, ContactMerge.__tablename__):
            continue
        for column in table.columns:
            if any(key.column is contacts.c.id for key in column.foreign_keys):
                yield table, column


def _yield_default(
    session: Session, table: Table, column: Column[Any], survivor_id: UUID, other_id: UUID
) -> list[dict[str, Any]]:
    """One customer has one default: where both have one, the survivor's stays."""
    if "is_default" not in table.c:
        return []
    default = table.c.is_default.is_(True)
    if session.execute(select(column).where(column == survivor_id, default)).first() is None:
        return []
    keys = _keys(session, table, and_(column == other_id, default))
    for key in keys:
        session.execute(update(table).where(_is(table, key)).values(is_default=False))
    return [_change(table, key, "is_default", True, False) for key in keys]


def _displace(
    session: Session, table: Table, column: Column[Any], survivor_id: UUID, other_id: UUID
) -> list[dict[str, Any]]:
    """Take away the rows of the other that would be the survivor's second of their kind."""
    taken = []
    for unique in _uniques(table, column):
        rest = [c.name for c in unique if c is not column]
        own = select(table).where(column == survivor_id)
        survivors = {tuple(row[c] for c in rest) for row in session.execute(own).mappings()}
        for row in session.execute(select(table).where(column == other_id)).mappings():
            if tuple(row[c] for c in rest) not in survivors:
                continue
            key = [row[c.name] for c in table.primary_key]
            session.execute(delete(table).where(_is(table, key)))
            values = {name: _plain(value) for name, value in row.items()}
            taken.append({"table": table.name, "values": values})
    return taken


def _uniques(table: Table, column: Column[Any]) -> list[list[Column[Any]]]:
    """The sets of columns, that one among them, which no two rows may share."""
    sets = [list(table.primary_key.columns)]
    sets += [list(c.columns) for c in table.constraints if isinstance(c, Unique)]
    return [columns for columns in sets if column in columns]


def _move(
    session: Session, table: Table, column: Column[Any], survivor_id: UUID, other_id: UUID
) -> list[list[Any]]:
    keys = _keys(session, table, column == other_id)
    if keys:
        session.execute(update(table).where(column == other_id).values({column: survivor_id}))
    # Where the contact is part of the key, the row's key is the survivor's from now on.
    return [[_plain(survivor_id if part == other_id else part) for part in key] for key in keys]


def _restore(
    session: Session,
    table: Table,
    column: Column[Any],
    keys: list[list[Any]],
    survivor_id: UUID,
    other_id: UUID,
) -> None:
    # Only what is still the survivor's: a case that was given to a third since stays there.
    for key in keys:
        values = [_typed(c, part) for c, part in zip(table.primary_key, key, strict=True)]
        where = and_(_is(table, values), column == survivor_id)
        session.execute(update(table).where(where).values({column: other_id}))


def _take_back(session: Session, change: dict[str, Any]) -> None:
    table = Base.metadata.tables[change["table"]]
    column = table.c[change["column"]]
    key = [_typed(c, part) for c, part in zip(table.primary_key, change["key"], strict=True)]
    where = and_(_is(table, key), column == _typed(column, change["after"]))
    before = _typed(column, change["before"])
    session.execute(update(table).where(where).values({column: before}))


def _keys(session: Session, table: Table, where: Any) -> list[list[Any]]:
    found = select(*table.primary_key.columns).where(where).order_by(*table.primary_key.columns)
    return [list(row) for row in session.execute(found)]


def _is(table: Table, key: list[Any]) -> Any:
    return and_(*(c == part for c, part in zip(table.primary_key, key, strict=True)))


def _named(name: str) -> tuple[Table, Column[Any]]:
    table_name, _, column = name.partition(".")
    table = Base.metadata.tables[table_name]
    return table, table.c[column]


def _table(mapped: type[Base]) -> Table:
    return cast(Table, inspect(mapped).local_table)


def _change(table: Table, key: list[Any], column: str, before: Any, after: Any) -> dict[str, Any]:
    return {
        "table": table.name,
        "key": [_plain(part) for part in key],
        "column": column,
        "before": _plain(before),
        "after": _plain(after),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _values(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    return {name: _typed(table.c[name], value) for name, value in values.items()}


def _typed(column: Column[Any], value: Any) -> Any:
    kind = column.type.python_type
    if value is None or isinstance(value, kind):
        return value
    if kind is UUID:
        return UUID(value)
    return kind.fromisoformat(value) if kind in (datetime, date) else kind(value)
