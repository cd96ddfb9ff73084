"""What an operator can set, and how a mistake is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from intake import settings
from intake.settings import WrongSettings, load


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(settings.os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "deskbell.toml").write_text('organisation = "File"\nsmtp_port = 2600\n')
    monkeypatch.setenv("DESKBELL_ORGANISATION", "Environment")

    found = load()

    assert (found.organisation, found.smtp_port, found.public_port) == ("Environment", 2600, 8000)


def test_the_addresses_that_people_see_follow_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKBELL_PUBLIC_PORT", "8100")
    monkeypatch.setenv("DESKBELL_OFFICE_PORT", "8101")
    monkeypatch.setenv("DESKBELL_BASE_URL", "https://desk.example.com/")

    assert load().public_url == "http://127.0.0.1:8100"
    assert load().base_url == "https://desk.example.com"

    monkeypatch.delenv("DESKBELL_BASE_URL")

    assert load().base_url == "http://127.0.0.1:8101"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DESKBELL_SMTP_PORT", "many", "smtp_port: Input should be a valid integer"),
        ("DESKBELL_SMTP_PORT", "99999", "smtp_port: Input should be less than or equal to 65535"),
        ("DESKBELL_TIME_ZONE", "Europe/Madird", "time_zone: there is no time zone 'Europe/Madird'"),
        ("DESKBELL_BASE_URL", "desk.example", "base_url: must begin with http://"),
        ("DESKBELL_SMPT_PORT", "25", "DESKBELL_SMPT_PORT is not a setting"),
        ("DESKBELL_LOG_LEVEL", "loud", "log_level: String should match pattern"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(WrongSettings) as told:
        load()

    assert str(told.value).startswith(words)
    assert "\n" not in str(told.value)


def test_a_typing_error_in_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "deskbell.toml").write_text("organization = 'x'\n")
    with pytest.raises(WrongSettings, match="organization: Extra inputs are not permitted"):
        load()

    (tmp_path / "deskbell.toml").write_text("organisation = \n")
    with pytest.raises(WrongSettings, match=r"deskbell\.toml: "):
        load()


def test_the_command_shows_what_is_in_force_and_hides_secrets(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graph", "settings"],
        env={
            "DESKBELL_SLACK_BOT_TOKEN": "xoxb-canary",
            "DESKBELL_SMTP_PORT": "2626",
            "COLUMNS": "200",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "2626" in done.stdout
    assert "canary" not in done.stdout
    assert "**********" in done.stdout


def test_the_command_ends_with_two_and_one_line_for_a_wrong_setting(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graph", "run", "smtp"],
        env={"DESKBELL_SMTP_PORT": "many"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("deskbell: smtp_port: ")
    assert "Traceback" not in done.stderr
