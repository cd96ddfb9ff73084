"""One text in several languages: reading what somebody wrote, and choosing for a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from intake.customers.preferences import WrongPreference
from intake.customers.preferences import language as language_tag
from intake.wording.placeholders import WrongTemplate, check

MOST_LANGUAGES = 40


class Text(Protocol):
    """A text in one language."""

    @property
    def language(self) -> str: ...

    @property
    def text(self) -> str: ...


T = TypeVar("T", bound=Text)


def read(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each language with its text, in their order. Raises WrongTemplate, naming the field."""
    if len(texts) > MOST_LANGUAGES:
        raise WrongTemplate(f"texts: {MOST_LANGUAGES} languages at most")
    written = []
    for tag, text in texts.items():
        try:
            known = language_tag(tag.strip())
        except WrongPreference as error:
            raise WrongTemplate(str(error)) from None
        if not known:
            raise WrongTemplate("language: say which language it is, such as en")
        written.append((known, check(text, f"texts.{known}")))
    return written


def in_language(texts: Sequence[T], wanted: str) -> T:
    """The text in that language, in its base, in another region of it, or else the first."""
    base = base_of(wanted)
    exact = [text for text in texts if text.language == wanted]
    plain = [text for text in texts if text.language == base]
    near = [text for text in texts if base_of(text.language) == base]
    return [*exact, *plain, *near, *texts][0]


def base_of(language: str) -> str:
    """A language without its region: "pt" of "pt-BR"."""
    return language.partition("-")[0]
