"""What is to be done: planned, planned otherwise, given to somebody.

What is planned is an activity like any other, only open: of a case, or of an account, a contact or
a contract. Completed (`finishing`) it is part of the story, and its time counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake.acting import case_of
from intake.agents import Act, Agent, Principal
from intake.answering import answered, is_answer
from intake.cases import NEVER, Activity, ActivityKind, ActivityState, Case, Direction
from intake.contracts import Contract
from intake.customers import Account, Contact
from intake.db import new_id
from intake.errors import NotFound
from intake.nouns import noun
from intake.visibility import visible_to
from intake.work.planned import (
    WrongActivity,
    check_minutes,
    end,
    held,
    must_be,
    remind,
    take_time,
    tell,
)

PLANNED = (
    ActivityKind.TASK,
    ActivityKind.PHONE_CALL,
    ActivityKind.EMAIL,
    ActivityKind.APPOINTMENT,
    ActivityKind.LETTER,
    ActivityKind.CHAT,
    ActivityKind.NOTE,
)
"""What can be planned, or written down as done. The others come about by themselves."""
BOTH_WAYS = frozenset({ActivityKind.PHONE_CALL, ActivityKind.LETTER})
SUBJECT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Regarding:
    """What an activity is about: one of these."""

    case_id: UUID | None = None
    account_id: UUID | None = None
    contact_id: UUID | None = None
    contract_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in whose words, until when and for how long."""

    kind: ActivityKind
    subject: str
    text: str = ""
    due_at: datetime | None = None
    minutes: int = 0


def add_activity(
    session: Session,
    by: Principal,
    about: Regarding,
    plan: Plan,
    *,
    at: datetime,
    owner_id: UUID | None = None,
    direction: Direction | None = None,
    completed: bool = False,
    billable: bool = True,
) -> Activity:
    """Plan something, for oneself unless an owner is named; or write down what is done already.

    Raises NotOpen for a closed case, and WrongActivity naming the field.
    """
    case = _subject_of(session, by, about)
    activity = Activity(
        id=new_id(),
        case_id=about.case_id,
        account_id=about.account_id,
        contact_id=about.contact_id,
        contract_id=about.contract_id,
        kind=plan.kind,
        direction=_direction(plan.kind, direction, completed=completed),
        state=ActivityState.OPEN,
        at=at,
        agent_id=by.id,
        author_name=by.name,
        version=1,
    )
    owner = _owner(session, case, owner_id or by.id)
    activity.owner_id = owner.id if owner else None
    _write(activity, plan, at=at)
    session.add(activity)
    if completed:
        end(session, by, activity, ActivityState.COMPLETED, at)
        take_time(session, by, activity, plan.minutes, billable)
        if case is not None and is_answer(activity):
            answered(session, case, at=at)
    tell(session, by, case, activity, "completed" if completed else "added", at)
    return activity


def edit_activity(
    session: Session,
    by: Principal,
    activity_id: UUID,
    plan: Plan,
    *,
    at: datetime,
    version: int | None = None,
) -> Activity:
    """Plan it otherwise. Whoever was reminded is reminded again when another time is due."""
    activity, case = held(session, by, activity_id, version)
    must_be(activity, ActivityState.OPEN)
    before = _plan_of(activity)
    _write(activity, plan, at=at)
    after = _plan_of(activity)
    was = {name: value for name, value in before.items() if value != after[name]}
    now = {name: after[name] for name in was}
    if was:
        tell(session, by, case, activity, "changed", at, was=was, now=now)
    return activity


def assign_activity(
    session: Session,
    by: Principal,
    activity_id: UUID,
    agent_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
) -> Activity:
    """Let somebody else do it; of a case only who may see the case."""
    activity, case = held(session, by, activity_id, version)
    must_be(activity, ActivityState.OPEN)
    owner = _owner(session, case, agent_id)
    assert owner is not None, "an agent was named"
    activity.owner_id = owner.id
    tell(session, by, case, activity, "assigned", at, owner=owner.name)
    return activity


def _subject_of(session: Session, by: Principal, about: Regarding) -> Case | None:
    """The case, locked; None where it is about another record that is there."""
    by.must(Act.WORK)
    named: list[tuple[type[Any], UUID | None, str]] = [
        (Case, about.case_id, "case"),
        (Account, about.account_id, "account"),
        (Contact, about.contact_id, "contact"),
        (Contract, about.contract_id, "contract"),
    ]
    given = [(table, id, name) for table, id, name in named if id is not None]
    if len(given) != 1:
        raise WrongActivity(f"regarding: name one of {noun.a}, an account, a contact or a contract")
    [(table, id, name)] = given
    if table is Case:
        assert id is not None, "what is given has an id"
        return case_of(session, by, id, version=None)
    if session.get(table, id) is None:
        raise NotFound(f"there is no such {name}")
    return None


def _owner(session: Session, case: Case | None, agent_id: UUID | None) -> Agent | None:
    if agent_id is None:
        return None
    agent = session.get(Agent, agent_id)
    if agent is None or not agent.active:
        raise WrongActivity("owner: there is no such active agent")
    if case is not None:
        seen = visible_to(agent.principal("")).where(Case.id == case.id)
        if session.scalar(seen.with_only_columns(Case.id)) is None:
            raise WrongActivity(f"owner: {agent.name} may not see {noun} {case.number}")
    return agent


def _direction(kind: ActivityKind, said: Direction | None, *, completed: bool) -> Direction:
    if kind not in PLANNED:
        raise WrongActivity(f"kind: a {kind} comes about by itself and is not planned")
    if kind not in BOTH_WAYS:
        # What the customer sees of a mail or a chat is what was sent, never what was planned.
        return Direction.INTERNAL
    if said is Direction.INCOMING and not completed:
        raise WrongActivity("direction: what a customer will do cannot be planned")
    return said or Direction.OUTGOING


def _write(activity: Activity, plan: Plan, *, at: datetime) -> None:
    if plan.kind not in PLANNED:
        raise WrongActivity(f"kind: a {plan.kind} comes about by itself and is not planned")
    subject = " ".join(plan.subject.split())
    if not subject:
        raise WrongActivity("subject: there are no words; say what is to be done")
    if len(subject) > SUBJECT_LENGTH:
        raise WrongActivity(f"subject: at most {SUBJECT_LENGTH} characters")
    check_minutes(plan.minutes)
    moved = plan.due_at != activity.due_at
    if plan.kind is not activity.kind:
        activity.direction = _direction(plan.kind, None, completed=False)
    activity.kind, activity.subject = plan.kind, subject
    activity.text = activity.new_text = plan.text.strip()
    activity.due_at, activity.order_at = plan.due_at, plan.due_at or NEVER
    activity.duration_minutes = plan.minutes
    if moved:
        remind(activity, at)


def _plan_of(activity: Activity) -> dict[str, Any]:
    return {
        "kind": activity.kind.value,
        "subject": activity.subject,
        "text": activity.text,
        "due_at": activity.due_at.isoformat() if activity.due_at else None,
        "minutes": activity.duration_minutes,
    }
