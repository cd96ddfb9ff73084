"""The third door: time passes. One tick moves everything that time moves.

Each kind of due work is one line of WORK: a query that finds what is due by an index, so that a
tick costs what is due and not what is open, and a function that moves it. A thing happens once
because the row that says when is changed in the transaction that says it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.event import listen, remove
from sqlalchemy.orm import Session

from intake import (
    alerts,
    assigning,
    attendance,
    bulk,
    coverage,
    follow_ups,
    news,
    reminders,
    renewals,
    retention,
    sla,
    snoozing,
    viewers,
    webhooks,
)
from intake.automation import feed, log, timers
from intake.cases import Case
from intake.desk import Desk
from intake.events import Delivery, Event
from intake.letters import Mailbag
from intake.nouns import noun
from intake.sla import KpiInstance

BATCH = 200
LISTED = 5
LOOKS = 200
"""Of how many instants at the most a look ahead consists."""
UNSAID = frozenset({"number", "version", "changes"})
"""What an event holds for programs, and a line for an operator leaves out."""


class Move(Protocol):
    """Moves up to `limit` of what is due at that instant, locked; how many it moved."""

    def __call__(self, session: Session, desk: Desk, *, at: datetime, limit: int) -> int: ...


@dataclass(frozen=True, slots=True)
class DueWork:
    """One kind of thing that time moves. `due` selects, by an index, what `move` would move."""

    name: str
    due: Callable[[Desk, datetime], Select[Any]]
    move: Move
    at_once: int = BATCH
    """How many of them one tick moves."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick moved; `more` says that a batch was full and another tick should follow."""

    moved: Mapping[str, int] = field(default_factory=dict)
    more: bool = False


def any_due(session: Session, desk: Desk, *, at: datetime, more: Sequence[DueWork] = ()) -> bool:
    """Whether a tick would move anything; asked without disturbing those who write."""
    return any(session.scalar(work.due(desk, at).limit(1)) is not None for work in (*WORK, *more))


def tick(session: Session, desk: Desk, *, at: datetime, more: Sequence[DueWork] = ()) -> Tick:
    """Move what is due at that instant, each kind in its turn; `more` is what the layers above
    have that time moves."""
    moved, full = {}, False
    for work in (*WORK, *more):
        moved[work.name] = work.move(session, desk, at=at, limit=work.at_once)
        full = full or moved[work.name] >= work.at_once
        session.flush()
    return Tick(moved, more=full)


def foresee(
    session: Session,
    desk: Desk,
    *,
    at: datetime,
    since: datetime | None = None,
    more: Sequence[DueWork] = (),
) -> list[Event | Delivery]:
    """What the clock would record and promise by that instant, in its order.

    With `since`, time passes from then as it does for a desk that runs: each thing when it is due,
    told apart as far as LOOKS allow. Without, as for a desk that starts at `at` after a pause.
    It is done in the caller's transaction, for the caller to undo: nothing else tells it exactly.
    """
    seen: list[Event | Delivery] = []

    def note(written: Session, *_: object) -> None:
        fresh = [row for row in written.new if isinstance(row, Event | Delivery)]
        seen.extend(row for row in fresh if row not in seen)

    listen(session, "before_flush", note)
    moment = at if since is None else min(since, at)
    step = max((at - moment) / LOOKS, timedelta(seconds=1))
    while True:
        while any(tick(session, desk, at=moment, more=more).moved.values()):
            pass
        if moment >= at:
            break
        moment = _next_due(session, desk, moment, at, step, more)
    remove(session, "before_flush", note)
    return seen


def _next_due(
    session: Session,
    desk: Desk,
    after: datetime,
    until: datetime,
    step: timedelta,
    more: Sequence[DueWork],
) -> datetime:
    """The first instant after one, to within a step, at which something is due; else `until`."""

    def due(at: datetime) -> bool:
        return any_due(session, desk, at=at, more=more)

    low, high = after, until
    if due(low) or not due(high):
        return until  # what is due and does not move waits for somebody else
    while high - low > step:
        middle = low + (high - low) / 2
        low, high = (low, middle) if due(middle) else (middle, high)
    return high


