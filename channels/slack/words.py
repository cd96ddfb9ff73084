"""Text for Slack: nothing a customer wrote is ever read as Slack's markup.

Customers' text goes into `plain_text` objects, which Slack shows as they are. Our own sentences
may use markup; whatever they quote is escaped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

# Controls, and what turns the direction of the rest of the line around.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_GAPS = re.compile(r"\n{3,}")
NOTHING = "(no text)"


def plain(text: str, most: int, *, otherwise: str = NOTHING) -> dict[str, Any]:
    """A text object that shows `text` literally, at most so long; Slack takes no empty one."""
    return {"type": "plain_text", "text": cut(clean(text), most) or otherwise, "emoji": False}


def marked(text: str) -> dict[str, Any]:
    """A text object in Slack's markup. `text` is ours; its quoted parts went through `quoted`."""
    # Verbatim: addresses and names in it do not become links and mentions by themselves.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def quoted(text: str, most: int) -> str:
    """Somebody's words on one line inside our markup, escaped as Slack asks."""
    return escaped(cut(" ".join(clean(text).split()), most))


def escaped(text: str) -> str:
    """The text without any of the three characters that begin or end markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clean(text: str) -> str:
    """The text without characters that are not seen or that cannot be sent."""
    return _GAPS.sub("\n\n", _UNSEEN.sub("", text.replace("\r\n", "\n"))).strip()


def cut(text: str, most: int) -> str:
    """The beginning of the text, at most `most` UTF-16 units long: so Slack counts."""
    if size(text) <= most:
        return text
    encoded = text.encode("utf-16-le")[: 2 * (most - 1)]
    return encoded.decode("utf-16-le", "ignore").rstrip() + "…"


def pieces(text: str, most: int) -> list[str]:
    """The whole text in parts of at most `most` units, each cut after a line or word if it can."""
    found = []
    while size(text) > most:
        head = text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
        end = max(head.rfind("\n"), head.rfind(" ")) + 1
        if end <= len(head) // 2:
            end = len(head)
        found.append(text[:end].rstrip())
        text = text[end:]
    return [*found, text]


def size(text: str) -> int:
    """How long Slack finds it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def moment(at: datetime) -> str:
    """An instant in markup, shown in each reader's own zone."""
    fallback = f"{at.astimezone(UTC):%d %b %Y %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"
