"""An agent decides what covers a case: the second door, as far as entitlements are concerned.

Whatever changes what the case asks for (its customer, product or channel) asks again which
entitlement covers it, and moves the term it took; so does an act that names the entitlement.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake import (
    billing,
    customers,
    entitlements,
    products,
    queues,
    reasons,
    reopening,
    routing,
    sla,
    terms,
)
from intake.acting import case_of, done
from intake.agents import Act, Principal
from intake.cases import Case, NotOpen, Reason, State
from intake.desk import Desk
from intake.entitlements import ChosenBy, Decision
from intake.errors import IntakeError, NotFound
from intake.facts import facts_of
from intake.nouns import noun


class NotCovered(IntakeError):
    """The entitlement named does not cover the case; the text is its answer."""

    code = "entitlement-does-not-cover"


class NoReason(IntakeError):
    """What is done against the rules is done with a reason."""

    code = "reason-needed"


def set_entitlement(
    session: Session,
    by: Principal,
    case_id: UUID,
    entitlement_id: UUID | None,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put an entitlement on a case by hand, or take the one it has off.

    The term moves with it, also when the case is resolved already. Raises NotCovered when it does
    not cover the case; a manager may `override`.
    """
    case = case_of(session, by, case_id, version=version, closed_too=True)
    if entitlement_id is None:
        words = f"Taken off by {by.name}."
        decision = Decision(None, None, words, (), ChosenBy.HAND)
    else:
        decision = terms.decide_on(session, case, entitlement_id, desk, at=at)
        if decision.refusal is not None:
            raise NotCovered(decision.words)
    terms.put_on(case, decision)
    return _settled(session, case, by, "case.entitlement_set", desk, at)


def choose_again(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Ask anew which entitlement covers the case, as after a correction; nobody's hand counts."""
    case = case_of(session, by, case_id, version=version, closed_too=True)
    terms.choose(session, case, desk, at=at)
    return _settled(session, case, by, "case.entitlement_set", desk, at)


def set_no_decrement(
    session: Session,
    by: Principal,
    case_id: UUID,
    on: bool,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Cover the case without a term, giving back the one it took; or take one again.

    Raises Exhausted when there is none left to take. Of a closed case it is put right like what
    covers it; the ledger follows where the case was resolved.
    """
    case = case_of(session, by, case_id, version=version, closed_too=True)
    if case.no_decrement is on:
        return case
    case.no_decrement = on
    return _settled(session, case, by, "case.no_decrement", desk, at, on=on)


def change_customer(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    contact_id: UUID | None,
    account_id: UUID | None = None,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say whose case it is: a contact with their account, or an account alone."""
    case = case_of(session, by, case_id, version=version)
    if contact_id is not None:
        contact = customers.survivor_of(session, contact_id)
        contact_id, account_id = contact.id, account_id or contact.account_id
    elif account_id is None:
        raise IntakeError("name a contact or an account")
    if account_id is not None and session.get(customers.Account, account_id) is None:
        raise NotFound("there is no such account")
    case.contact_id, case.account_id = contact_id, account_id
    return _asked_again(session, case, by, "case.customer_changed", desk, at)


def change_product(
    session: Session,
    by: Principal,
    case_id: UUID,
    product_id: UUID | None,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say which product the case is about."""
    case = case_of(session, by, case_id, version=version)
    if product_id is not None and session.get(products.Product, product_id) is None:
        raise NotFound("there is no such product")
    case.product_id = product_id
    return _asked_again(session, case, by, "case.product_changed", desk, at)


def change_channel(
    session: Session,
    by: Principal,
    case_id: UUID,
    channel: str,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say by which channel the case really came; its term moves to that channel's allotment."""
    case = case_of(session, by, case_id, version=version)
    if channel not in entitlements.ORIGINS:
        raise IntakeError(f"there is no channel {channel!r}")
    case.channel = channel
    return _asked_again(session, case, by, "case.channel_changed", desk, at, channel=channel)


def reactivate(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Work on a cancelled case goes on; what covers it is asked again and takes its term again."""
    case = case_of(session, by, case_id, version=version, closed_too=True)
    if case.merged_into_id is not None:
        raise NotOpen(f"{noun} {case.number} was merged into another; work goes on there")
    if case.state is not State.CANCELLED:
        raise NotOpen(f"{noun} {case.number} is {case.state}; only a cancelled one is reactivated")
    reasons.must_follow(session, case, Reason.IN_PROGRESS)
    reopening.must_come_after(session, case, desk)
    case.state, case.reason = State.ACTIVE, Reason.IN_PROGRESS
    queues.enter(session, case, session.get_one(queues.Queue, case.queue_id), at=at)
    sla.reopened(session, case, at=at)
    return _asked_again(session, case, by, "case.reactivated", desk, at)


def override(
    session: Session,
    by: Principal,
    case_id: UUID,
    reason: str,
    *,
    desk: Desk,
    at: datetime,
    entitlement_id: UUID | None = None,
    version: int | None = None,
) -> Case:
    """Let in a case that nothing covers: on an entitlement against its rules, or as work to bill.

    For managers, and with a reason, which the case, its event and the ledger keep. A case that
    waited for review goes on to the queue it would have gone to.
    """
    by.must(Act.MANAGE)
    if not reason.strip():
        raise NoReason(f"say why this {noun} is let in against the rules")
    case = case_of(session, by, case_id, version=version)
    held = terms.candidates(session, case, named=entitlement_id)
    named = held.get(entitlement_id) if entitlement_id else None
    if entitlement_id is not None and named is None:
        raise NotFound("there is no such entitlement")
    refused = case.decision.get("refusal")
    words = f"{named.name if named else 'As work to bill'}, by {by.name}: {reason.strip()}"
    terms.put_on(case, Decision(named, None, words, (), ChosenBy.OVERRIDE))
    _leave_review(session, case, at)
    return _settled(
        session, case, by, "case.override", desk, at,
        why=words, reason=reason.strip(), refused=refused,
    )  # fmt: skip


def _asked_again(
    session: Session,
    case: Case,
    by: Principal,
    kind: str,
    desk: Desk,
    at: datetime,
    **data: Any,
) -> Case:
    terms.reconsider(session, case, desk, at=at)
    return _settled(session, case, by, kind, desk, at, **data)


def _settled(
    session: Session,
    case: Case,
    by: Principal,
    kind: str,
    desk: Desk,
    at: datetime,
    *,
    why: str = "",
    **data: Any,
) -> Case:
    words = why or kind.removeprefix("case.").replace("_", " ")
    event = terms.event_of(case)
    terms.settle(session, case, on=desk.day(at), at=at, event=event, reason=words, by=by)
    if case.state is State.RESOLVED:
        billing.bill_again(session, case, by=by, at=at)  # what covers it changed afterwards
    entitlement = str(case.entitlement_id) if case.entitlement_id else None
    return done(session, case, by, kind, at, entitlement=entitlement, **data)


def _leave_review(session: Session, case: Case, at: datetime) -> None:
    every = queues.every(session)
    if every.review is None or case.queue_id != every.review.id:
        return
    routed = routing.route(
        routing.rules(session), every, case.mailbox, facts_of(case, at=at), refused=False
    )
    routing.move(session, case, routed, at=at)
