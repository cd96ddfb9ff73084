"""When we answer by ourselves, and what may stand in it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intake.events import Delivery
from intake.messages import Automatic, ContactKind, Outgoing
from tests.desk import NOON, SUPPORT, DeskUnderTest, email


def sent(desk: DeskUnderTest) -> list[Outgoing]:
    return [
        Outgoing.from_json(d.payload) for d in desk.all(Delivery) if d.kind == "acknowledgement"
    ]


def test_a_new_case_is_acknowledged_with_its_number(desk: DeskUnderTest) -> None:
    desk.accepts(email("ada@example.com", message_id="q@example.com"))

    [mail] = sent(desk)
    assert mail.subject == "Case 1001: we have your message"
    assert (mail.to, mail.in_reply_to, mail.automatic) == (
        ("ada@example.com",),
        "q@example.com",
        True,
    )


def test_no_word_of_the_sender_goes_out_in_our_name(desk: DeskUnderTest) -> None:
    desk.accepts(email("victim@example.com", "BUY PILLS", "http://evil.example"))

    [mail] = sent(desk)
    everything = repr(replace(mail, to=(), in_reply_to=""))
    assert "PILLS" not in everything
    assert "evil" not in everything
    assert "Victim" not in everything


@pytest.mark.parametrize("automatic", [Automatic.AUTO_REPLY, Automatic.BULK, Automatic.OTHER])
def test_a_machine_is_not_answered(desk: DeskUnderTest, automatic: Automatic) -> None:
    desk.accepts(email(automatic=automatic))

    assert sent(desk) == []


def test_a_mail_in_anothers_name_makes_one_acknowledgement_a_day(desk: DeskUnderTest) -> None:
    for hour in range(30):
        desk.accepts(
            *(email("victim@example.com", at=NOON + timedelta(hours=hour)) for _ in range(3))
        )

    assert len(sent(desk)) == 2


def test_somebody_who_answered_our_mail_may_have_three_an_hour(desk: DeskUnderTest) -> None:
    desk.accepts(email("ada@example.com"))
    [first] = sent(desk)
    desk.accepts(email("ada@example.com", to=(first.reply_to,)))

    for minute in range(10):
        desk.accepts(email("ada@example.com", at=NOON + timedelta(minutes=minute)))

    assert len(sent(desk)) == 3


def test_all_together_are_counted_too(desk: DeskUnderTest) -> None:
    desk.settings = replace(desk.settings, acknowledgements_per_hour=5)

    desk.accepts(*(email(f"user{n}@example.com") for n in range(20)))

    assert len(sent(desk)) == 5


@pytest.mark.parametrize(
    "arrival",
    [
        email(SUPPORT),
        email(sender_doubt="two From headers"),
        email("+34911234567", kind=ContactKind.PHONE, channel="phone"),
        email(""),
        replace(email(), historic=True),
    ],
    ids=["our own address", "an uncertain sender", "a caller", "nobody", "an archive's mail"],
)
def test_these_are_not_acknowledged(desk: DeskUnderTest, arrival: object) -> None:
    desk.accepts(arrival)  # type: ignore[arg-type]

    assert sent(desk) == []


def test_a_queue_may_be_silent(desk: DeskUnderTest) -> None:
    desk.has_queue("Silent", address="silent@desk.example", acknowledge=False)

    desk.accepts(email(mailbox="silent@desk.example"))

    assert sent(desk) == []


def test_a_spanish_message_is_acknowledged_in_spanish(desk: DeskUnderTest) -> None:
    desk.accepts(email(language="es"))

    [mail] = sent(desk)
    assert mail.subject == "Caso 1001: hemos recibido su mensaje"
