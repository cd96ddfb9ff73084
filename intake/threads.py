"""Which case a message belongs to. It trusts nobody: knowing an id or a number is not enough.

A signed reply address first, then message ids, and each only for people who take part in the
case. The rule that matched is stored with the message.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.cases import Case, State
from intake.db import Base, insert_new, new_id, refers_to
from intake.desk import Desk
from intake.messages import Automatic, Message

TAG = re.compile(r"^(?P<local>[^@+]+)\+c(?P<number>\d{1,12})\.(?P<sign>[a-z2-7]{20})@(?P<host>.+)$")
IDS_LOOKED_AT = 40


class ThreadId(Base):
    """A message id that was seen in, or sent from, a case."""

    __tablename__ = "thread_ids"

    message_id: Mapped[str] = mapped_column(String(998), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True, index=True)
    ours: Mapped[bool] = mapped_column(default=False)
    """Whether we sent it: a bounce may name it without taking part."""


class Participant(Base):
    """An address whose messages may join a case."""

    __tablename__ = "participants"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    address: Mapped[str] = mapped_column(String(320), primary_key=True)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and the circumstances of its arrival."""

    message: Message
    mailbox: str
    received_at: datetime
    inbound_id: UUID | None = None
    recipients: tuple[str, ...] = ()
    """Where it was really sent: the envelope's recipients."""
    historic: bool = False
    """Brought in from an archive: filed without acknowledgement, card or clock."""
    routed: bool = True
    """Whether the routing rules decide where a new case waits; else its mailbox does."""


@dataclass(frozen=True, slots=True)
class Match:
    """The case a message belongs to, by which rule; or the one it only seems to speak of."""

    case: Case | None = None
    by: str = "new"
    related: Case | None = None
    continues: Case | None = None
    """The young case of the same customer that it seems to go on with."""


def reply_address(desk: Desk, mailbox: str, case: Case) -> str:
    """The address whose mail joins this case, if it comes from a participant."""
    local, _, host = mailbox.partition("@")
    return f"{local}+c{case.number}.{desk.sign('reply', str(case.id))}@{host}"


def new_message_id(mailbox: str) -> str:
    """A Message-ID nobody can guess, at the host of the mailbox that sends."""
    return f"{new_id().hex}{secrets.token_hex(8)}@{mailbox.rpartition('@')[2]}"


def mailbox_of(address: str) -> str:
    """The mailbox behind an address of ours: a reply address without its tag."""
    address = address.lower()
    tag = TAG.match(address)
    return f"{tag['local']}@{tag['host']}" if tag else address


def hold_conversations(session: Session, arrivals: Iterable[Arrival]) -> None:
    """Let nobody else file these arrivals' conversations until this transaction ends.

    Two workers may hold the first two lines of one chat; each would find no case and open one.
    SQLite's writers take turns anyway.
    """
    wanted = {a.message.conversation for a in arrivals} - {""}
    if session.get_bind().dialect.name == "postgresql":
        for conversation in sorted(wanted):
            key = func.hashtextextended(conversation, 0)
            session.execute(select(func.pg_advisory_xact_lock(key)))


def find_cases(session: Session, arrivals: Sequence[Arrival], desk: Desk) -> list[Match]:
    """The case of each message. At most four statements for any number of messages, and one for
    each merge that lies between."""
    tagged = _survivors(session, _by_reply_address(session, arrivals, desk))
    by_id = _survivors(session, _by_message_id(session, arrivals))
    talks = _by_conversation(session, arrivals)
    wanted = {case.id for cases in (*tagged, *by_id) for case, _ours in cases}
    taking_part = _participants(session, wanted)
    return [
        _match(arrival, taking_part, tagged[i], by_id[i], talks.get(arrival.message.conversation))
        for i, arrival in enumerate(arrivals)
    ]


def followed(session: Session, matches: Sequence[Match]) -> list[Match]:
    """The matches, where a case that was merged leads to the one it goes on in."""
    return [
        replace(match, case=_survivor(session, match.case)) if match.case else match
        for match in matches
    ]


def take_part(session: Session, case: Case, addresses: Iterable[str]) -> None:
    """Let these addresses' later messages join the case."""
    rows = [{"case_id": case.id, "address": a} for a in sorted(set(addresses) - {""})]
    if rows:
        session.execute(insert_new(session, Participant), rows)


