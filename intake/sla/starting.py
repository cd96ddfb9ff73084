"""When clocks are fitted to a case: as it opens, changes, is reopened, hears from its customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.cases import Activity, Case, Direction, State
from intake.entitlements import Entitlement
from intake.facts import facts_of
from intake.inbound import Inbound
from intake.sla.answers import answers
from intake.sla.clocks import (
    LIVE,
    KpiInstance,
    KpiState,
    cancel_one,
    current,
    holds_of,
    note_deadline,
    of_case,
    of_cases,
)
from intake.sla.fitting import Fitting, begin_clock, covered_hours, ended_before
from intake.sla.keeping import judge_answers
from intake.sla.promises import (
    BY_MESSAGES,
    Kpi,
    Sla,
    Slas,
    active,
    instant_of,
    with_items,
)


def start(
    session: Session, case: Case, sla: Sla | None, facts: Mapping[str, Any], *, at: datetime
) -> list[KpiInstance]:
    """Start the clocks of a new case; the first item of each KPI that applies is its promise."""
    if sla is None:
        return []
    case.sla_id = sla.id
    instances: dict[Kpi, KpiInstance] = {}
    cover = covered_hours(session, case)
    for item in sla.items:
        if item.kpi in instances or item.starts_from in BY_MESSAGES:
            continue
        begin = instant_of(case, item, cover)
        if begin is not None and item.applies(facts):
            instances[item.kpi] = begin_clock(session, case, item, begin, (), cover)
    note_deadline(case, instances.values())
    return list(instances.values())


def reconsider(session: Session, case: Case, *, at: datetime, changed: bool = False) -> None:
    """Choose the SLA of the case as it is now, and fit the clocks to it; `changed` says that
    somebody changed it, and not one of its clocks.

    An SLA that was chosen by hand stays; of the chosen one, so does the version; and one that is
    out of force goes on where nothing takes its place. A machine's case is promised nothing.
    """
    if case.state is State.CANCELLED:
        return
    now = with_items(session, case.sla_id) if case.sla_id else None
    chosen = now if case.sla_by_hand or not case.open else _chosen(session, case, now, at)
    if chosen is None:
        if now is not None:
            cancel(session, case)
            case.sla_id = None
    elif now is None or chosen.family != now.family:
        apply(session, case, with_items(session, chosen.id), at=at)
    else:
        fit(session, case, now, at=at, changed=changed)


def _chosen(session: Session, case: Case, now: Sla | None, at: datetime) -> Sla | None:
    """What the rules, what covers it and the default choose for a case, in this order."""
    cover = session.get(Entitlement, case.entitlement_id) if case.entitlement_id else None
    every = active(session)
    slas = Slas({s.id: s for s in every}, next((s for s in every if s.is_default), None))
    chosen = slas.of(cover.sla_id if cover else None, facts_of(case, at=at))
    if now is None:
        return None if chosen is None or _from_a_machine(session, case) else chosen
    in_force = any(s.family == now.family for s in every)
    return now if chosen is None and not in_force else chosen


def fit(session: Session, case: Case, sla: Sla, *, at: datetime, changed: bool = False) -> None:
    """Fit the clocks to the case as it is now, by that version of its SLA."""
    holds = holds_of(session, [case.id])[case.id]
    instances = of_case(session, case)
    Fitting(session, case, sla, instances, holds, at, changed=changed).fit()


def _from_a_machine(session: Session, case: Case) -> bool:
    """Whether a machine's message opened the case, or an archive that was brought in."""
    row = session.execute(
        select(Activity.automatic, Inbound.envelope)
        .outerjoin(Inbound, Inbound.id == Activity.inbound_id)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at, Activity.id)
        .limit(1)
    ).first()
    return row is not None and bool(row.automatic or (row.envelope or {}).get("historic"))


