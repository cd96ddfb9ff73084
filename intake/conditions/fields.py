"""The fields that conditions may compare: what kind each is, and what can be said of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from json import dumps
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from intake.conditions.folding import folded, joined
from intake.conditions.spans import LONGEST_DAYS, Span
from intake.errors import IntakeError

LONGEST_TEXT = 500
LONGEST_LIST = 100
LARGEST_NUMBER = 2**53
"""Whole numbers up to here are the same in JSON, Python and every database."""


class BadCondition(IntakeError):
    """A condition cannot be understood; the text begins with the place that is wrong."""

    code = "bad-condition"


class Kind(StrEnum):
    """What a field holds, as facts give it: WORDS are a set of words or tags, the rest as named."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DAY = "day"
    INSTANT = "instant"
    YES_NO = "yes or no"
    ID = "id"
    WORDS = "words"


class Operator(StrEnum):
    """What a comparison says of its field, in the words that people read and JSON holds."""

    IS = "is"
    IS_NOT = "is not"
    ONE_OF = "is one of"
    WITHIN = "is within"
    CONTAINS = "contains"
    CONTAINS_ANY = "contains any of"
    STARTS_WITH = "starts with"
    AT_LEAST = "is at least"
    AT_MOST = "is at most"
    BETWEEN = "is between"
    BEFORE = "is before"
    AFTER = "is after"
    IN_LAST = "is in the last"
    IN_NEXT = "is in the next"
    LONGER_AGO = "is longer ago than"
    FURTHER_AHEAD = "is further ahead than"
    IS_SET = "is set"
    IS_EMPTY = "is empty"


EQUAL = (Operator.IS, Operator.IS_NOT, Operator.ONE_OF)
ORDERED = (Operator.AT_LEAST, Operator.AT_MOST, Operator.BETWEEN)
PRESENT = (Operator.IS_SET, Operator.IS_EMPTY)
RELATIVE = (Operator.IN_LAST, Operator.IN_NEXT, Operator.LONGER_AGO, Operator.FURTHER_AHEAD)
"""What is said of an instant as seen from the one at which a condition is asked."""
LISTS = (Operator.ONE_OF, Operator.CONTAINS_ANY)

