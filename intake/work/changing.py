"""What a case says of itself: its subject, how bad it is, what it is about, the desk's own fields.

Any number of fields change in one act, with one event that tells of each what it was and is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from intake import checklists, terms
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import Case, Priority, Severity
from intake.desk import Desk
from intake.entitlements import ORIGINS
from intake.fields import (
    CaseType,
    CustomField,
    FieldValue,
    Required,
    WrongField,
    answers,
    tags,
    topics,
)
from intake.fields.custom import custom_fields
from intake.history import Changes
from intake.nouns import noun
from intake.products import Product

LONGEST_SUBJECT = 500

W = TypeVar("W", bound=StrEnum)


class NotFilledIn(WrongField):
    """A case is not opened by hand, or not resolved, before it says what must be known of it."""

    code = "not-filled-in"


def change_fields(
    session: Session,
    by: Principal,
    case_id: UUID,
    said: Mapping[str, object],
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Change these fields of a case; None empties one. A custom field is named `number.seats`.

    Raises WrongField, naming the field, and then changes none of them.
    """
    case = case_of(session, by, case_id, version=version)
    covered_as, was_of = (case.product_id, case.channel), case.type_id
    changes = say(session, case, said)
    if not changes and not session.is_modified(case):
        return case
    if covered_as != (case.product_id, case.channel):
        _cover_again(session, case, by, desk, at)
    if was_of != case.type_id:
        checklists.begin(session, case)
    return done(session, case, by, "case.changed", at, changes=changes)


def tag(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Put tags on a case and take others off; one that is new to the desk is made."""
    case = case_of(session, by, case_id, version=version)
    off = {tags.same(name) for name in remove}
    names = [tag.name for tag in case.tags if tag.folded not in off] + list(add)
    return change_fields(session, by, case_id, {"tags": names}, desk=desk, at=at)


def missing(session: Session, case: Case, when: Required) -> list[CustomField]:
    """The fields that must be filled in by then and are not."""
    return [
        field
        for field in custom_fields(session)
        if field.required in (when, Required.OPENING)
        and field.asked_of(case.type_id)
        and field.key not in case.custom
    ]


def must_be_filled_in(session: Session, case: Case) -> None:
    """Raises NotFilledIn, naming the first field, when a case cannot be resolved yet."""
    _refuse(missing(session, case, Required.RESOLVING), "before you resolve it")


def must_be_known(session: Session, case: Case) -> None:
    """Raises NotFilledIn, naming the first field, when nobody may open a case by hand like that."""
    _refuse(missing(session, case, Required.OPENING), f"to open {noun.a} like this")


def _refuse(empty: Sequence[CustomField], until: str) -> None:
    if empty:
        labels = ", ".join(field.label for field in empty)
        raise NotFilledIn(f"{empty[0].name}: fill in {labels} {until}")


def say(session: Session, case: Case, said: Mapping[str, object]) -> Changes:
    """Write what was said on the case; the changes that lie in other tables. Raises WrongField."""
    changes: Changes = {}
    known = {field.name: field for field in custom_fields(session)} if said.keys() - OWN else {}
    # The type first: it says which custom fields there are.
    for name in sorted(said, key=lambda name: name != "type"):
        if name in OWN:
            OWN_FIELDS[name](session, case, said[name])
        elif name == "tags":
            changes |= _tags(session, case, said[name])
        elif name in known:
            changes |= _answer(case, known[name], said[name])
        else:
            raise WrongField(f"{name:.60}: {noun.a} has no such field")
    return changes


def _tags(session: Session, case: Case, names: object) -> Changes:
    if not isinstance(names, (list, tuple)):
        raise WrongField("tags: give a list of words")
    was = [tag.name for tag in case.tags]
    case.tags = tags.named(session, [str(name) for name in names])
    now = [tag.name for tag in case.tags]
    return {} if was == now else {"tags": [was, now]}


def _answer(case: Case, field: CustomField, form: object) -> Changes:
    value = answers.read(field, form)
    held = case.custom.get(field.key)
    was = held.value if held is not None else None
    if value == was:
        return {}
    if value is not None and not field.asked_of(case.type_id):
        raise WrongField(f"{field.name}: it is not asked of {noun.many} of this type")
    if value is None:
        del case.custom[field.key]
    elif held is None:
        case.custom[field.key] = FieldValue.of(field, value)
    else:
        held.say(value)
    return {field.name: [was, value]}


def _cover_again(session: Session, case: Case, by: Principal, desk: Desk, at: datetime) -> None:
    terms.reconsider(session, case, desk, at=at)
    event = terms.event_of(case)
    terms.settle(session, case, on=desk.day(at), at=at, event=event, reason="fields changed", by=by)


def _subject(_session: Session, case: Case, said: object) -> None:
    words = " ".join(said.split()) if isinstance(said, str) else ""
    if not 0 < len(words) <= LONGEST_SUBJECT:
        raise WrongField(f"subject: write 1 to {LONGEST_SUBJECT} characters")
    if words != case.subject:
        case.subject = words


def _priority(_session: Session, case: Case, said: object) -> None:
    case.priority = _word("priority", Priority, said)


def _severity(_session: Session, case: Case, said: object) -> None:
    case.severity = _word("severity", Severity, said)


def _type(session: Session, case: Case, said: object) -> None:
    type_id = _id("type", said)
    found = session.get(CaseType, type_id) if type_id else None
    if type_id != case.type_id and type_id is not None and (found is None or found.archived_at):
        raise WrongField(f"type: there is no such type of {noun}, or none any more")
    case.type_id = type_id


def _topic(session: Session, case: Case, said: object) -> None:
    topic_id = _id("topic", said)
    given = topic_id is not None and topic_id != case.topic_id
    if given and topic_id not in {placed.topic.id for placed in topics.tree(session)}:
        raise WrongField("topic: there is no such topic, or none any more")
    case.topic_id = topic_id


def _product(session: Session, case: Case, said: object) -> None:
    product_id = _id("product", said)
    if product_id is not None and session.get(Product, product_id) is None:
        raise WrongField("product: there is no such product")
    case.product_id = product_id


def _channel(_session: Session, case: Case, said: object) -> None:
    if said not in ORIGINS:
        raise WrongField(f"channel: say one of {', '.join(sorted(ORIGINS))}")
    case.channel = str(said)


OWN_FIELDS: Mapping[str, Callable[[Session, Case, object], None]] = {
    "subject": _subject,
    "priority": _priority,
    "severity": _severity,
    "type": _type,
    "topic": _topic,
    "product": _product,
    "channel": _channel,
}
OWN = frozenset(OWN_FIELDS)


def _word(field: str, words: type[W], said: object) -> W:
    try:
        return words(str(said))
    except ValueError:
        raise WrongField(f"{field}: say one of {', '.join(words)}") from None


def _id(field: str, said: Any) -> UUID | None:
    try:
        return None if said in (None, "") else UUID(str(said))
    except ValueError:
        raise WrongField(f"{field}: {said!s:.60} is not an id") from None
