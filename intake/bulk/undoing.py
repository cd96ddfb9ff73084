"""What a bulk change keeps of a case before it changes it, and how that is put back exactly.

An act of an agent that undoes another begins anew: another place in the line, other promises. What
is undone here is as if it had never been done, but for its history.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from intake import billing, queues, reasons, sla, terms
from intake.acting import case_of, done
from intake.bulk.acts import Bulk
from intake.bulk.doing import Doing, Known
from intake.cases import PLANS, Case, OwnReason, State
from intake.nouns import noun
from intake.queues import Queue
from intake.work.children import hold_family


def place(doing: Doing, case: Case, _bulk: Bulk) -> Known:
    """Where a case is, and whose."""
    return {"place": queues.place_of(doing.session, case)}


def routing(_doing: Doing, case: Case, _bulk: Bulk) -> Known:
    """Why it is there."""
    return {"routed_by": case.routed_by, "routing": case.routing}


def place_back(doing: Doing, case: Case, before: Known) -> None:
    """Let it be there again, in its turn."""
    session, at = doing.session, doing.at
    case_of(session, doing.by, case.id, version=None)
    queues.put_back(session, case, before["place"], at=at)
    case.routed_by, case.routing = before["routed_by"], before["routing"]
    queue = session.get_one(Queue, case.queue_id)
    done(session, case, doing.by, "case.put_back", at, queue=queue.name)


def plans(_doing: Doing, case: Case, _bulk: Bulk) -> Known:
    """Until when it is put off, and what was agreed."""
    return {name: _plain(getattr(case, name)) for name in PLANS}


def plans_back(doing: Doing, case: Case, before: Known) -> None:
    """Put it off, or not, as it was."""
    case_of(doing.session, doing.by, case.id, version=None)
    _plan(case, before)
    done(doing.session, case, doing.by, "case.put_back", doing.at)


def standing(doing: Doing, case: Case, _bulk: Bulk) -> Known:
    """Where it stands and why, and where those stand that may end with it."""
    children = doing.session.scalars(
        select(Case).where(Case.parent_id == case.id).order_by(Case.number)
    )
    return {"stand": {str(each.id): _stands(each) for each in (case, *children)}}


def all_of(doing: Doing, case: Case, bulk: Bulk) -> Known:
    """Everything of it that ends when it is closed, and of its open children."""
    session = doing.session
    open_children = select(Case).where(Case.parent_id == case.id, Case.state == State.ACTIVE)
    family = (case, *session.scalars(open_children.order_by(Case.number)))
    return {
        "cases": {
            str(each.id): {
                **plans(doing, each, bulk),
                **place(doing, each, bulk),
                "promises": sla.kept(session, each),
            }
            for each in family
        }
    }


def standing_back(doing: Doing, case: Case, before: Known) -> None:
    """Let it, and those that ended with it, stand where they stood."""
    session = doing.session
    hold_family(session, doing.by, case.id)
    case_of(session, doing.by, case.id, version=None, closed_too=True)
    for case_id, known in before["cases"].items():
        each = session.get_one(Case, UUID(case_id))
        if _stands(each) != before["stand"][case_id]:
            _stand_again(doing, each, before["stand"][case_id], known)


def _stand_again(doing: Doing, case: Case, stood: list[str], known: Known) -> None:
    session, by, at, was = doing.session, doing.by, doing.at, case.state
    chosen = reasons.read(stood[1])
    case.state, case.resolved_at = State(stood[0]), None
    case.stand(session.get_one(OwnReason, chosen) if isinstance(chosen, UUID) else chosen)
    if was is not State.ACTIVE:
        _plan(case, known)
        terms.settle(
            session, case, on=doing.desk.day(at), at=at, event=terms.event_of(case),
            reason=f"{noun} {was} by mistake", by=by,
        )  # fmt: skip
        queues.put_back(session, case, known["place"], at=at)
    if was is State.RESOLVED:
        billing.withdraw(session, case, by=by, at=at)
    sla.restore(session, case, known["promises"])
    done(session, case, by, "case.reopened" if was is State.RESOLVED else "case.put_back", at)


def _stands(case: Case) -> list[str]:
    return [case.state.value, case.status.key]


def _plan(case: Case, before: Known) -> None:
    for name in PLANS:
        setattr(case, name, _instant(before[name]))


def _plain(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _instant(words: Any) -> datetime | None:
    return datetime.fromisoformat(words) if words else None
