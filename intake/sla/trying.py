"""An SLA run against cases of the past: what it would have promised, and what came of that.

Nothing is written. What is known of a case is what was kept of it: when it was opened, answered,
escalated and resolved, who wrote when, and when it was on hold. Other fields are asked as they are
now. What cannot be known of the past, such as each change of a case, is said to be unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake.agents import Act, Principal
from intake.cases import Activity, Case, Direction, Reason, State
from intake.conditions import AT
from intake.entitlements import Entitlement
from intake.errors import NotFound
from intake.facts import CaseFacts, facts_of, read_condition
from intake.sla.answers import answers
from intake.sla.checking import NotAnSla
from intake.sla.clocks import (
    LIVE,
    Hold,
    KpiInstance,
    KpiState,
    holds_of,
    look,
    of_cases,
    succeed,
)
from intake.sla.fitting import clock_on, covered_hours, ended_before
from intake.sla.promises import From, Kpi, OnReopening, Sla, SlaItem, instant_of, with_items

MOST_CASES = 2_000
AT_A_TIME = 250


class Outcome(StrEnum):
    """What became, or would have become, of a promise on a case."""

    KEPT = "kept"
    BROKEN = "broken"
    RUNNING = "running"
    NONE = "not promised"
    UNKNOWN = "cannot be known"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise on one case, as it was and as it would have been."""

    case_number: int
    kpi: Kpi
    was: Outcome
    would: Outcome
    due_at: datetime | None
    """The deadline that it would have had."""


@dataclass(frozen=True, slots=True)
class Trial:
    """All verdicts, the latest case first. `cut` says that more cases were there than tried."""

    verdicts: tuple[Verdict, ...]
    cases: int
    cut: bool

    def counts(self) -> Mapping[Kpi, Mapping[str, Mapping[Outcome, int]]]:
        """Of each promise, how often it "was" and "would" have been what."""
        found: dict[Kpi, dict[str, dict[Outcome, int]]] = {}
        for each in self.verdicts:
            of_kpi = found.setdefault(
                each.kpi, {"was": defaultdict(int), "would": defaultdict(int)}
            )
            of_kpi["was"][each.was] += 1
            of_kpi["would"][each.would] += 1
        return found


def try_out(
    session: Session,
    by: Principal,
    sla_id: UUID,
    *,
    since: datetime,
    until: datetime,
    at: datetime,
) -> Trial:
    """What an SLA, as a draft or in any version, would have made of the cases opened in
    [since, until): those of its other versions, those its condition chooses, or all where it has
    neither. For managers, who see every case."""
    by.must(Act.MANAGE)
    if since >= until:
        raise NotAnSla("until: it ends before it begins; say a later instant than since")
    if session.get(Sla, sla_id) is None:
        raise NotFound("there is no such SLA")
    sla = with_items(session, sla_id)
    with session.no_autoflush:
        cases = _cases(session, sla, since, until)
        verdicts = [
            verdict
            for first in range(0, min(len(cases), MOST_CASES), AT_A_TIME)
            for past in _pasts(session, cases[first : min(first + AT_A_TIME, MOST_CASES)])
            for verdict in _verdicts(past, sla, at)
        ]
    return Trial(tuple(verdicts), min(len(cases), MOST_CASES), len(cases) > MOST_CASES)


def _cases(session: Session, sla: Sla, since: datetime, until: datetime) -> Sequence[Case]:
    versions = session.scalars(
        select(Sla.id).where((Sla.id == sla.family) | (Sla.family_id == sla.family))
    ).all()
    opened = (
        select(Case)
        .where(Case.opened_at >= since, Case.opened_at < until, Case.state != State.CANCELLED)
        .order_by(Case.number.desc())
        .limit(MOST_CASES + 1)
    )
    if sla.chosen_when is None:
        ran = select(Case.id).where(Case.sla_id.in_(versions)).limit(1)
        only = session.scalar(ran) is not None
        return session.scalars(opened.where(Case.sla_id.in_(versions)) if only else opened).all()
    chosen = read_condition(sla.chosen_when)
    return [
        case
        for case in session.scalars(opened)
        if case.sla_id in versions or chosen.holds(_Past.opening(case))
    ]


