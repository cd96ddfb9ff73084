"""What would be, without doing it: whether a case would be covered, and what last year's cases
would have cost on other terms. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import entitlements
from intake.cases import Case, Resolution, State
from intake.customers import Account, Contact
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import (
    Allocation,
    Asked,
    Decision,
    DecreaseOn,
    Entitlement,
    EntitlementTemplate,
    Overdraw,
    Refusal,
)
from intake.entitlements.bought import State as EntitlementState
from intake.errors import IntakeError, NotFound
from intake.nouns import noun

LONGEST = timedelta(days=3_653)


class WrongSpan(IntakeError):
    """Days between which nothing can be replayed; the text names the field."""

    code = "wrong-span"


@dataclass(frozen=True, slots=True)
class Past:
    """A case as it was, as far as its terms are concerned."""

    opened_at: datetime
    resolved_at: datetime | None
    channel: str
    contact_id: UUID | None
    product_id: UUID | None
    billable_minutes: int = 0


@dataclass(slots=True)
class Month:
    """What one month would have used: its cases when they open, units when they are taken."""

    cases: int = 0
    covered: int = 0
    taken: int = 0
    overage: int = 0


@dataclass(slots=True)
class Replay:
    """What the cases would have cost: units taken, units to bill, and why cases were refused."""

    cases: int = 0
    covered: int = 0
    taken: int = 0
    overage: int = 0
    """Units used by covered cases that nothing was left for."""
    refused: dict[Refusal, int] = field(default_factory=dict)
    used_up_on: date | None = None
    """The first day on which a case was refused, or billed in part, for want of terms."""
    by_channel: dict[str, int] = field(default_factory=dict)
    """Units taken by channel."""
    months: dict[date, Month] = field(default_factory=dict)
    """Month by month, by the first day of each."""
    left: int = 0
    """What the last period would have left."""

    def month(self, on: date) -> Month:
        """The month of a day, to be counted in."""
        return self.months.setdefault(on.replace(day=1), Month())

    @property
    def words(self) -> str:
        """The answer in one sentence."""
        text = f"{self.covered} of {self.cases} {noun.many} covered, {self.taken} units taken"
        return f"{text}, {self.overage} to bill" if self.overage else text


def preview(
    session: Session,
    *,
    channel: str,
    desk: Desk,
    at: datetime,
    contact_id: UUID | None = None,
    account_id: UUID | None = None,
    product_id: UUID | None = None,
) -> Decision:
    """What a case that came like this at that instant would be told, by the balances of now.

    A contact's account counts unless another is named. The session must be one that only reads.
    """
    if contact_id is None and account_id is None:
        raise NotFound("name a contact or an account")
    if contact_id is not None and account_id is None:
        account_id = session.scalar(select(Contact.account_id).where(Contact.id == contact_id))
    if contact_id is not None and session.get(Contact, contact_id) is None:
        raise NotFound("there is no such contact")
    if account_id is not None and session.get(Account, account_id) is None:
        raise NotFound("there is no such account")
    held = entitlements.held_by(session, {(contact_id, account_id)})
    session.expunge_all()  # what time will have done by then is done to copies
    for entitlement in held:
        entitlements.turn(entitlement, on=entitlement.day(at, desk.day(at)), at=at)
    # An id that no case has: nothing is looked up by it.
    asked = Asked(new_id(), channel, contact_id, account_id, product_id, desk.day(at), at)
    return entitlements.decide(held, asked, apply=desk.apply_entitlement_on_creation)


def replay(
    session: Session,
    template: EntitlementTemplate,
    *,
    since: date,
    until: date,
    desk: Desk,
    contact_id: UUID | None = None,
    account_id: UUID | None = None,
) -> Replay:
    """The customer's cases opened from `since` to before `until`, as if on this template.

    Raises WrongSpan, naming the field.
    """
    if not since < until <= since + LONGEST:
        raise WrongSpan(f"until: {until} is not within ten years after {since}")
    cases = past_cases(
        session, since=since, until=until, desk=desk, contact_id=contact_id, account_id=account_id
    )
    plan = entitlements.draft(
        template, starts_on=since, at=_midnight(since, desk), contact_id=contact_id,
        account_id=None if contact_id else account_id,
    )  # fmt: skip
    plan.ends_on = max(plan.ends_on, until)
    return replayed(plan, cases, desk)


def past_cases(
    session: Session,
    *,
    since: date,
    until: date,
    desk: Desk,
    contact_id: UUID | None = None,
    account_id: UUID | None = None,
) -> list[Past]:
    """The customer's cases of those days that were not cancelled, in the order they were opened.

    Of a case that was resolved several times the last resolution counts, as in the ledger.
    """
    if contact_id is None and account_id is None:
        raise IntakeError("name a contact or an account")
    # As on a plan of their own: a contact's cases are theirs, an account's those of its people.
    theirs = Case.contact_id == contact_id if contact_id else Case.account_id == account_id
    begin, end = _midnight(since, desk), _midnight(until, desk)
    rows = session.execute(
        select(
            Case.id, Case.opened_at, Case.resolved_at, Case.channel, Case.contact_id,
            Case.product_id,
        )
        .where(theirs, Case.state != State.CANCELLED)
        .where(Case.opened_at >= begin, Case.opened_at < end)
        .order_by(Case.opened_at, Case.id)
    ).all()  # fmt: skip
    minutes = _billed(session, begin, end)
    return [
        Past(row.opened_at, row.resolved_at, row.channel, row.contact_id, row.product_id,
             minutes.get(row.id, 0))
        for row in rows
    ]  # fmt: skip


def replayed(plan: Entitlement, cases: Sequence[Past], desk: Desk) -> Replay:
    """The cases put, in the order of their days, to a plan that nobody bought and nobody keeps."""
    _put_in_force(plan)
    answer = Replay(cases=len(cases))
    covered: set[int] = set()
    for at, index, opens in _moments(cases):
        on, case = desk.day(at), cases[index]
        entitlements.turn(plan, on=on, at=at)
        if opens and _covers(plan, case, on, answer):
            covered.add(index)
        if index not in covered:
            continue
        if plan.decrease_on is DecreaseOn.RESOLUTION:
            _hold_back(plan, case, plan.reserve if opens else -plan.reserve)
        if opens is (plan.decrease_on is DecreaseOn.CREATION):
            _take(plan, case, on, answer)
    answer.covered, answer.left = len(covered), plan.remaining
    return answer


def _put_in_force(plan: Entitlement) -> None:
    plan.state, plan.period_on = EntitlementState.ACTIVE, plan.starts_on
    if plan.period_months is None:
        plan.period_on = None
    plan.is_default, plan.overdrawn, plan.carried, plan.reserved = False, 0, 0, 0
    plan.remaining = plan.granted = plan.total
    for row in plan.channels:
        row.remaining = row.granted = row.total
        row.reserved = 0
    if plan.overdraw is Overdraw.ASK:
        plan.overdraw = Overdraw.SPLIT  # there is nobody to ask


def _moments(cases: Sequence[Past]) -> list[tuple[datetime, int, bool]]:
    """When each case was opened (True) and resolved (False), in order; an opening comes first."""
    moments = [(case.opened_at, index, True) for index, case in enumerate(cases)]
    moments += [(c.resolved_at, index, False) for index, c in enumerate(cases) if c.resolved_at]
    return sorted(moments, key=lambda moment: (moment[0], not moment[2], moment[1]))


def _covers(plan: Entitlement, case: Past, on: date, answer: Replay) -> bool:
    asked = Asked(
        plan.id, case.channel, case.contact_id, plan.account_id, case.product_id, on, case.opened_at
    )
    refusal = entitlements.decide([plan], asked).refusal
    month = answer.month(on)
    month.cases += 1
    if refusal is None:
        month.covered += 1
        return True
    answer.refused[refusal] = answer.refused.get(refusal, 0) + 1
    if refusal in (Refusal.USED_UP, Refusal.CHANNEL_USED_UP):
        answer.used_up_on = answer.used_up_on or on
    return False


def _hold_back(plan: Entitlement, case: Past, units: int) -> None:
    plan.reserved += units
    if row := plan.allotment(case.channel):
        row.reserved += units


def _take(plan: Entitlement, case: Past, on: date, answer: Replay) -> None:
    used = case.billable_minutes if plan.allocation is Allocation.HOURS else 1
    share = entitlements.divided(plan, used, channel=case.channel)
    plan.remaining -= share.taken
    if row := plan.allotment(case.channel):
        row.remaining -= share.taken
    for told in (answer, answer.month(on)):
        told.taken += share.taken
        told.overage += share.overage
    answer.by_channel[case.channel] = answer.by_channel.get(case.channel, 0) + share.taken
    if share.overage:
        answer.used_up_on = answer.used_up_on or on


def _billed(session: Session, since: datetime, until: datetime) -> dict[UUID, int]:
    """The billable minutes of the last resolution of each case opened in that time."""
    rows = session.execute(
        select(Resolution.case_id, Resolution.billable_minutes)
        .join(Case, Case.id == Resolution.case_id)
        .where(Case.opened_at >= since, Case.opened_at < until)
        .order_by(Resolution.at, Resolution.id)
    )
    return {row.case_id: row.billable_minutes for row in rows}


def _midnight(day: date, desk: Desk) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(desk.zone))
