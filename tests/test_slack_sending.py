"""What Slack's answers mean for a promise: kept, for now not, or never."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse, Response

from channels import Never, NotNow, Sent, channel
from channels.slack import calling
from channels.slack.calling import Place, as_payload, keep, post, update
from intake.db import new_id
from intake.events import Promise
from intake.settings import Settings
from tests.slack_stand_in import BOT_TOKEN, SlackStandIn, rate_limited, slack_stand_in

HELLO = [{"type": "section", "text": {"type": "plain_text", "text": "Hello"}}]


@pytest.fixture(scope="module")
def workspace() -> Iterator[SlackStandIn]:
    with slack_stand_in() as slack:
        yield slack


@pytest.fixture
def slack(workspace: SlackStandIn) -> SlackStandIn:
    """The workspace, without what earlier tests left in it."""
    workspace.messages.clear()
    workspace.troubles.clear()
    return workspace


@pytest.fixture
def settings(slack: SlackStandIn) -> Settings:
    return Settings(slack_bot_token=SecretStr(BOT_TOKEN), slack_api_url=f"{slack.url}/api")


def promised(*calls: calling.Call) -> Promise:
    return Promise(
        id=new_id(),
        channel="slack",
        kind="card",
        target="#support",
        payload=as_payload(calls),
        attempts=1,
        promised_at=datetime.now(UTC),
        case_id=None,
        claim=new_id(),
    )


def test_what_is_posted_says_where_it_stands(slack: SlackStandIn, settings: Settings) -> None:
    sent = keep(promised(post("#support", "Hello", HELLO)), settings)
    card = Place.read(sent.remote_id)
    assert card is not None
    below = keep(promised(post("#support", "More", HELLO, below=card)), settings)

    first, second = slack.messages
    assert card == Place("C0SUPPORT", first.ts, "#support")
    assert Place.read(below.remote_id) == Place("C0SUPPORT", second.ts, "#support", first.ts)
    assert second.below == first.ts


def test_a_second_attempt_carries_the_same_id(slack: SlackStandIn, settings: Settings) -> None:
    promise = promised(post("#support", "Hello", HELLO))

    keep(promise, settings)
    keep(promise, settings)

    assert [m.arguments["client_msg_id"] for m in slack.messages] == [str(promise.id)] * 2
    assert slack.messages[0].arguments["metadata"]["event_payload"] == {"delivery": str(promise.id)}


def test_a_promise_without_calls_is_kept(slack: SlackStandIn, settings: Settings) -> None:
    assert keep(promised(), settings) == Sent("there was nothing to say")


LATER: dict[str, tuple[Response | str | float, float | None]] = {
    "too fast": (rate_limited(7), 7),
    "much too fast": (rate_limited(10**6), calling.LONGEST_WAIT_SECONDS),
    "at once again": (rate_limited(0), 1),
    "too fast, it says": ("ratelimited", None),
    "a pause in words": (Response("{}", 429, headers={"Retry-After": "soon"}), None),
    "a pause below zero": (Response("{}", 429, headers={"Retry-After": "-1"}), None),
    "an error of theirs": (Response("{}", 500), None),
    "a page instead": (PlainTextResponse("<html>Bad gateway</html>", 502), None),
    "a page, with a yes": (PlainTextResponse("<html>Sign in</html>", 200), None),
    "no UTF-8": (Response(b"\xff\xfe", 200), None),
    "nothing": (Response(b"", 200), None),
    "an error in words": ("internal_error", None),
    "silence": (0.5, None),
}


@pytest.mark.parametrize(("trouble", "seconds"), LATER.values(), ids=LATER)
def test_what_passes_is_for_later(
    slack: SlackStandIn,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Response | str | float,
    seconds: float | None,
) -> None:
    monkeypatch.setattr(calling, "TIMEOUT_SECONDS", 0.2)
    slack.troubles.append(trouble)

    with pytest.raises(NotNow) as later:
        keep(promised(post("#support", "Hello", HELLO)), settings)

    assert later.value.retry_after_seconds == seconds
    assert slack.messages == []


def test_a_slack_that_is_not_there_is_for_later(settings: Settings, unused_tcp_port: int) -> None:
    away = settings.model_copy(update={"slack_api_url": f"http://127.0.0.1:{unused_tcp_port}/"})

    with pytest.raises(NotNow):
        keep(promised(post("#support", "Hello", HELLO)), away)


def test_without_a_token_it_is_for_later(settings: Settings) -> None:
    with pytest.raises(NotNow, match="slack_bot_token"):
        keep(
            promised(post("#support", "Hello", HELLO)),
            settings.model_copy(update={"slack_bot_token": None}),
        )


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("not_in_channel", "/invite"),
        ("is_archived", "give the queue another one"),
        ("invalid_auth", "check slack_bot_token"),
        ("msg_too_long", "msg_too_long"),
    ],
)
def test_what_a_person_must_mend_is_said_in_words(
    slack: SlackStandIn, settings: Settings, word: str, advice: str
) -> None:
    slack.troubles.append(word)

    with pytest.raises(Never, match=advice):
        keep(promised(post("#support", "Hello", HELLO)), settings)


def test_a_channel_that_is_not_there_is_a_matter_for_a_person(
    slack: SlackStandIn, settings: Settings
) -> None:
    with pytest.raises(Never, match="was the app invited"):
        keep(promised(post("#nowhere", "Hello", HELLO)), settings)


def test_a_wrong_token_is_a_matter_for_a_person(slack: SlackStandIn, settings: Settings) -> None:
    wrong = settings.model_copy(update={"slack_bot_token": SecretStr("xoxb-wrong")})

    with pytest.raises(Never, match="check slack_bot_token"):
        keep(promised(post("#support", "Hello", HELLO)), wrong)


def test_a_card_that_cannot_be_changed_holds_up_nothing(
    slack: SlackStandIn, settings: Settings
) -> None:
    gone = Place("C0SUPPORT", "1.1", "#support")

    sent = keep(promised(update(gone, "Hello", HELLO), post("#support", "More", HELLO)), settings)

    assert len(slack.messages) == 1
    assert sent.remote_id


@pytest.mark.parametrize(
    "place",
    [Place("C1", "1.2", "#support"), Place("C1", "1.3", "C1", "1.2"), Place("C1", "1.2", "a b")],
)
def test_a_place_is_read_as_it_was_written(place: Place) -> None:
    assert Place.read(str(place)) == place


@pytest.mark.parametrize("remote_id", ["", "x", "a/b/c/d #support"])
def test_another_id_is_no_place(remote_id: str) -> None:
    assert Place.read(remote_id) is None


def test_nothing_comes_in_by_slack() -> None:
    with pytest.raises(NotImplementedError):
        channel("slack").parse(b"{}", {})