@dataclass(frozen=True, slots=True)
class _Past:
    """One case and what was kept of its course."""

    case: Case
    holds: Sequence[Hold]
    clocks: Sequence[KpiInstance]
    asked: Sequence[datetime]
    """When a person of the customer's wrote."""
    answered: Sequence[datetime]
    """When we wrote, and it arrived."""
    cover: Any

    @staticmethod
    def opening(case: Case) -> CaseFacts:
        """The case as it was opened."""
        return facts_of(case, at=case.opened_at).but(
            state=State.ACTIVE.value, reason=Reason.IN_PROGRESS.value,
            own_reason=None, answered=False, escalated=False, snoozed=False,
        )  # fmt: skip

    def facts(self, at: datetime) -> CaseFacts:
        """The case as it was at an instant."""
        case = self.case
        known: dict[str, Any] = {
            AT: at,
            "answered": case.first_response_at is not None and case.first_response_at <= at,
            "escalated": case.escalated_at is not None and case.escalated_at <= at,
        }
        if case.resolved_at is not None and case.resolved_at <= at:
            own = str(case.own_reason_id) if case.own_reason_id else None
            known |= {"state": State.RESOLVED.value, "reason": case.reason.value}
            known["own_reason"] = own
        return self.opening(case).but(**known)

    def asked_again(self) -> list[datetime]:
        """When the customer wrote after our first answer."""
        first = self.case.first_response_at
        return [at for at in self.asked if first is not None and at > first]

    def turns(self) -> list[datetime]:
        """The instants at which the facts above changed."""
        case = self.case
        known = (case.opened_at, case.first_response_at, case.escalated_at, case.resolved_at)
        return sorted(at for at in known if at is not None)


def _pasts(session: Session, cases: Sequence[Case]) -> Iterator[_Past]:
    """The pasts of these cases; a few statements for all of them."""
    ids = [case.id for case in cases]
    entitlements = {case.entitlement_id for case in cases} - {None}
    # Held while they are needed, so that each is read once.
    _kept = session.scalars(select(Entitlement).where(Entitlement.id.in_(entitlements))).all()
    holds, clocks = holds_of(session, ids), _grouped(of_cases(session, ids))
    asked, answered = _told(session, _asked(ids)), answers(session, ids)
    for case in cases:
        yield _Past(
            case,
            holds[case.id],
            clocks.get(case.id, []),
            asked.get(case.id, []),
            answered.get(case.id, []),
            covered_hours(session, case),
        )


def _grouped(clocks: Sequence[KpiInstance]) -> dict[UUID, list[KpiInstance]]:
    found: dict[UUID, list[KpiInstance]] = {}
    for clock in clocks:
        found.setdefault(clock.case_id, []).append(clock)
    return found


def _told(
    session: Session, statement: Select[UUID | None, datetime]
) -> dict[UUID | None, list[datetime]]:
    found: dict[UUID | None, list[datetime]] = {}
    for case_id, at in session.execute(statement.order_by(Activity.at)):
        found.setdefault(case_id, []).append(at)
    return found


def _asked(case_ids: Sequence[UUID]) -> Select[UUID | None, datetime]:
    return select(Activity.case_id, Activity.at).where(
        Activity.case_id.in_(case_ids),
        Activity.direction == Direction.INCOMING,
        Activity.automatic == "",
    )


def _verdicts(past: _Past, sla: Sla, at: datetime) -> Iterator[Verdict]:
    for kpi in dict.fromkeys((*(i.kpi for i in sla.items), *(c.kpi for c in past.clocks))):
        was, (would, due_at) = _was(past, kpi), _would(past, sla, kpi, at)
        if (was, would) != (Outcome.NONE, Outcome.NONE):
            yield Verdict(past.case.number, kpi, was, would, due_at)


