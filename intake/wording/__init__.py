"""Texts written beforehand: reply templates and signatures, in the languages of customers.

A text may hold placeholders of a fixed list, such as `{number}`, and nothing else that is worked
out: no conditions, no loops. An unknown placeholder is refused when the text is saved. What is
filled in is one line each, and is not read again.
"""

from __future__ import annotations

from intake.wording.filling import Filled, filled, signed
from intake.wording.languages import Text as TextInLanguage
from intake.wording.placeholders import FROM_STRANGERS, PLACEHOLDERS, WrongTemplate, used_in
from intake.wording.signatures import Signature, sign_with, signatures_of
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
    "FROM_STRANGERS",
    "PLACEHOLDERS",
    "Filled",
    "Offered",
    "ReplyTemplate",
    "Signature",
    "TemplateText",
    "TextInLanguage",
    "WrongTemplate",
    "archive",
    "by_id",
    "every",
    "filled",
    "offered",
    "rewrite",
    "sign_with",
    "signatures_of",
    "signed",
    "used_in",
    "write",
]
