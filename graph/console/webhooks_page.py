"""Webhooks, for administrators: who listens, what each was sent and how it went."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import webhooks
from intake.agents import Act
from intake.endpoints import Endpoint
from intake.errors import IntakeError, NotFound

LABELS = {"url": "Address", "kinds": "Hears of", "description": "What it is for"}
DELIVERIES_SHOWN = 50
Done = Callable[[Visit, UUID, int | None], UUID | None]


def routes(house: House) -> list[Route]:
    """The list with the form for a new one, a page for each, and one address for each act."""
    one = "/webhooks/{id:uuid}"
    return [
        Route("/webhooks", read(house, _list), name="webhooks"),
        Route(
            "/webhooks", act(house, _register, _register_again, names_others=True), methods=["POST"]
        ),
        Route(one, read(house, _page), name="webhook"),
        Route(f"{one}/rotate", act(house, _rotate), methods=["POST"]),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _list(visit: Visit) -> Response:
    return _show_all(visit, Filled({"kinds": "case.*"}))


def _show_all(visit: Visit, filled: Filled) -> Response:
    return rendering.page(
        visit,
        "webhooks.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        endpoints=webhooks.every(visit.session, visit.by),
        filled=filled,
        labels=LABELS,
    )


def _register(visit: Visit) -> Response:
    desk = visit.house.desk
    made = webhooks.register(
        visit.session, visit.by, url=visit.said("url"), kinds=_kinds(visit),
        description=visit.said("description"), desk=desk, at=visit.at,
    )  # fmt: skip
    secret = webhooks.secrets_of(made, desk, at=visit.at)[0]
    return _show(visit, made, Filled(_values(made)), secret=secret)


def _register_again(visit: Visit, error: IntakeError) -> Response:
    return _show_all(visit, again(visit.form, error, LABELS))


def _page(visit: Visit) -> Response:
    found = webhooks.endpoint_of(visit.session, visit.by, visit.request.path_params["id"])
    return _show(visit, found, Filled(_values(found)))


def _show(visit: Visit, endpoint: Endpoint, filled: Filled, *, secret: str = "") -> Response:
    visit.by.must(Act.ADMINISTER)
    sent = webhooks.latest(visit.session, endpoint.id, limit=DELIVERIES_SHOWN)
    return rendering.page(
        visit,
        "webhook.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        endpoint=endpoint,
        secret=secret,
        sent=[
            (delivery, webhooks.body_of(delivery, visit.house.settings.base_url), tries)
            for delivery, tries in sent
        ],
        cut=len(sent) == DELIVERIES_SHOWN,
        filled=filled,
        labels=LABELS,
    )


def _rotate(visit: Visit) -> Response:
    endpoint, secret = webhooks.rotate(
        visit.session, visit.by, visit.request.path_params["id"],
        desk=visit.house.desk, at=visit.at, version=_version(visit),
    )  # fmt: skip
    return _show(visit, endpoint, Filled(_values(endpoint)), secret=secret)


def _do(done: Done, visit: Visit) -> Response:
    shown = done(visit, visit.request.path_params["id"], _version(visit))
    return RedirectResponse(f"/webhooks/{shown}" if shown else "/webhooks", 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    found = webhooks.endpoint_of(visit.session, visit.by, visit.request.path_params["id"])
    values = {**_values(found), **visit.form}
    return _show(visit, found, again(values, error, LABELS))


def _change(visit: Visit, id: UUID, version: int | None) -> UUID:
    webhooks.change(
        visit.session, visit.by, id, url=visit.said("url"), kinds=_kinds(visit),
        description=visit.said("description"), desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip
    return id


def _pause(visit: Visit, id: UUID, version: int | None) -> UUID:
    webhooks.pause(visit.session, visit.by, id, at=visit.at, version=version)
    return id


def _resume(visit: Visit, id: UUID, version: int | None) -> UUID:
    webhooks.resume(visit.session, visit.by, id, at=visit.at, version=version)
    return id


def _remove(visit: Visit, id: UUID, version: int | None) -> None:
    webhooks.remove(visit.session, visit.by, id, at=visit.at, version=version)


def _test(visit: Visit, id: UUID, _version: int | None) -> UUID:
    webhooks.send_test(visit.session, visit.by, id, at=visit.at)
    return id


def _again(visit: Visit, id: UUID, _version: int | None) -> UUID:
    visit.by.must(Act.ADMINISTER)
    delivery_id = Reader(visit.form).id("delivery")
    if delivery_id is None:
        raise NotFound("there is no such delivery")
    webhooks.send_again(visit.session, visit.by, delivery_id, at=visit.at)
    return id


ACTS: dict[str, Done] = {
    "change": _change,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "test": _test,
    "again": _again,
}


def _values(endpoint: Endpoint) -> dict[str, str]:
    return {
        "url": endpoint.url,
        "kinds": ", ".join(endpoint.kinds),
        "description": endpoint.description,
    }


def _kinds(visit: Visit) -> list[str]:
    return re.split(r"[,\s]+", visit.said("kinds"))


def _version(visit: Visit) -> int | None:
    return Reader(visit.form).whole_or_none("version")
