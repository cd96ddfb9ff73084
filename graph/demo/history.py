"""Ten weeks of Contoso's life, lived through the desk's own doors.

Customers write and call, agents take, answer, hold and resolve, time passes: each by the function
that does it for a real desk, so every number on a page can be unfolded. The same seed gives the
same story, ending at the moment the desk is planted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from graph.demo import laid_out
from graph.demo.stories import ANSWERS, PEOPLE, RESOLUTIONS, STORIES, TO_DO
from intake import clock, work
from intake.accept import accept
from intake.agents import Agent, Principal
from intake.cases import ActivityState, Case, State
from intake.db import new_id
from intake.desk import Desk
from intake.events import Delivery, DeliveryState
from intake.messages import Address, ContactKind, Message
from intake.threads import Arrival
from kb.suggestions import Library, Question, suggest

LASTS = timedelta(weeks=10)
SEED = 2026
CASES_A_DAY = (1, 2)
# So many hours ago somebody wrote whom nobody answered yet: a desk to look at has work to do.
JUST_NOW = (0.4, 1.2, 2.5, 4, 7, 19, 26)
MADRID = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True, slots=True)
class _World:
    session: Session
    desk: Desk
    dice: Random
    agents: list[Principal]
    library: Library
    later: Callable[[datetime, Callable[[datetime], None]], None]
    until: datetime
    plans: Random
    """Dice of their own, so that what is planned changes nothing else of the story."""


def live(session: Session, desk: Desk, *, since: datetime, until: datetime) -> int:
    """Live from then until then; how many cases it left. Nothing of it is sent to anybody."""
    dice = Random(SEED)  # noqa: S311  a story, not a secret
    agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
    order = count()

    def later(at: datetime, act: Callable[[datetime], None]) -> None:
        if at < until:
            heapq.heappush(agenda, (at, next(order), act))

    world = _World(
        session, replace(desk, slack=False), dice, _agents(session), Library(), later, until,
        Random(SEED + 1),  # noqa: S311  a story, not a secret
    )  # fmt: skip
    for at in _arrivals(dice, since, until):
        later(at, lambda at: _somebody_asks(world, at))
    while agenda:
        at, _order, act = heapq.heappop(agenda)
        _let_time_pass(world, at)
        act(at)
    _let_time_pass(world, until)
    _leave_for_later(world)
    session.execute(update(Delivery).values(state=DeliveryState.SENT, sent_at=Delivery.promised_at))
    return len(session.scalars(select(Case.id)).all())


def _leave_for_later(world: _World) -> None:
    """One open case is put off until the next morning, and on another a follow-up is agreed."""
    newest = select(Case.id).where(Case.state == State.ACTIVE).order_by(Case.opened_at.desc())
    morning = _office(world.until + timedelta(hours=20))
    plans = (work.snooze, work.agree_follow_up)
    for plan, case_id in zip(plans, world.session.scalars(newest.limit(2)).all(), strict=False):
        plan(world.session, world.agents[0], case_id, morning, at=world.until)


def _agents(session: Session) -> list[Principal]:
    names = ("Grace Agent", "Luis Agent", "Marta Manager")
    found = session.scalars(select(Agent).where(Agent.name.in_(names)).order_by(Agent.name))
    return [agent.principal("console") for agent in found]


def _arrivals(dice: Random, since: datetime, until: datetime) -> list[datetime]:
    found = []
    day = since.astimezone(MADRID).date()
    while day <= until.astimezone(MADRID).date():
        weekend = day.weekday() >= 5
        for _ in range(dice.randint(*CASES_A_DAY) if not weekend else dice.randint(0, 1)):
            minute = int(dice.triangular(7 * 60, 20 * 60, 10.5 * 60))
            local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=MADRID)
            found.append(local.astimezone(since.tzinfo))
        day += timedelta(days=1)
    found += [until - timedelta(hours=hours) for hours in JUST_NOW]
    return [at for at in found if since <= at < until]


def _let_time_pass(world: _World, at: datetime) -> None:
    world.session.flush()
    while clock.any_due(world.session, world.desk, at=at):
        if not clock.tick(world.session, world.desk, at=at).more:
            break


def _somebody_asks(world: _World, at: datetime) -> None:
    dice = world.dice
    story = dice.choice(STORIES)
    name, address, phone, mailbox = dice.choice(PEOPLE)
    by_phone = bool(phone) and dice.random() < 0.3
    channel = "phone" if by_phone else dice.choices(("email", "web"), (5, 1))[0]
    sender = Address(phone, name, ContactKind.PHONE) if by_phone else Address(address, name)
    message = Message(
        channel=channel,
        sender=sender,
        subject=story.subject,
        text=f"{story.text}\n\n{name}",
        new_text=f"{story.text}\n\n{name}",
        message_id=f"{new_id().hex}@{address.partition('@')[2]}",
        duration_minutes=dice.randint(3, 18) if by_phone else 0,
        product=story.product,
    )
    [receipt] = accept(world.session, [Arrival(message, mailbox, at)], world.desk)
    case, activity = receipt.case, receipt.activity
    assert case is not None, "people are never filtered"
    assert activity is not None, "a filed message is an activity"
    question = Question(case.id, case.subject, activity.new_text)
    suggest(world.session, [question], world.library, at=at)
    if at > world.until - timedelta(days=1.2) and dice.random() < 0.8:
        return
    # Some wait longer than they were promised; a manager should see that.
    patience = dice.choices((0.3, 1.5, 12.0), (12, 3, 1))[0]
    world.later(
        _office(at + timedelta(hours=dice.expovariate(1 / patience))),
        _takes(world, case.id, message),
    )


def _takes(world: _World, case_id: UUID, message: Message) -> Callable[[datetime], None]:
    agent = world.dice.choice(world.agents)

    def act(at: datetime) -> None:
        if not world.session.get_one(Case, case_id).open:
            return
        work.pick(world.session, agent, case_id, at=at)
        case = world.session.get_one(Case, case_id)
        laid_out.sort(world.session, agent, case, world.desk, at=at)
        if message.channel == "phone":
            work.note(world.session, agent, case_id, "Called back and explained.", at=at)
        else:
            answer = world.dice.choice(ANSWERS)
            work.reply(world.session, agent, case_id, answer, desk=world.desk, at=at)
            if world.dice.random() < 0.3:
                waits = laid_out.wait(world.session, case)
                work.hold(world.session, agent, case_id, reason=waits, at=at)
                back = at + timedelta(hours=world.dice.uniform(2, 50))
                world.later(back, _writes_back(world, message, case_id, agent))
        _plans(world, case_id, agent, at)
        done = at + timedelta(hours=world.dice.expovariate(1 / 3.0))
        world.later(_office(done), _resolves(world, case_id, agent))

    return act


def _plans(world: _World, case_id: UUID, agent: Principal, at: datetime) -> None:
    """Now and then something is to be done, and mostly it is done in time."""
    if world.plans.random() > 0.4:
        return
    kind, subject = world.plans.choice(TO_DO)
    due = _office(at + timedelta(hours=world.plans.uniform(1, 70)))
    plan = work.Plan(kind, subject, due_at=due, minutes=world.plans.choice((5, 15, 30)))
    about = work.Regarding(case_id=case_id)
    activity = work.add_activity(world.session, agent, about, plan, at=at)

    def completes(at: datetime) -> None:
        if activity.state is ActivityState.OPEN and world.session.get_one(Case, case_id).open:
            work.complete_activity(world.session, agent, activity.id, at=at)

    if world.plans.random() < 0.8:
        world.later(due - timedelta(minutes=30), completes)


def _writes_back(
    world: _World, first: Message, case_id: UUID, agent: Principal
) -> Callable[[datetime], None]:
    def act(at: datetime) -> None:
        text = world.dice.choice(("Thank you, it works now.", "I tried it; the same again."))
        again = replace(
            first,
            subject=f"Re: {first.subject}",
            text=text,
            new_text=text,
            message_id=f"{new_id().hex}@{first.message_id.partition('@')[2]}",
            in_reply_to=(first.message_id,),
        )
        accept(world.session, [Arrival(again, "", at)], world.desk)
        soon = _office(at + timedelta(hours=world.dice.expovariate(1 / 2.0)))
        world.later(soon, _resolves(world, case_id, agent))

    return act


def _resolves(world: _World, case_id: UUID, agent: Principal) -> Callable[[datetime], None]:
    def act(at: datetime) -> None:
        if not world.session.get_one(Case, case_id).open:
            return
        work.resolve(
            world.session,
            agent,
            case_id,
            world.dice.choice(RESOLUTIONS),
            desk=world.desk,
            at=at,
            cancel_open_activities=True,
            billable_minutes=world.dice.choice((0, 15, 15, 30, 45)),
        )

    return act


def _office(at: datetime) -> datetime:
    """The same moment, or the next morning when nobody is at work then."""
    local = at.astimezone(MADRID)
    while local.weekday() >= 5 or not 8 <= local.hour < 19:
        local = (local + timedelta(hours=1)).replace(minute=local.minute)
    return local.astimezone(at.tzinfo)
