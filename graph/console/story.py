"""The story of a case as a page tells it: what was said and what happened, in the order of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, selectinload

from graph.console.words import Times
from intake.cases import Activity, ActivityState, Case
from intake.events import Delivery, Event
from intake.nouns import noun

_BLANK = re.compile(r"\{(\w+)\}")
AT_MOST = 200
FAR = 4
TEXT_SHOWN = 20_000
HISTORY_SHOWN = 100_000

# What somebody did to a case, after their name, and what came about by itself. What an activity
# tells already, such as an answer, is not told twice.
DONE = {
    "case.picked": "took the {noun}",
    "case.released": "gave the {noun} back to its queue",
    "case.assigned": "gave the {noun} to {name}{reasons}",
    "case.skills_required": "asked for skills: {skills}",
    "case.left_queue": "took the {noun} out of {queue}",
    "case.routed": "moved the {noun} to {queue}",
    "case.routed_again": "asked the routing rules again: {to}, {why}",
    "case.macro_applied": "applied “{macro}”",
    "case.held": "put the {noun} on hold: {called}",
    "case.reason_set": "set the status reason: {called}",
    "case.resumed": "resumed work",
    "case.reopened": "reopened the {noun}",
    "case.escalated": "escalated the {noun}",
    "case.prioritised": "changed the priority from {was} to {priority}",
    "case.changed": "changed {fields}",
    "case.item_ticked": "saw to “{item}”",
    "case.followed": "let {agents} follow the {noun}",
    "case.sla_chosen": "chose another SLA",
    "case.cancelled": "cancelled the {noun}. {text}",
    "case.merged": "merged {merged} into this {noun}",
    "case.merged_away": "merged this {noun} into {survivor}",
    "case.kept_apart": "kept the {noun} apart from an earlier one",
    "case.parted": "parted {parted} from this {noun}",
    "case.unmerged": "parted this {noun} from {survivor}",
    "case.message_split_off": "split a message off into {to}",
    "case.message_moved_away": "moved a message to {to}",
    "case.message_moved_here": "moved a message here from {source}",
    "case.message_put_back": "put a message back from {source}",
    "case.child_opened": "opened {noun} {child} for a part of it",
    "case.child_linked": "made {noun} {child} a part of this one",
    "case.child_unlinked": "unlinked {noun} {child}",
    "case.linked": "made this a part of {noun} {parent}",
    "case.unlinked": "unlinked this from {noun} {parent}",
    "activity.added": "planned {subject} ({activity_kind})",
    "activity.changed": "changed what is planned: {subject}",
    "activity.assigned": "gave {subject} to {owner}",
    "activity.cancelled": "called off: {subject}",
    "activity.reopened": "took up again: {subject}",
    "case.put_back": "put it back as it was before many {nouns} were changed",
    "case.snoozed": "put the {noun} off",
    "case.follow_up_agreed": "agreed on a follow-up",
}
CAME_ABOUT = {
    "case.opened": "Came by {channel} and was put in {queue}",
    "case.woken": "It is back among the open {nouns}: {because}",
    "case.follow_up_due": "The follow-up is due",
    "case.given_back": "Went back to {queue}, for {name} is not here",
    "activity.due": "Due: {subject}",
    "sla.nearing": "The promise of {kpi} is due soon",
    "sla.noncompliant": "The promise of {kpi} was missed",
    "sla.succeeded": "The promise of {kpi} was kept",
    "delivery.made": "The {delivery_kind} was delivered when it was tried again",
    "delivery.failed": "The {delivery_kind} could not be delivered: {reason}",
}
TOLD_BY_ACTIVITIES = {
    "case.replied": "answered the customer",
    "case.answered_by_rule": "answered the customer by itself",
    "case.noted": "wrote a note",
    "activity.completed": "completed: {subject}",
    "case.time_logged": "wrote down {minutes} minutes",
    "case.resolved": "resolved the {noun}",
    "message.received": "wrote",
}
OPENED_AS_CHILD = "Opened for a part of {noun} {parent}, in {queue}"
URGENT = frozenset({"sla.noncompliant", "delivery.failed"})


@dataclass(frozen=True, slots=True)
class Said:
    """An activity: a mail, a call, a chat line, a note."""

    activity: Activity
    text: str
    rest: str
    """What did not fit into `text`."""
    history: str
    """Everything, quoted history included, when that is more than what was said this time."""
    has_html: bool
    delivery: Delivery | None

    @property
    def at(self) -> datetime:
        """When it was said."""
        return self.activity.at


@dataclass(frozen=True, slots=True)
class Happened:
    """An event in a few words; `who` is '' for what came about by itself."""

    at: datetime
    who: str
    words: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """What was said and happened on one day."""

    name: str
    entries: tuple[Said | Happened, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All of it, by days; `cut` when there was more than we show."""

    days: tuple[Day, ...]
    cut: bool
    latest: UUID | None
    """The last that was said, where it is far from the top."""
    seen: int
    """The last event that is told: what comes after it is news."""
    pulse: str
    """Changes whenever the story would be told otherwise, apart from the time."""


