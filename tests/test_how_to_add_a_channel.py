"""The page on adding a channel, followed to the letter in a copy of the desk."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "add-a-channel.md"
FILES = re.compile(r"^`(?P<path>[\w/]+\.py)`:\n\n```python\n(?P<code>.*?)^```$", re.M | re.S)
CHANGES = re.compile(
    r"^(?:[^\n]* )?In `(?P<path>[\w./]+)`[^`]*?:\n\n```diff\n(?P<lines>.*?)^```$", re.M | re.S
)


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A copy of the desk in which the page's files are written and its changes made."""
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("intake", "kb", "channels"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "conftest.py", "desk.py", "postgres.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    for name in ("pyproject.toml", ".importlinter"):
        shutil.copy(ROOT / name, tmp_path)
    page = PAGE.read_text()
    for file in FILES.finditer(page):
        (tmp_path / file["path"]).write_text(file["code"])
    for change in CHANGES.finditer(page):
        _apply(tmp_path / change["path"], change["lines"])
    return tmp_path


def test_the_page_leads_to_a_channel_that_works(followed: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_forum.py"],
        cwd=followed,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert result.returncode == 0, result.stdout[-3000:]
    assert re.search(r"\b[36] passed", result.stdout)


def test_the_page_keeps_the_rules_of_the_house(followed: Path) -> None:
    for check in (["ruff", "format", "--check"], ["ruff", "check"]):
        paths = ["channels/forum.py", "tests/test_forum.py"]
        result = subprocess.run(
            [sys.executable, "-m", *check, *paths], cwd=followed, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout

    assert "    channels.forum\n" in (followed / ".importlinter").read_text()


def _apply(path: Path, lines: str) -> None:
    """Put the line marked + after the line above it."""
    above, added = (line[1:] + "\n" for line in lines.splitlines())
    content = path.read_text()
    assert content.count(above) == 1, f"{path.name} has no single line {above!r}"
    path.write_text(content.replace(above, above + added))
