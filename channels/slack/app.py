"""The Slack app: which requests lead to which acts. One for HTTP and Socket Mode alike."""

from __future__ import annotations

import re
from typing import Any

import structlog
from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk import WebClient

from channels.slack import forms
from channels.slack.acts import Acts
from intake.db import Database
from intake.desk import Desk
from intake.settings import Settings

log = structlog.get_logger()

ANYTHING = re.compile(".*", re.DOTALL)


def app_of(db: Database, desk: Desk, settings: Settings) -> App:
    """The app of this desk. Slack hears yes when an act is committed, not before."""
    acts = Acts(db, desk, settings)
    app = App(
        client=WebClient(base_url=settings.slack_api_url),
        # One workspace, known by its token: nothing is to be asked of Slack before an act.
        authorize=_authorize,
        process_before_response=True,
        # `channels.slack.http` has checked the signature; a socket needs none.
        request_verification_enabled=False,
    )

    @app.action(ANYTHING)
    def pressed(ack: Ack, body: dict[str, Any]) -> None:
        acts.pressed(body)
        ack()

    @app.command(ANYTHING)
    def commanded(ack: Ack, body: dict[str, Any]) -> None:
        ack(text=acts.commanded(body), response_type="ephemeral")

    @app.view(ANYTHING)
    def submitted(ack: Ack, body: dict[str, Any]) -> None:
        answer = acts.submitted(body)
        if isinstance(answer, dict):
            ack(response_action="update", view=answer)
        elif answer:
            ack(response_action="errors", errors=forms.beside(body.get("view"), answer))
        else:
            ack()

    @app.view_closed(ANYTHING)
    def closed(ack: Ack, body: dict[str, Any]) -> None:
        acts.closed(body)
        ack()

    @app.event(ANYTHING)
    def said(ack: Ack) -> None:
        # What people say among themselves is theirs: not read, not kept, sent to nobody.
        ack()

    @app.error
    def broke(error: Exception) -> BoltResponse:
        # Not said yes to: Slack shows that it did not work, or sends an event again.
        log.error("slack request broke", why=type(error).__name__, exc_info=error)
        return BoltResponse(status=503, body="")

    return app


def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
