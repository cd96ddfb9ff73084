"""An agent works: the second door, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from intake import outcomes, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Direction, NotOpen, Reason, Resolution, StaleVersion, State
from intake.entitlements import LedgerEntry
from intake.errors import IntakeError, NotFound
from intake.events import Delivery, DeliveryState, Event
from intake.messages import ContactKind, Outgoing
from intake.queues import AlreadyTaken, QueueItem
from intake.sla import KpiInstance, KpiState
from intake.threads import mailbox_of
from intake.work import EmptyText, NobodyToAnswer
from tests.desk import DESK, NOON, SUPPORT, DeskUnderTest, email


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def open_case(desk: DeskUnderTest, **fields: object) -> UUID:
    [receipt] = desk.accepts(email(**fields))  # type: ignore[arg-type]
    assert receipt.case is not None
    return receipt.case.id


def replies(desk: DeskUnderTest) -> list[Delivery]:
    return [d for d in desk.all(Delivery) if d.kind == "reply"]


def test_a_reply_is_promised_and_meets_the_first_response(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    case_id = open_case(desk, sender="ada@example.com", message_id="q@example.com")

    with desk.transaction() as session:
        activity = work.reply(session, grace, case_id, "Switch it on.", desk=desk.settings, at=NOON)

    [delivery] = replies(desk)
    outgoing = Outgoing.from_json(delivery.payload)
    assert (outgoing.to, outgoing.subject) == (("ada@example.com",), "Re: Printer offline")
    assert (outgoing.in_reply_to, outgoing.message_id) == ("q@example.com", activity.message_id)
    assert mailbox_of(outgoing.reply_to) == SUPPORT
    assert not outgoing.automatic
    [kpi] = desk.all(KpiInstance)
    assert kpi.state is KpiState.SUCCEEDED


def test_the_answer_to_our_reply_comes_back_by_its_signed_address(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.reply(session, grace, case_id, "Switch it on.", desk=desk.settings, at=NOON)
    address = Outgoing.from_json(replies(desk)[0].payload).reply_to

    [joined] = desk.accepts(email("ada@example.com", "It works", to=(address,)))
    [held_off] = desk.accepts(email("eve@evil.example", "It works", to=(address,)))
    [forged] = desk.accepts(
        email("ada@example.com", to=(address.replace("+c1001.", "+c1001.aa")[:-2],))
    )

    assert joined.matched_by == "reply address"
    assert joined.case is not None
    assert joined.case.id == case_id
    assert held_off.opened
    assert forged.opened


def test_a_reply_without_words_is_refused_and_promises_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk)

    with pytest.raises(work.EmptyText), desk.transaction() as session:
        work.reply(session, grace, case_id, "  \n", desk=desk.settings, at=NOON)

    assert replies(desk) == []


def test_a_caller_without_a_mail_address_cannot_be_answered_by_mail(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk, sender="+34911234567", kind=ContactKind.PHONE, channel="phone")

    with pytest.raises(NobodyToAnswer, match="phone them"), desk.transaction() as session:
        work.reply(session, grace, case_id, "Hello", desk=desk.settings, at=NOON)


def test_two_agents_pick_at_once_and_one_is_told_who_won(desk: DeskUnderTest) -> None:
    people = [desk.principal(name) for name in ("Grace", "Luis", "Marta", "Omar")]
    case_id = open_case(desk)
    starting = threading.Barrier(len(people))
    results: list[str] = []

    def pick(by: Principal) -> None:
        starting.wait()
        try:
            with desk.transaction() as session:
                work.pick(session, by, case_id, at=NOON)
            results.append(f"won {by.name}")
        except AlreadyTaken as error:
            results.append(str(error))

    threads = [threading.Thread(target=pick, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [winner] = [r.removeprefix("won ") for r in results if r.startswith("won ")]
    told = [r for r in results if not r.startswith("won ")]
    assert told == [f"{winner} already works on case 1001"] * 3
    [item] = desk.all(QueueItem)
    assert item.worked_by_id == next(p.id for p in people if p.name == winner)


def test_a_case_has_one_active_queue_item_whoever_adds_it(desk: DeskUnderTest) -> None:
    other = desk.has_queue("Other")
    grace = desk.principal()
    case_id = open_case(desk)

    with desk.transaction() as session:
        work.route_to(session, grace, case_id, other.id, at=NOON)

    items = desk.all(QueueItem)
    assert sorted((i.queue_id == other.id, i.ended_at is None) for i in items) == [
        (False, False),
        (True, True),
    ]


def test_resolving_keeps_the_resolution_and_leaves_the_queue(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk)

    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "A new cable.", desk=desk.settings, at=NOON)

    case = desk.case(1001)
    assert (case.state, case.reason) == (State.RESOLVED, Reason.PROBLEM_SOLVED)
    assert [r.text for r in desk.all(Resolution)] == ["A new cable."]
    assert all(item.ended_at for item in desk.all(QueueItem))
    with pytest.raises(NotOpen, match="reopen it first"), desk.transaction() as session:
        work.reply(session, grace, case_id, "More", desk=desk.settings, at=NOON)


def test_a_late_answer_of_the_customer_reopens_a_resolved_case(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(resolve_by=timedelta(hours=8))
    case_id = open_case(desk, message_id="q@example.com")
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON)

    desk.accepts(email(in_reply_to="q@example.com", at=NOON + timedelta(days=2)))
    [much_later] = desk.accepts(email("bob@example.com", message_id="b@example.com"))
    assert much_later.case is not None

    case = desk.case(1001)
    assert case.state is State.ACTIVE
    assert case.deadline_at is not None
    assert [i.ended_at is None for i in desk.all(QueueItem) if i.case_id == case_id].count(
        True
    ) == 1


def test_an_answer_after_the_window_opens_a_case_that_names_the_old_one(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk, message_id="q@example.com")
    with desk.transaction() as session:
        work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON)

    [receipt] = desk.accepts(email(in_reply_to="q@example.com", at=NOON + timedelta(days=31)))

    assert receipt.opened
    assert receipt.case is not None
    assert receipt.case.related_case_id == case_id


def test_a_hold_pauses_the_clock_and_an_answer_ends_it(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    case_id = open_case(desk, message_id="q@example.com")
    with desk.transaction() as session:
        work.hold(session, grace, case_id, at=NOON + timedelta(hours=1))
    assert desk.case(1001).deadline_at is None

    desk.accepts(email(in_reply_to="q@example.com", at=NOON + timedelta(hours=3)))

    case = desk.case(1001)
    assert case.reason is Reason.IN_PROGRESS
    assert case.deadline_at == NOON + timedelta(hours=6)


def test_a_stale_version_is_refused(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.note(session, grace, case_id, "seen", at=NOON)

    with (
        pytest.raises(StaleVersion, match="changed since you read it"),
        desk.transaction() as session,
    ):
        work.resolve(session, grace, case_id, "x", desk=desk.settings, at=NOON, version=1)


def test_a_reader_may_not_work(desk: DeskUnderTest) -> None:
    rita = desk.principal("Rita", Role.READ_ONLY)
    case_id = open_case(desk)

    with pytest.raises(NotAllowed, match="Rita may not work"), desk.transaction() as session:
        work.note(session, rita, case_id, "hello", at=NOON)


def test_a_case_of_a_closed_queue_looks_like_none_to_outsiders(desk: DeskUnderTest) -> None:
    luis = desk.has_agent("Luis")
    desk.has_queue("Security", members=(luis,), address="sec@desk.example")
    case_id = open_case(desk, mailbox="sec@desk.example")
    outsider = desk.principal("Omar")

    with pytest.raises(NotFound, match="no such case"), desk.transaction() as session:
        work.note(session, outsider, case_id, "hello", at=NOON)
    with desk.transaction() as session:
        work.note(session, luis.principal("test"), case_id, "hello", at=NOON)


def test_a_reply_nobody_got_reopens_the_case_and_meets_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(hours=8))
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.reply(session, grace, case_id, "Hello", desk=desk.settings, at=NOON)
        work.resolve(session, grace, case_id, "Told them.", desk=desk.settings, at=NOON)

    with desk.transaction() as session:
        delivery = session.get_one(Delivery, replies(desk)[0].id)
        outcomes.given_up(
            session, delivery, "550 no such user", desk=DESK, at=NOON + timedelta(minutes=1)
        )

    case = desk.case(1001)
    assert (case.state, case.first_response_at) == (State.ACTIVE, None)
    first = [k for k in desk.all(KpiInstance) if k.kpi == "first response"]
    assert [k.state for k in first] == [KpiState.IN_PROGRESS]
    assert "delivery.failed" in [e.kind for e in desk.all(Event)]
    assert replies(desk)[0].state is DeliveryState.FAILED


@pytest.mark.parametrize("minutes", [-1, 2_000_000_000])
def test_billable_minutes_that_nobody_worked_are_refused(
    desk: DeskUnderTest, grace: Principal, minutes: int
) -> None:
    case_id = open_case(desk)

    with pytest.raises(IntakeError, match="billable_minutes: "), desk.transaction() as session:
        work.resolve(
            session, grace, case_id, "x", desk=desk.settings, at=NOON, billable_minutes=minutes
        )

    assert desk.all(LedgerEntry) == []


def test_a_case_is_cancelled_with_a_reason(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = open_case(desk)

    with pytest.raises(EmptyText, match="text: say why a case"), desk.transaction() as session:
        work.cancel(session, grace, case_id, " \n", desk=desk.settings, at=NOON)

    assert desk.case(1001).open


def test_a_note_stays_among_us(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = open_case(desk)

    with desk.transaction() as session:
        note = work.note(session, grace, case_id, "he is angry", at=NOON)

    assert note.direction is Direction.INTERNAL
    assert replies(desk) == []