def _was(past: _Past, kpi: Kpi) -> Outcome:
    states = {clock.state for clock in past.clocks if clock.kpi is kpi}
    if KpiState.NONCOMPLIANT in states:
        return Outcome.BROKEN
    if states.intersection(LIVE):
        return Outcome.RUNNING
    return Outcome.KEPT if KpiState.SUCCEEDED in states else Outcome.NONE


def _would(past: _Past, sla: Sla, kpi: Kpi, at: datetime) -> tuple[Outcome, datetime | None]:
    for item in sla.items:
        if item.kpi is not kpi:
            continue
        if item.starts_from is From.CHANGED:
            return Outcome.UNKNOWN, None
        if kpi is Kpi.NEXT_RESPONSE:
            begins = past.asked_again()
        else:
            begin = _begin(past, item)
            begins = [begin] if begin is not None else []
        begins = [begin for begin in begins if item.applies(past.facts(begin))]
        if begins:
            return _judged(past, item, begins, at)
    return Outcome.NONE, None


def _begin(past: _Past, item: SlaItem) -> datetime | None:
    """The instant from which it counts; of a reopened case that of the last cycle."""
    instant, reopened_at = instant_of(past.case, item, past.cover), past.case.reopened_at
    if instant is None or reopened_at is None or item.on_reopening is OnReopening.KEEP:
        return instant
    if item.kpi is Kpi.FIRST_RESPONSE and ended_before(past.case.first_response_at, reopened_at):
        return instant
    return max(instant, reopened_at)


# The worst of several promises of one kind is what is said of all of them.
WORST = (Outcome.BROKEN, Outcome.RUNNING, Outcome.KEPT, Outcome.NONE)


def _judged(
    past: _Past, item: SlaItem, begins: Sequence[datetime], at: datetime
) -> tuple[Outcome, datetime | None]:
    """What becomes of the clocks that begin then; a message while one runs begins it anew, or is
    part of it, as the item says."""
    found: list[tuple[Outcome, datetime | None]] = []
    waiting_until: datetime | None = None
    for begin, following in zip(begins, [*begins[1:], None], strict=True):
        if item.starts_from is From.UNANSWERED and waiting_until and begin <= waiting_until:
            continue
        kept_at = _kept_at(past, item, begin)
        waiting_until = kept_at or at
        ends_at = _closed_at(past, item)
        anew = item.starts_from is From.LAST_MESSAGE
        if anew and following is not None and following < waiting_until:
            kept_at, ends_at = None, following
        clock = clock_on(past.case, item, begin, past.holds, past.cover)
        due_at = clock.fail_at
        found.append((_outcome(past, clock, kept_at, ends_at, at), due_at))
    return min(found, key=lambda one: WORST.index(one[0]))


def _kept_at(past: _Past, item: SlaItem, begin: datetime) -> datetime | None:
    if item.success is not None:
        instants = [begin, *(turn for turn in past.turns() if turn > begin)]
        return next((turn for turn in instants if item.success.holds(past.facts(turn))), None)
    match item.kpi:
        case Kpi.FIRST_RESPONSE:
            return past.case.first_response_at
        case Kpi.RESOLVE_BY:
            return past.case.resolved_at
    return next((answer for answer in past.answered if answer > begin), None)


def _closed_at(past: _Past, item: SlaItem) -> datetime | None:
    """When nobody waited for it any more."""
    waits_on = item.success is not None or item.starts_from is From.RESOLVED
    return None if waits_on else past.case.resolved_at


def _outcome(
    past: _Past,
    clock: KpiInstance,
    kept_at: datetime | None,
    ends_at: datetime | None,
    at: datetime,
) -> Outcome:
    if kept_at is not None:
        succeed(clock, past.holds, at=kept_at)
    else:
        look(clock, at=min(at, ends_at or at))
    if clock.state is KpiState.NONCOMPLIANT:
        return Outcome.BROKEN
    if clock.state is KpiState.SUCCEEDED:
        return Outcome.KEPT
    return Outcome.NONE if ends_at is not None else Outcome.RUNNING
