"""What a text may have filled in, and the filling. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from intake.errors import IntakeError

PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "number": "the number of the case",
        "subject": "what the case is about, as the customer put it",
        "contact": "the name of the person who asked",
        "account": "the name of their company",
        "product": "the product that the case is about",
        "queue": "the queue of the case",
        "plan": "the plan that covers the case",
        "left": "what is left of that plan",
        "ends": "the last day of that plan",
        "agent": "who answers",
        "organisation": "the name of this desk",
    }
)
"""Each placeholder, and what it becomes."""
FROM_STRANGERS = frozenset({"subject", "contact"})
"""What a stranger may have chosen, so that no text we send by ourselves holds it."""
LONGEST_TEXT = 10_000
LONGEST_VALUE = 200
PLACEHOLDER = re.compile(r"\{(\w*)\}")
# Whatever looks as if somebody meant one: doubled, unfinished, or with more to it than a name.
MEANT = re.compile(r"\{+\s*\w[^{}\n]*\}*|\{\}")


class WrongTemplate(IntakeError):
    """A text that cannot be kept; the message begins with the field that is wrong."""

    code = "wrong-template"


def check(text: str, field: str) -> str:
    """The text as it is kept. Raises WrongTemplate, naming the field."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise WrongTemplate(f"{field}: a text of 1 to {LONGEST_TEXT} characters")
    for meant in MEANT.findall(text):
        name = PLACEHOLDER.fullmatch(meant)
        if name is None or name[1] not in PLACEHOLDERS:
            known = ", ".join("{" + word + "}" for word in PLACEHOLDERS)
            raise WrongTemplate(f"{field}: {meant:.60} cannot be filled in; use {known}")
    return text


def used_in(text: str) -> frozenset[str]:
    """The placeholders that a text holds."""
    return frozenset(PLACEHOLDER.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled; what was filled in is not read again."""
    return PLACEHOLDER.sub(lambda found: one_line(values.get(found[1], "")), text)


def one_line(value: str) -> str:
    """A value as it may stand in the middle of a text: one line, nothing that is not seen."""
    seen = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in value)
    return " ".join(seen.split())[:LONGEST_VALUE]