def of_case(session: Session, case: Case, times: Times) -> Story:
    """The story of a case: its latest AT_MOST activities and events, oldest first."""
    activities = _activities(session, case)
    events = _events(session, case)
    deliveries = _deliveries(session, case)
    entries: list[Said | Happened] = [
        _said(activity, has_html, deliveries.get(activity.id)) for activity, has_html in activities
    ]
    first_at = activities[0][0].at if activities else case.opened_at
    entries += [
        told
        for event in events
        if event.at >= first_at and (told := _happened(event, DONE)) is not None
    ]
    entries.sort(key=lambda entry: entry.at)
    days = tuple(
        Day(name, tuple(part)) for name, part in groupby(entries, key=lambda e: times.day(e.at))
    )
    seen = events[-1].sequence if events else 0
    latest = activities[-1][0].id if len(activities) >= FAR else None
    return Story(days, len(activities) == AT_MOST, latest, seen, _pulse(case, deliveries.values()))


def news(session: Session, case: Case, *, since: int) -> list[Happened]:
    """What happened to a case after that event, for somebody who did not see it yet."""
    later = session.scalars(
        select(Event)
        .where(Event.case_id == case.id, Event.sequence > since)
        .order_by(Event.sequence)
        .limit(20)
    )
    told = (_happened(event, {**DONE, **TOLD_BY_ACTIVITIES}) for event in later)
    return [entry for entry in told if entry is not None]


def pulse(session: Session, case: Case) -> str:
    """A word that changes whenever the story would be told otherwise, apart from the time."""
    return _pulse(case, _deliveries(session, case).values())


def _activities(session: Session, case: Case) -> Sequence[tuple[Activity, bool]]:
    # The HTML may be megabytes and is shown in a frame of its own: here it only has to exist.
    latest = session.execute(
        select(Activity, Activity.html != "")
        .where(Activity.case_id == case.id, Activity.state == ActivityState.COMPLETED)
        .order_by(Activity.at.desc(), Activity.id.desc())
        .limit(AT_MOST)
        .options(defer(Activity.html, raiseload=True), selectinload(Activity.attachments))
    )
    return [(activity, has_html) for activity, has_html in latest][::-1]


def _events(session: Session, case: Case) -> Sequence[Event]:
    latest = session.scalars(
        select(Event).where(Event.case_id == case.id).order_by(Event.sequence.desc()).limit(AT_MOST)
    )
    return list(latest)[::-1]


def _deliveries(session: Session, case: Case) -> Mapping[UUID, Delivery]:
    """The delivery of each activity that reaches the customer; announcements to us aside."""
    rows = session.scalars(
        select(Delivery)
        .where(Delivery.case_id == case.id, Delivery.kind == "reply")
        .where(Delivery.activity_id.is_not(None))
        .order_by(Delivery.promised_at)
    )
    return {row.activity_id: row for row in rows if row.activity_id is not None}


def _pulse(case: Case, deliveries: Iterable[Delivery]) -> str:
    sent = [f"{delivery.state.value[0]}{delivery.attempts}" for delivery in deliveries]
    return f"{case.version}-{''.join(sent[-20:])}"


def _said(activity: Activity, has_html: bool, delivery: Delivery | None) -> Said:
    text = (activity.new_text or activity.text).strip("\n")
    history = activity.text if activity.text.strip() != text.strip() else ""
    return Said(
        activity,
        text[:TEXT_SHOWN],
        text[TEXT_SHOWN : TEXT_SHOWN + HISTORY_SHOWN],
        history[:HISTORY_SHOWN],
        has_html,
        delivery,
    )


def _happened(event: Event, done: Mapping[str, str]) -> Happened | None:
    """An event in words; None for one that is told elsewhere or not at all."""
    if event.kind in done:
        who = event.actor_name or "Somebody"
        return Happened(event.at, who, _filled(done[event.kind], event.data | _named(event.data)))
    if event.kind not in CAME_ABOUT or event.data.get("delivery_kind") == "reply":
        return None
    told = OPENED_AS_CHILD if "parent" in event.data else CAME_ABOUT[event.kind]
    words = _filled(told, event.data)
    return Happened(event.at, "", words, event.kind in URGENT)


def _named(data: Mapping[str, Any]) -> dict[str, str]:
    """What an event holds in lists, in words."""
    fields = [name.partition(".")[2] or name for name in data.get("changes", {})]
    return {
        "fields": ", ".join(name.replace("_", " ") for name in fields),
        "agents": ", ".join(data.get("agents", ())),
        "reasons": f": {data['why']}" if data.get("why") else "",
    }


def _filled(words: str, data: Mapping[str, Any]) -> str:
    # In one pass: a value that looks like a placeholder stays what it is.
    said = {**noun.words, **data}
    return _BLANK.sub(lambda blank: _plain(said.get(blank[1], "")), words).strip()


def _plain(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
