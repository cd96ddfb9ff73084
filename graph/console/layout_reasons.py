"""Status reasons, for administrators: the desk's own, and which may follow which."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import reasons
from intake.agents import Act
from intake.cases import OwnReason, Reason
from intake.errors import IntakeError
from intake.fields import WrongField
from intake.reasons import MOST

WHERE = "/fields/reasons"
MOST_FIELDS = (len(Reason) + MOST) ** 2


def routes(house: House) -> list[Route]:
    """The page; adding one, changing one, and the table of moves as it was ticked."""
    return [
        Route(WHERE, read(house, _show)),
        Route(WHERE, act(house, _add, _again), methods=["POST"]),
        Route(
            f"{WHERE}/moves", act(house, _allow, _again, most_fields=MOST_FIELDS), methods=["POST"]
        ),
        Route(f"{WHERE}/{{id:uuid}}", act(house, _change, _again), methods=["POST"]),
    ]


def _show(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.ADMINISTER)
    table = reasons.table(visit.session)
    del table[Reason.MERGED]
    every = [each for each in reasons.every(visit.session) if each is not Reason.MERGED]
    return rendering.page(
        visit,
        "layout_reasons.html",
        422 if reason else 200,
        nav=beside(visit),
        reason=reason,
        own=[each for each in table if isinstance(each, OwnReason)],
        kinds=reasons.KINDS,
        every=every,
        table=table,
        possible={was: reasons.can_follow(was, every) for was in table},
    )


def _add(visit: Visit) -> Response:
    kind = visit.said("kind")
    if kind not in reasons.KINDS:
        raise WrongField("kind: choose what it is a kind of")
    reasons.add(visit.session, visit.by, visit.said("name"), Reason(kind), at=visit.at)
    return RedirectResponse(WHERE, 303)


def _change(visit: Visit) -> Response:
    reason_id: UUID = visit.request.path_params["id"]
    version = visit.version
    session, by, at = visit.session, visit.by, visit.at
    match visit.said("do"):
        case "archive" | "restore" as word:
            retired = word == "archive"
            reasons.retire(session, by, reason_id, retired, at=at, version=version)
        case _:
            reasons.rename(session, by, reason_id, visit.said("name"), at=at, version=version)
    return RedirectResponse(WHERE, 303)


def _allow(visit: Visit) -> Response:
    """Take the table as it was ticked; a reason that it did not show yet keeps its moves."""
    visit.by.must(Act.ADMINISTER)
    shown = set(visit.said("shown").split(","))
    table = reasons.table(visit.session)
    every = reasons.every(visit.session)
    for was, allowed in table.items():
        if was.key not in shown:
            continue
        ticked = [
            each
            for each in reasons.can_follow(was, every)
            if (visit.said(f"{was.key}>{each.key}") if each.key in shown else each in allowed)
        ]
        if ticked != allowed:
            reasons.allow(visit.session, visit.by, was, ticked, at=visit.at)
    return RedirectResponse(WHERE, 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    """The page again with the reason; a mistake of a name is told without the field's."""
    text = str(error)
    return _show(visit, text.partition(": ")[2] if isinstance(error, WrongField) else text)
