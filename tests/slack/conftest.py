"""A desk that is connected to a Slack: what every test in this folder may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from channels.dispatch import Dispatch
from channels.slack import http
from intake.db import Database
from intake.queues import Queue
from intake.settings import Settings
from tests import slack_stand_in
from tests.desk import DeskUnderTest
from tests.slack.at_work import GRACE, HEIDI, Told, listening, now
from tests.slack_stand_in import APP_TOKEN, BOT_TOKEN, SECRET, TEAM, SlackStandIn


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in.slack_stand_in() as workspace:
        yield workspace


@pytest.fixture
def settings(slack: SlackStandIn) -> Settings:
    return Settings(
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_signing_secret=SecretStr(SECRET),
        slack_app_token=SecretStr(APP_TOKEN),
        slack_team=TEAM,
        slack_api_url=f"{slack.url}/api/",
        base_url="https://desk.example",
    )


@pytest.fixture
def desk(db: Database) -> DeskUnderTest:
    """A desk whose queue is announced in #support, with Grace and Heidi at work."""
    desk = DeskUnderTest(db, slack=True)
    with desk.transaction() as session:
        session.get_one(Queue, desk.queue.id).slack_channel = "#support"
    desk.has_agent("Grace", slack_user=GRACE)
    desk.has_agent("Heidi", slack_user=HEIDI)
    return desk


@pytest.fixture
def door(desk: DeskUnderTest, settings: Settings, slack: SlackStandIn) -> Iterator[None]:
    """The desk's ear for Slack: by HTTP on the one engine, through the socket on the other.

    The way in and the engine know nothing of each other, so each is tried once and not crosswise.
    """
    if desk.db.lock_path is not None:
        app = Starlette(routes=http.routes(desk.db, desk.settings, settings))
        with slack_stand_in.serving(app) as url:
            slack.events_url = url + http.PATH
            yield
    else:
        with listening(desk, settings):
            yield


@pytest.fixture
def told(desk: DeskUnderTest, settings: Settings) -> Iterator[Told]:
    """A function that tells Slack all that was promised, as the worker does."""
    dispatch = Dispatch(desk.db, settings, desk.settings)

    def tell(after: timedelta = timedelta()) -> None:
        # Each round is a few seconds later: what waits for something earlier has its turn.
        for later in range(0, 60, 3):
            if not dispatch.send_due(at=now() + after + timedelta(seconds=later)):
                return
        raise AssertionError("there is no end to what Slack is told")

    yield tell
    dispatch.close()
