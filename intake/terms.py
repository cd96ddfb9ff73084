"""What covers a case: the entitlement on it, and the terms it has taken, kept in step with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import billing, entitlements
from intake.agents import SYSTEM, Principal
from intake.cases import Case, Resolution, State
from intake.desk import Desk
from intake.entitlements import (
    Asked,
    ChosenBy,
    Decision,
    Drawn,
    Entitlement,
    Overdraw,
    Standing,
)
from intake.errors import NotFound


def asked(case: Case, desk: Desk, at: datetime) -> Asked:
    """What the case asks an entitlement for, on the day of that instant."""
    return Asked(
        case.id,
        case.channel,
        case.contact_id,
        case.account_id,
        case.product_id,
        desk.day(at),
        at,
    )


def settle(
    session: Session,
    case: Case,
    *,
    on: date,
    at: datetime,
    event: str,
    reason: str,
    by: Principal = SYSTEM,
    billable_minutes: int | None = None,
    overdraw: Overdraw | None = None,
) -> Drawn:
    """Take or give back terms so that the ledger fits the case as it stands now. What accounting
    has of it already stays billed, and is not taken from an entitlement as well.

    The case must be locked; `event` is unique among its events. Raises what
    `entitlements.settle` raises.
    """
    resolved = case.state is State.RESOLVED
    if resolved and billable_minutes is None:
        billable_minutes = _last_billable(session, case)
    billed = billing.handed_over(session, case)
    standing = Standing(
        case_id=case.id,
        entitlement_id=case.entitlement_id,
        channel=case.channel,
        event=event,
        reason=reason,
        on=on,
        at=at,
        resolved=resolved,
        cancelled=case.state is State.CANCELLED,
        decrement=not case.no_decrement,
        overridden=case.covered_by is ChosenBy.OVERRIDE,
        billable_minutes=billable_minutes or 0,
        billed_minutes=billed.minutes_worked,
        billed_cases=billed.cases,
        overdraw=overdraw,
        actor_id=by.id,
    )
    drawn = entitlements.settle(session, standing)
    case.billable = case.entitlement_id is None or drawn.overage > 0
    return drawn


def claim(session: Session, case: Case, desk: Desk, *, at: datetime) -> None:
    """Let the rules choose what covers a new case, and take what that costs."""
    customer = (case.contact_id, case.account_id)
    held = entitlements.held_by(session, {customer}, lock=True)
    for entitlement in held:
        session.add_all(entitlements.turn(entitlement, on=desk.day(at), at=at))
    question = asked(case, desk, at)
    decision = entitlements.decide(held, question, apply=desk.apply_entitlement_on_creation)
    put_on(case, decision)
    if not case.no_decrement:
        entitlements.claim(session, decision, question)


def candidates(
    session: Session, case: Case, *, named: UUID | None = None
) -> dict[UUID, Entitlement]:
    """What may cover the case, what does, and one that was named, by id; all locked at once."""
    session.flush()
    also = {named, case.entitlement_id} - {None}
    held = entitlements.held_by(
        session, {(case.contact_id, case.account_id)}, lock=True, also=[id for id in also if id]
    )
    return {entitlement.id: entitlement for entitlement in held}


def reconsider(session: Session, case: Case, desk: Desk, *, at: datetime) -> None:
    """What the case asks for has changed: ask again what covers it; terms stay untouched.

    What was chosen by hand is kept while it covers the case, and what was taken off by hand stays
    off; a manager's word stands. Where nothing is put on by itself, the present one is only asked.
    """
    if case.covered_by is ChosenBy.OVERRIDE:
        return
    current, by_hand = case.entitlement_id, case.covered_by is ChosenBy.HAND
    if by_hand and current is None:
        return
    held = candidates(session, case)
    question = _asked_again(session, case, desk, at)
    applies = desk.apply_entitlement_on_change
    if current is not None and (by_hand or not applies):
        decision = entitlements.decide_on(held[current], list(held.values()), question)
        kept = case.covered_by if decision.entitlement else ChosenBy.RULE
        put_on(case, replace(decision, chosen_by=kept))
    else:
        put_on(case, entitlements.decide(list(held.values()), question, apply=applies))


def choose(session: Session, case: Case, desk: Desk, *, at: datetime) -> None:
    """Let the rules choose, whoever chose before."""
    held = candidates(session, case)
    question = _asked_again(session, case, desk, at)
    put_on(case, entitlements.decide(list(held.values()), question))


def decide_on(
    session: Session, case: Case, entitlement_id: UUID, desk: Desk, *, at: datetime
) -> Decision:
    """Whether that entitlement would cover the case. Raises NotFound when there is none."""
    held = candidates(session, case, named=entitlement_id)
    if entitlement_id not in held:
        raise NotFound("there is no such entitlement")
    question = _asked_again(session, case, desk, at)
    return entitlements.decide_on(held[entitlement_id], list(held.values()), question)


def put_on(case: Case, decision: Decision) -> None:
    """Note a decision on its case."""
    kept = decision.as_json()
    if decision.chosen_by is ChosenBy.OVERRIDE:
        kept["candidates"] = case.decision.get("candidates", [])  # what was overridden
    case.decision = kept
    case.entitlement_id = decision.entitlement.id if decision.entitlement else None
    case.covered_by = decision.chosen_by
    case.billable = decision.entitlement is None


def _asked_again(session: Session, case: Case, desk: Desk, at: datetime) -> Asked:
    """What it asks for now; the term it has taken or holds back already counts as free to it."""
    return replace(asked(case, desk, at), has=entitlements.taken_by(session, case.id))


def _last_billable(session: Session, case: Case) -> int:
    minutes: Sequence[int] = session.scalars(
        select(Resolution.billable_minutes)
        .where(Resolution.case_id == case.id)
        .order_by(Resolution.at.desc(), Resolution.id.desc())
        .limit(1)
    ).all()
    return minutes[0] if minutes else 0


def event_of(case: Case) -> str:
    """A word for what happens to the case now, different for each of its versions."""
    return f"version:{case.version}"
