"""The HTML of a mail as its sender formatted it: sanitised when it is shown, and shown in a cage.

The cage is a document of its own, in a frame without scripts, forms, network or our origin; the
sanitiser leaves only harmless tags. Either would do. Nothing changes the HTML after the sanitiser,
and what is kept is the original, so that a better sanitiser also heals old mail.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from urllib.parse import urlsplit

import nh3
from sqlalchemy import select
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from graph.console.visit import Visit, read
from graph.house import House
from intake.cases import Activity
from intake.errors import NotFound
from intake.visibility import one_visible

MOST_CHARACTERS = 2_000_000
DEEPEST = 200
MOST_TAGS = 12_000
"""A parser is quadratic in the depth of nesting. The depth below is an estimate that hostile markup
can fool; so many tags cost it a fifth of a second even when they are all nested."""

TAGS = frozenset((
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col",
    "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "tt", "u", "ul", "var",
))  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"alt"},  # no picture is fetched: a remote one tells its sender who reads, and when
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
_UNSEEN = {"script", "style", "title", "template", "textarea", "noscript", "iframe", "object"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,30})(?=[\s/>])")
_WITHOUT_END = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
    "source", "track", "wbr", "p", "li", "dt", "dd", "td", "th", "tr", "option",
))  # fmt: skip

# The target of each link is shown beside it, so that no link can pretend to lead elsewhere.
STYLE = """
:root{color-scheme:light dark;font:15px/1.55 Inter,system-ui,"Segoe UI",Roboto,sans-serif}
body{margin:0;padding:12px 14px;overflow-wrap:anywhere;color:#1c1c1a;background:#fff}
table{border-collapse:collapse;max-width:100%}td,th{padding:2px 6px;vertical-align:top}
img{display:inline-block;max-width:100%}img[alt]{color:#666;font-style:italic}
blockquote{margin:8px 0;padding-left:12px;border-left:3px solid #d8d6d0;color:#555}
pre{white-space:pre-wrap}a{color:#3347c9}
a[href]::after{content:" \\2192 " attr(href);display:inline-block;max-width:32ch;overflow:hidden;
text-overflow:ellipsis;white-space:nowrap;vertical-align:bottom;font-size:12px;color:#6b6962}
@media(prefers-color-scheme:dark){body{color:#e9e8e4;background:#1c1c1f}a{color:#a5b0ff}
blockquote{border-color:#44444a;color:#b5b3ad}a[href]::after,img[alt]{color:#a09e98}}
"""
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Opened by itself, the document is sandboxed by its own policy as it is by our frame.
POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    f"style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def routes(house: House) -> list[Route]:
    """The HTML of one activity, for a frame."""
    return [Route("/activities/{id:uuid}/html", read(house, _html), name="html")]


def sanitised(html: str) -> str | None:
    """`html` without anything that acts, fetches or imitates; None when it is too large or wild."""
    if len(html) > MOST_CHARACTERS or _too_wild(html):
        return None
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        clean_content_tags=_UNSEEN,
        url_schemes=_SCHEMES,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )


def _html(visit: Visit) -> Response:
    activity = visit.session.scalar(
        select(Activity).where(Activity.id == visit.request.path_params["id"])
    )
    if activity is None or not activity.html or activity.case_id is None:
        raise NotFound("there is no such mail")
    one_visible(visit.session, visit.by, activity.case_id)
    safe = sanitised(activity.html)
    headers = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
    if safe is None:
        text = "The formatted mail is too large or too deeply nested to show. Its text:\n\n"
        return PlainTextResponse(text + activity.text, headers=headers)
    return HTMLResponse(_document(safe), headers=headers)


def _document(safe: str) -> str:
    # The one place where markup from outside enters an answer; it comes from `sanitised` alone.
    return (
        '<!doctype html><html lang="und"><head><meta charset="utf-8"><title>Mail</title>'
        f"<style>{STYLE}</style></head><body>{safe}</body></html>"
    )


def _allowed(tag: str, attribute: str, value: str) -> str | None:
    """An attribute's value if it may stay; a link that names one host and leads to another not."""
    if attribute != "href":
        return value
    try:
        return None if "@" in urlsplit(value.strip()).netloc else value
    except ValueError:
        return None


def _too_wild(html: str) -> bool:
    """Whether elements are nested deeper, or are more, than a mail program writes them."""
    open_now: dict[str, int] = {}
    depth = tags = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        if name in _WITHOUT_END:
            continue
        if not match[1]:
            open_now[name] = open_now.get(name, 0) + 1
            depth, tags = depth + 1, tags + 1
        elif open_now.get(name, 0):
            open_now[name] -= 1
            depth -= 1
        if depth > DEEPEST or tags > MOST_TAGS:
            return True
    return False
