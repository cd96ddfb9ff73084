"""What this desk calls a case: case, ticket, incident or request; one word in all its texts.

It is chosen once, by the setting `noun`, when a process starts; texts that people read take it from
here. Names in GraphQL, in events and in addresses of pages stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SPANISH = {
    "case": ("caso", "el"),
    "ticket": ("ticket", "el"),
    "incident": ("incidencia", "la"),
    "request": ("solicitud", "la"),
}
_BLANK = re.compile(r"\{(\w+)\}")


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
    def One(self) -> str:
        """One, at the beginning of a sentence."""
        return self.word.capitalize()

    @property
    def Many(self) -> str:
        """Several, at the beginning of a sentence."""
        return self.many.capitalize()

    @property
    def a(self) -> str:
        """One of them, whichever: “an incident”."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"

    @property
    def A(self) -> str:
        """One of them, at the beginning of a sentence."""
        return self.a[0].upper() + self.a[1:]

    @property
    def words(self) -> dict[str, str]:
        """What fills {noun}, {nouns}, {a_noun} … of texts that are written before it is known.

        The Spanish ones come with their article where the text wants it.
        """
        caso, el = SPANISH[self.word]
        return {
            "noun": self.word, "nouns": self.many, "a_noun": self.a,
            "Noun": self.One, "Nouns": self.Many, "A_noun": self.A,
            "Caso": caso.capitalize(), "el_caso": f"{el} {caso}",
        }  # fmt: skip

    def fill(self, text: str) -> str:
        """A text with the word where it stands for it; other braces stay as they are."""
        return _BLANK.sub(lambda blank: self.words.get(blank[1], blank[0]), text)


noun = Noun()


def use(word: str) -> None:
    """Call a case so in this process from now on."""
    noun.word = word
