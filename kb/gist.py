"""What a mail says, once the greeting, the signature and the quoted history are gone.

Those parts are the same in mails about different things and would drown what is asked: on real
questions with mail around them, leaving them in halves the quality of suggestions. A line scanner
that looks at each line once and a few lines ahead, because a regular expression over a whole mail
can take minutes on 60 KB of newlines.
"""

from __future__ import annotations

from itertools import islice

from kb.words import fold

_READ = 32_000  # characters; more is a log or a book, and what is asked stands before it
_LOOK = 200  # characters of a line that decide what it is

_GREETINGS = (
    *("hi", "hello", "hey", "dear", "greetings", "good morning", "good afternoon", "good evening"),
    *("good day", "to whom", "hola", "estimad", "buenos dias", "buenas", "buen dia", "a quien"),
)
_CLOSINGS = (
    *("regards", "kind regards", "best", "warm regards", "with regards", "sincerely", "yours"),
    *("cheers", "thanks", "thank you", "many thanks", "please advise", "looking forward"),
    *("respectfully", "have a nice", "have a great", "un saludo", "saludos", "cordialmente"),
    *("atentamente", "gracias", "muchas gracias", "quedo a la espera", "un abrazo"),
)
_DEVICES = ("sent from", "sent via", "sent with", "get outlook", "enviado desde", "obtener outlook")
_OUTLOOKS_RULE = 20  # underscores, at least
_HEADERS = ("sent:", "to:", "subject:", "date:", "enviado", "para:", "asunto:", "fecha:")
_WROTE = ("wrote:", "escribio:", "a ecrit :")
_SECRECY = ("confidential", "confidencial")
_ADDRESSEES = ("intended", "recipient", "addressee", "destinat")


def gist(text: str, *, limit: int = 2_000) -> str:
    """What the writer says, at most `limit` characters; the text itself where nothing is left.

    Time is linear in the text and bounded: no more than 32,000 characters are read. Quoted lines
    are skipped, so an answer written below or between them is kept.
    """
    lines = [line.strip() for line in text[:_READ].splitlines()]
    said: list[str] = []
    length = 0
    for at, line in enumerate(lines):
        if not line or line[0] == ">":
            continue
        folded = fold(line[:_LOOK])
        if not said and _greets(folded):
            continue
        if _ends_the_message(folded, lines, at) or (said and _closes(folded, lines, at)):
            break
        if _attributes(folded, lines, at):
            continue
        said.append(line)
        length += len(line) + 1
        if length > limit:
            break
    return ("\n".join(said) or text.strip())[:limit]


def _greets(line: str) -> bool:
    words = len(line.split())
    return line.startswith(_GREETINGS) and (words <= 3 or (words <= 8 and line[-1] in ",.!:"))


def _ends_the_message(line: str, lines: list[str], at: int) -> bool:
    """Whether a signature, a disclaimer or an unmarked older mail begins at this line."""
    if not line.strip("-_— "):
        return line in ("--", "—") or len(line) >= _OUTLOOKS_RULE  # a shorter rule only divides
    if line.startswith("--") and line.endswith("--"):
        return True  # "-----Original Message-----", in whatever language
    if line.startswith(("from:", "de:", "von:")):
        return any(fold(nxt[:20]).startswith(_HEADERS) for nxt in lines[at + 1 : at + 4])
    if len(line) < 60 and line.startswith(_DEVICES):
        return True
    return any(word in line for word in _SECRECY) and any(word in line for word in _ADDRESSEES)


def _closes(line: str, lines: list[str], at: int) -> bool:
    """Whether this line says goodbye: a closing, and at most a name after it."""
    if not line.startswith(_CLOSINGS) or len(line.split()) > 6:
        return False
    following = next((nxt for nxt in islice(lines, at + 1, at + 12) if nxt), "")
    return len(following) < 60 and len(following.split()) < 8 and not following.endswith("?")


def _attributes(line: str, lines: list[str], at: int) -> bool:
    """Whether this line only says who wrote what is quoted below, perhaps broken in two."""
    if line.endswith(_WROTE):
        return True
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return line.startswith(("on ", "el ")) and fold(following[-_LOOK:]).endswith(_WROTE)
