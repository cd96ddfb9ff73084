"""Answering whoever pressed a button, alone: a sheet, or words that only they see."""

from __future__ import annotations

from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from channels import NotNow
from channels.slack.asking import Press
from channels.slack.calling import AWAY, client_of
from channels.slack.forms import Sheet
from channels.slack.words import escaped
from intake.settings import Settings

log = structlog.get_logger()

# Slack waits three seconds for an answer, and a sheet must be opened within them.
AT_ONCE_SECONDS = 2


def open_sheet(press: Press, sheet: Sheet, settings: Settings) -> None:
    """Lay a sheet before them."""
    _call("views.open", {"trigger_id": press.trigger, "view": sheet}, settings)


def tell(press: Press, text: str, settings: Settings) -> None:
    """Say something where they pressed."""
    note = {"channel": press.channel, "user": press.asker.user, "text": escaped(text)}
    below = {"thread_ts": press.below} if press.below else {}
    _call("chat.postEphemeral", note | below, settings)


def _call(method: str, arguments: dict[str, Any], settings: Settings) -> None:
    """That this fails changes nothing of what was done."""
    try:
        client_of(settings, timeout_seconds=AT_ONCE_SECONDS).api_call(method, json=arguments)
    except SlackApiError as error:
        log.warning("slack not answered", method=method, why=error.response.get("error"))
    except (*AWAY, NotNow) as error:
        log.warning("slack not answered", method=method, why=type(error).__name__)
