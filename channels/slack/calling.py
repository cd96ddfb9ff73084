"""Talking to Slack's Web API: the calls of a promise, and what their refusals mean."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from channels import Never, NotNow, Sent

if TYPE_CHECKING:
    from channels.slack.card import Blocks
    from intake.events import Promise
    from intake.settings import Settings

# A delivery is leased for two minutes, and a batch of them shares four threads.
TIMEOUT_SECONDS = 8
LONGEST_WAIT_SECONDS = 3600.0
# Slack's own troubles, and being too fast: they pass.
PASSING = frozenset(
    {
        *("ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"),
        *("internal_error", "fatal_error", "request_timeout", "service_unavailable"),
        "team_added_to_org",
    }
)
# Why a card cannot be changed any more; nobody is owed anything by that.
GONE = frozenset(
    {
        *("message_not_found", "cant_update_message", "edit_window_closed"),
        *("channel_not_found", "is_archived", "is_inactive", "not_in_channel"),
    }
)
ADVICE = {
    "not_in_channel": "the app is not in the channel: say /invite @Deskbell there",
    "channel_not_found": "the app sees no such channel: is its name right, was the app invited?",
    "is_archived": "the channel is archived: give the queue another one",
    "invalid_auth": "Slack does not know our token: check slack_bot_token",
    "not_authed": "Slack does not know our token: check slack_bot_token",
    "token_revoked": "our token was revoked: install the app again",
    "token_expired": "our token has expired: install the app again",
    "account_inactive": "the app was removed from the workspace: install it again",
    "missing_scope": "the app may not do that: install it again with the scopes of its manifest",
}
_WORD = re.compile(r"[a-z][a-z_]{1,80}")
# What the network does to a client that has no retries of its own.
AWAY = (OSError, http.client.HTTPException, SlackClientError, json.JSONDecodeError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API, as plain values."""

    method: Literal["chat.postMessage", "chat.update"]
    arguments: dict[str, Any]
    asked: str = ""
    """The channel as the queue names it, kept with what was posted there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message of ours stands; the remote id of a delivery: "C1/1700.2 #support".

    `asked` is the channel as its queue named it, `below` the card it stands under, or ''.
    """

    channel: str
    ts: str
    asked: str
    below: str = ""

    def __str__(self) -> str:
        return f"{'/'.join(filter(None, (self.channel, self.below, self.ts)))} {self.asked}"

    @classmethod
    def read(cls, remote_id: str) -> Place | None:
        """The place such an id names, if it names one."""
        path, _, asked = remote_id.partition(" ")
        match path.split("/"):
            case [channel, ts]:
                return cls(channel, ts, asked)
            case [channel, below, ts]:
                return cls(channel, ts, asked, below)
            case _:
                return None


def post(
    where: str, text: str, blocks: Blocks, *, below: Place | None = None, aloud: bool = False
) -> Call:
    """A new message in a channel, or below a card; `aloud` shows it in the channel as well."""
    arguments = _message(text, blocks) | {"unfurl_links": False, "unfurl_media": False}
    if below is not None:
        arguments |= {"thread_ts": below.ts, "reply_broadcast": aloud}
    channel = below.channel if below else where
    return Call("chat.postMessage", arguments | {"channel": channel}, where)


def update(place: Place, text: str, blocks: Blocks) -> Call:
    """A message of ours, said anew."""
    return Call("chat.update", _message(text, blocks) | {"channel": place.channel, "ts": place.ts})


def as_payload(calls: Sequence[Call]) -> dict[str, Any]:
    """The calls as a prepared promise carries them."""
    return {"calls": [asdict(call) for call in calls]}


def keep(promise: Promise, settings: Settings) -> Sent:
    """Make the calls of a promise, in their order. Raises NotNow or Never."""
    client = client_of(settings, timeout_seconds=TIMEOUT_SECONDS)
    sent = Sent("there was nothing to say")
    for values in promise.payload["calls"]:
        sent = _make(client, Call(**values), promise)
    return sent


def client_of(settings: Settings, *, timeout_seconds: int) -> WebClient:
    """A client of the workspace. It retries nothing: who calls it decides. Raises NotNow."""
    if settings.slack_bot_token is None:
        raise NotNow("Slack is not connected: slack_bot_token is not set")
    return WebClient(
        settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=timeout_seconds,
        retry_handlers=[],
    )


def _message(text: str, blocks: Blocks) -> dict[str, Any]:
    return {"text": text, "blocks": blocks, "parse": "none", "link_names": False}


def _make(client: WebClient, call: Call, promise: Promise) -> Sent:
    arguments = dict(call.arguments)
    if call.method == "chat.postMessage":
        # Sent again after a crash, it carries the same id, by which Slack may know it.
        arguments["client_msg_id"] = str(promise.id)
        arguments["metadata"] = {
            "event_type": "deskbell_delivery",
            "event_payload": {"delivery": str(promise.id)},
        }
    try:
        answer = client.api_call(call.method, json=arguments)
    except SlackApiError as error:
        return _refused(error.response, call)
    except AWAY as error:
        raise NotNow(f"Slack cannot be reached: {error or type(error).__name__}") from error
    if call.method == "chat.update":
        return Sent("the card shows it")
    place = Place(
        str(answer["channel"]), str(answer["ts"]), call.asked, call.arguments.get("thread_ts", "")
    )
    return Sent("posted", str(place))


def _refused(answer: SlackResponse, call: Call) -> Sent:
    """What a refusal means. That a card is gone is no loss; all else is for now or for good."""
    word = str(answer.data.get("error", "")) if isinstance(answer.data, dict) else ""
    if answer.status_code == 429 or answer.status_code >= 500 or word in PASSING:
        raise NotNow(f"Slack says later ({answer.status_code})", _retry_after_seconds(answer))
    if not _WORD.fullmatch(word):
        raise NotNow("what answers is not Slack: a proxy, a page to sign in?")
    if call.method == "chat.update" and word in GONE:
        return Sent(f"the card is out of reach: {word}")
    raise Never(f"Slack refuses it: {ADVICE.get(word, word)}")


def _retry_after_seconds(answer: SlackResponse) -> float | None:
    headers = {name.lower(): value for name, value in dict(answer.headers).items()}
    value = headers.get("retry-after", "")
    value = value[0] if isinstance(value, list) and value else value
    if not str(value).isascii() or not str(value).isdecimal():
        return None
    return min(max(float(value), 1.0), LONGEST_WAIT_SECONDS)
