"""What a case looks like in Slack: the card, and what is said below it. Pure Block Kit.

The limits are Slack's (Block Kit reference): a header of 150, a text of 3,000, a field of 2,000
characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels.slack import buttons
from channels.slack.clocks import Clock, all_in_words, in_words
from channels.slack.words import escaped, marked, pieces, plain, quoted
from intake.cases import Reason, State
from intake.nouns import noun

HEADER = 150
FIRST_LINES = 600
PIECE = 2_900
MOST_PIECES = 4
NAME = 120
LINE = 300
MOST_NAMES = 3
MOST_PLANS = 5

Blocks = list[dict[str, Any]]
ORIGINS = {"email": "email", "phone": "phone", "web": "web form", "chat": "chat", "slack": "Slack"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A case as Slack shows it: plain values, read in one transaction."""

    at: datetime
    """When it was read."""
    case_id: str
    number: int
    subject: str
    state: State
    reason: str
    channel: str
    customer: str
    entitlement: str
    clocks: tuple[Clock, ...]
    queue: str
    worker: str
    """Who works on it, or ''."""
    crew: str
    """The team for one of whom it waits, or ''."""
    put_off: str
    """Until when it is put off, in markup, or ''."""
    pressing: str
    """Its priority where that says something, and whether it was escalated; or ''."""
    follow_up: str
    """By when we agreed to come back to the customer, in markup, or ''."""
    on_hold: bool
    """Whether its status stops clocks."""
    wrote: str
    """What the customer wrote last."""
    files: tuple[str, ...]
    articles: tuple[str, ...]
    url: str
    plans: tuple[str, ...] = ()
    """What is still to be done for it, in markup, what is due first before the others."""
    seems_to_be: str = ""
    """The earlier case that it seems to go on with, in markup, or ''."""
    looking: tuple[str, ...] = ()
    """Who looks at it at this moment and does not write."""
    writing: tuple[str, ...] = ()
    """Who writes an answer or a note at this moment."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message between customer and desk. `outgoing` ones name the agent and the recipient."""

    who: str
    channel: str
    text: str
    outgoing: bool
    to: str = ""
    files: tuple[str, ...] = ()
    appended: str = ""
    """The id of a message that was written anew and became part of the case by itself, or ''."""


def title(case: Shown) -> str:
    """The case in one line of markup, for notifications."""
    return f"{noun.One} {case.number}: {quoted(case.subject, NAME)}"


def card(case: Shown) -> Blocks:
    """The card: who asks what, what they are entitled to, by when, and the buttons that work."""
    blocks: Blocks = [
        {"type": "header", "text": plain(f"{noun.One} {case.number}: {case.subject}", HEADER)},
        _text(f"{case.customer}, by {origin(case.channel)}", LINE),
        {
            "type": "section",
            "fields": [
                _field("Entitlement", quoted(case.entitlement, LINE)),
                _field("Deadline", deadline(case)),
                _field("Queue", quoted(case.queue, NAME)),
                _field("Worked on by", _worker(case)),
                *([_field("Status", quoted(case.reason, NAME))] if _waits(case) else []),
                *([_field("Priority", case.pressing)] if case.pressing else []),
                *([_field("Put off", case.put_off)] if case.put_off else []),
                *([_field("Follow-up", case.follow_up)] if case.follow_up else []),
            ],
        },
        _text(case.wrote, FIRST_LINES),
    ]
    if case.seems_to_be:
        words = f"This seems to go on with {case.seems_to_be}, which is still open."
        blocks += [{"type": "section", "text": marked(words)}, buttons.going_on(case)]
    if case.files:
        blocks.append(_small(_files(case.files)))
    if case.plans:
        blocks.append({"type": "section", "text": marked(_to_do(case))})
    if case.articles:
        lines = "\n".join(f"{place}. {line}" for place, line in enumerate(case.articles, start=1))
        blocks.append(_text(f"Articles that may answer it\n{lines}", PIECE))
    if there := _there(case):
        blocks.append(_small(there))
    return [*blocks, buttons.row(case)]


