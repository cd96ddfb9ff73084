"""Texts written beforehand: reply templates and signatures, in the languages of customers.

A text may hold placeholders of a fixed list, such as `{number}`, and nothing else that is worked
out: no conditions, no loops. An unknown placeholder is refused when the text is saved. What is
filled in is one line each, and is not read again.
"""

from __future__ import annotations

from intake.wording.filling import Filled, filled, of_plan, preferred, signed
from intake.wording.languages import Text as TextInLanguage
from intake.wording.occasions import ALLOWED, BY_QUEUE, Occasion, StandingText
from intake.wording.placeholders import FROM_STRANGERS, PLACEHOLDERS, WrongTemplate, used_in
from intake.wording.signatures import Signature, sign_with, signatures_of
from intake.wording.standing import Standing, choose, chosen, standing
from intake.wording.templates import (
    Offered,
    ReplyTemplate,
    TemplateText,
    archive,
    by_id,
    every,
    offered,
    rewrite,
    write,
)

__all__ = [
    "ALLOWED",
    "BY_QUEUE",
    "FROM_STRANGERS",
    "PLACEHOLDERS",
    "Filled",
    "Occasion",
    "Offered",
    "ReplyTemplate",
    "Signature",
    "Standing",
    "StandingText",
    "TemplateText",
    "TextInLanguage",
    "WrongTemplate",
    "archive",
    "by_id",
    "choose",
    "chosen",
    "every",
    "filled",
    "of_plan",
    "offered",
    "preferred",
    "rewrite",
    "sign_with",
    "signatures_of",
    "signed",
    "standing",
    "used_in",
    "write",
]