def begin(session: Session, case: Case, sender: str) -> None:
    """Write down the first participant of a new case."""
    if sender:
        session.add(Participant(case_id=case.id, address=sender))


def remember(session: Session, seen: Iterable[tuple[UUID, str]], *, ours: bool = False) -> None:
    """Note which message ids belong to which cases; one that is known already stays."""
    rows = [
        {"case_id": case_id, "message_id": message_id[:998], "ours": ours}
        for case_id, message_id in seen
        if message_id
    ]
    if rows:
        session.execute(insert_new(session, ThreadId), rows)


def _match(
    arrival: Arrival,
    taking_part: set[tuple[UUID, str]],
    tagged: list[Found],
    by_id: list[Found],
    talk: Case | None,
) -> Match:
    if talk is not None:
        return Match(talk, "conversation")
    message = arrival.message
    address = message.sender.value if message.sender and not message.sender_doubt else ""
    bounce = message.automatic is Automatic.BOUNCE
    for rule, cases in (("reply address", tagged), ("message id", by_id)):
        for case, ours in cases:
            # A report about our own mail comes from a mail system that takes part in nothing.
            if (case.id, address) in taking_part or (bounce and (ours or rule != "message id")):
                return Match(case, rule)
    related = next((case for case, _ours in (*tagged, *by_id)), None)
    return Match(None, "new, quotes another case" if related else "new", related)


Found = tuple[Case, bool]


def _survivors(session: Session, found: Sequence[list[Found]]) -> list[list[Found]]:
    return [[(_survivor(session, case), ours) for case, ours in cases] for cases in found]


def _survivor(session: Session, case: Case) -> Case:
    """The case that work on this one goes on in: mostly itself."""
    while case.merged_into_id is not None:
        case = session.get_one(Case, case.merged_into_id)
    return case


def _by_reply_address(
    session: Session, arrivals: Sequence[Arrival], desk: Desk
) -> list[list[Found]]:
    tags = [
        [tag for address in _recipients(a) if (tag := TAG.match(address.lower()))] for a in arrivals
    ]
    numbers = {int(tag["number"]) for found in tags for tag in found}
    if not numbers:
        return [[] for _ in arrivals]
    cases = {
        case.number: case for case in session.scalars(select(Case).where(Case.number.in_(numbers)))
    }
    return [
        [
            (case, True)
            for tag in found
            if (case := cases.get(int(tag["number"])))
            and desk.signed("reply", str(case.id), tag["sign"])
        ]
        for found in tags
    ]


def _recipients(arrival: Arrival) -> Iterable[str]:
    message = arrival.message
    yield from arrival.recipients
    named = (*message.delivered_to, *message.to, *message.cc)
    yield from (address.value for address in named)


def _by_message_id(session: Session, arrivals: Sequence[Arrival]) -> list[list[Found]]:
    wanted = [_ids(a.message) for a in arrivals]
    every = {message_id for ids in wanted for message_id in ids}
    if not every:
        return [[] for _ in arrivals]
    rows = session.execute(
        select(ThreadId.message_id, ThreadId.ours, Case)
        .join(Case, Case.id == ThreadId.case_id)
        .where(ThreadId.message_id.in_(every))
        .order_by(Case.number.desc())
    )
    found: dict[str, list[Found]] = {}
    for message_id, ours, case in rows:
        found.setdefault(message_id, []).append((case, ours))
    return [[hit for message_id in ids for hit in found.get(message_id, ())] for ids in wanted]


def _ids(message: Message) -> list[str]:
    # The direct parent first, then the ancestors from the youngest to the oldest.
    ids = [*message.in_reply_to, *reversed(message.references)]
    return list(dict.fromkeys(ids))[:IDS_LOOKED_AT]


def _by_conversation(session: Session, arrivals: Sequence[Arrival]) -> dict[str, Case]:
    wanted = {a.message.conversation for a in arrivals} - {""}
    if not wanted:
        return {}
    cases = session.scalars(
        select(Case)
        .where(Case.conversation.in_(wanted), Case.state == State.ACTIVE)
        .order_by(Case.number)
    )
    return {case.conversation: case for case in cases}


def _participants(session: Session, case_ids: set[UUID]) -> set[tuple[UUID, str]]:
    if not case_ids:
        return set()
    rows = session.execute(
        select(Participant.case_id, Participant.address).where(Participant.case_id.in_(case_ids))
    )
    return {(case_id, address) for case_id, address in rows}
