"""Words as the matcher compares them: folded, stemmed, and told apart by how much they say.

English and Spanish stand side by side in one desk, often in one mail, so nothing here asks for the
language first: one light stemmer takes off what both put at the end of a word, and one list holds
the words of both that say little. Other alphabets pass through whole; Chinese and Japanese, which
write no spaces, are read as pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_RUN = re.compile(r"[^\W_]+")  # one class, one plus: linear on any input
_APOSTROPHES = re.compile("['’ʼ`´]")
_LONGEST = 40  # characters; anything longer is a key or a checksum, not a word

_SILENT = """
a an the of to in on at is are am be and or i it its my me this that for with you your im ive
hi hello hey dear please thanks thank thx regards sincerely cheers re fw fwd aw
el la los las lo un una unos unas de del al y e o u en que se mi mis me su sus es son por para con
hola estimado estimada estimados gracias saludos favor rv
"""
_FAINT = """
about above after again all also any anyone anything as because been before being below between
both but by can cannot cant could couldnt did didnt do does doesnt doing dont down during each
few from further get getting got had has hasnt have havent having he help her here him his how
id if into isnt just know like make more most need no nor not now off once one only other our
out over own same she should so some something such than thats their them then there these they
those through too tried try under until up use used using very want was wasnt way we were what
when where which while who whom whose why will wont would
algo algun alguna ante antes aqui asi aunque bien cada como cual cuando cuanto desde donde dos
durante ella ellos entre era esa ese eso esta estan estar estas este esto estoy estos fue ha
hace hacer han hasta hay he le les mas mucho muy nada necesito ni no nos o os otra otro pero
poco porque puede puedo quiero quien sea ser si sido sin sobre solo soy su tambien tan tanto te
tener tengo ti tiene todo todos tu tus usted uno ya yo
"""
SILENT = frozenset(_SILENT.split())
"""Words that say nothing about what is asked; not looked up at all."""
FAINT = frozenset(_FAINT.split()) - SILENT
"""Words that say little: "how" and "why" tell two questions apart, but never find an article."""

# Longest first. What remains must be a word of at least four letters (three after "ing", "ed").
_ENDINGS = (
    *("amiento", "ation", "acion", "mente", "iendo"),
    *("cion", "ando", "ado", "ada", "ido", "ida", "ing", "ed"),
)
# Only those of Latin, Greek and Cyrillic: a kana without its mark is another sound.
_ACCENTS = re.compile("[\u0300-\u036f]+")


def fold(text: str) -> str:
    """The text in lower case and without accents: "Contraseña" and "CONTRASENA" are one word."""
    if text.isascii():
        return text.lower()
    split = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", split))


def tokens(text: str) -> list[str]:
    """The words of the text as typed but folded, in order; "can't" is one word, "a-b" is two."""
    found = _RUN.findall(_APOSTROPHES.sub("", fold(text)))
    if text.isascii():
        return [token for token in found if len(token) <= _LONGEST]
    return [piece for token in found for piece in _pieces(token) if len(piece) <= _LONGEST]


def _pieces(token: str) -> list[str]:
    if len(token) > 2 and _writes_no_spaces(token[0]):
        return [first + second for first, second in pairwise(token)]
    return [token]


def _writes_no_spaces(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff"  # kana and Han


@lru_cache(maxsize=50_000)
def stem(token: str) -> str:
    """What the forms of a word share: "activating", "activated" and "activate" give "activat".

    Light on purpose: it need not be a word, but two words of different meaning should not meet.
    Short words, and words that end in a digit (versions, error codes), stay as they are.
    """
    if len(token) < 4 or token[-1].isdigit():
        return token
    token = _singular(token)
    for ending in _ENDINGS:
        if token.endswith(ending) and len(token) - len(ending) >= (3 if len(ending) <= 3 else 4):
            token = token[: -len(ending)]
            if len(ending) <= 3 and token[-1] == token[-2] and token[-1] not in "lsz":
                token = token[:-1]  # "stopping" is "stop", but "spelling" stays "spell"
            break
    if len(token) > 4 and token[-1] in "aeo":
        token = token[:-1]  # "change" meets "changing", "factura" meets "facturas" and "facturado"
    return token[:-1] + "i" if len(token) > 3 and token[-1] == "y" else token


def _singular(token: str) -> str:
    if token.endswith("ies") and len(token) > 4:
        return token[:-3] + "y"
    if token.endswith(("sses", "shes", "ches", "xes", "ciones")):
        return token[:-2]
    if token.endswith("s") and not token.endswith(("ss", "us", "is")):
        return token[:-1]
    return token


def stems(text: str) -> list[str]:
    """The stems of the words that say something, in order, faint words included."""
    return [stem(token) for token in tokens(text) if token not in SILENT]
