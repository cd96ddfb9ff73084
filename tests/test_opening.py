"""What must be true before a desk opens."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from graph import opening
from graph.opening import NotStarted, desk_of, refuse_foreign_packages
from intake.settings import Settings

ROOT = Path(__file__).parents[1]


def test_another_package_of_our_name_keeps_the_desk_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owners = {"intake": ["deskbell-desk", "intake"], "kb": ["deskbell-desk"]}
    monkeypatch.setattr(opening, "packages_distributions", lambda: owners)

    with pytest.raises(NotStarted, match="'intake' also owns the import name 'intake'"):
        refuse_foreign_packages()


def test_alone_in_its_environment_the_desk_opens() -> None:
    refuse_foreign_packages()


def test_the_secret_is_made_once_and_for_our_eyes_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var")

    first, second = desk_of(settings), desk_of(settings)

    assert first.secret == second.secret
    assert len(first.secret) >= 32
    assert (tmp_path / "var" / "secret").stat().st_mode & 0o077 == 0
    assert first.secret.decode() not in repr(settings)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    desk_of(settings)
    (tmp_path / "secret").chmod(0o644)

    with pytest.raises(NotStarted, match="chmod 600"):
        desk_of(settings)


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opening.set_up_log(Settings(log_level="info"))
    log = structlog.get_logger()
    closed = io.StringIO()
    closed.close()

    monkeypatch.setattr(sys, "stderr", closed)
    log.info("nobody hears this")
    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log.info("somebody hears this")

    assert "somebody hears this" in heard.getvalue()


def test_compose_files_are_valid() -> None:
    command = _compose()
    if command is None:
        pytest.skip("no docker compose on this machine: the compose file is not checked")

    done = subprocess.run(
        [*command, "-f", str(ROOT / "docker-compose.yml"), "config"],
        env={**os.environ, "POSTGRES_PASSWORD": "x", "DESKBELL_SECRET_KEY": "y"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "healthcheck" in done.stdout


def _compose() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        known = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if known.returncode == 0:
            return ["docker", "compose"]
    return None
