"""The pages say what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from graph.duties import Duty
from intake.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
NAMED = re.compile(r"`([a-z_]+(?:/[a-z_0-9]+)*\.py)`(?:[^`.;:]{0,12}`([A-Za-z_.]+)`)?")
CALLED = re.compile(r"`([A-Za-z_]+)\.([a-z_]+)`")
# On the page the doors are called by their short names; here is where each lives.
WHERE = {
    "Journal": "channels/journal.py",
    "Reception": "channels/reception.py",
    "Sandbox": "channels/sandbox.py",
    "Dispatch": "channels/dispatch.py",
}


def names_in(path: Path) -> set[str]:
    """Every function, class and method a module (or the package of its name) defines."""
    files = [path] if path.exists() else sorted(path.with_suffix("").glob("*.py"))
    assert files, f"{path} does not exist"
    found: set[str] = set()
    for file in files:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
    return found


def test_the_page_about_one_message_names_what_exists() -> None:
    text = (ROOT / "docs/explanation/one-message.md").read_text()
    modules = NAMED.findall(text)
    calls = CALLED.findall(text)

    assert len(modules) > 15
    assert len(calls) > 15
    for module, name in modules:
        assert not name or name.split(".")[-1] in names_in(ROOT / module), (module, name)
    for owner, name in calls:
        if owner.islower() and name == "py":
            continue
        module = WHERE.get(owner, f"intake/{owner}.py")
        assert name in names_in(ROOT / module), (owner, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_named_on_a_page_exist(page: Path) -> None:
    text = page.read_text()

    links = [m for m in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in m]
    files = re.findall(
        r"`((?:intake|kb|channels|graph|tests|bench|docs)/[\w/.-]+\.(?:py|md|toml))`", text
    )

    for link in links:
        assert (page.parent / link).exists(), link
    for file in files:
        if "forum" in file:
            continue  # the channel that the how-to invents
        path = ROOT / file
        assert path.exists() or path.with_suffix("").is_dir(), file


def test_the_reference_lists_every_setting() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()

    listed = set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))

    assert listed == set(Settings.model_fields)


def test_compose_has_a_service_for_each_duty() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    services = set(re.findall(r"command: \[run, (\w+)\]", text))

    assert services == {duty.value for duty in Duty}


def test_the_image_is_made_by_the_script_that_ci_runs() -> None:
    assert "RUN .ci/install" in (ROOT / "Dockerfile").read_text()
    assert ".ci/install" in (ROOT / "Makefile").read_text()


def test_the_readme_fits_on_a_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 66


def test_every_command_on_a_page_exists() -> None:
    from typer.main import get_command

    from graph.cli import app

    tree = get_command(app)
    said = [
        line.strip()
        for page in PAGES
        for line in re.findall(
            r"(?:^|[`/(])deskbell ([a-z][^`#\n]*)", page.read_text(), re.MULTILINE
        )
    ]

    assert len(said) > 15
    for line in said:
        command: Any = tree
        for word in re.findall(r"[\w|-]+", line):
            options = getattr(command, "commands", None)
            if options is None:
                break
            assert word in options, f"there is no `deskbell {line}`"
            command = options[word]


def test_the_reference_tells_of_every_family_of_events() -> None:
    """Whoever listens by webhook finds there what there is to listen to."""
    kind = re.compile(r"([a-z][a-z_-]*)\.[a-z_-]*")
    recorded = set()
    for file in [*(ROOT / "intake").rglob("*.py"), *(ROOT / "kb").rglob("*.py")]:
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
            if "record" in name or name.strip("_") in ("done", "tell"):
                said = [part for word in call.args for part in ast.walk(word)]
                texts = [str(part.value) for part in said if isinstance(part, ast.Constant)]
                recorded |= {found[1] for text in texts if (found := kind.fullmatch(text))}

    page = (ROOT / "docs/reference/events.md").read_text()
    listed = set(re.findall(r"`([a-z_-]+)`", "\n".join(re.findall(r"(?m)^\| .*? \|", page))))

    assert {"case", "invoice", "webhook", "sla"} <= recorded
    assert recorded - listed == set()
