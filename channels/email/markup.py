"""HTML to readable text, in bounded time whatever the markup.

inscriptis lays out tables and leaves out what is hidden; it walks a tree recursively, so the tree
is measured first by a scan that only counts. What is too large is cut, what is too deep is
stripped of its tags without being understood.
"""

from __future__ import annotations

import html as entities
import re

from channels.email.words import storable

MAX_HTML = 1 << 20
MAX_DEPTH = 150
MAX_TAGS = 50_000

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,30})(?=[\s/>])")
# What has no end tag, and what a next one of its kind ends.
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
     "track", "wbr", "p", "li", "dt", "dd", "td", "th", "tr", "option")
)  # fmt: skip
_UNSEEN = ("script", "style", "head", "title", "template")
_BREAKS = frozenset(
    ("br", "p", "div", "tr", "li", "table", "ul", "ol", "blockquote", "hr", "pre",
     "h1", "h2", "h3", "h4", "h5", "h6")
)  # fmt: skip
_BLOCKQUOTE = re.compile(r"<(/?)blockquote(?=[\s/>])[^>]*+>", re.I)
# Mail programs mark the header of the old mail, below which all is old, and the line that
# attributes the quote, which is old by itself.
_HISTORY_BELOW = (
    "divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "yahoo_quoted", "reply-intro",
    "border-top:solid #E1E1E1 1.0pt", "border-top:solid #B5C4DF 1.0pt", "hmmessage_quote",
)  # fmt: skip
_ATTRIBUTIONS = ("gmail_attr", "moz-cite-prefix")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>", re.I)


def to_text(html: str) -> str:
    """The text of `html` as a reader would see it. Never raises."""
    html = html[:MAX_HTML]
    if "<" not in html:
        return entities.unescape(html)
    if _too_wild(html):
        return stripped(html)
    # Loaded at the first HTML-only mail: most mail has a text part and needs neither.
    from inscriptis import get_text
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig
    from lxml.etree import LxmlError

    config = ParserConfig(css=CSS_PROFILES["strict"].copy())
    try:
        return str(get_text(_DECLARATION.sub("", html, count=1), config))
    except (LxmlError, ValueError, RecursionError, AttributeError, TypeError, IndexError, KeyError):
        return stripped(html)


def unquoted(html: str) -> str:
    """`html` without the quoted history that its mail program has marked as such."""
    html = html[:MAX_HTML]
    for mark in _HISTORY_BELOW:
        if (at := html.find(mark)) >= 0 and (tag := html.rfind("<", 0, at)) > 0:
            html = html[:tag]
    for mark in _ATTRIBUTIONS:
        if (at := html.find(mark)) >= 0 and (end := html.find("</div>", at)) >= 0:
            html = html[: max(html.rfind("<", 0, at), 0)] + html[end:]
    return _without_blockquotes(html) if "<blockquote" in html.lower() else html


def _without_blockquotes(html: str) -> str:
    kept: list[str] = []
    depth = at = 0
    for m in _BLOCKQUOTE.finditer(html):
        if depth == 0:
            kept.append(html[at : m.start()])
        depth = max(depth - 1, 0) if m[1] else depth + 1
        at = m.end()
    return "".join(kept) + (html[at:] if depth == 0 else "")


def _too_wild(html: str) -> bool:
    """Whether elements are nested deeper, or are more, than a person's mail has them."""
    depth = 0
    for tags, m in enumerate(_TAG.finditer(html)):
        if m[2].lower() not in _VOID:
            depth = max(depth - 1, 0) if m[1] else depth + 1
        if depth > MAX_DEPTH or tags > MAX_TAGS:
            return True
    return False


def stripped(html: str) -> str:
    """`html` without its tags, by one scan that understands nothing but where a tag ends."""
    out: list[str] = []
    lowered = html.lower()
    at = 0
    while (opening := html.find("<", at)) >= 0:
        out.append(html[at:opening])
        comment = html.startswith("<!--", opening)
        closing = html.find("-->" if comment else ">", opening)
        if closing < 0:
            at = len(html) if comment else opening + 1
            if not comment:
                out.append("<")
                break
            continue
        m = _TAG.match(html, opening)
        name = m[2].lower() if m else ""
        at = closing + (3 if comment else 1)
        if name in _BREAKS:
            out.append("\n")
        elif name in _UNSEEN and m and not m[1]:
            end = lowered.find(f"</{name}", at) if name != "head" else at
            at = len(html) if end < 0 else end
    out.append(html[at:])
    return storable(entities.unescape("".join(out)))