ALLOWED: Mapping[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (*EQUAL, Operator.CONTAINS, Operator.CONTAINS_ANY, Operator.STARTS_WITH, *PRESENT),
    Kind.CHOICE: (*EQUAL, *ORDERED, *PRESENT),
    Kind.NUMBER: (*EQUAL, *ORDERED, *PRESENT),
    Kind.DAY: (*EQUAL, Operator.BEFORE, Operator.AFTER, Operator.BETWEEN, *PRESENT),
    Kind.INSTANT: (Operator.BEFORE, Operator.AFTER, Operator.BETWEEN, *RELATIVE, *PRESENT),
    Kind.YES_NO: (Operator.IS, Operator.IS_NOT, *PRESENT),
    Kind.ID: (*EQUAL, *PRESENT),
    Kind.WORDS: (Operator.CONTAINS, Operator.CONTAINS_ANY, *PRESENT),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `choices` run from least to most; without any, every word is a choice.

    `label` is how people call the field; its name in words if not given. Where the records that
    ids name stand in a tree, `inside` finds the ids of one and of all that are inside it.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    label: str = ""
    unsearchable: str = ""
    """Why no table can be asked for it, where that is so, and what to ask for instead."""
    inside: Callable[[UUID], Select[UUID]] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.label or self.name.replace("_", " ")

    @property
    def operators(self) -> tuple[Operator, ...]:
        """What may be said of it; choices that are not known here have no order."""
        allowed = ALLOWED[self.kind]
        if self.inside is not None:
            return (*EQUAL, Operator.WITHIN, *PRESENT)
        if self.kind is Kind.CHOICE and not self.choices:
            return tuple(operator for operator in allowed if operator not in ORDERED)
        return allowed

    @property
    def lineage(self) -> str:
        """The fact that holds the ids of a record in a tree and of those that it is inside."""
        return f"{self.name} and wider"

    def read(self, operator: Operator, form: object) -> Any:
        """The value of a comparison from its JSON form. Raises BadCondition without the place."""
        if operator in PRESENT:
            if form is not None:
                raise BadCondition(f'"{operator}" takes no value')
            return None
        if operator in RELATIVE:
            span = Span.read(form) if isinstance(form, str) else None
            if span is None:
                raise BadCondition(
                    f"{_told(form)} is not a span of time such as 7 days: say minutes, hours, "
                    f"days or weeks, at most {LONGEST_DAYS} days"
                )
            return span
        if operator in LISTS:
            if not isinstance(form, (list, tuple)) or not 0 < len(form) <= LONGEST_LIST:
                raise BadCondition(f'"{operator}" takes a list of 1 to {LONGEST_LIST} values')
            return tuple(self._one(each) for each in form)
        if operator is Operator.BETWEEN:
            if not isinstance(form, (list, tuple)) or len(form) != 2:
                raise BadCondition(f'"{operator}" takes a list of two values')
            low, high = (self._one(each) for each in form)
            if self._rank(high) < self._rank(low):
                raise BadCondition(f"{self.show(low)} comes after {self.show(high)}")
            return low, high
        return self._one(form)

    def _one(self, form: object) -> Any:
        match self.kind, form:
            case Kind.TEXT | Kind.WORDS, str() if len(form) <= LONGEST_TEXT and folded(form):
                return form
            case Kind.CHOICE, str() if form in self.choices or (form and not self.choices):
                return str(form)
            case Kind.CHOICE, str() if self.choices:
                said = f'"{form:.80}" is not one of {", ".join(self.choices)}'
                raise BadCondition(said + did_you_mean(form, self.choices))
            case Kind.NUMBER, (int() | float()) if not isinstance(form, bool):
                if abs(form) <= LARGEST_NUMBER:  # NaN is not.
                    return form
            case Kind.DAY, str():
                return _day(form)
            case Kind.INSTANT, str():
                return _instant(form)
            case Kind.YES_NO, bool():
                return form
            case Kind.ID, str() if 0 < len(form) <= LONGEST_TEXT:
                return form
        raise BadCondition(f"{_told(form)} is not {EXPECTED[self.kind]}")

    def _rank(self, value: Any) -> Any:
        return self.choices.index(value) if self.kind is Kind.CHOICE else value

    def between(self, low: str | None, high: str | None) -> tuple[str, ...]:
        """The choices from one to another, None being the end."""
        first = self.choices.index(low) if low is not None else 0
        last = self.choices.index(high) if high is not None else len(self.choices) - 1
        return self.choices[first : last + 1]

    def comparable(self, value: Any) -> Any:
        """The value, wanted or found, as it is compared and as databases keep it, or None."""
        match self.kind, value:
            case _, None:
                return None
            case Kind.TEXT, _:
                return folded(value) or None
            case Kind.WORDS, _:
                return joined(value) or None
            case Kind.CHOICE | Kind.ID, _:
                return str(value)
            case Kind.NUMBER, Decimal():
                return float(value)
        return value

    def show(self, value: Any, names: Mapping[str, str] | None = None) -> str:
        """One value for people to read; `names` say what ids stand for."""
        if isinstance(value, Span):
            return str(value)
        match self.kind:
            case Kind.TEXT | Kind.WORDS:
                return dumps(value, ensure_ascii=False)
            case Kind.YES_NO:
                return "yes" if value else "no"
            case Kind.INSTANT:
                seconds = "" if value == value.replace(second=0, microsecond=0) else ":%S"
                return f"{value:%Y-%m-%d %H:%M{seconds}} UTC"
        return (names or {}).get(str(value), str(value))


EXPECTED = {
    Kind.TEXT: f"a text of 1 to {LONGEST_TEXT} characters",
    Kind.WORDS: f"a word of 1 to {LONGEST_TEXT} characters",
    Kind.CHOICE: "a choice",
    Kind.NUMBER: f"a number up to {LARGEST_NUMBER}",
    Kind.DAY: "a day such as 2026-01-05",
    Kind.INSTANT: "an instant with its zone, such as 2026-01-05T09:00:00Z",
    Kind.YES_NO: "true or false",
    Kind.ID: f"an id of 1 to {LONGEST_TEXT} characters",
}


class Fields(Mapping[str, Field]):
    """The fields of one kind of record, by name. Each user of conditions declares its own."""

    def __init__(self, *fields: Field) -> None:
        self._fields = {field.name: field for field in fields}

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to append to an error, or nothing if no known word is near."""
    near = get_close_matches(word[:80], list(known), 1)
    return f', did you mean "{near[0]}"?' if near else ""


def _told(form: object) -> str:
    """What was given instead, in few characters however long it is."""
    match form:
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case str():
            return dumps(form[:80], ensure_ascii=True)
        case int() if abs(form) > LARGEST_NUMBER:
            return "a larger number"
    return dumps(form, default=repr)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCondition(f'"{text:.40}" is not {EXPECTED[Kind.DAY]}') from None


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadCondition(f'"{text:.40}" is not {EXPECTED[Kind.INSTANT]}')
