"""Pages that put right what was filed wrongly: cases made one, a message split off or moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlencode

from sqlalchemy.orm import joinedload, selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.case_acts import Unclear, route
from graph.console.case_facts import others_of
from graph.console.case_page import case_of
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import merging
from intake.agents import Act
from intake.cases import Activity, Case
from intake.errors import IntakeError, NotFound
from intake.merging import CannotMerge
from intake.nouns import noun
from intake.visibility import by_number, one_visible, visible_to

NUMBERS = re.compile(r"\d{1,12}")


def routes(house: House) -> list[Route]:
    """The page of a merge, the page of a message that is to leave, and their acts."""
    return [
        Route("/cases/{number:int}/merge", read(house, _merge_page), methods=["GET"]),
        Route(
            "/cases/{number:int}/merge",
            act(house, _merge, partial(_mend, _merge_page), names_others=True),
            methods=["POST"],
        ),
        route(house, "unmerge", _unmerge),
        route(house, "continue", _go_on),
        route(house, "apart", _keep_apart),
        Route("/activities/{id:uuid}/move", read(house, _message_page), methods=["GET"]),
        Route(
            "/activities/{id:uuid}/move",
            act(house, _move, partial(_mend, _message_page), names_others=True),
            methods=["POST"],
        ),
        Route(
            "/activities/{id:uuid}/split",
            act(house, _split, partial(_mend, _message_page), names_others=True),
            methods=["POST"],
        ),
        Route("/moves/{id:uuid}/undo", act(house, _undo), methods=["POST"]),
    ]  # fmt: skip


def _mend(page: Callable[[Visit, str], Response], visit: Visit, error: IntakeError) -> Response:
    answer = page(visit, str(error))
    answer.status_code = 409
    return answer


def _merge_page(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.WORK)
    case = case_of(visit)
    named = _named(visit, case)
    preview, wrong = None, reason
    survivor = _chosen(visit, case, named)
    if len(named) > 1:
        try:
            ids = [by_number(visit.session, visit.by, n).id for n in named if n != survivor]
            kept = by_number(visit.session, visit.by, survivor)
            preview = merging.preview(visit.session, visit.by, kept.id, ids, desk=visit.house.desk)
        except IntakeError as error:
            wrong = wrong or str(error)
    return rendering.page(
        visit,
        "merge.html",
        nav=beside(visit, queue=str(case.queue_id)),
        case=case,
        others=[other for other in others_of(visit, case) if other.open],
        named=named,
        typed=" ".join(str(number) for number in named if number != case.number),
        preview=preview,
        reason=wrong,
        keep={number: _keeping(case, named, number) for number in named},
    )


def _named(visit: Visit, case: Case) -> list[int]:
    """The case, and those that were ticked or typed beside it, each once and in their order."""
    asked = [*visit.request.query_params.getlist("with"), visit.asked("also")]
    said = [*asked, visit.said("sources"), visit.said("survivor")]
    typed = [int(number) for words in said for number in NUMBERS.findall(words)]
    return list(dict.fromkeys([case.number, *typed]))


def _chosen(visit: Visit, case: Case, named: Sequence[int]) -> int:
    said = visit.asked("survivor") or visit.said("survivor")
    number = int(said) if NUMBERS.fullmatch(said) else 0
    # The oldest is the one that the customer knows best.
    return number if number in named else min(named)


def _keeping(case: Case, named: Sequence[int], survivor: int) -> str:
    others = [("with", number) for number in named if number != case.number]
    return f"/cases/{case.number}/merge?" + urlencode([*others, ("survivor", survivor)])


def _merge(visit: Visit) -> Response:
    case = case_of(visit)
    named = _named(visit, case)
    said = visit.said("survivor")
    if not NUMBERS.fullmatch(said) or int(said) not in named:
        raise CannotMerge(f"choose the {noun} that goes on")
    survivor = by_number(visit.session, visit.by, int(said))
    ids = [by_number(visit.session, visit.by, n).id for n in named if n != survivor.number]
    merging.merge(visit.session, visit.by, survivor.id, ids, desk=visit.house.desk, at=visit.at)
    return RedirectResponse(f"/cases/{survivor.number}", 303)


def _unmerge(visit: Visit, case: Case, version: int | None) -> None:
    merging.unmerge(
        visit.session, visit.by, case.id, desk=visit.house.desk, at=visit.at, version=version
    )


def _go_on(visit: Visit, case: Case, version: int | None) -> None:
    merging.go_on(
        visit.session, visit.by, case.id, desk=visit.house.desk, at=visit.at, version=version
    )


def _keep_apart(visit: Visit, case: Case, version: int | None) -> None:
    merging.keep_apart(visit.session, visit.by, case.id, at=visit.at, version=version)


def _message_page(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.WORK)
    activity, case = _message(visit)
    return rendering.page(
        visit,
        "message_move.html",
        nav=beside(visit, queue=str(case.queue_id)),
        case=case,
        activity=activity,
        others=[other for other in others_of(visit, case) if other.open],
        typed=visit.form,
        reason=reason,
    )


def _message(visit: Visit) -> tuple[Activity, Case]:
    activity = visit.session.get(
        Activity, visit.request.path_params["id"], options=[selectinload(Activity.attachments)]
    )
    if activity is None or activity.case_id is None:
        raise NotFound("there is no such message")
    case = visit.session.scalar(
        visible_to(visit.by)
        .where(Case.id == activity.case_id)
        .options(joinedload(Case.contact), joinedload(Case.account))
    )
    if case is None:
        raise NotFound("there is no such message")
    return activity, case


def _move(visit: Visit) -> Response:
    activity, _case = _message(visit)
    said = visit.said("to").strip().removeprefix("#") or visit.said("chosen")
    if not NUMBERS.fullmatch(said):
        raise Unclear(f"to which {noun}? give its number")
    target = by_number(visit.session, visit.by, int(said))
    merging.move_message(visit.session, visit.by, activity.id, target.id, at=visit.at)
    return RedirectResponse(f"/cases/{target.number}#a-{activity.id}", 303)


def _split(visit: Visit) -> Response:
    activity, _case = _message(visit)
    made = merging.split_off(
        visit.session, visit.by, activity.id,
        desk=visit.house.desk, at=visit.at, subject=visit.said("subject"),
    )  # fmt: skip
    seen = visit.session.scalar(
        visible_to(visit.by).with_only_columns(Case.id).where(Case.id == made.id)
    )
    return RedirectResponse(f"/cases/{made.number}" if seen else "/", 303)


def _undo(visit: Visit) -> Response:
    move_id = visit.request.path_params["id"]
    case = merging.put_back(visit.session, visit.by, move_id, desk=visit.house.desk, at=visit.at)
    one_visible(visit.session, visit.by, case.id)
    return RedirectResponse(f"/cases/{case.number}", 303)
