"""The `deskbell` command: what it prints, and how it ends."""

from __future__ import annotations

import io
import mailbox
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from sqlalchemy import select

from graph.cli import ground, main
from intake import queues
from intake.agents import by_email
from intake.cases import Case
from intake.db import Database

Run = Callable[..., str]
FIXTURES = Path(__file__).parent / "mail"


@pytest.fixture
def deskbell(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command on an empty desk, in this process; what it printed, and its exit code."""
    (tmp_path / "var").mkdir(mode=0o700)
    shutil.copy(sqlite_template, tmp_path / "var" / "desk.db")
    monkeypatch.setattr(ground, "set_up_log", lambda _settings: None)
    monkeypatch.setattr(ground.out, "width", 200)

    def run(*words: str, code: int = 0, **settings: str) -> str:
        said = io.StringIO()
        with monkeypatch.context() as here, redirect_stdout(said), redirect_stderr(said):
            here.chdir(tmp_path)
            here.setattr(os, "environ", environment(settings))
            here.setattr(sys, "argv", ["deskbell", *words])
            with pytest.raises(SystemExit) as ended:
                main()
        assert (ended.value.code or 0) == code, said.getvalue()
        return said.getvalue()

    return run


@pytest.fixture
def process(tmp_path: Path) -> Run:
    """Run one command as a person does, as a process of its own in an empty folder."""

    def run(*words: str, code: int = 0, **settings: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "graph", *words],
            cwd=tmp_path,
            env=environment(settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    return run


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours with these settings of the desk and no others."""
    return {
        **{n: v for n, v in os.environ.items() if not n.startswith("DESKBELL_")},
        "DESKBELL_SMTP_PORT": "9",  # nobody answers there
        "COLUMNS": "200",
        **{f"DESKBELL_{n.upper()}": v for n, v in settings.items()},
    }


def account(said: str) -> dict[str, int]:
    """The numbers of an import's table."""
    return {name: int(n) for name, n in re.findall(r"^ ([a-z ]+?) +(\d+)", said, re.MULTILINE)}


def test_an_archive_is_accounted_for_to_the_last_message(deskbell: Run, tmp_path: Path) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")
    files = sorted(FIXTURES.glob("*.eml"))
    box = mailbox.mbox(tmp_path / "box")
    for file in files[:5]:
        box.add(file.read_bytes())
    box.close()

    first = account(deskbell("import", "eml", str(FIXTURES)))
    again = account(deskbell("import", "eml", str(FIXTURES)))
    from_box = account(deskbell("import", "mbox", str(tmp_path / "box")))

    assert first["read in all"] == len(files) > 10
    ends = ("filed", "duplicate", "filtered", "quarantined")
    assert sum(first[end] for end in ends) == first["read in all"]
    assert (again["duplicate"], again["filed"]) == (len(files), 0)
    assert sum(from_box[end] for end in ends) == 5
    assert first["quarantined"] == 0


def test_an_archives_mail_is_not_acknowledged(deskbell: Run, tmp_path: Path) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")
    deskbell("import", "eml", str(FIXTURES))

    said = deskbell("inbound", "list", "filed")

    assert "filed: 0" not in said
    assert not (tmp_path / "var" / "outbox").exists()


def test_somebody_is_let_in_and_signs_in(deskbell: Run) -> None:
    deskbell("agent", "add", "Grace Hopper", "Grace@desk.example", "--role", "manager")

    link = deskbell("agent", "sign-in-link", "grace@desk.example")
    token = deskbell("agent", "token", "grace@desk.example")
    twice = deskbell("agent", "add", "Other", "grace@desk.example", code=1)
    nobody = deskbell("agent", "token", "nobody@desk.example", code=1)

    assert link.startswith("http://127.0.0.1:8001/sign-in?link=")
    assert token.startswith("dbt_")
    assert twice == "deskbell: grace@desk.example already works here\n"
    assert nobody == "deskbell: there is no active agent with that address\n"


def test_who_works_where_is_set_up_by_command(deskbell: Run) -> None:
    deskbell("agent", "add", "Ana", "ana@desk.example")
    for queue in ("Support", "Hardware"):
        deskbell("queue", "add", queue)
    deskbell("skill", "add", "Spanish")

    deskbell("team", "add", "Crew", "--member", "ana@desk.example", "--queue", "Hardware")
    deskbell(
        "queue", "set", "Hardware", "--member", "ana@desk.example",
        "--assignment", "round robin", "--private",
    )  # fmt: skip
    deskbell("agent", "work", "ana@desk.example", "--capacity", "7", "--skill", "Spanish=4")
    unknown = deskbell("agent", "work", "ana@desk.example", "--skill", "Greek=4", code=1)
    refused = deskbell("queue", "archive", "Support", code=1)

    assert re.search(r"Crew +Ana", deskbell("team", "list"))
    assert re.search(r"Hardware +round robin +1", deskbell("queue", "list"))
    assert re.search(r"Ana +ana@desk.example +agent +offline +0 of 7", deskbell("agent", "list"))
    assert "Greek=4 is not a skill" in unknown
    assert "is the default queue" in refused
    assert "archived" in deskbell("queue", "archive", "Hardware")
    assert "Hardware" not in deskbell("queue", "list")


def test_queues_and_people_are_connected_to_slack_later(deskbell: Run) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")
    deskbell("agent", "add", "Grace Hopper", "grace@desk.example")

    deskbell("queue", "set", "Support", "--slack-channel", "C0123")
    deskbell("agent", "set", "grace@desk.example", "--slack-user", "U0123", "--no-active")
    unknown = deskbell("queue", "set", "Suport", code=1)

    assert "C0123" in deskbell("queue", "list")
    assert unknown.startswith("deskbell: there is no queue Suport; ")
    assert "no active agent" in deskbell("agent", "token", "grace@desk.example", code=1)


def test_who_leaves_hands_their_cases_over(deskbell: Run, tmp_path: Path) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")
    deskbell("agent", "add", "Grace Hopper", "grace@desk.example")
    deskbell("phone", "log", "+34 911 234 567", "No dial tone", "Since noon")
    db = Database(f"sqlite:///{tmp_path}/var/desk.db")
    with db.transaction() as session:
        case, grace = session.scalars(select(Case)).one(), by_email(session, "grace@desk.example")
        assert grace is not None
        queues.pick(session, case, grace, at=case.opened_at)

    stays = deskbell("agent", "set", "grace@desk.example", "--role", "manager")
    leaves = deskbell("agent", "set", "grace@desk.example", "--no-active")

    assert (stays, leaves) == (
        "Grace Hopper changed\n", "Grace Hopper changed; 1 case went to others\n",
    )  # fmt: skip
    with db.reading() as session:
        assert session.scalars(select(Case.owner_id)).one() is None
    db.close()


def test_a_call_is_written_down_and_becomes_a_case(deskbell: Run) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")

    said = deskbell(
        "phone", "log", "+34 911 234 567", "No dial tone", "Since noon", "--minutes", "7"
    )

    assert said.endswith("case 1001\n")


def test_a_mail_for_a_desk_that_is_closed_says_so(deskbell: Run, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_text("From: a@b.example\nTo: support@desk.example\n\nHello\n")

    said = deskbell("send", "one.eml", code=1)

    assert said == "deskbell: one.eml: nobody answers at 127.0.0.1:9; is the desk up?\n"


def test_the_database_is_upgraded_and_secrets_are_for_us_alone(
    process: Run, tmp_path: Path
) -> None:
    said = process("db", "upgrade")

    assert "the database is at 0001" in said
    assert (tmp_path / "var" / "desk.db").stat().st_mode & 0o077 == 0


def test_what_is_misspelt_is_told_in_words(process: Run) -> None:
    said = process("run", "smpt", code=2)

    assert "'smpt' is not one of" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("inbound", "retry", "abc"), "deskbell: 'abc' is not the id of a message\n"),
        (
            ("inbound", "retry", "01a2003a-65f8-76af-b9bc-be1e61ddfd14"),
            "deskbell: not all of these are quarantined messages; nothing was changed\n",
        ),
        (
            ("queue", "add", "Support"),
            "deskbell: name: there is a queue Support already\n",
        ),
        (
            ("queue", "set", "Support", "--address", "[/no] address"),
            "deskbell: '[/no] address' is not a mail address\n",
        ),
    ],
    ids=["no id", "unknown id", "a second queue of that name", "no address"],
)
def test_what_cannot_be_done_is_one_line(deskbell: Run, words: tuple[str, ...], told: str) -> None:
    deskbell("queue", "add", "Support", "--address", "support@desk.example")

    assert deskbell(*words, code=1) == told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"database_url": "desk:hunter2"}, "database_url is no URL"),
        ({"imap_url": "pop://u:hunter2@host"}, "imap_url: an IMAP address begins with"),
        ({"smtp_tls_certificate": "nowhere.pem"}, "smtp_tls_certificate: nowhere.pem or its key"),
    ],
    ids=["database", "mailbox", "certificate"],
)
def test_a_duty_that_cannot_start_says_why_and_fails(
    process: Run, settings: dict[str, str], told: str
) -> None:
    duty = "imap" if "imap_url" in settings else "smtp"

    said = process("run", duty, code=2, smtp_port="0", **settings)

    assert f"deskbell: {told}" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql://desk:hunter2@db.example/desk"),
        ("database_url", "postgresql://db.example/desk?user=desk&password=hunter2"),
        ("outgoing_smtp", "smtps://desk:hunt/er2@mail.example:465"),
        ("imap_url", "imaps://desk:hunter2@mail.example/INBOX"),
        ("slack_bot_token", "xoxb-hunter2"),
    ],
)
def test_no_secret_is_among_the_settings_in_force(deskbell: Run, name: str, value: str) -> None:
    said = deskbell("settings", **{name: value})

    assert "er2" not in said
    assert name == "slack_bot_token" or ".example" in said
