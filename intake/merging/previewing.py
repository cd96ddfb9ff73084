"""A merge looked at before it is done: what each source would give to the survivor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import entitlements
from intake.agents import Act, Principal
from intake.cases import Activity, Attachment, Case
from intake.desk import Desk
from intake.errors import NotFound
from intake.events import Delivery
from intake.merging.cases import check, missing, named
from intake.merging.moves import links, movable
from intake.nouns import noun
from intake.visibility import visible_to


@dataclass(frozen=True, slots=True)
class Share:
    """What one source would give to the survivor."""

    case: Case
    activities: int
    files: int
    deliveries: int
    related_cases: int
    participants: tuple[str, ...]
    """Addresses that do not take part in the survivor yet."""
    gives_back: str
    """The entitlement that gets its term back, by name; '' where none was taken."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do, and nothing of it done."""

    survivor: Case
    shares: tuple[Share, ...]


def preview(
    session: Session, by: Principal, survivor_id: UUID, source_ids: Sequence[UUID], *, desk: Desk
) -> Preview:
    """What would move. Raises what `merge` raises."""
    by.must(Act.WORK)
    survivor_id, ids = named(session, survivor_id, source_ids)
    found = {
        case.id: case
        for case in session.scalars(visible_to(by).where(Case.id.in_({survivor_id, *ids})))
    }
    if len(found) < len(ids) + 1:
        raise NotFound(f"there is no such {noun}")
    survivor, sources = found[survivor_id], [found[i] for i in ids]
    check(session, survivor, sources, desk)
    return Preview(survivor, tuple(_share(session, survivor, source) for source in sources))


def _share(session: Session, survivor: Case, source: Case) -> Share:
    own = Activity.case_id == source.id
    taken = entitlements.taken_by(session, source.id)
    covering = entitlements.Entitlement
    name = select(covering.name).where(covering.id == taken.entitlement_id) if taken else None
    return Share(
        source,
        activities=_count(session, select(func.count(Activity.id)).where(own)),
        files=_count(
            session,
            select(func.count(Attachment.id))
            .join(Activity, Activity.id == Attachment.activity_id)
            .where(own),
        ),
        deliveries=_count(
            session,
            select(func.count(Delivery.id)).where(Delivery.case_id == source.id, movable()),
        ),
        related_cases=sum(
            _count(session, select(func.count(Case.id)).where(link == source.id))
            for link in links()
        ),
        participants=tuple(missing(session, survivor, source)),
        gives_back=(session.scalar(name) or "") if name is not None else "",
    )


def _count(session: Session, statement: Any) -> int:
    return session.scalar(statement) or 0
