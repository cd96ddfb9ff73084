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
from intake.sla.clocks import (
    LIVE,
    KpiInstance,
    KpiState,
    cancel_one,
    holds_of,
    note_deadline,
    of_case,
    of_cases,
)
from intake.sla.fitting import Fitting, begin_clock, covered_hours
from intake.sla.promises import (
    BY_MESSAGES,
    From,
    Kpi,
    OnReopening,
    Sla,
    Slas,
    in_force,
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
        begin = instant_of(case, item.starts_from)
        if begin is not None and item.applies(facts):
            instances[item.kpi] = begin_clock(session, case, item, begin, (), cover)
    note_deadline(case, instances.values())
    return list(instances.values())


def reconsider(session: Session, case: Case, *, at: datetime) -> None:
    """Fit the clocks to the case as it is now, by the version of its SLA that it started with."""
    if case.sla_id is None or case.state is State.CANCELLED:
        return
    sla = with_items(session, case.sla_id)
    instances = of_case(session, case)
    Fitting(session, case, sla, instances, holds_of(session, [case.id])[case.id], at).fit()


def choose_again(session: Session, case: Case, *, at: datetime) -> None:
    """Fit the clocks of a case that other promises may apply to now, as after a correction.

    An SLA that was chosen by hand stays; of the chosen one, so does the version. A case that was
    promised nothing is promised what its entitlement brings, unless a machine opened it.
    """
    if case.state is State.CANCELLED:
        return
    entitled = select(Entitlement.sla_id).where(Entitlement.id == case.entitlement_id)
    brought = session.scalar(entitled)
    if case.sla_id is None and (brought is None or _from_a_machine(session, case)):
        return
    slas = in_force(session)
    facts = facts_of(case, at=at)
    chosen = slas.of(brought, facts)
    if case.sla_id is None:
        if chosen is not None and not case.sla_by_hand:
            apply(session, case, chosen, at=at)
        return
    now = with_items(session, case.sla_id)
    if case.sla_by_hand or chosen is None or chosen.family == now.family:
        reconsider(session, case, at=at)
    else:
        apply(session, case, chosen, at=at)


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
    """Put another SLA on a case: the clocks it has are cancelled, whatever they reached, and
    judged anew from the same instants, with the same holds and the same answers."""
    case.sla_id = sla.id
    instances = of_case(session, case)
    holds = holds_of(session, [case.id])[case.id]
    replaced: dict[Kpi, KpiInstance] = {}
    for instance in reversed(instances):
        if instance.state is KpiState.CANCELLED or instance.kpi in replaced:
            continue
        if instance.kpi is Kpi.NEXT_RESPONSE and instance.state not in LIVE:
            continue  # each answer was a promise of its own; those before are settled
        replaced[instance.kpi] = instance
    for instance in replaced.values():
        cancel_one(instance)
    fitting = Fitting(session, case, sla, instances, holds, at)
    known = {kpi: old.succeeded_at for kpi, old in replaced.items()}
    known.setdefault(Kpi.FIRST_RESPONSE, case.first_response_at)
    known.setdefault(Kpi.RESOLVE_BY, case.resolved_at)
    fitting.fit(kept=known)


def reopened(session: Session, case: Case, *, at: datetime) -> None:
    """A reopened case gets a new clock of what was promised, unless the item keeps its result."""
    instances = of_case(session, case)
    last = next((i for i in reversed(instances) if i.kpi is Kpi.RESOLVE_BY), None)
    if last is not None and last.state not in LIVE:
        again = last.item.starts_from is From.CREATED
        if again and last.item.on_reopening is OnReopening.NEW_CYCLE:
            cover = covered_hours(session, case)
            instances.append(begin_clock(session, case, last.item, at, (), cover))
    note_deadline(case, instances)
    session.flush()
    reconsider(session, case, at=at)


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
            session, case, versions[case.sla_id], by_case[case.id], holds[case.id], at
        )
        fitting.fit(asked_at=at if person and case.first_response_at else None)


def _listens(sla: Sla | None) -> bool:
    """Whether messages move its clocks; an SLA that is not in force any more is asked itself."""
    return sla is None or sla.listens


def _version(session: Session, slas: Slas, sla_id: Any) -> Sla:
    return slas.by_id.get(sla_id) or with_items(session, sla_id)
