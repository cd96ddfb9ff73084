"""The parts that sheets (Slack calls them modals) are made of, and a sheet as it comes back.

The limits are Slack's (Block Kit reference): a title of 24, a text of 3,000, the text of an option
of 75 characters, 100 options in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from channels.slack.words import plain
from intake.cases import Case
from intake.errors import IntakeError

SHOWN = "shown"
TITLE = 24
LABEL = 120
LINE = 300
OPTION = 75
LONGEST_TEXT = 3000
MOST_OPTIONS = 100
MOST_MINUTES = 60 * 24 * 366

Block = dict[str, Any]
Sheet = dict[str, Any]


class NotASheet(IntakeError):
    """What was submitted is no sheet of ours."""

    code = "not-a-sheet"


class WrongMinutes(IntakeError):
    """Minutes are a whole number of them."""

    code = "wrong-minutes"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A sheet as it came back. Everything in it may have been changed on the way: whatever reads
    it raises NotASheet for what cannot be meant."""

    kind: str
    case_id: UUID
    about: Mapping[str, Any]
    values: Mapping[str, Any]

    @classmethod
    def read(cls, view: Mapping[str, Any]) -> Submitted:
        """What the view says."""
        try:
            about = orjson.loads(view["private_metadata"])
            values = view["state"]["values"]
            return cls(str(view["callback_id"]), UUID(about["case"]), about, {**values})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unreadable() from error

    @property
    def to(self) -> str:
        """Whom, or what else, the sheet was shown for besides its case."""
        return str(self.about.get("to", ""))

    def text(self, name: str = "text") -> str:
        """What was typed there, without what neither a database nor a mail can hold."""
        typed = str(self._answer(name).get("value") or "")
        return typed.replace("\0", "").encode("utf-8", "replace").decode()

    def minutes(self, name: str = "minutes") -> int | None:
        """The minutes typed there; None where there are none. Raises WrongMinutes."""
        typed = self.text(name)
        if not typed:
            return None
        whole = typed.isascii() and typed.isdecimal() and len(typed) <= 6
        if not whole or int(typed) > MOST_MINUTES:
            raise WrongMinutes(f"{name}: write a whole number, such as 15")
        return int(typed)

    def choice(self, name: str) -> str:
        """Which of several was chosen there, or ''."""
        chosen = self._answer(name).get("selected_option") or {}
        if not isinstance(chosen, dict):
            raise _unreadable()
        return str(chosen.get("value", ""))

    def chosen(self, name: str = "chosen") -> UUID:
        """The record that was chosen there."""
        try:
            return UUID(self.choice(name))
        except ValueError:
            raise NotASheet(f"{name}: choose one first") from None

    def ticked(self, name: str) -> bool:
        """Whether the box there is ticked."""
        return bool(self._answer(name).get("selected_options"))

    def instant(self, name: str) -> datetime | None:
        """The moment chosen there."""
        seconds = self._answer(name).get("selected_date_time")
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise _unreadable() from error

    def user(self, name: str) -> str:
        """The Slack user chosen there, or ''."""
        return str(self._answer(name).get("selected_user") or "")

    def _answer(self, name: str) -> dict[str, Any]:
        block = self.values.get(name, {})
        answer = block.get(name, {}) if isinstance(block, dict) else None
        if not isinstance(answer, dict):
            raise _unreadable()
        return answer


def sheet(
    kind: str, title: str, submit: str, about: Mapping[str, str], blocks: list[Block]
) -> Sheet:
    """A sheet that asks. `about` comes back with it; so does word of whoever closes it."""
    return {
        "type": "modal",
        "callback_id": kind,
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": orjson.dumps(about).decode(),
        "notify_on_close": True,
        "blocks": blocks,
    }


def shown(title: str, about: Mapping[str, str], blocks: list[Block]) -> Sheet:
    """A sheet that is only read."""
    read = sheet(SHOWN, title, "", about, blocks)
    del read["submit"]
    return read | {"close": plain("Close", TITLE)}


def refused(why: str) -> Sheet:
    """The sheet in the place of one whose act a rule refused."""
    return shown("That was not done", {}, [said(why, LINE)])


def choose(
    kind: str,
    title: str,
    submit: str,
    case: Case,
    words: str,
    label: str,
    options: Sequence[tuple[str, str]],
) -> Sheet:
    """A sheet that asks for one of these, each an id with its name."""
    asked = question("chosen", label, one_of(options))
    return sheet(kind, title, submit, {"case": str(case.id)}, [said(words, LINE), asked])


def said(text: str, most: int) -> Block:
    """Words between the questions."""
    return {"type": "section", "text": plain(text, most)}


def question(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    """A question of a sheet, by the name under which its answer comes back."""
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, LABEL),
        "element": element | {"action_id": name},
        "optional": optional,
    }


def text_box(*, lines: bool = True, most: int = LONGEST_TEXT) -> Block:
    """Room for words: several lines, or one."""
    return {"type": "plain_text_input", "multiline": lines, "max_length": most}


def initial(name: str) -> str:
    """A name as a list begins it."""
    return name[:1].upper() + name[1:]


def one_of(options: Sequence[tuple[str, str]]) -> Block:
    """A list to choose from, each an id with its name; the first is chosen already."""
    listed = [{"text": plain(name, OPTION), "value": id} for id, name in options[:MOST_OPTIONS]]
    return {"type": "static_select", "options": listed, "initial_option": listed[0]}


def minutes_box() -> Block:
    """Room for a number of minutes."""
    return {"type": "number_input", "is_decimal_allowed": False, "min_value": "0"}


def tick_box(words: str, *, ticked: bool = False) -> Block:
    """One box to tick."""
    option = {"text": plain(words, OPTION), "value": "yes"}
    return {"type": "checkboxes", "options": [option]} | (
        {"initial_options": [option]} if ticked else {}
    )


def beside(view: Any, words: str) -> dict[str, str]:
    """A refusal beside the question that it names, as in "minutes: …", or beside the first that
    takes words; nothing for a sheet that asks nothing."""
    names = list(_questions(view))
    named, _, rest = words.partition(": ")
    if named in names:
        return {named: rest}
    first = next((name for name in ("text", *names) if name in names), None)
    return {} if first is None else {first: words}


def case_of(view: Any) -> UUID | None:
    """The case that a sheet is about, if it is one of ours."""
    try:
        return UUID(orjson.loads(view["private_metadata"])["case"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _questions(view: Any) -> Iterable[str]:
    blocks = view.get("blocks") if isinstance(view, dict) else None
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "input":
            yield str(block.get("block_id"))


def _unreadable() -> NotASheet:
    return NotASheet("this sheet cannot be read; open it again from the card")