def apply(session: Session, case: Case, sla: Sla, *, at: datetime) -> None:
    """Put another SLA on a case: the clocks that count now are cancelled, whatever they reached,
    and judged anew from the same instants, with the same holds and the same answers.

    Each answer was a promise of its own, and so was what ended before the case was reopened: those
    are settled.
    """
    case.sla_id = sla.id
    instances = of_case(session, case)
    kept: dict[Kpi, datetime | None] = {}
    for kpi, instance in current(i for i in instances if i.state != KpiState.CANCELLED).items():
        over = instance.state not in LIVE
        if over and kpi is Kpi.NEXT_RESPONSE:
            continue
        if ended_before(instance.failed_at or instance.succeeded_at, case.reopened_at):
            continue
        kept[kpi] = instance.succeeded_at
        cancel_one(instance)
    session.flush()  # one of a kind is live at most, and rows are added first
    holds = holds_of(session, [case.id])[case.id]
    Fitting(session, case, sla, instances, holds, at, kept=kept).fit()


def reopened(session: Session, case: Case, *, at: datetime) -> None:
    """Nothing that is promised counts from before the case was opened again."""
    case.reopened_at = at
    session.flush()
    if case.sla_id is not None:
        fit(session, case, with_items(session, case.sla_id), at=at)


def waiting_since(session: Session, case: Case) -> datetime | None:
    """Since when its customer waits for an answer that is promised them."""
    return min(
        (
            clock.started_at
            for clock in of_case(session, case)
            if clock.kpi in (Kpi.FIRST_RESPONSE, Kpi.NEXT_RESPONSE) and clock.state in LIVE
        ),
        default=None,
    )


def taken_over(session: Session, case: Case, asked_at: datetime | None, *, at: datetime) -> None:
    """What was said on another case is part of this one: its answers were given here, and its
    customer, where they wait since `asked_at`, waits here."""
    judge_answers(session, case)
    first_at = case.first_response_at
    if case.sla_id is None or asked_at is None or first_at is None or asked_at < first_at:
        return
    instances = of_case(session, case)
    live = current(instances).get(Kpi.NEXT_RESPONSE)
    answered = any(given > asked_at for given in answers(session, [case.id])[case.id])
    if answered or (live is not None and live.state in LIVE):
        return
    sla, holds = with_items(session, case.sla_id), holds_of(session, [case.id])[case.id]
    Fitting(session, case, sla, instances, holds, at).fit(asked_at=asked_at)


def cancel(session: Session, case: Case) -> None:
    """The promises no longer apply, as when the case is cancelled."""
    instances = of_case(session, case)
    for instance in instances:
        if instance.state in LIVE:
            cancel_one(instance)
    note_deadline(case, instances)


def heard(session: Session, wrote: Sequence[tuple[Case, datetime, bool]], slas: Slas) -> None:
    """Start or move the clocks that messages move: of each its case, when, and whether it was a
    person who wrote. A machine's mail asks for no answer. A few statements for all of them, and
    none where no SLA asks for it."""
    wrote = [
        (case, at, person)
        for case, at, person in wrote
        if case.sla_id is not None and _listens(slas.by_id.get(case.sla_id))
    ]
    if not wrote:
        return
    session.flush()  # clocks that were made for the same messages are among those read
    ids = list({case.id for case, _at, _person in wrote})
    holds = holds_of(session, ids)
    by_case: dict[Any, list[KpiInstance]] = {case_id: [] for case_id in ids}
    for instance in of_cases(session, ids):
        by_case[instance.case_id].append(instance)
    versions = {
        sla_id: _version(session, slas, sla_id)
        for sla_id in {c.sla_id for c, _, _ in wrote if c.sla_id}
    }
    for case, at, person in wrote:
        assert case.sla_id is not None, "chosen above"
        fitting = Fitting(
            session, case, versions[case.sla_id], by_case[case.id], holds[case.id], at,
            changed=person,
        )  # fmt: skip
        fitting.fit(asked_at=at if person and case.first_response_at else None)


def _listens(sla: Sla | None) -> bool:
    """Whether messages move its clocks; an SLA that is not in force any more is asked itself."""
    return sla is None or sla.listens


def _version(session: Session, slas: Slas, sla_id: Any) -> Sla:
    return slas.by_id.get(sla_id) or with_items(session, sla_id)
