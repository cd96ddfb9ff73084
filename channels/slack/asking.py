"""Who asks in Slack, and what for: a request as it came, before anything of it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asker:
    """Who did something in Slack, as Slack says it."""

    user: str
    team: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Asker:
        """The user of a request, with the team they are at home in."""
        user = body.get("user") or {}
        team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
        return cls(str(user.get("id") or ""), str(team))


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button, and where to answer it."""

    asker: Asker
    act: str
    value: str
    """The case it is about."""
    message: str
    """And which of its messages, or ''."""
    listed: bool
    """Whether it was chosen from a list."""
    pressed_at: str
    channel: str
    below: str
    trigger: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Press:
        """The press in a block_actions request."""
        action, container = body["actions"][0], body.get("container") or {}
        act, value = str(action.get("action_id") or ""), str(action.get("value") or "")
        if chosen := action.get("selected_option"):
            # One of several in a list says itself which act it is.
            act, _, value = str(chosen.get("value") or "").partition(" ")
        value, _, message = value.partition(" ")
        return cls(
            asker=Asker.of(body),
            act=act,
            value=value,
            message=message,
            listed=bool(chosen),
            pressed_at=str(action.get("action_ts") or ""),
            channel=str(container.get("channel_id") or ""),
            below=str(container.get("thread_ts") or ""),
            trigger=str(body.get("trigger_id") or ""),
        )

    @property
    def key(self) -> str:
        """What makes two requests one press."""
        what = (self.act, self.value, self.message, self.pressed_at)
        return "\0".join(("press", self.asker.team, self.asker.user, *what))
