"""Which case a message belongs to: knowing an id or a number is not enough."""

from __future__ import annotations

import pytest

from intake import customers, threads, work
from intake.cases import Activity, Case
from intake.desk import Desk
from intake.events import Delivery, Event
from intake.inbound import Inbound
from intake.messages import Automatic, Outgoing
from tests.desk import NOON, SUPPORT, DeskUnderTest, email


def open_case(desk: DeskUnderTest, **fields: object) -> Case:
    [receipt] = desk.accepts(email(**fields))  # type: ignore[arg-type]
    assert receipt.case is not None
    return receipt.case


def reply_address(desk: DeskUnderTest, case: Case) -> str:
    return threads.reply_address(desk.settings, SUPPORT, case)


def test_a_number_in_the_subject_joins_nothing(desk: DeskUnderTest) -> None:
    open_case(desk, sender="ada@example.com")

    [guess] = desk.accepts(email("eve@evil.example", "Re: [Case 1001] hello"))
    [participant] = desk.accepts(email("ada@example.com", "Re: [Case 1001] hello"))

    assert guess.opened
    assert participant.opened


@pytest.mark.parametrize("change", ["missing", "cut", "longer", "other case", "one letter"])
def test_a_reply_address_that_is_not_quite_ours_joins_nothing(
    desk: DeskUnderTest, change: str
) -> None:
    case = open_case(desk, sender="ada@example.com")
    other = open_case(desk, sender="ada@example.com")
    local, _, host = reply_address(desk, case).partition("@")
    sign = local.rpartition(".")[2]
    forged = {
        "missing": f"support+c{case.number}@{host}",
        "cut": f"{local[:-1]}@{host}",
        "longer": f"{local}a@{host}",
        "other case": f"support+c{other.number}.{sign}@{host}",
        "one letter": f"{local[:-1]}{'b' if sign[-1] == 'a' else 'a'}@{host}",
    }[change]

    [receipt] = desk.accepts(email("ada@example.com", to=(forged,)))

    assert receipt.opened


def test_a_reply_address_is_found_in_copies_too(desk: DeskUnderTest) -> None:
    case = open_case(desk, sender="ada@example.com")

    [receipt] = desk.accepts(
        email("ada@example.com", to=("bob@example.com", reply_address(desk, case)))
    )

    assert receipt.matched_by == "reply address"


def test_a_reply_address_of_another_desk_is_not_ours(desk: DeskUnderTest) -> None:
    case = open_case(desk, sender="ada@example.com")
    foreign = threads.reply_address(Desk("Other", b"another secret"), SUPPORT, case)

    [receipt] = desk.accepts(email("ada@example.com", to=(foreign,)))

    assert receipt.opened


def test_an_ancestor_is_enough_when_the_parent_is_unknown(desk: DeskUnderTest) -> None:
    case = open_case(desk, sender="ada@example.com", message_id="root@example.com")

    [receipt] = desk.accepts(
        email(
            "ada@example.com",
            in_reply_to="lost@example.com",
            references=("root@example.com", "lost@example.com"),
        )
    )

    assert receipt.case is not None
    assert receipt.case.id == case.id


def test_a_sender_in_doubt_takes_part_in_nothing(desk: DeskUnderTest) -> None:
    case = open_case(desk, sender="ada@example.com", message_id="root@example.com")

    [receipt] = desk.accepts(
        email("ada@example.com", in_reply_to="root@example.com", sender_doubt="two From headers")
    )

    assert receipt.opened
    assert receipt.case is not None
    assert receipt.case.related_case_id == case.id


def test_many_answers_to_one_newsletter_are_many_cases(desk: DeskUnderTest) -> None:
    receipts = desk.accepts(
        *(email(f"reader{n}@example.com", in_reply_to="news@desk.example") for n in range(5))
    )

    assert all(receipt.opened for receipt in receipts)


def test_a_bounce_of_our_reply_is_filed_with_its_case_and_changes_nothing(
    desk: DeskUnderTest,
) -> None:
    grace = desk.principal()
    case = open_case(desk, sender="ada@example.com")
    with desk.transaction() as session:
        work.reply(session, grace, case.id, "Hello", desk=desk.settings, at=NOON)
    [reply] = [d for d in desk.all(Delivery) if d.kind == "reply"]
    message_id = Outgoing.from_json(reply.payload).message_id

    [receipt] = desk.accepts(
        email("mailer-daemon@mx.example", in_reply_to=message_id, automatic=Automatic.BOUNCE)
    )

    assert receipt.case is not None
    assert receipt.case.id == case.id
    assert [d.kind for d in desk.all(Delivery)].count("acknowledgement") == 1


def test_a_forged_bounce_makes_nobodys_address_verified(desk: DeskUnderTest) -> None:
    desk.has_customer("victim@other.example")
    case = open_case(desk, sender="mallory@evil.example")
    address = reply_address(desk, case)

    desk.accepts(email("victim@other.example", to=(address,), automatic=Automatic.BOUNCE))
    with desk.db.reading() as session:
        forged = customers.verified(session, ["victim@other.example", "mallory@evil.example"])
    desk.accepts(email("mallory@evil.example", to=(address,)))
    with desk.db.reading() as session:
        honest = customers.verified(session, ["mallory@evil.example"])

    assert forged == set()
    assert honest == {"mallory@evil.example"}


def test_a_bounce_of_nothing_we_know_is_set_aside_with_the_reason(desk: DeskUnderTest) -> None:
    [receipt] = desk.accepts(
        email("mailer-daemon@mx.example", in_reply_to="x@y.example", automatic=Automatic.BOUNCE)
    )

    assert receipt.filtered == "a delivery report for a mail we do not know"
    assert desk.count(Case) == 0


def test_an_automatic_answer_neither_reopens_nor_is_answered(desk: DeskUnderTest) -> None:
    grace = desk.principal()
    case = open_case(desk, sender="ada@example.com", message_id="root@example.com")
    with desk.transaction() as session:
        work.resolve(session, grace, case.id, "Done.", desk=desk.settings, at=NOON)

    desk.accepts(
        email(
            "ada@example.com",
            "Out of office",
            in_reply_to="root@example.com",
            automatic=Automatic.AUTO_REPLY,
        )
    )

    assert desk.case(1001).state == "resolved"
    assert "case.reopened" not in [event.kind for event in desk.all(Event)]
    assert desk.count(Activity) == 3


def test_the_same_message_id_in_two_cases_is_no_error(desk: DeskUnderTest) -> None:
    desk.accepts(
        email("ada@example.com", message_id="same@example.com"),
        email("bob@example.com", message_id="same@example.com"),
    )
    desk.accepts(email("ada@example.com", message_id="same@example.com"))

    assert desk.count(Case) == 3
    assert desk.count(Inbound) == 0


def test_tags_are_read_back_to_their_mailbox() -> None:
    tagged = "Support+c12.abcdefghijklmnopqrst@Desk.example"

    assert threads.mailbox_of(tagged) == "support@desk.example"
    assert threads.mailbox_of("support+news@desk.example") == "support+news@desk.example"
