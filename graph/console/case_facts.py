"""What stands beside the story of a case: promises, coverage, the customer, and what may help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from graph.console import clocks, strips
from graph.console.clocks import Clock
from graph.console.strips import Strip
from graph.console.visit import Visit
from graph.console.words import Times
from intake import routing, sla
from intake.cases import Case, State
from intake.customers import ContactPoint
from intake.entitlements import Entitlement
from intake.entitlements import State as EntitlementState
from intake.queues import Queue
from intake.routing import RuleAnswer
from intake.visibility import visible_to
from kb import suggestions
from kb.suggestions import Suggestion

OTHERS_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Promise:
    """One clock of the case, and every minute of it."""

    clock: Clock
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything beside the story."""

    queue: Queue
    promises: tuple[Promise, ...]
    pressing: Clock
    points: Sequence[ContactPoint]
    balances: Sequence[Entitlement]
    others: Sequence[Case]
    related: Case | None
    suggestions: Sequence[Suggestion]
    answers: Sequence[RuleAnswer]


def of_case(visit: Visit, case: Case, times: Times) -> Facts:
    """What is known about a case; ten statements or so, whatever there is."""
    session = visit.session
    others = others_of(visit, case)
    instances = sla.of_case(session, case)
    latest = sla.current(instances).values()
    holds = sla.holds_of(session, [case.id])[case.id] if instances else ()
    return Facts(
        queue=session.get_one(Queue, case.queue_id),
        promises=tuple(
            Promise(
                clocks.clock(instance, at=visit.at),
                strips.strip(instance, holds, at=visit.at, times=times),
            )
            for instance in latest
        ),
        pressing=clocks.most_pressing(latest, at=visit.at),
        points=_points(session, case),
        balances=_balances(session, case),
        others=[other for other in others if other.open and other.id != case.related_case_id],
        related=next((other for other in others if other.id == case.related_case_id), None),
        suggestions=suggestions.of_cases(session, [case.id])[case.id],
        answers=routing.answers_of(session, [case.id]).get(case.id, ()),
    )


def _points(session: Session, case: Case) -> Sequence[ContactPoint]:
    if case.contact_id is None:
        return ()
    return session.scalars(
        select(ContactPoint)
        .where(ContactPoint.contact_id == case.contact_id)
        .order_by(ContactPoint.kind, ContactPoint.id)
        .limit(6)
    ).all()


def _balances(session: Session, case: Case) -> Sequence[Entitlement]:
    """What the customer has in force, the one this case draws on first."""
    owned = []
    if case.account_id is not None:
        owned.append(Entitlement.account_id == case.account_id)
    if case.contact_id is not None:
        owned.append(Entitlement.contact_id == case.contact_id)
    if not owned:
        return ()
    in_force = (EntitlementState.ACTIVE, EntitlementState.WAITING)
    return session.scalars(
        select(Entitlement)
        .where(or_(*owned), Entitlement.state.in_(in_force))
        .order_by((Entitlement.id != case.entitlement_id), Entitlement.ends_on, Entitlement.id)
        .options(selectinload(Entitlement.channels))
        .limit(5)
    ).all()


def others_of(visit: Visit, case: Case) -> Sequence[Case]:
    """The customer's other open cases and the one this seems to speak of, as far as I may see."""
    same = []
    if case.account_id is not None:
        same.append(Case.account_id == case.account_id)
    elif case.contact_id is not None:
        same.append(Case.contact_id == case.contact_id)
    wanted = [Case.id == case.related_case_id] if case.related_case_id else []
    if same:
        wanted.append(and_(or_(*same), Case.state == State.ACTIVE))
    if not wanted:
        return ()
    return visit.session.scalars(
        visible_to(visit.by)
        .where(or_(*wanted), Case.id != case.id)
        .order_by(Case.id != case.related_case_id, Case.opened_at.desc())
        .options(joinedload(Case.contact))
        .limit(OTHERS_AT_MOST)
    ).all()