def in_words(row: Event | Delivery) -> str:
    """One line for an operator: a fact with what it says, or a promise with whom it reaches."""
    if isinstance(row, Delivery):
        subject = row.payload.get("subject", "")
        said = f"{row.channel} {row.kind} to {row.target}" + (f": {subject}" if subject else "")
        return said if row.due_at == row.promised_at else f"{said} (at {row.due_at:%F %R %Z})"
    said = ", ".join(f"{name} {_in_few(row.data[name])}" for name in row.data if name not in UNSAID)
    case = f" {noun} {row.data['number']}" if "number" in row.data else ""
    return f"{row.kind}{case}: {said}"


def _in_few(value: object) -> object:
    """A long list by how many it holds."""
    return f"({len(value)})" if isinstance(value, list) and len(value) > LISTED else value


def move_clocks(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Move the clocks that are due, and tell of what they reached; how many were due."""
    due = session.scalars(
        sla.due_at(at)
        .with_only_columns(KpiInstance.case_id)
        .order_by(KpiInstance.next_at)
        .limit(limit)
    ).all()
    cases = _locked(session, set(due))
    running: dict[UUID, list[KpiInstance]] = {case_id: [] for case_id in cases}
    for instance in sla.of_cases(session, list(cases)):
        running[instance.case_id].append(instance)
    mailbag = Mailbag(desk, at=at)
    for case_id, instances in running.items():
        _move_clocks_of(session, cases[case_id], instances, mailbag, desk, at)
    mailbag.promise(session)
    return sum(1 for case_id in due if case_id in cases)


def _move_clocks_of(
    session: Session,
    case: Case,
    instances: Sequence[KpiInstance],
    mailbag: Mailbag,
    desk: Desk,
    at: datetime,
) -> None:
    reached = []
    for instance in instances:
        if instance.next_at is not None and instance.next_at <= at:
            sla.look(instance, at=at)
            reached += [(instance, milestone) for milestone in sla.told(instance)]
    sla.note_deadline(case, instances)
    # Afterwards, for what is told may change the case, and so its clocks.
    for instance, milestone in reached:
        alerts.tell(session, case, instance, milestone, mailbag, desk, at=at)


def _locked(session: Session, case_ids: set[UUID]) -> dict[UUID, Case]:
    """These cases, held so that an agent's act comes before or after; those that somebody else
    holds are left for the next tick. Clocks are only ever changed by whoever holds their case."""
    found = session.scalars(
        select(Case)
        .where(Case.id.in_(case_ids))
        .order_by(Case.id)
        .with_for_update(skip_locked=True, of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    return {case.id: case for case in found}


# Another kind of due work is a query and a function in the module of its noun, and a line here.
WORK: tuple[DueWork, ...] = (
    DueWork("clocks", lambda _desk, at: sla.due_at(at), move_clocks),
    # Before the entitlements: a contract that begins makes one for each of its lines.
    DueWork("contracts", coverage.due, coverage.move),
    DueWork("entitlements", renewals.due, renewals.move),
    DueWork("presence", attendance.lapse_due, attendance.lapse),
    DueWork("absence", attendance.give_back_due, attendance.give_back),
    # After those that free somebody or something, so that one tick gives on what it can.
    DueWork("freed", assigning.freed_due, assigning.call),
    DueWork("assignment", assigning.due, assigning.move),
    DueWork("activities", reminders.due, reminders.move),
    DueWork("snoozes", snoozing.due, snoozing.move),
    DueWork("follow-ups", follow_ups.due, follow_ups.move),
    DueWork("viewers", viewers.due, viewers.move),
    DueWork("followers", news.due, news.move),
    DueWork("bulk", bulk.due, bulk.move, at_once=bulk.AT_ONCE),
    # After all that records what happened, so that rules see it in the same tick.
    DueWork("automation", feed.due, feed.move),
    DueWork("automation timers", timers.due, timers.move),
    DueWork("automation set-up", timers.filling_due, timers.fill),
    DueWork("automation log", log.due, log.forget),
    DueWork("filtered mail", retention.filtered_due, retention.drop_filtered),
    DueWork("closed mail", retention.closed_due, retention.drop_closed),
    DueWork("sent mail", retention.letters_due, retention.forget_letters),
    DueWork("webhook calls", webhooks.forgetting.due, webhooks.forgetting.forget),
    DueWork("sign-in links", retention.links_due, retention.forget_links),
    DueWork("sign-ins", retention.sessions_due, retention.forget_sessions),
)
