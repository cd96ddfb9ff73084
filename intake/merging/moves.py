"""Rows that go from one case to another, each written down, so that exactly those go back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, String, Table, delete, insert, inspect, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.agents import Act, Principal
from intake.cases import Activity, Case
from intake.db import Base, refers_to
from intake.errors import IntakeError, NotFound
from intake.events import Delivery, DeliveryState
from intake.nouns import noun
from intake.visibility import visible_to


class CannotMerge(IntakeError):
    """These cases cannot be made one; the text says why."""

    code = "cannot-merge"


class CannotMove(IntakeError):
    """This message cannot be split off, or not be moved there; the text says why."""

    code = "cannot-move"


class CannotUndo(IntakeError):
    """What was done cannot be put back exactly; the text says what is in the way."""

    code = "cannot-undo"


class MovedRow(Base):
    """One row that a merge or a move of a message gave to another case."""

    __tablename__ = "moved_rows"

    because_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The merge, or the move of a message."""
    place: Mapped[str] = mapped_column(String(60), primary_key=True)
    """`table.column`, the column being the one that names the case."""
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), index=True)
    to_case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"), index=True)
    """None where a case would have come to refer to itself."""


def held(session: Session, by: Principal, ids: Collection[UUID]) -> dict[UUID, Case]:
    """These cases, locked in the order of their ids, so that nobody waits for one who waits.

    Raises NotFound unless this principal may work and may see every one of them.
    """
    by.must(Act.WORK)
    rows = session.scalars(
        visible_to(by)
        .where(Case.id.in_(ids))
        .order_by(Case.id)
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {case.id: case for case in rows}
    if len(found) < len(set(ids)):
        raise NotFound(f"there is no such {noun}")
    return found


def hold_deliveries(session: Session, case_ids: Collection[UUID]) -> None:
    """Lock what is promised for these cases: before the cases, as whoever sends it does."""
    waiting = select(Delivery.id).where(Delivery.case_id.in_(case_ids), movable())
    session.scalars(waiting.order_by(Delivery.id).with_for_update()).all()


def movable() -> Any:
    """Which deliveries go with what they say. What Slack shows stays with the card it is below."""
    unsent = Delivery.state == DeliveryState.DUE
    return (Delivery.channel != "slack") & or_(unsent, Delivery.activity_id.is_not(None))


def move(
    session: Session,
    because_id: UUID,
    column: Any,
    where: Any,
    *,
    source_id: UUID,
    target_id: UUID | None,
) -> int:
    """Let rows of the source, those `where`, name the target from now on; how many there were."""
    key, mapped = column.class_.id, column.class_
    ids = session.scalars(select(key).where(column == source_id, where)).all()
    if not ids:
        return 0
    place = f"{mapped.__tablename__}.{column.key}"
    session.execute(
        insert(MovedRow),
        [
            {
                "because_id": because_id,
                "place": place,
                "row_id": row_id,
                "from_case_id": source_id,
                "to_case_id": target_id,
            }
            for row_id in ids
        ],
    )
    session.execute(
        update(mapped).where(column == source_id, where).values({column: target_id}),
        execution_options={"synchronize_session": False},
    )
    return len(ids)


def astray(session: Session, because_id: UUID) -> list[UUID]:
    """The cases that messages which were moved for this are in now, other than where they went."""
    return list(
        session.scalars(
            select(Activity.case_id)
            .join(MovedRow, MovedRow.row_id == Activity.id)
            .where(MovedRow.because_id == because_id, MovedRow.place == "activities.case_id")
            .where(Activity.case_id != MovedRow.to_case_id)
        )
    )


def move_back(session: Session, because_id: UUID) -> None:
    """Give back every row that moved for this and is still where it went."""
    by_way: dict[tuple[str, UUID, UUID | None], list[UUID]] = {}
    for row in session.scalars(select(MovedRow).where(MovedRow.because_id == because_id)):
        by_way.setdefault((row.place, row.from_case_id, row.to_case_id), []).append(row.row_id)
    for (place, source_id, target_id), ids in by_way.items():
        table, column = _named(place)
        there = column.is_not_distinct_from(target_id)
        session.execute(update(table).where(table.c.id.in_(ids), there).values({column: source_id}))
    session.execute(delete(MovedRow).where(MovedRow.because_id == because_id))
    session.flush()
    session.expire_all()


def links() -> list[Any]:
    """Every column by which a case names another, but for where it was merged to."""
    return [
        getattr(Case, found.key)
        for found in inspect(Case).column_attrs
        if found.key != "merged_into_id" and found.columns[0].references(_cases().c.id)
    ]


def _cases() -> Table:
    return cast(Table, inspect(Case).local_table)


def _named(place: str) -> tuple[Table, Column[Any]]:
    name, _, column = place.partition(".")
    table = Base.metadata.tables[name]
    return table, table.c[column]
