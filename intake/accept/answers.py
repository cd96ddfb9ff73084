"""What a form asked besides becomes what the new case says in its custom fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from intake.accept.books import Books
from intake.cases import Case
from intake.fields import FieldValue, WrongField, answers
from intake.messages import Message


@dataclass(frozen=True, slots=True)
class Answered:
    """What was filled in, as the event tells it, and what could not be, for the agent to read."""

    changes: dict[str, list[Any]]
    unread: list[str]


def filled_in(case: Case, message: Message, books: Books) -> Answered:
    """Fill in the fields that the message answers.

    One that was laid out otherwise since the form was shown is a note beside the message: nothing
    that a customer wrote is dropped.
    """
    answered = Answered({}, [])
    for key, form in message.asked.items():
        field = books.fields.get(key)
        try:
            value = answers.read(field, form) if field is not None and field.public else None
        except WrongField:
            value = None
        if field is None or value is None:
            answered.unread.append(f"The form also said of {key}: {form}")
            continue
        case.custom[key] = FieldValue.of(field, value)
        answered.changes[field.name] = [None, value]
    return answered
