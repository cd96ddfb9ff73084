"""What an administrator lays out, by command: types, topics, tags, fields, reasons, domains."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from graph.cli import app, ground
from intake.customers import Account
from intake.db import Database, new_id
from intake.errors import IntakeError
from intake.events import Event
from intake.fields import tags
from tests.desk import NOON

Run = Callable[..., str]


@pytest.fixture
def db(sqlite_url: str) -> Iterator[Database]:
    made = Database(sqlite_url)
    yield made
    made.close()


@pytest.fixture
def deskbell(db: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command on the desk, in this process; what it printed, or why it could not."""
    monkeypatch.setenv("DESKBELL_DATABASE_URL", str(db.engine.url))
    monkeypatch.setattr(ground, "set_up_log", lambda _settings: None)
    monkeypatch.setattr(ground.out, "width", 200)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, words)
        if isinstance(done.exception, IntakeError):
            return f"refused: {done.exception}"
        assert done.exit_code == 0, done.output
        return done.output

    return run


def within(db: Database, act: Callable[[Session], object]) -> None:
    with db.transaction() as session:
        act(session)


def test_types_topics_and_tags(deskbell: Run, db: Database) -> None:
    within(db, lambda s: tags.named(s, ["VIP", "vips", "Noise"]))
    deskbell("case-type", "add", "Incident")
    taken = deskbell("case-type", "add", "incident")
    deskbell("case-type", "rename", "INCIDENT", "Outage")
    deskbell("case-type", "archive", "Outage")
    deskbell("topic", "add", "Hardware")
    deskbell("topic", "add", "Printers", "--inside", "hardware")
    deskbell("topic", "add", "Billing")
    deskbell("topic", "change", "Hardware > Printers", "--inside", "Billing", "--name", "Invoices")
    nowhere = deskbell("topic", "archive", "Hardware > Printers")
    deskbell("tag", "change", "vip", "--colour", "red")
    deskbell("tag", "merge", "VIP", "vips")
    deskbell("tag", "delete", "noise", "--yes")

    assert taken == "refused: name: “Incident” is there already"
    assert re.search(r"Outage +archived", deskbell("case-type", "list"))
    assert re.search(r"Billing › Invoices +yes", deskbell("topic", "list"))
    assert nowhere.startswith("refused: there is no topic Hardware > Printers; `deskbell topic")
    assert re.search(r"VIP +red +0", deskbell("tag", "list"))
    assert "vips" not in deskbell("tag", "list")
    assert "Noise" not in deskbell("tag", "list")
    with db.reading() as session:
        told = {e.via for e in session.query(Event) if e.kind != "tag.added"}
    assert told == {"cli"}


def test_custom_fields(deskbell: Run) -> None:
    deskbell("case-type", "add", "Incident")
    choices = ("--choice", "Roof", "--choice", "Cellar, dark")
    deskbell("field", "add", "floor", "choice", "Floor", *choices, "--type", "incident")
    wrong = deskbell("field", "add", "seats", "number", "Seats", "--choice", "one")
    before = deskbell("field", "list")
    deskbell("field", "change", "choice.floor", "--required", "opening", "--public", "--type", "")
    changed = deskbell("field", "list")
    deskbell("field", "archive", "floor")

    assert wrong == "refused: choices: a field of kind number has none"
    assert re.search(r"choice.floor +Floor +Incident +never +Roof, Cellar, dark", before)
    assert re.search(r"choice.floor +Floor +every case +opening +yes +Roof, Cellar, dark", changed)
    assert re.search(r"choice.floor +Floor +archived", deskbell("field", "list"))
    assert "asked again" in deskbell("field", "archive", "floor", "--restore")


def test_status_reasons(deskbell: Run) -> None:
    deskbell("reason", "add", "Waiting for parts", "on hold")
    deskbell("reason", "rename", "waiting for parts", "Parts")
    given = deskbell("reason", "rename", "on hold", "Held")
    allowed = deskbell("reason", "allow", "in progress", "--then", "parts", "--then", "cancelled")
    never = deskbell("reason", "allow", "problem solved", "--then", "Parts")
    listed = deskbell("reason", "list")
    deskbell("reason", "retire", "Parts")

    assert given == "refused: on hold is given, and stays as it is; add one of your own instead"
    assert allowed == "in progress: what may follow is Parts, cancelled\n"
    assert never == "refused: “Parts” can never follow “problem solved”"
    assert re.search(r"in progress +yes +Parts, cancelled", listed)
    assert re.search(r"Parts +on hold +yes +in progress, on hold", listed)
    assert re.search(r"Parts +on hold +retired", deskbell("reason", "list"))


def test_domains(deskbell: Run, db: Database) -> None:
    def add(session: Session) -> None:
        session.add_all(
            Account(id=new_id(), name=name, created_at=NOON)
            for name in ("Contoso", "Fabrikam", "Fabrikam")
        )

    within(db, add)
    deskbell("domain", "add", "@Contoso.com", "contoso")
    public = deskbell("domain", "add", "gmail.com", "Contoso")
    several = deskbell("domain", "add", "fabrikam.com", "Fabrikam")

    assert re.search(r"contoso.com +Contoso", deskbell("domain", "list", "--account", "Contoso"))
    assert "anybody can have an address at gmail.com" in public
    assert several == "refused: several accounts are called Fabrikam; name one by its id"
    assert "stands for nobody" in deskbell("domain", "remove", "contoso.com")
    assert "contoso.com" not in deskbell("domain", "list")
