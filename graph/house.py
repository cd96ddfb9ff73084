"""What every page and resolver of the back office works with: one value, made at start."""

from __future__ import annotations

from dataclasses import dataclass

from channels.follow import Follower
from channels.reception import Reception
from channels.sandbox import Sandbox
from intake import nouns
from intake.db import Database
from intake.desk import Desk
from intake.settings import Settings
from kb.suggestions import Library


@dataclass(frozen=True, slots=True)
class House:
    """An opened desk."""

    settings: Settings
    db: Database
    desk: Desk
    library: Library
    sandbox: Sandbox
    reception: Reception
    follower: Follower


def furnish(settings: Settings, db: Database, desk: Desk, sandbox: Sandbox) -> House:
    """A desk's value from its parts; closing them stays with whoever made them."""
    nouns.use(settings.noun)
    library = Library()
    return House(
        settings=settings,
        db=db,
        desk=desk,
        library=library,
        sandbox=sandbox,
        reception=Reception(db, sandbox, desk, library),
        follower=Follower(db),
    )
