"""What an SLA must be before it promises anything; every refusal names the field.

`items[2].warn_after_minutes: the warning must come before the failure ...`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake.agents import Agent
from intake.cases import REASONS, OwnReason, State
from intake.conditions import BadCondition, Condition
from intake.endpoints import Endpoint
from intake.errors import IntakeError
from intake.facts import check_condition
from intake.fields import CaseType, FieldKind, Topic
from intake.fields.answers import read
from intake.fields.custom import CustomField, custom_fields
from intake.queues import Queue
from intake.sla.actions import SAID, Action, BadAction, Do
from intake.sla.holding import on_hold
from intake.sla.promises import BY_MESSAGES, From, Kpi, ServiceCalendar, Sla, SlaItem, hours_of

LONGEST_MINUTES = 3_653 * 24 * 60
"""Ten years. What is allowed longer than this is a slip of the hand."""
PAUSING = tuple(reason.value for reason in REASONS[State.ACTIVE] if on_hold(reason))
"""The statuses that can stop a clock: those in which a case waits."""
CHANGED_BY = {
    Kpi.FIRST_RESPONSE: {"answered"},
    Kpi.NEXT_RESPONSE: set(),
    Kpi.FOLLOW_UP: set(),
    Kpi.RESOLVE_BY: {"state", "reason", "own_reason"},
}
"""The fields that keeping a promise by its usual act changes."""
DATES = (FieldKind.DAY, FieldKind.INSTANT)


ENDS = {Kpi.FIRST_RESPONSE: From.FIRST_RESPONSE, Kpi.RESOLVE_BY: From.RESOLVED}
"""The instants that keep a promise by its usual act, from which it cannot begin."""


class NotAnSla(IntakeError):
    """An SLA that cannot be activated; the text begins with the field that is wrong."""

    code = "sla-incomplete"


def check(session: Session, sla: Sla, *, slack: bool, at: datetime) -> None:
    """Raises NotAnSla, naming the field, unless it can be put in force; `slack` says whether a
    workspace is connected."""
    if not sla.items:
        raise NotAnSla("items: there is nothing in it; add what is promised")
    check_draft(session, sla.items, sla.chosen_when, slack=slack, at=at)


def check_draft(
    session: Session,
    items: Sequence[SlaItem],
    chosen_when: Mapping[str, Any] | None,
    *,
    slack: bool,
    at: datetime,
) -> None:
    """Raises NotAnSla, naming the field, unless every clause can be kept and can be broken.

    A draft may hold no clause yet.
    """
    if chosen_when is not None:
        with _naming("chosen_when"):
            _read(session, chosen_when)
    for place, item in enumerate(items):
        _find_hours(session, item, f"items[{place}]")
        _check_item(session, item, f"items[{place}]", at)
        _find_slack(item, f"items[{place}]", slack)
        _find_targets(session, item, f"items[{place}]")


def check_start(kpi: Kpi, start: From, *, own_success: bool, place: str = "") -> None:
    """Raises NotAnSla unless a promise of that KPI can count from that instant."""
    if (start in BY_MESSAGES) != (kpi is Kpi.NEXT_RESPONSE):
        raise NotAnSla(
            f"{place}applicable_from: “{kpi}” cannot count from “{start}”; a next response, "
            f"and nothing else, counts from {' or '.join(sorted(BY_MESSAGES))}"
        )
    if not own_success and start is ENDS.get(kpi):
        raise NotAnSla(f"{place}applicable_from: “{start}” is what keeps “{kpi}”")


def check_field(session: Session, start: From, field: str | None, place: str = "") -> None:
    """Raises NotAnSla unless the field is one of a date, where a promise counts from a field."""
    if start is not From.DATE_FIELD:
        if field is not None:
            raise NotAnSla(
                f"{place}from_field: only what counts from a “{From.DATE_FIELD}” has one"
            )
        return
    known = [each.name for each in dates(session)]
    if field not in known:
        there = f"; there is {', '.join(known[:20])}" if known else "; add one to the fields first"
        raise NotAnSla(f"{place}from_field: no date is asked in “{field or ''}”{there}")


def dates(session: Session) -> list[CustomField]:
    """The custom fields from which a promise can count."""
    return [field for field in custom_fields(session) if field.kind in DATES]


def starts_of(kpi: Kpi) -> tuple[From, ...]:
    """The instants from which a promise of that KPI can count, kept by its usual act."""
    by_messages = kpi is Kpi.NEXT_RESPONSE
    return tuple(
        start
        for start in From
        if (start in BY_MESSAGES) is by_messages and start is not ENDS.get(kpi)
    )


def check_pauses(pauses: Sequence[str] | None, place: str = "") -> None:
    """Raises NotAnSla unless each is a status in which a case waits."""
    for reason in pauses or ():
        if reason not in PAUSING:
            raise NotAnSla(f"{place}pauses: “{reason}” is none of {', '.join(PAUSING)}")


def _read(session: Session, form: Mapping[str, Any]) -> Condition:
    """The condition. Raises BadCondition for one that time alone makes true or false: a promise is
    asked about when something happens to a case, not as time passes."""
    condition = check_condition(session, form)
    for each in condition.comparisons():
        if each.relative:
            raise BadCondition(
                f"“{each.in_words()}” changes as time passes, and a promise does not ask again "
                "then; say by which time it fails, or use a time rule"
            )
    return condition


def _find_hours(session: Session, item: SlaItem, place: str) -> None:
    if item.calendar_id is not None:
        item.calendar = session.get(ServiceCalendar, item.calendar_id)
        if item.calendar is None:
            raise NotAnSla(f"{place}.calendar: there is no such calendar")


def _find_targets(session: Session, item: SlaItem, place: str) -> None:
    for number, form in enumerate(item.actions or ()):
        for field, row in (("queue", Queue), ("agent", Agent), ("endpoint", Endpoint)):
            if field in form and session.get(row, UUID(str(form[field]))) is None:
                raise NotAnSla(f"{place}.actions[{number}].{field}: there is no such {field}")
        if form["do"] == Do.CHANGE:
            with _naming(f"{place}.actions[{number}]"):
                _check_change(session, Action.from_json(form))


def _check_change(session: Session, action: Action) -> None:
    """Raises BadAction unless what a case becomes is there and in use."""
    if action.reason and action.reason not in REASONS[State.ACTIVE]:
        own = session.get(OwnReason, UUID(action.reason))
        if own is None or own.retired_at is not None or own.kind_of not in REASONS[State.ACTIVE]:
            raise BadAction("reason: there is no such status reason of open cases")
    known = {each.name: each for each in custom_fields(session)}
    for name, value in action.said.items():
        if name in SAID:
            found = _sorted_by(session, name, UUID(value))
            if found is None or found.archived_at is not None:
                raise BadAction(f"{name}: there is no such {name}")
        elif name not in known:
            raise BadAction(f"{name:.60}: there is no such field")
        else:
            read(known[name], value)


def _sorted_by(session: Session, name: str, id: UUID) -> CaseType | Topic | None:
    return session.get(CaseType, id) if name == "type" else session.get(Topic, id)


def _find_slack(item: SlaItem, place: str, slack: bool) -> None:
    for number, form in enumerate(item.actions or ()):
        if form["do"] == Do.SLACK and not slack:
            raise NotAnSla(
                f"{place}.actions[{number}].do: Slack is not connected; set slack_bot_token, or "
                "do something else"
            )


def _check_item(session: Session, item: SlaItem, place: str, at: datetime) -> None:
    _check_spans(item, place)
    own_success = item.success_when is not None
    check_start(item.kpi, item.starts_from, own_success=own_success, place=f"{place}.")
    check_field(session, item.starts_from, item.from_field, f"{place}.")
    needs = set(CHANGED_BY[item.kpi])
    if item.success_when is not None:
        with _naming(f"{place}.success_when"):
            needs = set(_read(session, item.success_when).field_names())
            if not needs:
                raise BadCondition("asks for nothing, so that it would be kept at once")
    if item.applicable_when is not None:
        with _naming(f"{place}.applicable_when"):
            both = needs & _read(session, item.applicable_when).field_names()
        if both:
            raise NotAnSla(
                f"{place}.applicable_when: {min(both)} changes when the promise is kept, "
                "so that keeping it would cancel it; ask for something else"
            )
    check_pauses(item.pauses, f"{place}.")
    for number, form in enumerate(item.actions or ()):
        with _naming(f"{place}.actions[{number}]"):
            action = Action.from_json(form)
        if action.on == "warning" and item.warn_after_minutes is None:
            raise NotAnSla(f"{place}.actions[{number}].on: this item never warns")
    with _naming(f"{place}.calendar"):
        hours_of(item).add(at, item.fail_after)


def _check_spans(item: SlaItem, place: str) -> None:
    for field in ("fail_after_minutes", "warn_after_minutes"):
        minutes = getattr(item, field)
        if minutes is None and field == "warn_after_minutes":
            continue
        if minutes is None or minutes <= 0:
            raise NotAnSla(f"{place}.{field}: must be longer than nothing")
        if minutes > LONGEST_MINUTES:
            days = LONGEST_MINUTES // (24 * 60)
            raise NotAnSla(f"{place}.{field}: must be {days} days at most")
    if item.warn_after_minutes is not None and item.warn_after_minutes >= item.fail_after_minutes:
        raise NotAnSla(
            f"{place}.warn_after_minutes: the warning must come before the failure, which is "
            f"after {item.fail_after_minutes} minutes"
        )


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Let what is wrong inside say where it stands."""
    try:
        yield
    except IntakeError as error:
        raise NotAnSla(f"{place}: {error}") from error
