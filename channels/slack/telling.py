"""What Slack is told to keep a promise: the calls, made of the case as it is when they are sent.

The first thing that reaches a channel about a case is its card; what comes later goes below it,
in the order in which it was promised, and brings the card up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from channels import Never, NotNow
from channels.slack import card, showing
from channels.slack.calling import Call, Place, as_payload, post, update
from channels.slack.card import Blocks, Shown
from channels.slack.words import marked, moment, plain, quoted
from intake.agents import Agent
from intake.cases import Case
from intake.events import Delivery, DeliveryState, Promise
from intake.settings import Settings
from intake.sla import KpiState

ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """A case, what of it is in Slack already, and the channel its queue is announced in now."""

    case: Shown
    where: str
    cards: tuple[Place, ...]

    @property
    def card(self) -> Place | None:
        """The card in the channel of now, if it was posted."""
        return next((place for place in self.cards if place.asked == self.where), None)


def calls_for(
    session: Session, promise: Promise, settings: Settings, *, at: datetime
) -> dict[str, Any]:
    """The calls that keep this promise at that instant, which is now.

    Raises NotNow while something earlier is to be said.
    """
    if promise.kind == "notice":
        return as_payload([_notice(promise)])
    tell = _KINDS.get(promise.kind)
    delivery = session.get(Delivery, promise.id)
    if tell is None or delivery is None or delivery.case_id is None:
        raise Never(f"Slack is not told of {promise.kind!r}")
    _wait_for_earlier(session, delivery, at)
    case, queue = showing.shown(session, delivery.case_id, settings.base_url, at=at)
    told = Told(case, queue.slack_channel, _cards(session, delivery))
    return as_payload(tell(session, delivery, told))


def _notice(promise: Promise) -> Call:
    """A few words to one of us that are about no case."""
    words = promise.payload["text"]
    blocks: Blocks = [{"type": "section", "text": plain(words, card.LINE)}]
    return post(promise.target, quoted(words, card.LINE), blocks)


def _refresh(session: Session, delivery: Delivery, told: Told) -> list[Call]:
    """The card as the case is now; where the case has left, no more than that."""
    if _told_anyway(session, delivery, told.case.at):
        return []
    left = [place for place in told.cards if place.asked != told.where]
    return [*(_gone_from(place, told.case) for place in left), *_card(told)]


def _gone_from(place: Place, case: Shown) -> Call:
    words = card.moved(case)
    return update(place, words, [{"type": "section", "text": plain(words, card.LINE)}])


def _card(told: Told) -> list[Call]:
    text, blocks = card.title(told.case), card.card(told.case)
    if told.card is not None:
        return [update(told.card, text, blocks)]
    return [post(told.where, text, blocks)] if told.where else []


def _message(session: Session, delivery: Delivery, told: Told) -> list[Call]:
    """What was said. Without a card yet it needs no more than one: a card shows the last words."""
    assert delivery.activity_id is not None, "accept and work name what was said"
    said = showing.said(session, delivery.activity_id)
    return _below(told, card.title(told.case), card.message(told.case, said))


def _alarm(session: Session, delivery: Delivery, told: Told) -> list[Call]:
    """A promise about time, unless it was kept, or worse came, since the clock told of it."""
    state = KpiState(delivery.payload["state"])
    clock = next((c for c in told.case.clocks if c.kpi == delivery.payload["kpi"]), None)
    if clock is None or clock.state is not state or clock.kept:
        return []
    blocks = card.alarm(told.case, clock)
    return _below(told, card.title(told.case), blocks, aloud=state is KpiState.NONCOMPLIANT)


def _elsewhere(session: Session, delivery: Delivery, told: Told) -> list[Call]:
    """What a clock's action says in the channel it names, with what can be done about it."""
    clock = next((c for c in told.case.clocks if c.kpi == delivery.payload["kpi"]), None)
    blocks = card.post_elsewhere(told.case, clock, delivery.payload["text"])
    if delivery.target == told.where:
        return _below(told, card.title(told.case), blocks)
    return [post(delivery.target, card.title(told.case), blocks)]


def _reminder(session: Session, delivery: Delivery, told: Told) -> list[Call]:
    """That a follow-up is due, aloud to its owner; unless it was settled since."""
    assert delivery.case_id is not None, "a reminder is about a case"
    case = session.get_one(Case, delivery.case_id)
    if case.follow_up_at is None:
        return []
    owner = session.get(Agent, case.owner_id) if case.owner_id else None
    who = f"<@{owner.slack_user}>: " if owner and owner.slack_user else ""
    words = f"{who}we agreed to come back to the customer by {moment(case.follow_up_at)}."
    return _below(told, card.title(told.case), [{"type": "section", "text": marked(words)}])


def _below(told: Told, text: str, blocks: Blocks, *, aloud: bool = False) -> list[Call]:
    # The card first: done twice, it is the same; a message said twice would be seen.
    calls = _card(told)
    if told.card is not None:
        calls.append(post(told.where, text, blocks, below=told.card, aloud=aloud))
    return calls


_KINDS: dict[str, Callable[[Session, Delivery, Told], list[Call]]] = {
    "card": _refresh,
    "refresh": _refresh,
    "thread": _message,
    "clock": _alarm,
    "sla": _elsewhere,
    "reminder": _reminder,
}


def _wait_for_earlier(session: Session, delivery: Delivery, at: datetime) -> None:
    """Raises NotNow while an earlier promise about the case is not settled: order is kept."""
    earlier = session.scalar(
        _others(delivery)
        .where(_due(), Delivery.kind != "refresh")
        .where(
            or_(
                Delivery.promised_at < delivery.promised_at,
                and_(Delivery.promised_at == delivery.promised_at, Delivery.id < delivery.id),
            )
        )
        .order_by(Delivery.due_at.desc())
        .limit(1)
    )
    if earlier is None:
        return
    wait_seconds = 0.0
    if earlier.claim is None:
        wait_seconds = (earlier.due_at - at).total_seconds()
    raise NotNow("something earlier is to be said first", max(wait_seconds, ASK_AGAIN_SECONDS))


def _told_anyway(session: Session, delivery: Delivery, at: datetime) -> bool:
    """Whether another refresh that is read after this one was promised shows the same and more."""
    if delivery.kind != "refresh":
        return False
    # Not begun, and due; or claimed together with this one, of which the last speaks for all.
    to_come = and_(Delivery.claim.is_(None), Delivery.due_at <= at, _due())
    with_it = and_(Delivery.claim == delivery.claim, Delivery.id > delivery.id, ~_failed())
    others = _others(delivery).where(Delivery.kind == "refresh", or_(to_come, with_it))
    return session.scalar(others.limit(1)) is not None


def _others(delivery: Delivery) -> Select[Delivery]:
    """The other promises to Slack about the same case."""
    return select(Delivery).where(
        Delivery.case_id == delivery.case_id,
        Delivery.channel == delivery.channel,
        Delivery.id != delivery.id,
    )


def _due() -> ColumnElement[bool]:
    return Delivery.state == DeliveryState.DUE


def _failed() -> ColumnElement[bool]:
    return Delivery.state == DeliveryState.FAILED


def _cards(session: Session, delivery: Delivery) -> tuple[Place, ...]:
    rows = session.scalars(
        select(Delivery.remote_id)
        .where(Delivery.case_id == delivery.case_id, Delivery.channel == delivery.channel)
        .where(Delivery.remote_id != "", Delivery.kind != "sla")
        .order_by(Delivery.sent_at, Delivery.id)
    )
    places = (Place.read(remote_id) for remote_id in rows)
    return tuple(place for place in places if place is not None and not place.below)
