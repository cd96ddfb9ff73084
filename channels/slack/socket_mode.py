"""Slack's requests by a WebSocket that we open: for a desk that the Internet cannot reach."""

from __future__ import annotations

import contextlib
import socket
import threading

import structlog
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk.errors import SlackApiError

from channels.slack.app import app_of
from channels.slack.calling import AWAY
from intake.db import Database
from intake.desk import Desk
from intake.settings import Settings, WrongSettings

log = structlog.get_logger()

LOOK_SECONDS = 5.0
TRY_AGAIN_SECONDS = 15.0


def run(db: Database, desk: Desk, settings: Settings, stop: threading.Event) -> None:
    """Hold the socket open until told to stop. Raises WrongSettings without an app token."""
    token = settings.slack_app_token
    if token is None or not token.get_secret_value().strip():
        raise WrongSettings("slack_app_token: is empty; Socket Mode needs one (xapp-…)")
    handler = SocketModeHandler(
        app_of(db, desk, settings), token.get_secret_value().strip(), ping_interval=LOOK_SECONDS
    )
    try:
        while not stop.is_set() and not _connected(handler):
            stop.wait(TRY_AGAIN_SECONDS)
        # From here on the handler itself looks after its connection and opens it anew.
        stop.wait()
    finally:
        _close(handler)


def _connected(handler: SocketModeHandler) -> bool:
    try:
        handler.client.connect()
    except SlackApiError as error:
        log.error("slack socket refused", why=error.response.get("error"))
        return False
    except AWAY as error:
        log.warning("slack socket away", why=type(error).__name__)
        return False
    log.info("slack socket", open=handler.client.is_connected())
    return True


def _close(handler: SocketModeHandler) -> None:
    handler.client.auto_reconnect_enabled = False
    session = handler.client.current_session
    if session is not None and session.sock is not None:
        # A read that waits holds the socket for three seconds; it ends when the socket does.
        with contextlib.suppress(OSError):
            session.sock.shutdown(socket.SHUT_RDWR)
    handler.client.close()
