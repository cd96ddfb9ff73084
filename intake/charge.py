"""Charging for work: time is written down, rates and terms are set."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import billing, events, money
from intake.acting import case_of, done
from intake.agents import Act, Agent, Principal
from intake.billing import BillingTerms, Rate, TimeEntry, WrongRate
from intake.billing.rates import DAY_MINUTES
from intake.billing.time import entries_of
from intake.cases import Activity, ActivityKind, Direction
from intake.customers import Account
from intake.db import new_id
from intake.errors import NotFound
from intake.nouns import noun

SERVICE_LENGTH = 60


class WrongTime(WrongRate):
    """Minutes that cannot have been worked."""

    code = "wrong-time"


def log_time(
    session: Session,
    by: Principal,
    case_id: UUID,
    minutes: int,
    *,
    at: datetime,
    text: str = "",
    service: str = "",
    billable: bool = True,
    activity_id: UUID | None = None,
    version: int | None = None,
) -> TimeEntry:
    """Note the time an activity took, or that something took time which left no other trace.

    Raises TimeLocked once it is billed.
    """
    case = case_of(session, by, case_id, version=version)
    _check(minutes, service)
    if activity_id is None:
        activity = Activity(
            id=new_id(),
            case_id=case.id,
            kind=ActivityKind.NOTE,
            direction=Direction.INTERNAL,
            at=at,
            author_name=by.name,
            agent_id=by.id,
            text=text.strip() or f"{minutes} minutes",
            new_text=text.strip() or f"{minutes} minutes",
        )
        session.add(activity)
    else:
        found = session.get(Activity, activity_id)
        if found is None or found.case_id != case.id:
            raise NotFound(f"the {noun} has no such activity")
        activity = found
    entry = billing.write_down(
        session, activity, minutes, by=by, service=service.strip(), billable=billable
    )
    done(session, case, by, "case.time_logged", at, minutes=minutes, billable=billable)
    return entry


def time_of(session: Session, by: Principal, case_id: UUID) -> list[TimeEntry]:
    """The time spent on a case, in the order of the work."""
    case = case_of(session, by, case_id, version=None, closed_too=True)
    return list(entries_of(session, case))


def set_rate(
    session: Session,
    by: Principal,
    per_hour: Decimal,
    currency: str,
    *,
    at: datetime,
    agent_id: UUID | None = None,
    service: str = "",
) -> Rate:
    """What an hour costs from now on: of that person, for that service, or in general."""
    by.must(Act.MANAGE)
    _check(1, service)
    if agent_id is not None and session.get(Agent, agent_id) is None:
        raise WrongRate("agent_id: there is no such agent")
    wanted = money.currency(currency)
    same = Rate.agent_id == agent_id if agent_id else Rate.agent_id.is_(None)
    rate = session.scalar(
        select(Rate)
        .where(same, Rate.service == service.strip(), Rate.currency == wanted)
        .with_for_update()
    )
    if rate is None:
        rate = Rate(id=new_id(), agent_id=agent_id, service=service.strip(), currency=wanted)
        session.add(rate)
    rate.per_hour = money.amount(per_hour, "per_hour")
    session.flush()
    events.record(
        session, "rate.set", at=at, actor=by, per_hour=str(rate.per_hour), currency=wanted,
        agent=str(agent_id or ""), service=rate.service,
    )  # fmt: skip
    return rate


def set_terms(
    session: Session,
    by: Principal,
    *,
    currency: str,
    at: datetime,
    account_id: UUID | None = None,
    rounding_minutes: int = 1,
    minimum_minutes: int = 0,
    per_case: Decimal | int = 0,
) -> BillingTerms:
    """How time is billed to an account, or to everybody who has no terms of their own."""
    by.must(Act.MANAGE)
    if not 1 <= rounding_minutes <= DAY_MINUTES:
        raise WrongRate(f"rounding_minutes: {rounding_minutes} is not between 1 and {DAY_MINUTES}")
    if not 0 <= minimum_minutes <= DAY_MINUTES:
        raise WrongRate(f"minimum_minutes: {minimum_minutes} is not between 0 and {DAY_MINUTES}")
    if account_id is not None and session.get(Account, account_id) is None:
        raise WrongRate("account_id: there is no such account")
    of = BillingTerms.account_id == account_id if account_id else BillingTerms.for_all
    terms = session.scalar(select(BillingTerms).where(of).with_for_update())
    if terms is None:
        terms = BillingTerms(id=new_id(), account_id=account_id, for_all=account_id is None)
        session.add(terms)
    terms.currency = money.currency(currency)
    terms.rounding_minutes, terms.minimum_minutes = rounding_minutes, minimum_minutes
    terms.per_case = money.amount(per_case, "per_case")
    session.flush()
    events.record(session, "billing-terms.set", at=at, actor=by, account=str(account_id or ""))
    return terms


def _check(minutes: int, service: str) -> None:
    if not 1 <= minutes <= DAY_MINUTES:
        raise WrongTime(f"minutes: {minutes} is not between 1 and {DAY_MINUTES}")
    if len(service.strip()) > SERVICE_LENGTH:
        raise WrongRate(f"service: at most {SERVICE_LENGTH} characters")
