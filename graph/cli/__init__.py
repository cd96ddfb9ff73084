"""The `deskbell` command: run a desk, look after it, bring things in."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError, OperationalError

from graph.cli import (
    calls,
    domains,
    feeds,
    fields,
    hours,
    listening,
    mail,
    people,
    reasons,
    rules,
    running,
    sorting,
    staff,
)
from graph.cli.ground import fail
from graph.cli.words import (
    agent_app,
    app,
    calendar_app,
    case_type_app,
    db_app,
    demo_app,
    domain_app,
    feed_app,
    field_app,
    inbound_app,
    phone_app,
    queue_app,
    reason_app,
    rule_app,
    skill_app,
    tag_app,
    team_app,
    topic_app,
    webhook_app,
)
from graph.exchange.commands import app as csv_app
from graph.exchange.invoices import app as billing_app
from graph.opening import NotStarted
from intake.db import Busy, Unsafe
from intake.errors import IntakeError
from intake.migrations import WrongSchema
from intake.settings import WrongSettings

__all__ = [
    "app",
    "calls",
    "domains",
    "feeds",
    "fields",
    "hours",
    "listening",
    "mail",
    "main",
    "people",
    "reasons",
    "rules",
    "running",
    "sorting",
    "staff",
]

for name, group in (
    ("db", db_app),
    ("inbound", inbound_app),
    ("demo", demo_app),
    ("agent", agent_app),
    ("calendar", calendar_app),
    ("queue", queue_app),
    ("rule", rule_app),
    ("phone", phone_app),
    ("skill", skill_app),
    ("team", team_app),
    ("webhook", webhook_app),
    ("case-type", case_type_app),
    ("topic", topic_app),
    ("tag", tag_app),
    ("field", field_app),
    ("reason", reason_app),
    ("domain", domain_app),
    ("csv", csv_app),
    ("billing", billing_app),
):
    app.add_typer(group, name=name)
calendar_app.add_typer(feed_app, name="feed")

# A wrong setting, an unsafe database: the operator must change something before a start.
CANNOT_START = 2


def main() -> None:
    """Run the command; what a person can mend ends it with one line instead of a traceback."""
    try:
        app()
    except (WrongSettings, Unsafe, WrongSchema, NotStarted) as error:
        fail(str(error), CANNOT_START)
    except IntakeError as error:
        fail(str(error), 1)
    except (OperationalError, Busy) as error:
        fail(f"the database is away: {str(error).splitlines()[0]}", 1)
    except IntegrityError:
        fail("nothing was changed: that name, address or Slack user is taken already", 1)
    except OSError as error:
        fail(str(error), 1)
