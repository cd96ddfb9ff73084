"""A mail taken apart: its parts, the raw fields of their headers, and where each content lies.

One pass over the bytes, so the time is linear in the size whatever a stranger nested, repeated or
left open. The standard library's parser keeps a generator per level and re-checks each line at
every one of them, which a few thousand levels turn into minutes or a RecursionError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels.email.encodings import decoded
from channels.email.parameters import parameters

MAX_DEPTH = 100
MAX_PARTS = 1_000
MAX_HEADER_BYTES = 1 << 20
MAX_FIELDS = 2_000

# A line that starts with two hyphens is a delimiter before it is a field, whatever follows.
_FIELD = re.compile(rb"(?!--)([!-9;-~]{1,200})[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
# What mailbox files write above a header, sometimes below its first fields.
_POSTMARK = re.compile(rb">?From [^\n]*+\n")
_FOLDED_FIRST = re.compile(rb"[ \t]+\S[^\n]*+\n")
_UP_TO_FROM = re.compile(rb"(?:(?!From:)[^\r\n][^\n]*+\n){1,200}+(?=From:)", re.I)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")

Fields = dict[str, list[bytes]]


@dataclass(slots=True)
class Part:
    """One entity: the mail itself, a multipart, or a leaf. `start` and `end` bound its content."""

    fields: Fields
    content_type: str
    parameters: dict[str, str]
    start: int
    end: int = -1
    children: list[Part] = field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        return bool(self.children)

    def leaves(self) -> Iterator[Part]:
        """This part if it has no children, else the leaves below it, in order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            if part.children:
                waiting.extend(reversed(part.children))
            else:
                yield part

    def first(self, name: str) -> bytes:
        """The value of the first field of that (lower-case) name, or b""."""
        values = self.fields.get(name)
        return values[0] if values else b""

    @property
    def disposition(self) -> tuple[str, dict[str, str]]:
        """`attachment`, `inline` or "", and what else Content-Disposition says."""
        value = self.first("content-disposition")
        return parameters(value) if value else ("", {})


@dataclass(slots=True)
class Mail:
    """The bytes, the entity at the top, and in words what was odd about them."""

    raw: bytes
    root: Part
    oddities: list[str]
    """Faults of the top header, where two programs may read two different mails."""
    notes: list[str]

    def content(self, part: Part) -> bytes:
        """The content of a leaf, its transfer encoding undone as far as it makes sense."""
        encoding = part.first("content-transfer-encoding")
        return decoded(self.raw[part.start : part.end], encoding)


