"""What rules may ask about a case: the fields of its conditions, their values, their columns.

A custom field is named with its kind, `number.seats`, so that a stored condition can be read
without asking the database what the field holds. One that no case has is missing from all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, object_session

from intake.around import FIELDS, SEARCHABLE, Opening, around, column
from intake.cases import Case, Priority, Reason, Severity, State
from intake.conditions import AT, BadCondition, Condition, Field, Fields, Kind
from intake.conditions.fields import did_you_mean
from intake.fields import CaseTag, FieldKind, FieldValue, Tag, topics
from intake.fields.custom import KEY, custom_fields

KINDS: Mapping[FieldKind, Kind] = {
    FieldKind.TEXT: Kind.TEXT,
    FieldKind.NUMBER: Kind.NUMBER,
    FieldKind.CHOICE: Kind.CHOICE,
    FieldKind.CHOICES: Kind.WORDS,
    FieldKind.DAY: Kind.DAY,
    FieldKind.INSTANT: Kind.INSTANT,
    FieldKind.YES_NO: Kind.YES_NO,
}


class CaseFields(Fields):
    """The fields of every case, and any custom field by its kind and key."""

    def __getitem__(self, name: str) -> Field:
        kind, key = _custom(name)
        if kind is None:
            return super().__getitem__(name)
        return Field(name, KINDS[kind], label=key.replace("_", " "))


CASE_FIELDS = CaseFields(
    Field("channel", Kind.CHOICE, label="channel"),
    Field("mailbox", Kind.CHOICE, label="mailbox"),
    Field("subject", Kind.TEXT, label="subject"),
    Field("priority", Kind.CHOICE, choices=tuple(p.value for p in Priority), label="priority"),
    Field("severity", Kind.CHOICE, choices=tuple(s.value for s in Severity), label="severity"),
    Field("type", Kind.ID, label="type"),
    Field("topic", Kind.ID, label="topic", inside=topics.within),
    Field("tags", Kind.WORDS, label="tags"),
    Field("account", Kind.ID, label="account"),
    Field("contact", Kind.ID, label="contact"),
    Field("product", Kind.ID, label="product"),
    Field("entitlement", Kind.ID, label="entitlement"),
    Field("covered", Kind.YES_NO, label="covered"),
    Field("state", Kind.CHOICE, choices=tuple(s.value for s in State), label="state"),
    Field("reason", Kind.CHOICE, choices=tuple(r.value for r in Reason), label="status reason"),
    Field("own_reason", Kind.ID, label="own status reason"),
    Field("queue", Kind.ID, label="queue"),
    Field("owner", Kind.ID, label="owner"),
    Field("team", Kind.ID, label="team"),
    Field("waiting", Kind.YES_NO, label="waiting for somebody"),
    Field("opened", Kind.INSTANT, label="opened"),
    Field("updated", Kind.INSTANT, label="changed"),
    Field("resolved", Kind.INSTANT, label="resolved"),
    Field("deadline", Kind.INSTANT, label="deadline"),
    Field("escalated", Kind.YES_NO, label="escalated"),
    Field("answered", Kind.YES_NO, label="answered"),
    Field("snoozed", Kind.YES_NO, label="snoozed"),
    *FIELDS,
)


class CaseFacts(Mapping[str, Any]):
    """What was known of a case when it was asked. What stands around it is read on demand."""

    def __init__(
        self, case: Case, plain: Mapping[str, Any], elsewhere: Mapping[str, Callable[[], Any]]
    ) -> None:
        self._case, self._plain, self._elsewhere = case, dict(plain), elsewhere

    def __getitem__(self, name: str) -> Any:
        if name in self._elsewhere and name not in self._plain:
            self._plain[name] = self._elsewhere[name]()
        if name == "tags":
            return [tag.name for tag in self._case.tags]
        kind, key = _custom(name)
        if kind is None:
            return self._plain[name]
        said = self._case.custom.get(key)
        return said.fact(kind) if said is not None else None

    def __iter__(self) -> Iterator[str]:
        return iter({**self._plain, **self._elsewhere, "tags": None})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def but(self, **changed: Any) -> CaseFacts:
        """The same facts, but for these."""
        return CaseFacts(self._case, {**self._plain, **changed}, self._elsewhere)


def facts_of(case: Case, *, at: datetime, opening: Opening | None = None) -> CaseFacts:
    """What is known of a case at that instant, as it opens or changes; absent things are None.

    `opening` is its first message where that is at hand; else it is found if a rule asks.
    """
    return CaseFacts(
        case,
        {
            AT: at,
            "channel": case.channel,
            "mailbox": case.mailbox,
            "subject": case.subject,
            "priority": case.priority.value,
            "severity": case.severity.value,
            "type": _id(case.type_id),
            "topic": _id(case.topic_id),
            "account": _id(case.account_id),
            "contact": _id(case.contact_id),
            "product": _id(case.product_id),
            "entitlement": _id(case.entitlement_id),
            "covered": case.entitlement_id is not None,
            "state": case.state.value,
            "reason": case.reason.value,
            "own_reason": _id(case.own_reason_id),
            "queue": _id(case.queue_id),
            "owner": _id(case.owner_id),
            "team": _id(case.team_id),
            "waiting": case.waiting_since_at is not None,
            "opened": case.opened_at,
            "updated": case.updated_at,
            "resolved": case.resolved_at,
            "deadline": case.deadline_at,
            "escalated": case.escalated_at is not None,
            "answered": case.first_response_at is not None,
            "snoozed": case.snoozed_at is not None,
        },
        {**around(case, opening), CASE_FIELDS["topic"].lineage: lambda: _lineage(case)},
    )


def _lineage(case: Case) -> list[UUID]:
    """The ids of its topic and of those that this is inside."""
    session = object_session(case)
    return [each.id for each in topics.lineage(session, case.topic_id)] if session else []


class CaseColumns(Mapping[str, ColumnElement[Any]]):
    """Where SQL finds the fields, in a statement that selects from `cases`."""

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        kind, key = _custom(name)
        if kind is not None:
            return _value(kind, key)
        if name in SEARCHABLE:
            return column(name)
        match name:
            case "tags":
                return _tags()
            case "covered":
                return Case.entitlement_id.is_not(None)
            case "waiting":
                return Case.waiting_since_at.is_not(None)
            case "escalated":
                return Case.escalated_at.is_not(None)
            case "answered":
                return Case.first_response_at.is_not(None)
            case "snoozed":
                return Case.snoozed_at.is_not(None)
        found: ColumnElement[Any] = Case.__table__.c[_COLUMNS[name]]
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in CASE_FIELDS if name not in _UNSEARCHABLE)

    def __len__(self) -> int:
        return len(CASE_FIELDS) - len(_UNSEARCHABLE)


_UNSEARCHABLE = frozenset(field.name for field in FIELDS) - SEARCHABLE
_COLUMNS: Mapping[str, str] = {
    "subject": "subject_folded",
    **{each: each for each in ("channel", "mailbox", "priority", "severity", "state", "reason")},
    **{each: f"{each}_id" for each in ("type", "topic", "account", "contact", "product")},
    **{each: f"{each}_id" for each in ("entitlement", "queue", "owner", "team", "own_reason")},
    **{each: f"{each}_at" for each in ("opened", "updated", "resolved", "deadline")},
}


def _value(kind: FieldKind, key: str) -> ColumnElement[Any]:
    kept = "folded" if kind in (FieldKind.TEXT, FieldKind.CHOICES) else kind.value
    mine = select(getattr(FieldValue, kept))
    mine = mine.where(FieldValue.case_id == Case.id, FieldValue.key == key)
    return mine.correlate(Case).scalar_subquery()


def _tags() -> ColumnElement[Any]:
    # As `conditions.joined` writes them; their order does not matter to what contains them.
    words = select("|" + func.aggregate_strings(Tag.folded, "|") + "|")
    mine = words.join(CaseTag, CaseTag.tag_id == Tag.id).where(CaseTag.case_id == Case.id)
    return mine.correlate(Case).scalar_subquery()


CASE_COLUMNS = CaseColumns()


def read_condition(condition: Mapping[str, Any]) -> Condition:
    """The condition over a case stored as this JSON. Raises BadCondition."""
    return _read(orjson.dumps(condition))


def check_condition(session: Session, condition: Mapping[str, Any]) -> Condition:
    """The condition, before it is stored: its custom fields are there. Raises BadCondition."""
    read = read_condition(condition)
    asked = {name for name in read.field_names() if _custom(name)[0] is not None}
    known = {f"{field.kind}.{field.key}" for field in custom_fields(session)} if asked else set()
    for name in sorted(asked - known):
        raise BadCondition(f'there is no custom field "{name:.80}"{did_you_mean(name, known)}')
    return read


def offered(session: Session) -> Fields:
    """The fields that somebody who writes a condition may choose from, custom ones last."""
    own = (Field(f.name, KINDS[f.kind], label=f.label) for f in custom_fields(session))
    return Fields(*CASE_FIELDS.values(), *own)


@lru_cache(maxsize=1024)
def _read(condition: bytes) -> Condition:
    return Condition.from_json(orjson.loads(condition), CASE_FIELDS)


def _custom(name: str) -> tuple[FieldKind | None, str]:
    """The kind and the key that the name of a custom field is made of."""
    said, dot, key = name.partition(".")
    if not dot or said not in tuple(FieldKind) or not KEY.fullmatch(key):
        return None, ""
    return FieldKind(said), key


def _id(value: object) -> str | None:
    return str(value) if value is not None else None
