"""What this desk calls a case: case, ticket, incident or request; one word in all its texts.

It is chosen once, by the setting `noun`, when a process starts; texts that people read take it from
here. Names in GraphQL, in events and in addresses of pages stay.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Noun:
    """The word as texts need it; as text it is one of them, small."""

    word: str = "case"

    def __str__(self) -> str:
        return self.word

    @property
    def many(self) -> str:
        """Several of them."""
        return f"{self.word}s"

    @property
    def One(self) -> str:  # noqa: N802  as it is written
        """One, at the beginning of a sentence."""
        return self.word.capitalize()

    @property
    def Many(self) -> str:  # noqa: N802
        """Several, at the beginning of a sentence."""
        return self.many.capitalize()

    @property
    def a(self) -> str:
        """One of them, whichever: “an incident”."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"

    @property
    def A(self) -> str:  # noqa: N802
        """One of them, at the beginning of a sentence."""
        return self.a[0].upper() + self.a[1:]


noun = Noun()


def use(word: str) -> None:
    """Call a case so in this process from now on."""
    noun.word = word
