"""What can be pressed on a card: what is done all day as buttons, the rest in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.slack.later import CHOICES
from channels.slack.words import plain
from intake.cases import State
from intake.nouns import noun

if TYPE_CHECKING:
    from channels.slack.card import Shown

LABEL = 75
"""Slack's limit, on a button and in a list."""

Block = dict[str, Any]


def row(case: Shown) -> Block:
    """All that does something as the case stands."""
    elements = _first(case)
    if case.state is State.ACTIVE:
        elements.append(_more(case))
    # Slack goes on showing what was chosen from a list until the list is another.
    return _actions(elements) | {"block_id": f"acts {int(case.at.timestamp() * 1000)}"}


def few(case: Shown) -> Block:
    """What is done about an alarm."""
    return _actions(_first(case))


def going_on(case: Shown) -> Block:
    """Whether it goes on with the case that it seems to go on with."""
    return _actions([_button("go-on", "Move it there", case), _button("apart", "Keep apart", case)])


def apart(case: Shown, activity_id: str) -> Block:
    """What is done about a message that became part of the case by itself."""
    split = _button("split", "Split off", case)
    return _actions([split | {"value": f"{case.case_id} {activity_id}"}])


def _first(case: Shown) -> list[Block]:
    found = []
    if case.state is State.ACTIVE:
        found.append(_button("release", "Release", case) if case.worker else _take(case))
        found.append(_button("reply", "Reply", case))
        found.append(_button("resolve", "Resolve", case))
        resumes = _button("resume", "Resume", case)
        found.append(resumes if case.on_hold else _button("hold", "Hold", case))
    elif case.state is State.RESOLVED:
        found.append(_button("reopen", "Reopen", case))
    found.append(_button("open", "Open in console", case) | {"url": case.url})
    if case.state is State.ACTIVE:
        found.append(_button("wake", "Wake", case) if case.put_off else _later(case))
    return found


def _take(case: Shown) -> Block:
    return _button("take", "Take", case) | {"style": "primary"}


def _later(case: Shown) -> Block:
    """For how long it may be put off."""
    choices = {act: words for act, (words, _until) in CHOICES.items()}
    return _list("snooze", "Snooze", choices, case)


def _more(case: Shown) -> Block:
    """What is done less often."""
    choices = {
        "plan": "Plan something to do",
        "complete": "Complete what was planned",
        "note": "Write a note",
        "time": "Log time",
        "assign": "Give to somebody",
        "follow-up": "Agree on a follow-up",
        "priority": "Set the priority",
        "escalate": "Escalate",
        "template": "Answer with a template",
        "macro": "Apply a macro",
        "merge": f"Merge into another {noun}",
        "why": "Why it is covered, or not",
    }
    if not case.plans:
        del choices["complete"]
    return _list("more", "More", choices, case)


def _list(name: str, label: str, choices: dict[str, str], case: Shown) -> Block:
    """Several acts, each of which says itself which it is."""
    return {
        "type": "static_select",
        "action_id": name,
        "placeholder": plain(label, LABEL),
        "options": [
            {"text": plain(words, LABEL), "value": f"{act} {case.case_id}"}
            for act, words in choices.items()
        ],
    }


def _button(act: str, label: str, case: Shown) -> Block:
    return {
        "type": "button",
        "action_id": act,
        "text": plain(label, LABEL),
        "value": case.case_id,
    }


def _actions(elements: list[Block]) -> Block:
    return {"type": "actions", "elements": elements}
