"""Which clocks run on a case: started when it opens, fitted again when it changes.

The items of an SLA are tried in their order; the first of each KPI that applies, and whose instant
the case has, makes the promise. What was kept or broken is not judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from intake.cases import Activity, Case, Direction, State
from intake.db import new_id
from intake.entitlements import Entitlement
from intake.facts import facts_of
from intake.sla.clocks import (
    LIVE,
    Hold,
    KpiInstance,
    KpiState,
    cancel_one,
    holds_of,
    note_deadline,
    of_case,
    of_cases,
    place,
    succeed,
)
from intake.sla.promises import (
    BY_MESSAGES,
    From,
    Kpi,
    OnReopening,
    Sla,
    SlaItem,
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
    for item in sla.items:
        if item.kpi in instances or item.starts_from in BY_MESSAGES:
            continue
        begin = instant_of(case, item.starts_from)
        if begin is not None and item.applies(facts):
            instances[item.kpi] = _begin(session, case, item, begin, ())
    note_deadline(case, instances.values())
    return list(instances.values())


def reconsider(session: Session, case: Case, *, at: datetime) -> None:
    """Fit the clocks to the case as it is now, by the version of its SLA that it started with."""
    if case.sla_id is None or case.state is State.CANCELLED:
        return
    sla = with_items(session, case.sla_id)
    instances = of_case(session, case)
    _Fitting(session, case, sla, instances, holds_of(session, [case.id])[case.id], at).fit()


def choose_again(session: Session, case: Case, *, at: datetime) -> None:
    """Fit the clocks of a case that other promises may apply to now, as after a correction.

    An SLA that was chosen by hand stays; of the chosen one, so does the version.
    """
    if case.sla_id is None or case.state is State.CANCELLED:
        return
    now = with_items(session, case.sla_id)
    entitled = select(Entitlement.sla_id).where(Entitlement.id == case.entitlement_id)
    slas = in_force(session)
    facts = _facts(session, case, slas.by_id.values())
    chosen = slas.of(session.scalar(entitled), facts)
    if case.sla_by_hand or chosen is None or chosen.family == now.family:
        reconsider(session, case, at=at)
    else:
        apply(session, case, chosen, at=at)


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
    fitting = _Fitting(session, case, sla, instances, holds, at)
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
            instances.append(_begin(session, case, last.item, at, ()))
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
        fitting = _Fitting(
            session, case, versions[case.sla_id], by_case[case.id], holds[case.id], at
        )
        fitting.fit(asked_at=at if person and case.first_response_at else None)


class _Fitting:
    """One case, and what is needed to say which clocks belong on it now."""

    def __init__(
        self,
        session: Session,
        case: Case,
        sla: Sla,
        instances: list[KpiInstance],
        holds: Sequence[Hold],
        at: datetime,
    ) -> None:
        self.session, self.case, self.sla, self.at = session, case, sla, at
        self.instances, self.holds = instances, holds
        self.facts = _facts(session, case, (sla,))

    def fit(
        self,
        *,
        kept: Mapping[Kpi, datetime | None] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Keep, move, cancel and begin clocks. `kept` says when promises were kept already;
        `asked_at` that the customer wrote then and waits for an answer."""
        self._succeed()
        for kpi in dict.fromkeys(
            (*(i.kpi for i in self.sla.items), *(i.kpi for i in self.instances))
        ):
            self._fit_one(kpi, asked_at)
            latest = self._latest(kpi)
            kept_at = (kept or {}).get(kpi)
            if kept_at is not None and latest is not None and latest.state in LIVE:
                succeed(latest, self.holds, at=kept_at)
        note_deadline(self.case, self.instances)

    def _succeed(self) -> None:
        # Before applicability: a condition that a success makes untrue must not cancel it.
        for instance in self.instances:
            if instance.state is KpiState.CANCELLED or instance.succeeded_at is not None:
                continue
            condition = instance.item.success
            if condition is not None and condition.holds(self.facts):
                succeed(instance, self.holds, at=self.at)

    def _fit_one(self, kpi: Kpi, asked_at: datetime | None) -> None:
        last = next((i for i in reversed(self.instances) if i.kpi is kpi), None)
        live = last if last is not None and last.state in LIVE else None
        if live is None and self._settled(kpi, last, asked_at):
            return
        item, begin = self._promise(kpi, last, asked_at)
        if live is not None and (item is None or item.id != live.item_id):
            cancel_one(live)
            live = None
        if item is None or begin is None:
            return
        if live is None:
            self.instances.append(_begin(self.session, self.case, item, begin, self.holds))
        elif begin != live.started_at:
            _move(live, begin, self.holds)

    def _settled(self, kpi: Kpi, last: KpiInstance | None, asked_at: datetime | None) -> bool:
        """Whether this promise was kept or broken, and nothing asks for another."""
        if last is None or last.state is KpiState.CANCELLED:
            return False
        if kpi is Kpi.NEXT_RESPONSE and asked_at is not None:
            return last.succeeded_at is None  # broken, and still to be answered
        return True

    def _promise(
        self, kpi: Kpi, last: KpiInstance | None, asked_at: datetime | None
    ) -> tuple[SlaItem | None, datetime | None]:
        for item in self.sla.items:
            if item.kpi is not kpi or not item.applies(self.facts):
                continue
            if (
                not self.case.open
                and item.success is None
                and item.starts_from is not From.RESOLVED
            ):
                continue  # nobody waits for anything on a closed case
            begin = self._begin_of(item, last, asked_at)
            if begin is not None:
                return item, begin
        return None, None

    def _begin_of(
        self, item: SlaItem, last: KpiInstance | None, asked_at: datetime | None
    ) -> datetime | None:
        start = item.starts_from
        if start in BY_MESSAGES:
            waiting = last is not None and last.succeeded_at is None
            if asked_at is not None and not (waiting and start is From.UNANSWERED):
                return asked_at
            return last.started_at if last is not None and waiting else None
        if start is From.CREATED and last is not None and last.item.starts_from is From.CREATED:
            return last.started_at  # of its present cycle, if it was reopened
        return instant_of(self.case, start)

    def _latest(self, kpi: Kpi) -> KpiInstance | None:
        return next((i for i in reversed(self.instances) if i.kpi is kpi), None)


