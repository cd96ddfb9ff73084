"""The sheets (Slack calls them modals) in which an agent answers or resolves a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from channels.slack.card import FIRST_LINES, LINE, NAME, origin
from channels.slack.words import NOTHING, plain
from intake.cases import REASONS, Case, Reason, State
from intake.errors import IntakeError
from intake.merging import Preview
from intake.nouns import noun
from intake.work import WayBack

TITLE = 24
LONGEST_TEXT = 3000
MOST_MINUTES = 60 * 24 * 366
REPLY, RESOLVE, MERGE, MERGE_NOW = "reply", "resolve", "merge", "merge now"
TEMPLATE, MACRO = "template", "macro"
WITHOUT_WORDS = (MERGE_NOW, TEMPLATE, MACRO)
"""Sheets that ask for no words, and so have no place to say beside it why they were refused."""
MOST_OPTIONS = 100
MOST_CANDIDATES = 20

Sheet = dict[str, Any]


class NotASheet(IntakeError):
    """What was submitted is no sheet of ours."""

    code = "not-a-sheet"


class WrongMinutes(IntakeError):
    """Billable minutes are a whole number of them."""

    code = "wrong-minutes"


def reply(case: Case, way: WayBack, begins: str = "", note: str = "") -> Sheet:
    """The sheet that shows to whom and by which way an answer goes, and asks for its words.

    They may begin with a template's, of which `note` says what to look at.
    """
    box = _text_box() | {"focus_on_load": True}
    if begins:
        box["initial_value"] = begins[:LONGEST_TEXT]
    asked = way.answers.new_text if way.answers else ""
    return _sheet(
        REPLY,
        f"Reply to {noun} {case.number}",
        "Send",
        {"case": str(case.id), "to": way.to},
        [
            _said(f"This goes to {recipient(way)}.", LINE),
            _said(f"They wrote: {asked or NOTHING}", FIRST_LINES),
            *([_said(f"Look at the template: {note}.", LINE)] if note else []),
            _input("text", "Your answer", box),
        ],
    )


def resolve(case: Case, still_open: Sequence[str] = ()) -> Sheet:
    """The sheet that asks how a case was resolved, and names what is still to be done for it."""
    kinds = [
        {"text": plain(kind.value.capitalize(), NAME), "value": kind.value}
        for kind in REASONS[State.RESOLVED]
    ]
    choice = {"type": "static_select", "options": kinds, "initial_option": kinds[0]}
    minutes = {"type": "number_input", "is_decimal_allowed": False, "min_value": "0"}
    hint = plain(f"Left empty: all the time that was noted on the {noun}.", LINE)
    return _sheet(
        RESOLVE,
        f"Resolve {noun} {case.number}",
        "Resolve",
        {"case": str(case.id)},
        [
            _said("The customer is told nothing by this.", LINE),
            *_confirming(still_open),
            _input("kind", "How it ended", choice),
            _input("text", "Resolution", _text_box(), optional=True),
            _input("minutes", "Billable minutes", minutes, optional=True) | {"hint": hint},
        ],
    )


def merge(case: Case) -> Sheet:
    """The sheet that asks which case this one shall go on in."""
    number = _text_box() | {"multiline": False, "max_length": 13, "focus_on_load": True}
    return _sheet(
        MERGE,
        f"Merge {noun} {case.number}",
        "Look",
        {"case": str(case.id)},
        [
            _said(f"It ends as merged, and goes on in another {noun}. Nothing is done yet.", LINE),
            _input("text", f"Number of the {noun} that goes on", number),
        ],
    )


def merge_now(preview: Preview) -> Sheet:
    """The sheet that shows what a merge would move, and asks for the last word."""
    [share], into = preview.shares, preview.survivor
    lines = [f"{noun.One} {share.case.number} goes on in {into.number}: {into.subject}"]
    lines.append(f"{share.activities} entries with {share.files} files move there.")
    if share.participants:
        lines.append(f"May write to it from then on: {', '.join(share.participants)}")
    if share.gives_back:
        lines.append(f"Its term goes back to {share.gives_back}.")
    lines.append("It can be undone in the console.")
    return _sheet(
        MERGE_NOW,
        f"Merge {noun} {share.case.number}",
        "Merge",
        {"case": str(share.case.id), "to": str(into.number)},
        [_said("\n".join(lines), FIRST_LINES)],
    )


def why(case: Case) -> Sheet:
    """The sheet that shows every question put to every entitlement, and its answer."""
    decision = case.decision
    blocks = [_said(decision.get("words") or "Nothing was decided yet.", LINE)]
    for held in decision.get("candidates", [])[:MOST_CANDIDATES]:
        answers = (f"{'yes' if t['passed'] else 'NO'}: {t['words']}" for t in held["tests"])
        blocks.append(_said("\n".join((held["name"], *answers)), FIRST_LINES))
    return _shown(f"Cover of {noun} {case.number}", blocks)


def choose(
    kind: str,
    title: str,
    submit: str,
    case: Case,
    said: str,
    label: str,
    options: Sequence[tuple[str, str]],
) -> Sheet:
    """A sheet that asks for one of these, each an id with its name."""
    listed = [{"text": plain(name, NAME), "value": id} for id, name in options[:MOST_OPTIONS]]
    choice = {"type": "static_select", "options": listed, "initial_option": listed[0]}
    about = {"case": str(case.id)}
    return _sheet(kind, title, submit, about, [_said(said, LINE), _input("chosen", label, choice)])


def refused(why: str) -> Sheet:
    """The sheet in the place of one whose act a rule refused."""
    return _shown("That was not done", [_said(why, LINE)])


def _confirming(still_open: Sequence[str]) -> list[dict[str, Any]]:
    """What is still to be done, and a box that says it is called off."""
    if not still_open:
        return []
    count = len(still_open)
    words = f"{count} open {'activity' if count == 1 else 'activities'}: " + ", ".join(still_open)
    called_off = plain("Cancel it" if count == 1 else "Cancel them", NAME)
    box = {"type": "checkboxes", "options": [{"text": called_off, "value": "yes"}]}
    return [
        _said(words, FIRST_LINES),
        _input("cancel_open", f"With the {noun}", box, optional=True),
    ]


def recipient(way: WayBack) -> str:
    """To whom and by which way, in words."""
    if way.channel == "chat":
        return "the customer, by chat"
    return f"{way.to}, by {origin(way.channel)} from {way.sender}"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A sheet as it came back. Everything in it may have been changed on the way."""

    kind: str
    case_id: UUID
    to: str
    text: str
    reason: Reason
    minutes: int | None
    cancel_open: bool = False
    chosen: str = ""

    @property
    def chosen_id(self) -> UUID:
        """The record that was chosen. Raises NotASheet."""
        try:
            return UUID(self.chosen)
        except ValueError:
            raise NotASheet("choose one first") from None

    @classmethod
    def read(cls, view: Mapping[str, Any]) -> Submitted:
        """What the view says. Raises NotASheet or WrongMinutes."""
        try:
            values = view["state"]["values"]
            about = orjson.loads(view["private_metadata"])
            minutes = _value(values, "minutes")
            return cls(
                kind=str(view["callback_id"]),
                case_id=UUID(about["case"]),
                to=str(about.get("to", "")),
                text=_sendable(_value(values, "text")),
                reason=Reason(_choice(values, "kind") or Reason.PROBLEM_SOLVED),
                minutes=_minutes(minutes) if minutes else None,
                cancel_open=_ticked(values, "cancel_open"),
                chosen=_choice(values, "chosen"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotASheet("this sheet cannot be read; open it again from the card") from error


def _minutes(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 6 or int(value) > MOST_MINUTES:
        raise WrongMinutes("billable minutes are a whole number, such as 15")
    return int(value)


def _value(values: Any, name: str) -> str:
    return str((values.get(name) or {}).get(name, {}).get("value") or "")


def _choice(values: Any, name: str) -> str:
    chosen = (values.get(name) or {}).get(name, {}).get("selected_option") or {}
    return str(chosen.get("value", ""))


def _ticked(values: Any, name: str) -> bool:
    return bool((values.get(name) or {}).get(name, {}).get("selected_options"))


def _sendable(text: str) -> str:
    """The text without what neither a database nor a mail can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _sheet(
    kind: str, title: str, submit: str, about: dict[str, str], blocks: list[dict[str, Any]]
) -> Sheet:
    return {
        "type": "modal",
        "callback_id": kind,
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": orjson.dumps(about).decode(),
        "blocks": blocks,
    }


def _shown(title: str, blocks: list[dict[str, Any]]) -> Sheet:
    """A sheet that is only read."""
    sheet = _sheet("shown", title, "", {}, blocks)
    del sheet["submit"]
    return sheet | {"close": plain("Close", TITLE)}


def _said(text: str, most: int) -> dict[str, Any]:
    return {"type": "section", "text": plain(text, most)}


def _input(
    name: str, label: str, element: dict[str, Any], *, optional: bool = False
) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, NAME),
        "element": element | {"action_id": name},
        "optional": optional,
    }


def _text_box() -> dict[str, Any]:
    return {"type": "plain_text_input", "multiline": True, "max_length": LONGEST_TEXT}
