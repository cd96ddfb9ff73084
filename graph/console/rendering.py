"""Pages from templates. Everything is escaped; no template and no function marks text as safe."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from graph.console import assets, words
from graph.console.words import Times
from graph.house import House
from intake.errors import IntakeError, NotFound
from intake.money import rounded
from intake.nouns import noun

if TYPE_CHECKING:
    from graph.console.visit import Visit

STATUS = {"not-found": 404, "not-allowed": 403, "stale-version": 409, "already-taken": 409}


@cache
def templates() -> Environment:
    """Every template of the console. Autoescape is on for all, whatever a file is called."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("graph.console"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.path_of
    environment.globals["noun"] = noun
    environment.filters.update(
        capital=words.capital,
        channel=words.channel,
        hue=words.hue,
        initials=words.initials,
        money=rounded,
        on=words.on,
        pieces=words.pieces,
        reached=words.reached,
        size=words.size,
        span=words.span,
        twice=words.twice,
    )
    return environment


def page(visit: Visit, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for somebody we know."""
    return _render(visit.house, visit.request, template, status, at=visit.at, by=visit.by, **values)


def stranger(
    house: House, request: Request, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page for whoever asks: it knows the desk's name and nothing else."""
    return _render(house, request, template, status, at=datetime.now(UTC), **values)


def refusal(house: House, request: Request, error: IntakeError) -> HTMLResponse:
    """Why a rule says no, with a way back."""
    title = "Not here" if isinstance(error, NotFound) else "That cannot be done"
    status = STATUS.get(error.code, 422)
    return stranger(house, request, "message.html", status, title=title, lines=_lines(error))


def away(house: House, request: Request) -> HTMLResponse:
    """The database does not answer: nothing was changed, and it will be back."""
    lines = [
        "The desk's database does not answer at the moment. Nothing was changed.",
        "Go back and try again in a moment: your browser still has what you typed.",
    ]
    response = stranger(house, request, "message.html", 503, title="One moment", lines=lines)
    response.headers["retry-after"] = "5"
    return response


def _lines(error: IntakeError) -> Iterable[str]:
    text = str(error)
    return [text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")]


def _spelt(values: dict[str, Any]) -> dict[str, Any]:
    """The labels of forms, which are written before the desk's noun is known."""
    return {
        which: {name: noun.fill(label) for name, label in labels.items()}
        for which, labels in values.items()
        if which.endswith("labels")
    }


def _render(
    house: House, request: Request, template: str, status: int, *, at: datetime, **values: Any
) -> HTMLResponse:
    text = (
        templates()
        .get_template(template)
        .render(
            organisation=house.settings.organisation,
            nonce=request.state.nonce,
            here=request.url.path,
            times=Times(at, ZoneInfo(house.settings.time_zone)),
            **values | _spelt(values),
        )
    )
    return HTMLResponse(text, status)
