"""The public web: a form, a chat, and the headers and limits that stand before both.

`form` and `chat` are what the registry names: they read what was kept, in the sandbox. How it
gets here is the affair of `pages` (the form) and `door` (the chat's socket).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute

    from channels.follow import Follower
    from channels.journal import Journal
    from intake.db import Database
    from intake.desk import Desk
    from intake.settings import Settings


def routes(
    db: Database, desk: Desk, settings: Settings, journal: Journal, follower: Follower
) -> list[BaseRoute]:
    """Everything a customer's browser may ask for."""
    # Imported here, as below: the child that parses loads this package and needs no web server.
    from channels.web import door, pages

    return [
        *pages.routes(db, desk, settings, journal),
        *door.routes(db, desk, settings, journal, follower),
    ]


def middleware(settings: Settings) -> list[Middleware]:
    """What stands before every route of the public face: safe headers, and only our own host."""
    from starlette.middleware import Middleware

    from channels.web.headers import OurHost, SecurityHeaders

    return [
        Middleware(SecurityHeaders, public_url=settings.public_url),
        Middleware(OurHost, public_url=settings.public_url),
    ]
