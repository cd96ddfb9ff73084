"""What a mail says: the parts that are its text, as text and as HTML; the other leaves are files.

Alternatives are one saying in several forms; everything else is said one after the other. A text
that came as a file stays a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from channels.email import markup
from channels.email.charsets import decode
from channels.email.flowed import unflowed
from channels.email.mime import Mail, Part
from channels.email.words import storable

MAX_TEXT = 1 << 20

_CONTROLS = dict.fromkeys((*range(9), 11, *range(14, 32), 127)) | {12: "\n"}
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}["']?([\w-]{2,40})""", re.I)
_TEXT_KINDS = ("text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown")


@dataclass(slots=True)
class Body:
    """What a mail says, the leaves that say it, and in words what was guessed or cut."""

    text: str = ""
    unquoted: str = ""
    """The text without what the HTML marks as quoted; plain text is not looked into."""
    html: str = ""
    leaves: set[int] = field(default_factory=set)
    """`id` of each part that is shown, so that the others are listed as files."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Saying:
    """One stretch of the body: its plain form, its HTML form, or both."""

    plain: Part | None = None
    html: Part | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """One stretch as text, as text without marked quotes, and as HTML if it came as HTML."""

    text: str
    unquoted: str
    page: str


def body_of(mail: Mail) -> Body:
    """The body of `mail`."""
    body = Body()
    said = [_said(mail, saying, body) for saying in _sayings(mail.root) or _named(mail.root)]
    body.text = _cut(_joined(each.text for each in said), body)
    body.unquoted = _joined(each.unquoted for each in said)[:MAX_TEXT]
    if any(each.page for each in said):
        pages = (each.page or f"<pre>{escape(each.text)}</pre>" for each in said)
        body.html = _cut("\n".join(pages), body)
    return body


def _said(mail: Mail, saying: _Saying, body: Body) -> _Said:
    text = _text_of(mail, saying.plain, body) if saying.plain else ""
    page = _text_of(mail, saying.html, body) if saying.html else ""
    if text.strip() or not page:
        return _Said(text, text, page)
    text = _clean(markup.to_text(page))
    unquoted = markup.unquoted(page)
    if unquoted == page:
        return _Said(text, text, page)
    newer = _clean(markup.to_text(unquoted))
    return _Said(text, newer if newer.strip() else text, page)


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())


def _sayings(part: Part) -> list[_Saying]:
    """The stretches of text below `part`, in reading order. `mime` bounds the depth."""
    if not part.is_multipart:
        if not _is_text(part):
            return []
        return [_Saying(html=part) if part.content_type == "text/html" else _Saying(plain=part)]
    if part.content_type == "multipart/alternative":
        return _best_of([_sayings(child) for child in part.children])
    if part.content_type == "multipart/related":
        return _sayings(_root_of(part))
    if part.content_type == "multipart/digest":
        return []
    return [saying for child in part.children for saying in _sayings(child)]


def _named(root: Part) -> list[_Saying]:
    """Where nothing else is said: the texts that have a file name and yet are to be shown."""
    return [
        _Saying(html=leaf) if leaf.content_type == "text/html" else _Saying(plain=leaf)
        for leaf in root.leaves()
        if leaf.content_type in _TEXT_KINDS and leaf.disposition[0] != "attachment"
    ]


def _best_of(forms: list[list[_Saying]]) -> list[_Saying]:
    """The forms of one saying joined: the first that is plain text, and the last that is HTML."""
    forms = [form for form in forms if form]
    plain = next((form for form in forms if all(s.html is None for s in form)), None)
    rich = next((form for form in reversed(forms) if any(s.html for s in form)), None)
    if plain is None or rich is None:
        return rich or plain or []
    if len(plain) == len(rich):
        return [_Saying(p.plain, r.html) if r.html else r for p, r in zip(plain, rich, strict=True)]
    return [_Saying(plain[0].plain, next(s.html for s in rich if s.html)), *plain[1:]]


def _root_of(related: Part) -> Part:
    """The child of a multipart/related that the others belong to (RFC 2387, 3.2)."""
    start = related.parameters.get("start", "").strip("<> ")
    for child in related.children:
        if start and child.first("content-id").decode("latin-1").strip("<> ") == start:
            return child
    for child in related.children:
        if child.is_multipart or _is_text(child):
            return child
    return related.children[0]


def _is_text(part: Part) -> bool:
    """Whether a leaf is to be read where it stands, not listed as a file."""
    if part.content_type not in _TEXT_KINDS:
        return False
    disposition, values = part.disposition
    named = "filename" in values or "name" in part.parameters
    return disposition != "attachment" and not named


def _text_of(mail: Mail, part: Part, body: Body) -> str:
    """The text of a leaf of the body, which is thereby shown."""
    if _is_text(part):
        body.leaves.add(id(part))
    content = mail.content(part)
    if len(content) > 4 * MAX_TEXT:
        content = content[: 4 * MAX_TEXT]
    label = part.parameters.get("charset", "")
    if (
        part.content_type == "text/html"
        and not label
        and (m := _META_CHARSET.search(content[:4096]))
    ):
        label = m[1].decode("ascii")
    decoded = decode(content, label)
    if decoded.guessed:
        body.notes.append(f"text decoded by guess as {decoded.codec} (declared {label[:40]!r})")
    text = _clean(decoded.text)
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflowed(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
    return text


def _clean(text: str) -> str:
    """`text` with plain line ends and without controls, so that it can be stored and shown."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return text if text.isascii() and text.isprintable() else storable(text).translate(_CONTROLS)


def _cut(text: str, body: Body) -> str:
    if len(text) <= MAX_TEXT:
        return text
    body.notes.append(f"only the first {MAX_TEXT >> 20} MB of the text are shown")
    return text[:MAX_TEXT]
