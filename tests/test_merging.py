"""Cases made one and parted again, messages moved and put back, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import checklists, followers, merging, terms, threads, work
from intake.agents import NotAllowed, Principal, Role
from intake.cases import Activity, Case, Direction, NotOpen, Reason, State
from intake.checklists import ChecklistItem
from intake.db import Base
from intake.entitlements import DecreaseOn, LedgerEntry, unbalanced
from intake.errors import NotFound
from intake.events import Delivery, Event
from intake.merging import CannotMerge, CannotMove, CannotUndo, CaseMerge
from intake.messages import Attachment, Automatic
from intake.queues import QueueItem
from intake.sla import Hold, KpiInstance, KpiState
from intake.threads import Participant
from tests.desk import NOON, DeskUnderTest, email

LATER = NOON + timedelta(hours=1)
# What only ever grows: the log, the ledger, and the records of merges and moves themselves.
GROWS = {"events", "ledger_entries", "case_merges", "message_moves", "counters"}
CHANGES = {"version", "updated_at"}


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opened(desk: DeskUnderTest, sender: str = "ada@example.com", **fields: Any) -> Case:
    [receipt] = desk.accepts(email(sender, **fields))
    assert receipt.case is not None
    assert receipt.opened
    return receipt.case


def merge(desk: DeskUnderTest, by: Principal, survivor: Case, *sources: Case) -> Case:
    with desk.transaction() as session:
        return merging.merge(
            session, by, survivor.id, [s.id for s in sources], desk=desk.settings, at=LATER
        )


def unmerge(desk: DeskUnderTest, by: Principal, source: Case) -> Case:
    with desk.transaction() as session:
        return merging.unmerge(session, by, source.id, desk=desk.settings, at=LATER)


def dump(desk: DeskUnderTest) -> dict[str, list[Any]]:
    """Every row of every table, but for what only grows."""
    with desk.db.reading() as session:
        return {
            table.name: sorted(
                str({c: v for c, v in row.items() if c not in CHANGES})
                for row in session.execute(select(table)).mappings()
            )
            for table in Base.metadata.sorted_tables
            if table.name not in GROWS
        }


def last_message(desk: DeskUnderTest, case: Case) -> Activity:
    return desk.activities(case)[-1]


# Merging


def test_messages_files_and_promises_of_a_merged_case_go_on_in_the_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = opened(desk, "ada@example.com")
    file = Attachment(1, "log.txt", "text/plain", 10, "0" * 64)
    source = opened(desk, "bob@example.com", text="Same here.", attachments=(file,))
    with desk.transaction() as session:
        work.reply(session, grace, source.id, "We look at it.", desk=desk.settings, at=NOON)

    merge(desk, grace, survivor, source)

    said = desk.activities(survivor)
    assert [a.text for a in said] == ["It does not print.", "Same here.", "We look at it."]
    assert desk.activities(source) == []
    replies = [d for d in desk.all(Delivery) if d.kind == "reply"]
    assert [d.case_id for d in replies] == [survivor.id]


def test_a_merged_case_ends_leaves_its_queue_and_its_clocks_stop(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    survivor, source = opened(desk), opened(desk)

    merge(desk, grace, survivor, source)

    ended = desk.case(source.number)
    assert (ended.state, ended.reason) == (State.CANCELLED, Reason.MERGED)
    assert ended.merged_into_id == survivor.id
    assert ended.deadline_at is None
    waiting = [i.case_id for i in desk.all(QueueItem) if i.ended_at is None]
    assert waiting == [survivor.id]
    states = {k.case_id: k.state for k in desk.all(KpiInstance)}
    assert states == {survivor.id: KpiState.IN_PROGRESS, source.id: KpiState.CANCELLED}


@pytest.mark.parametrize("decrease_on", list(DecreaseOn))
def test_a_merged_case_gives_its_term_back_once(
    desk: DeskUnderTest, grace: Principal, decrease_on: DecreaseOn
) -> None:
    contact = desk.has_customer("ada@example.com")
    plan = desk.has_entitlement(contact.account_id, total=5, decrease_on=decrease_on)
    survivor, source = opened(desk), opened(desk)

    merge(desk, grace, survivor, source)

    with desk.db.reading() as session:
        now = session.get_one(type(plan), plan.id)
        free = now.remaining - now.reserved
        assert unbalanced(session, [now]) == []
    assert free == 4
    credits = [e for e in desk.all(LedgerEntry) if e.kind == "credit"]
    assert len(credits) == (1 if decrease_on is DecreaseOn.CREATION else 0)


def test_mail_for_a_merged_case_lands_in_the_survivor_whichever_way_it_names_it(
    desk: DeskUnderTest, grace: Principal
) -> None:
    last, middle = opened(desk, "cyd@example.com"), opened(desk, "bob@example.com")
    first = opened(desk, "ada@example.com", message_id="first@example.com")
    address = threads.reply_address(desk.settings, "support@desk.example", first)
    merge(desk, grace, middle, first)
    merge(desk, grace, last, middle)

    [by_id, by_address, stranger] = desk.accepts(
        email("ada@example.com", in_reply_to="first@example.com"),
        email("ada@example.com", to=(address,)),
        email("eve@evil.example", in_reply_to="first@example.com"),
    )

    assert by_id.case is not None
    assert by_address.case is not None
    assert (by_id.case.id, by_id.matched_by) == (last.id, "message id")
    assert (by_address.case.id, by_address.matched_by) == (last.id, "reply address")
    assert stranger.opened


def test_what_a_visitor_writes_in_a_merged_chat_lands_in_the_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = opened(desk)
    chat = opened(desk, "", channel="chat", conversation="visitor-1")
    merge(desk, grace, survivor, chat)

    [more] = desk.accepts(email("", channel="chat", conversation="visitor-1"))

    assert more.case is not None
    assert (more.case.id, more.matched_by) == (survivor.id, "conversation")


def test_chats_of_two_visitors_are_not_made_one(desk: DeskUnderTest, grace: Principal) -> None:
    one = opened(desk, "", channel="chat", conversation="visitor-1")
    other = opened(desk, "", channel="chat", conversation="visitor-2")

    with pytest.raises(CannotMerge, match="different visitors"):
        merge(desk, grace, one, other)


def test_a_customer_of_the_source_takes_part_in_the_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = opened(desk, "ada@example.com", message_id="ours@example.com")
    source = opened(desk, "bob@example.com")
    merge(desk, grace, survivor, source)

    [answer] = desk.accepts(email("bob@example.com", in_reply_to="ours@example.com"))

    assert answer.case is not None
    assert answer.case.id == survivor.id


def test_merging_into_a_merged_case_goes_to_its_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    end, shell, third = opened(desk), opened(desk), opened(desk)
    merge(desk, grace, end, shell)

    survivor = merge(desk, grace, shell, third)

    assert survivor.id == end.id
    assert desk.case(third.number).merged_into_id == end.id


def test_a_cycle_is_refused(desk: DeskUnderTest, grace: Principal) -> None:
    one, other = opened(desk), opened(desk)
    merge(desk, grace, one, other)

    with pytest.raises(CannotMerge, match="they are one already"):
        merge(desk, grace, other, one)
    with pytest.raises(CannotMerge, match="into itself"):
        merge(desk, grace, one, one)


def test_a_case_that_named_the_source_names_the_survivor_but_never_itself(
    desk: DeskUnderTest, grace: Principal
) -> None:
    source = opened(desk, message_id="q@example.com")
    follower = opened(desk, "eve@evil.example", in_reply_to="q@example.com")
    survivor = opened(desk, "mal@evil.example", in_reply_to="q@example.com")
    assert follower.related_case_id == survivor.related_case_id == source.id

    merge(desk, grace, survivor, source)

    assert desk.case(follower.number).related_case_id == survivor.id
    assert desk.case(survivor.number).related_case_id is None


def test_more_than_ten_or_none_are_refused(desk: DeskUnderTest, grace: Principal) -> None:
    cases = [opened(desk) for _ in range(12)]

    with pytest.raises(CannotMerge, match="one to 10"):
        merge(desk, grace, *cases)
    with pytest.raises(CannotMerge, match="one to 10"):
        merge(desk, grace, cases[0])

    merge(desk, grace, *cases[:11])
    assert len(desk.activities(cases[0])) == 11


def test_a_case_that_the_agent_cannot_see_is_not_found_and_nothing_moves(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_queue("Board", members=(desk.has_agent("Mary"),), address="board@desk.example")
    seen, also_seen = opened(desk), opened(desk)
    hidden = opened(desk, "eve@example.com", mailbox="board@desk.example")
    before = dump(desk)

    for survivor, sources in ((seen, (also_seen, hidden)), (hidden, (seen,))):
        with pytest.raises(NotFound):
            merge(desk, grace, survivor, *sources)

    assert dump(desk) == before
    merge(desk, desk.principal("Root", Role.MANAGER), seen, hidden)


def test_only_who_may_work_merges(desk: DeskUnderTest) -> None:
    reader = desk.principal("Rob", Role.READ_ONLY)
    one, other = opened(desk), opened(desk)

    with pytest.raises(NotAllowed):
        merge(desk, reader, one, other)


def test_a_resolved_case_is_not_merged(desk: DeskUnderTest, grace: Principal) -> None:
    one, other = opened(desk), opened(desk)
    with desk.transaction() as session:
        work.resolve(session, grace, other.id, "Done.", desk=desk.settings, at=NOON)

    with pytest.raises(NotOpen):
        merge(desk, grace, one, other)


def test_a_merged_case_says_where_work_goes_on(desk: DeskUnderTest, grace: Principal) -> None:
    one, other = opened(desk), opened(desk)
    merge(desk, grace, one, other)

    with desk.transaction() as session, pytest.raises(NotOpen, match="work goes on there"):
        work.reply(session, grace, other.id, "Hello", desk=desk.settings, at=LATER)


def test_a_preview_says_what_a_merge_then_does_and_does_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_customer("bob@example.com", allotment=3)
    survivor = opened(desk, "ada@elsewhere.example")
    file = Attachment(1, "log.txt", "text/plain", 10, "0" * 64)
    source = opened(desk, "bob@example.com", attachments=(file,), message_id="b@example.com")
    opened(desk, "eve@evil.example", in_reply_to="b@example.com")
    before = dump(desk)

    with desk.db.reading() as session:
        shown = merging.preview(session, grace, survivor.id, [source.id], desk=desk.settings)

    assert dump(desk) == before
    [share] = shown.shares
    assert (share.activities, share.files, share.related_cases) == (1, 1, 1)
    assert share.participants == ("bob@example.com",)
    assert share.gives_back == "Support plan"
    due = [d for d in desk.all(Delivery) if d.case_id == source.id]
    assert share.deliveries == len(due)


# Two at once


def test_of_two_who_merge_the_same_cases_crosswise_one_wins(
    desk: DeskUnderTest, grace: Principal
) -> None:
    mary = desk.principal("Mary")
    for _ in range(5):
        one, other = opened(desk), opened(desk)
        together = threading.Barrier(2)
        told: list[Exception] = []

        def act(
            by: Principal, survivor: Case, source: Case,
            together: threading.Barrier = together, told: list[Exception] = told,
        ) -> None:  # fmt: skip
            together.wait()
            try:
                merge(desk, by, survivor, source)
            except (CannotMerge, NotOpen) as error:
                told.append(error)

        both = [
            threading.Thread(target=act, args=(grace, one, other)),
            threading.Thread(target=act, args=(mary, other, one)),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(30)

        assert len(told) == 1
        states = sorted(desk.case(c.number).state for c in (one, other))
        assert states == [State.ACTIVE, State.CANCELLED]


def test_a_message_that_arrives_during_a_merge_is_in_the_survivor(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor, source = opened(desk), opened(desk, message_id="s@example.com")
    arrived: list[Any] = []

    def arrive() -> None:
        arrived.extend(desk.accepts(email(in_reply_to="s@example.com", at=LATER)))

    with desk.transaction() as session:
        merging.merge(session, grace, survivor.id, [source.id], desk=desk.settings, at=LATER)
        session.flush()
        door = threading.Thread(target=arrive)
        door.start()
        door.join(0.3)  # on PostgreSQL it waits for the case that the merge holds
    door.join(30)

    assert [r.case.id for r in arrived] == [survivor.id]
    assert len(desk.activities(survivor)) == 3


# Unmerging


def busy_desk(desk: DeskUnderTest, grace: Principal) -> tuple[Case, Case, Case]:
    """A survivor and two sources with all that can move or change."""
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(hours=8))
    bob = desk.has_customer("bob@example.com")
    desk.has_entitlement(bob.account_id, total=9, decrease_on=DecreaseOn.RESOLUTION, reserve=1)
    desk.has_customer("cyd@other.example", allotment=3)
    survivor = opened(desk, "ada@elsewhere.example")
    file = Attachment(1, "log.txt", "text/plain", 10, "0" * 64)
    one = opened(desk, "bob@example.com", attachments=(file,), message_id="b@example.com")
    other = opened(desk, "cyd@other.example", channel="email", conversation="talk-1")
    opened(desk, "eve@evil.example", in_reply_to="b@example.com")
    with desk.transaction() as session:
        work.pick(session, grace, one.id, at=NOON)
        work.reply(session, grace, one.id, "We look at it.", desk=desk.settings, at=NOON)
        work.note(session, grace, other.id, "Ask Mary.", at=NOON)
        work.hold(session, grace, other.id, at=NOON)
    return survivor, one, other


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["in order", "backwards"])
def test_unmerging_puts_every_row_back(
    desk: DeskUnderTest, grace: Principal, order: tuple[int, int]
) -> None:
    cases = busy_desk(desk, grace)
    before = dump(desk)

    merge(desk, grace, *cases)
    merged = dump(desk)
    for place in order:
        unmerge(desk, grace, cases[place])

    assert merged != before
    assert dump(desk) == before
    with desk.db.reading() as session:
        for case in cases:
            taken = [e.amount for e in desk.all(LedgerEntry) if e.case_id == case.id]
            assert sum(taken) == (-1 if case is cases[2] else 0)
        assert session.scalars(select(CaseMerge.undone_at)).all() == [LATER, LATER]


def test_parting_tells_what_it_put_back(desk: DeskUnderTest, grace: Principal) -> None:
    survivor, source = opened(desk), opened(desk, "bob@example.com")
    merge(desk, grace, survivor, source)

    unmerge(desk, grace, source)

    [told] = [event for event in desk.all(Event) if event.kind == "case.unmerged"]
    assert told.data["changes"]["state"] == ["cancelled", "active"]
    assert told.data["changes"]["reason"] == ["merged", "in progress"]


def test_merging_again_after_unmerging_works_the_same(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases = busy_desk(desk, grace)
    before = dump(desk)

    for _ in range(2):
        merge(desk, grace, *cases)
        unmerge(desk, grace, cases[1])
        unmerge(desk, grace, cases[2])

    assert dump(desk) == before


def test_who_came_with_two_sources_takes_part_until_both_are_parted(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor = opened(desk, "ada@example.com")
    one, other = opened(desk, "bob@example.com"), opened(desk, "bob@example.com")
    merge(desk, grace, survivor, one, other)

    def takes_part() -> bool:
        with desk.db.reading() as session:
            return session.get(Participant, (survivor.id, "bob@example.com")) is not None

    unmerge(desk, grace, one)
    assert takes_part()
    unmerge(desk, grace, other)
    assert not takes_part()


def test_followers_and_what_is_to_be_seen_to_go_along_and_come_back(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor, first, second = (opened(desk, f"{name}@example.com") for name in ("ada", "b", "c"))
    luis = desk.has_agent("Luis")
    with desk.transaction() as session:
        for case in (first, second):
            followers.add(session, case, [luis.id], at=NOON)
        session.add(ChecklistItem(case_id=first.id, position=1, text="Send a new drum"))
        done = ChecklistItem(case_id=first.id, position=2, text="Call back", done_at=NOON)
        session.add(done)
    before = dump(desk)

    merge(desk, grace, survivor, first, second)
    with desk.db.reading() as session:
        assert [agent.name for agent in followers.of_case(session, survivor.id)] == ["Luis"]
        todo = checklists.of_case(session, survivor.id)
        assert [item.text for item in todo] == ["Send a new drum"]
    unmerge(desk, grace, first)
    with desk.db.reading() as session:
        follows = followers.of_case(session, survivor.id)
        assert [agent.name for agent in follows] == ["Luis"], "for the other source's sake"
    unmerge(desk, grace, second)

    after = dump(desk)
    # Followers are told of both, and of each one's news stands when it came.
    assert len(after.pop("followers")) == len(before.pop("followers")) == 2
    assert after == before


def test_what_came_since_stays_with_the_survivor(desk: DeskUnderTest, grace: Principal) -> None:
    survivor, source = opened(desk), opened(desk, message_id="s@example.com")
    merge(desk, grace, survivor, source)
    desk.accepts(email(text="And now?", in_reply_to="s@example.com", at=LATER))

    unmerge(desk, grace, source)

    assert [a.text for a in desk.activities(survivor)] == ["It does not print.", "And now?"]
    assert len(desk.activities(source)) == 1


def test_an_unmerge_that_would_not_be_exact_is_refused_and_changes_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    survivor, source, third = opened(desk), opened(desk), opened(desk)
    merge(desk, grace, survivor, source)
    moved = last_message(desk, survivor)
    with desk.transaction() as session:
        merging.move_message(session, grace, moved.id, third.id, at=LATER)
    before = dump(desk)

    with pytest.raises(CannotUndo, match=f"moved on to case {third.number} since"):
        unmerge(desk, grace, source)

    assert dump(desk) == before


def test_a_survivor_that_was_merged_or_resolved_since_holds_its_sources(
    desk: DeskUnderTest, grace: Principal
) -> None:
    end, survivor, source = opened(desk), opened(desk), opened(desk)
    merge(desk, grace, survivor, source)
    merge(desk, grace, end, survivor)

    with pytest.raises(CannotUndo, match="undo that first"):
        unmerge(desk, grace, source)

    unmerge(desk, grace, survivor)
    with desk.transaction() as session:
        work.resolve(session, grace, survivor.id, "Done.", desk=desk.settings, at=LATER)
    with pytest.raises(CannotUndo, match="reopen it first"):
        unmerge(desk, grace, source)


def test_a_term_that_others_used_since_is_named(desk: DeskUnderTest, grace: Principal) -> None:
    desk.has_customer("ada@example.com", allotment=2, restricted=True)
    survivor, source = opened(desk), opened(desk)
    merge(desk, grace, survivor, source)
    opened(desk)
    before = dump(desk)

    with pytest.raises(CannotUndo, match="used by others"):
        unmerge(desk, grace, source)

    assert dump(desk) == before


def test_what_was_never_merged_cannot_be_parted(desk: DeskUnderTest, grace: Principal) -> None:
    case = opened(desk)

    with pytest.raises(CannotUndo):
        unmerge(desk, grace, case)


# Splitting off and moving


def two_matters(desk: DeskUnderTest) -> tuple[Case, UUID]:
    """A case, and a message of it that is about something else."""
    case = opened(desk, message_id="first@example.com")
    [second] = desk.accepts(
        email(subject="My invoice", text="It is wrong.", message_id="second@example.com",
              in_reply_to="first@example.com", at=NOON + timedelta(minutes=5))
    )  # fmt: skip
    assert second.activity is not None
    return case, second.activity.id


def split(desk: DeskUnderTest, by: Principal, activity_id: UUID) -> Case:
    with desk.transaction() as session:
        return merging.split_off(session, by, activity_id, desk=desk.settings, at=LATER)


def put_back(desk: DeskUnderTest, by: Principal, case: Case) -> Case:
    with desk.transaction() as session:
        [record] = merging.moves_of(session, case)
        return merging.put_back(session, by, record.id, desk=desk.settings, at=LATER)


def test_a_message_split_off_is_a_case_as_if_it_had_arrived_alone(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    desk.has_customer("ada@example.com", allotment=3)
    case, message_id = two_matters(desk)

    fresh = desk.case(split(desk, grace, message_id).number)

    arrived = NOON + timedelta(minutes=5)
    assert (fresh.subject, fresh.opened_at) == ("My invoice", arrived)
    assert fresh.deadline_at == arrived + timedelta(hours=4)
    assert fresh.decision["words"] == "Support plan: 1 of 3 cases left."
    assert fresh.related_case_id == case.id
    [said] = desk.activities(fresh)
    assert (said.text, said.matched_by) == ("It is wrong.", "split off by Grace")
    waiting = {i.case_id for i in desk.all(QueueItem) if i.ended_at is None}
    assert waiting == {case.id, fresh.id}


def test_answers_to_a_message_split_off_follow_it(desk: DeskUnderTest, grace: Principal) -> None:
    case, message_id = two_matters(desk)
    fresh = split(desk, grace, message_id)

    [to_second, to_first] = desk.accepts(
        email(in_reply_to="second@example.com"), email(in_reply_to="first@example.com")
    )

    assert to_second.case is not None
    assert to_first.case is not None
    assert (to_second.case.id, to_first.case.id) == (fresh.id, case.id)


def test_a_split_that_is_undone_leaves_its_case_merged_and_its_term_free(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_customer("ada@example.com", allotment=3)
    case, message_id = two_matters(desk)
    fresh = split(desk, grace, message_id)
    with desk.transaction() as session:
        work.hold(session, grace, fresh.id, at=LATER)

    put_back(desk, grace, fresh)

    assert [hold.ended_at for hold in desk.all(Hold)] == [LATER], "a case that is no more waits not"
    assert [a.matched_by for a in desk.activities(case)] == ["new", "message id"]
    ended = desk.case(fresh.number)
    assert (ended.reason, ended.merged_into_id) == (Reason.MERGED, case.id)
    with desk.db.reading() as session:
        assert terms.entitlements.taken_by(session, fresh.id) is None
    [answer] = desk.accepts(email(in_reply_to="second@example.com"))
    assert answer.case is not None
    assert answer.case.id == case.id


def test_a_split_is_not_undone_once_more_was_said(desk: DeskUnderTest, grace: Principal) -> None:
    _case, message_id = two_matters(desk)
    fresh = split(desk, grace, message_id)
    desk.accepts(email(in_reply_to="second@example.com", at=LATER))

    with pytest.raises(CannotUndo, match="merge it into"):
        put_back(desk, grace, fresh)


def test_a_split_is_not_undone_while_its_case_has_children(
    desk: DeskUnderTest, grace: Principal
) -> None:
    _case, message_id = two_matters(desk)
    fresh = split(desk, grace, message_id)
    with desk.transaction() as session:
        child = work.open_child(
            session, grace, fresh.id, "A part", "", desk=desk.settings, at=LATER
        )

    with pytest.raises(CannotUndo, match="unlink them first"):
        put_back(desk, grace, fresh)
    with desk.transaction() as session:
        work.unlink_child(session, grace, child.id, at=LATER)
    put_back(desk, grace, fresh)

    assert desk.case(child.number).open


def test_the_only_message_and_what_we_wrote_are_not_split_off(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case = opened(desk, message_id="first@example.com")
    with desk.transaction() as session:
        ours = work.note(session, grace, case.id, "Ask Mary.", at=NOON)

    desk.accepts(email(in_reply_to="first@example.com", at=NOON, automatic=Automatic.AUTO_REPLY))
    heard, machine = [a for a in desk.activities(case) if a.direction is Direction.INCOMING]
    assert machine.automatic

    with pytest.raises(CannotMove, match="only message"):
        split(desk, grace, heard.id)
    with pytest.raises(CannotMove, match="only what a customer wrote"):
        split(desk, grace, ours.id)


def test_a_moved_message_says_who_moved_it_and_its_sender_takes_part_there(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case, message_id = two_matters(desk)
    target = opened(desk, "bob@example.com", message_id="bob@example.com")

    with desk.transaction() as session:
        merging.move_message(session, grace, message_id, target.id, at=LATER)

    assert [a.matched_by for a in desk.activities(target)] == ["new", "moved by Grace"]
    assert len(desk.activities(case)) == 1
    [answer] = desk.accepts(email(in_reply_to="second@example.com"))
    assert answer.case is not None
    assert answer.case.id == target.id


def test_a_move_that_is_undone_leaves_every_row_as_it_was(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.has_sla()
    _case, message_id = two_matters(desk)
    target = opened(desk, "bob@example.com")
    before = dump(desk)

    with desk.transaction() as session:
        merging.move_message(session, grace, message_id, target.id, at=LATER)
    moved = dump(desk)
    put_back(desk, grace, target)

    assert moved != before
    assert dump(desk) == before


def test_a_message_is_not_moved_out_of_or_into_what_the_agent_cannot_see(
    desk: DeskUnderTest, grace: Principal
) -> None:
    mary = desk.has_agent("Mary")
    desk.has_queue("Board", members=(mary,), address="board@desk.example")
    _case, message_id = two_matters(desk)
    hidden = opened(desk, "eve@example.com", mailbox="board@desk.example")
    secret = last_message(desk, hidden)

    with desk.transaction() as session, pytest.raises(NotFound):
        merging.move_message(session, grace, message_id, hidden.id, at=LATER)
    with desk.transaction() as session, pytest.raises(NotFound):
        merging.split_off(session, grace, secret.id, desk=desk.settings, at=LATER)
