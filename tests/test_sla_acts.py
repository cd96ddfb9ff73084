"""Whatever is done to a case, in whatever order, its clocks stay what they are said to be."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import clock, merging, sla, work
from intake.accept import accept
from intake.agents import Agent, Principal
from intake.alerts import ActionRun
from intake.cases import PAUSES, Case, Priority, Reason
from intake.errors import IntakeError
from intake.events import Event
from intake.sla import From, Kpi, KpiState, OnReopening, Sla, SlaItem
from tests.desk import NOON, DeskUnderTest, email
from tests.promised import OFFICE, PRESSING, has_sla, item

HOUR = timedelta(hours=1)
ESCALATED = {"field": "escalated", "op": "is", "value": True}
TELL = [
    {"on": on, "do": "mail", "to": ["x@desk.example"], "subject": on, "text": "{kpi}"}
    for on in ("warning", "failure")
]
ACTS = (
    *("note", "high", "low", "escalate", "agree", "agree to nothing", "reply", "customer"),
    *("hold", "resume", "resolve", "reopen", "gold", "back to the rules", "merge", "wait"),
)


def promises(desk: DeskUnderTest) -> None:
    """An SLA for everybody and one by hand, with items that count from each kind of instant."""
    has_sla(
        desk,
        item(Kpi.FIRST_RESPONSE, fail=60, warn=30, applicable_when=PRESSING, actions=TELL),
        item(Kpi.FIRST_RESPONSE, fail=240, warn=120, actions=TELL),
        item(Kpi.NEXT_RESPONSE, fail=60, warn=30, applicable_when=PRESSING, actions=TELL),
        item(Kpi.NEXT_RESPONSE, fail=300, applicable_from=From.UNANSWERED, actions=TELL),
        item(Kpi.FOLLOW_UP, fail=60, applicable_from=From.FOLLOW_UP, actions=TELL),
        item(Kpi.FOLLOW_UP, fail=600, actions=TELL),
        item(fail=120, warn=60, applicable_from=From.ESCALATED, applicable_when=ESCALATED),
        item(fail=480, warn=60, actions=TELL),
    )
    has_sla(
        desk,
        item(Kpi.FIRST_RESPONSE, fail=30, actions=TELL),
        item(Kpi.NEXT_RESPONSE, fail=30, warn=10, actions=TELL),
        item(fail=180, pauses=["on hold"], actions=TELL, on_reopening=OnReopening.KEEP),
        name="Gold",
        is_default=False,
        hours=OFFICE,
    )


class Story:
    """One case through its acts, in a transaction that is undone."""

    def __init__(self, session: Session, desk: DeskUnderTest, by: Principal, gold: UUID) -> None:
        self.session, self.desk, self.by, self.gold = session, desk, by, gold
        self.at = NOON
        self.closed: list[tuple[datetime, datetime | None]] = []
        self.resolved: list[datetime] = []
        self.case_id = self.opened("first@ada")

    def opened(self, message_id: str) -> UUID:
        arrival = email(at=self.at, message_id=message_id)
        [receipt] = accept(self.session, [arrival], self.desk.settings)
        assert receipt.case is not None
        return receipt.case.id

    def case(self) -> Case:
        return self.session.get_one(Case, self.case_id)

    def does(self, act: str, minutes: int, looks: bool) -> None:
        self.at += timedelta(minutes=minutes)
        if looks:
            clock.tick(self.session, self.desk.settings, at=self.at)
        was = self.case().open
        try:
            with self.session.begin_nested():
                self._does(act)
        except IntakeError:
            pass  # such as a note on hold, or a reply on a closed case: nothing is done
        self.session.expire_all()
        if was and not self.case().open:
            self.closed.append((self.at, None))
            self.resolved.append(self.at)
        elif not was and self.case().open:
            self.closed[-1] = (self.closed[-1][0], self.at)

    def _does(self, act: str) -> None:
        said, at, desk = (self.session, self.by, self.case_id), self.at, self.desk.settings
        match act:
            case "note":
                work.note(*said, "Looking.", at=at)
            case "high" | "low":
                work.prioritise(*said, Priority(act), at=at)
            case "escalate":
                work.escalate(*said, "Now", at=at)
            case "agree":
                work.agree_follow_up(*said, at + 5 * HOUR, at=at)
            case "agree to nothing":
                work.agree_follow_up(*said, None, at=at)
            case "reply":
                work.reply(*said, "Hello", desk=desk, at=at)
            case "customer":
                accept(self.session, [email(at=at, in_reply_to="first@ada")], desk)
            case "hold":
                work.hold(*said, at=at, reason=Reason.ON_HOLD)
            case "resume":
                work.resume(*said, at=at)
            case "resolve":
                work.resolve(*said, "Done.", desk=desk, at=at)
            case "reopen":
                work.reopen(*said, desk=desk, at=at)
            case "gold":
                work.choose_sla(*said, self.gold, at=at)
            case "back to the rules":
                work.choose_sla(*said, None, at=at)
            case "merge":
                other = self.opened("")
                work.reply(self.session, self.by, other, "Hi", desk=desk, at=at)
                merging.merge(*said, [other], desk=desk, at=at)

    def holds_true(self) -> None:
        """What is true of the clocks of a case at any time."""
        session, case = self.session, self.case()
        clocks = sla.of_case(session, case)
        holds = sla.holds_of(session, [case.id])[case.id]
        live = Counter(each.kpi for each in clocks if each.state in sla.LIVE)
        assert all(count == 1 for count in live.values())
        assert case.open or not live
        answers = sla.answers(session, [case.id])[case.id]
        for each in clocks:
            if each.state is KpiState.PAUSED:
                assert case.open
                assert case.reason in PAUSES
            if each.state is KpiState.NONCOMPLIANT:
                assert each.failed_at is not None
                assert not any(
                    begin < each.failed_at and (end is None or each.failed_at < end)
                    for begin, end in self.closed
                )
                kept_by = self.resolved if each.kpi is Kpi.RESOLVE_BY else answers
                assert not any(each.started_at < at < each.failed_at for at in kept_by)
            said = sla.explain(each, holds, self.at)
            whole = sum((interval.length for interval in said.intervals), timedelta())
            assert whole == said.until - said.since
        running = [c.fail_at for c in clocks if c.state in sla.RUNNING and c.fail_at is not None]
        assert case.deadline_at == min(running, default=None)

    def told_once(self) -> None:
        """What was told of the case, and done because of it, was so once for each due time."""
        of_case = select(Event).where(Event.case_id == self.case_id, Event.kind.startswith("sla."))
        told = Counter(
            (e.kind, e.data["kpi"], e.data["due_at"]) for e in self.session.scalars(of_case)
        )
        done = Counter(
            (found.kpi, str(found.actions[run.action]), run.due_at)
            for run, found in self.session.execute(
                select(ActionRun, SlaItem)
                .join(SlaItem, SlaItem.id == ActionRun.item_id)
                .where(ActionRun.case_id == self.case_id)
            )
        )
        assert [what for what, times in (*told.items(), *done.items()) if times > 1] == []


STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from([1, 20, 61, 250, 1500]), st.booleans()),
    min_size=3,
    max_size=14,
)


@given(STEPS)
@example([("resolve", 20, False), ("reopen", 1500, True), ("reply", 20, True)])
@example([("high", 20, True), ("escalate", 20, True), ("low", 61, True), ("note", 20, True)])
@example([("hold", 20, True), ("resolve", 20, True), ("customer", 250, True), ("gold", 1, True)])
@example([("reply", 1, True), ("hold", 61, True), ("gold", 1, True)])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_the_clocks_of_a_case_hold_true(
    desk: DeskUnderTest, steps: list[tuple[str, int, bool]]
) -> None:
    if not desk.all(Sla):
        promises(desk)
        desk.has_agent("Grace")
    gold = next(each.id for each in desk.all(Sla) if each.name == "Gold")
    [grace] = desk.all(Agent)
    with desk.transaction() as session:
        story = Story(session, desk, grace.principal("test"), gold)
        for act, minutes, looks in steps:
            story.does(act, minutes, looks)
            story.holds_true()
        clock.tick(session, desk.settings, at=story.at + 100 * HOUR)
        story.told_once()
        session.rollback()