def moved(case: Shown) -> str:
    """All that is left of a card whose case went to a queue that is announced elsewhere."""
    return f"{noun.One} {case.number} moved to another queue."


def message(case: Shown, said: Said) -> Blocks:
    """One message below the card, split where it is long; the console has the longest whole."""
    parts = pieces(said.text, PIECE) if said.text.strip() else [""]
    blocks = [_small(_heading(said)), *(_text(part, PIECE) for part in parts[:MOST_PIECES])]
    if said.files:
        blocks.append(_small(_files(said.files)))
    if len(parts) > MOST_PIECES:
        rest = f"It goes on: <{escaped(case.url)}|read all of it in the console>"
        blocks.append({"type": "context", "elements": [marked(rest)]})
    if said.appended and case.state is State.ACTIVE:
        blocks.append(_small(f"They wrote it anew, and it became part of this {noun}"))
        blocks.append(buttons.apart(case, said.appended))
    return blocks


def alarm(case: Shown, clock: Clock) -> Blocks:
    """A promise that is nearly due or was missed, and what can be done about it."""
    return [
        {"type": "section", "text": marked(in_words(clock, case.at))},
        buttons.few(case),
    ]


def post_elsewhere(case: Shown, clock: Clock | None, text: str) -> Blocks:
    """What an action of a clock says where no card is: which case, how it stands, what to do."""
    said = [plain(text, LINE)] if text else [marked(in_words(clock, case.at))] if clock else []
    return [
        {"type": "section", "text": marked(f"*<{case.url}|{title(case)}>*")},
        *({"type": "section", "text": each} for each in said),
        buttons.few(case),
    ]


def deadline(case: Shown) -> str:
    """Where the promises about time stand, or how the case ended, in markup."""
    if case.state is not State.ACTIVE:
        return f"{case.state.capitalize()}: {escaped(case.reason)}"
    return all_in_words(case.clocks, case.at) or "none promised"


def origin(channel: str) -> str:
    """A channel in words."""
    return ORIGINS.get(channel, channel)


def _to_do(case: Shown) -> str:
    lines = [f"• {plan}" for plan in case.plans[:MOST_PLANS]]
    if len(case.plans) > MOST_PLANS:
        lines.append(f"and {len(case.plans) - MOST_PLANS} more")
    return "\n".join(("*To do*", *lines))


def _there(case: Shown) -> str:
    """Who else is at it, such as "Ada looks at it; Ben and Carl are writing"."""
    said = []
    if case.looking:
        said.append(f"{_names(case.looking)} {'looks' if len(case.looking) == 1 else 'look'} at it")
    if case.writing:
        said.append(f"{_names(case.writing)} {'is' if len(case.writing) == 1 else 'are'} writing")
    return "; ".join(said)


def _names(names: Sequence[str]) -> str:
    first, rest = names[:MOST_NAMES], len(names) - MOST_NAMES
    if rest > 0:
        return f"{', '.join(first)} and {rest} more"
    return " and ".join(filter(None, (", ".join(first[:-1]), first[-1])))


def _heading(said: Said) -> str:
    if said.outgoing:
        return f"{said.who} answered {said.to} by {origin(said.channel)}"
    return f"{said.who} wrote by {origin(said.channel)}"


def _files(names: Sequence[str]) -> str:
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    return f"{count}: {', '.join(names)}"


def _waits(case: Shown) -> bool:
    return case.state is State.ACTIVE and case.reason != Reason.IN_PROGRESS


def _worker(case: Shown) -> str:
    if case.worker or not case.crew:
        return quoted(case.worker, NAME) or "nobody yet"
    return f"one of {quoted(case.crew, NAME)}"


def _field(label: str, value: str) -> dict[str, Any]:
    return marked(f"*{label}*\n{value}")


def _text(text: str, most: int) -> dict[str, Any]:
    return {"type": "section", "text": plain(text, most)}


def _small(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [plain(text, LINE)]}