def _begin(
    session: Session, case: Case, item: SlaItem, begin: datetime, holds: Sequence[Hold]
) -> KpiInstance:
    instance = KpiInstance(
        id=new_id(),
        case_id=case.id,
        item_id=item.id,
        calendar_id=item.calendar_id,
        kpi=item.kpi,
        state=KpiState.IN_PROGRESS,
        started_at=begin,
    )
    set_committed_value(instance, "item", item)
    set_committed_value(instance, "calendar", item.calendar)
    place(instance, holds)
    session.add(instance)
    return instance


def _move(instance: KpiInstance, begin: datetime, holds: Sequence[Hold]) -> None:
    """Let a live clock count from another instant; its warning is to be given again."""
    instance.started_at = begin
    instance.warned_at = instance.untold = None
    place(instance, holds)


def _facts(session: Session, case: Case, slas: Iterable[Sla]) -> Mapping[str, Any]:
    asked = any("sender_certain" in _fields(sla) for sla in slas)
    return facts_of(case, sender_certain=not asked or _sender_certain(session, case))


def _fields(sla: Sla) -> str:
    conditions = [
        sla.chosen_when,
        *(c for i in sla.items for c in (i.applicable_when, i.success_when)),
    ]
    return str(conditions)


def _sender_certain(session: Session, case: Case) -> bool:
    first = (
        select(Activity.sender_doubt)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at, Activity.id)
    )
    return not session.scalar(first.limit(1))


def _listens(sla: Sla | None) -> bool:
    """Whether messages move its clocks; an SLA that is not in force any more is asked itself."""
    return sla is None or sla.listens


def _version(session: Session, slas: Slas, sla_id: Any) -> Sla:
    return slas.by_id.get(sla_id) or with_items(session, sla_id)
