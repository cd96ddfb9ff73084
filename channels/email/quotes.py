"""What the writer wrote this time: the text without the history quoted below it, and the signature.

A line scanner that knows no language. History begins at a divider: a rule of underscores or a
titled line ("----- Original Message -----" in any tongue) above a header block, or a block of
`Label: value` lines with an address or a time among them. A line that attributes (two of address,
day and clock time, a colon at its end) begins it too, unless the quoted lines are marked: lines
behind ">" are history wherever they stand, so answers between them are kept. One pass; when
nothing would be left, everything is.
"""

from __future__ import annotations

import re

ATTRIBUTION_LINES = 4
WRAPPED_AT = 62
LONGEST_SIGNATURE = 12

_RULE = re.compile(r"\W{0,3}_{20,}\W{0,3}")
_TITLE = re.compile(r"\W{0,3}[-=_]{3,}[\W_]?[^\W\d_].{3,90}[-=_]{3,}\W{0,4}")
_LABEL = re.compile(r"[ \t>*]{0,6}[^\W\d_][^:：<>@\d/]{0,24}(?:(?<=\s)[:：]|[:：]\*?(?=\s|$))")
_ORIGINAL = re.compile(r"origin|urspr[uü]ng", re.I)
_ORNAMENT = re.compile(r"[-=_~*#+\u1427]{1,80}")
_ADDRESS = re.compile(r"[\w.+-]@[\w-]++\.\w")
_CLOCK = re.compile(r"\d{1,2}\s?[:.hH時时시]\s?\d{2}")
_DAY = re.compile(r"(?:19|20)\d\d|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2}")
_COLONS = (":", "：", ":*", ":_", ": -")
_QUOTE_MARKS = (">", "|>", "&gt;")
_DELIMITER = "--"
# The one place that knows words: mail programs on phones add a line without any delimiter.
_ADVERTISED = re.compile(
    r"(?:sent (?:from|via|with)|get outlook for|envoyé (?:de|à partir)|von meinem"
    r"|gesendet (?:von|mit)|diese nachricht wurde von|enviado (?:desde|do|de)|inviato da|sendt fra"
    r"|skickat från|verzonden|wysłane z|отправлено (?:с|из)|发自我的|從我的)\b[^.,;:!?<]{1,50}(?:\s?<?https?://\S+)?",
    re.I,
)


def new_text(text: str) -> str:
    """`text` without quoted history and signature; all of it when nothing else would be left."""
    lines = text.split("\n")
    kept: list[str] = []
    label_above = False
    for at, line in enumerate(lines):
        words = line.strip()
        label_here = ":" in words[:40] or "：" in words[:40]
        if not words:
            kept.append("")
        elif words.startswith(_QUOTE_MARKS) and not _closes_address(kept, words):
            continue
        elif _divides(lines, at, words, header=label_here and not label_above):
            break
        elif words.endswith(_COLONS) and (length := _attribution(lines, at)):
            del kept[len(kept) - (length - 1) :]
            if not _marked_quote_follows(lines, at + 1):
                break
        else:
            kept.append(line)
        label_above = label_here
    return _unsigned(kept) or "\n".join(kept).strip() or text.strip()


def _divides(lines: list[str], at: int, words: str, *, header: bool) -> bool:
    """Whether the old mail begins here: everything from this line on is history.

    `header` says that a header block may begin here; it is counted once, from its first line.
    """
    if words[0] in "-=_*":
        if _RULE.fullmatch(words):
            return _labels(lines, at + 1) >= 2
        if len(words) < 100 and _TITLE.fullmatch(words):
            told = _ORIGINAL.search(words) is not None or _signs(words) >= 2
            return told or _labels(lines, at + 1) >= 1
    return header and _labels(lines, at) >= 3


def _labels(lines: list[str], at: int) -> int:
    """How many `Label: value` lines stand here in a row, if one has an address or a time."""
    count, seen = 0, ""
    for line in lines[at : at + 12]:
        if _LABEL.match(line[:200]):
            count += 1
            seen += line[:400]
        elif (count == 0 and line.strip()) or (count and not line.strip()):
            break
    return count if _ADDRESS.search(seen) or _CLOCK.search(seen) else 0


def _attribution(lines: list[str], at: int) -> int:
    """How many lines, up to this one, say who wrote what is quoted next; 0 if they do not."""
    marked = _marked_quote_follows(lines, at + 1)
    whole, length = lines[at].strip(), 1
    while length < ATTRIBUTION_LINES and at >= length and len(whole) < 400:
        above = lines[at - length].strip()
        if not above or above.startswith(_QUOTE_MARKS) or above.endswith(_COLONS):
            break
        if _signs(whole) == 3 or not _goes_on(above, whole):
            break
        whole, length = f"{above} {whole}", length + 1
    if len(whole) > 400:
        return 0
    # Without marks the rest of the mail is at stake, and a customer may well write "On 3 May 2024
    # at 10:30 this happened:", so there an address is asked for.
    told = _signs(whole) >= 1 if marked else _signs(whole) >= 2 and _ADDRESS.search(whole)
    return length if told else 0


def _signs(words: str) -> int:
    """How many of address, day and clock time are in `words`."""
    return sum(bool(sign.search(words)) for sign in (_ADDRESS, _DAY, _CLOCK))


def _goes_on(above: str, below: str) -> bool:
    """Whether the sentence of one line goes on in the next: it was full, or an address was cut."""
    first_word = below.partition(" ")[0]
    full = len(above) + len(first_word) >= WRAPPED_AT
    return full or below.startswith(("<", ">")) or above.endswith("<") or above[0] == "<"


def _closes_address(kept: list[str], words: str) -> bool:
    """Whether a line that begins with ">" ends an attribution that was cut inside its address."""
    above = kept[-1] if kept else ""
    return words.endswith(_COLONS) and above.count("<") > above.count(">")


def _marked_quote_follows(lines: list[str], at: int) -> bool:
    for line in lines[at : at + 4]:
        if line.strip():
            return line.lstrip().startswith(_QUOTE_MARKS)
    return False


def _unsigned(lines: list[str]) -> str:
    """The lines above the signature: a short end below a delimiter, or a phone's own line."""
    for above in range(len(lines) - 1, max(len(lines) - 40, -1), -1):
        if lines[above].strip() == _DELIMITER:
            below = [line for line in lines[above + 1 :] if line.strip()]
            if len(below) <= LONGEST_SIGNATURE:
                lines = lines[:above]
    end = len(lines)
    while end and _says_nothing(lines[end - 1].strip()):
        end -= 1
    return "\n".join(lines[:end]).strip()


def _says_nothing(words: str) -> bool:
    return not words or bool(_ORNAMENT.fullmatch(words) or _ADVERTISED.fullmatch(words))