def take_apart(raw: bytes) -> Mail:
    """The parts of `raw`. Never raises; what it cannot follow it leaves as a leaf and notes."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    oddities: list[str] = []
    notes: list[str] = []
    at = raw.rfind(b"\n", 0, len(raw) - len(raw.lstrip(b"\r\n\t "))) + 1
    if at and _FIELD.match(raw, at):
        oddities.append("blank lines before the header")
    else:
        at = 0
    root = _part_at(raw, at, "text/plain", oddities)
    mail = Mail(raw, root, oddities, notes)
    if root.content_type.startswith("multipart/"):
        _split(mail)
    else:
        root.end = len(raw)
    return mail


@dataclass(slots=True)
class _Splitting:
    """The multiparts that are open, outermost first, and the leaf that is being read."""

    mail: Mail
    open: list[Part] = field(default_factory=list)
    boundaries: dict[bytes, int] = field(default_factory=dict)
    leaf: Part | None = None
    parts: int = 1

    def enter(self, part: Part) -> None:
        """`part` is read from here: a multipart waits for its delimiter, a leaf for its end."""
        boundary = part.parameters.get("boundary", "").rstrip()
        if not part.content_type.startswith("multipart/") or not boundary:
            self.leaf = part
        elif len(self.open) >= MAX_DEPTH:
            self.leaf = part
            self.note(f"parts nested deeper than {MAX_DEPTH} levels are not taken apart")
        else:
            self.boundaries[boundary.encode("latin-1", "replace")] = len(self.open)
            self.open.append(part)

    def leave(self, level: int, end: int) -> None:
        """Everything inside the multipart at `level` ends here."""
        if self.leaf is not None:
            self.leaf.end = end
            self.leaf = None
        if len(self.open) > level:
            for part in self.open[level:]:
                part.end = end
            del self.open[level:]
            self.boundaries = {
                part.parameters["boundary"].rstrip().encode("latin-1", "replace"): i
                for i, part in enumerate(self.open)
            }

    def note(self, words: str) -> None:
        if words not in self.mail.notes:
            self.mail.notes.append(words)


def _split(mail: Mail) -> None:
    """Give the root its children, theirs to them, and so on."""
    raw, now = mail.raw, _Splitting(mail)
    now.enter(mail.root)
    at = max(mail.root.start - 1, 0)
    while now.open and (at := raw.find(b"\n--", at)) >= 0:
        line_end = raw.find(b"\n", at + 3)
        line_end = len(raw) if line_end < 0 else line_end
        level, closes = _delimiter(raw[at + 3 : line_end].rstrip(), now.boundaries)
        if level < 0:
            at = line_end
            continue
        now.leave(level + 1, at - 1 if raw[at - 1 : at] == b"\r" else at)
        if closes:
            now.leave(level, line_end)
            at = line_end
        elif now.parts >= MAX_PARTS:
            now.note(f"only the first {MAX_PARTS} parts are taken apart")
            break
        else:
            digest = now.open[level].content_type == "multipart/digest"
            default = "message/rfc822" if digest else "text/plain"
            child = _part_at(raw, min(line_end + 1, len(raw)), default)
            now.open[level].children.append(child)
            now.parts += 1
            now.enter(child)
            at = max(child.start - 1, line_end)
    now.leave(0, len(raw))
    _undo_childless(mail.root)


def _delimiter(line: bytes, boundaries: dict[bytes, int]) -> tuple[int, bool]:
    """The level of the multipart that `line` (without its hyphens) divides, and if it ends it."""
    level = boundaries.get(line, -1)
    if level < 0 and line.endswith(b"--"):
        return boundaries.get(line[:-2], -1), True
    return level, False


def _undo_childless(root: Part) -> None:
    """A multipart in which no delimiter was found is text, as every mail program shows it."""
    for part in root.leaves():
        if part.content_type.startswith("multipart/"):
            part.content_type = "text/plain"


def _part_at(raw: bytes, at: int, default: str, oddities: list[str] | None = None) -> Part:
    """The part whose header begins `at`; its content begins after the header and is open."""
    fields, start = _header(raw, at, oddities)
    value = fields.get("content-type")
    kind, values = parameters(value[0]) if value else (default, {})
    if kind.startswith("multipart/"):
        kind = kind if _MEDIA_TYPE.fullmatch(kind) else "multipart/mixed"
    elif not _MEDIA_TYPE.fullmatch(kind):
        # "text" alone and other nonsense is text, as RFC 2045 (5.2) has it.
        kind = "text/plain" if not kind or kind.startswith("text") else "application/octet-stream"
    return Part(fields, kind, values, start)


def _skipped(raw: bytes, at: int, limit: int, fields: Fields, begin: int) -> re.Match[bytes] | None:
    """Broken lines that are passed over: a folded first line, or all that keeps us from From."""
    if at == begin and (m := _FOLDED_FIRST.match(raw, at, limit)):
        return m
    return None if "from" in fields or not fields else _UP_TO_FROM.match(raw, at, limit)


def _header(raw: bytes, at: int, oddities: list[str] | None) -> tuple[Fields, int]:
    """The fields of the header that begins `at`, unfolded, and where the content begins."""
    fields: Fields = {}
    begin, limit = at, min(len(raw), at + MAX_HEADER_BYTES)
    odd: list[str] = [] if oddities is None else oddities
    for _ in range(MAX_FIELDS):
        if m := _FIELD.match(raw, at, limit):
            name, value = m.groups()
            if b"\r" in value:
                value = value.replace(b"\r\n", b"\n").removesuffix(b"\r")
                if b"\r" in value:
                    odd.append("a bare carriage return in the header")
            value = value.replace(b"\n", b"").strip()
            fields.setdefault(name.decode("ascii").lower(), []).append(value)
        elif m := _POSTMARK.match(raw, at, limit):
            pass
        elif m := _skipped(raw, at, limit, fields, begin):
            odd.append("a line in the header that is no field")
        else:
            break
        at = m.end()
    else:
        odd.append(f"more than {MAX_FIELDS} header fields")
        blank = _BLANK_LINE.search(raw, at - 1)
        at = blank.start() + 1 if blank else len(raw)
    for newline in (b"\n", b"\r\n"):
        if raw.startswith(newline, at):
            return fields, at + len(newline)
    if fields and at < len(raw) and not raw.startswith(b"--", at):
        odd.append("no blank line between header and text")
    return fields, at
