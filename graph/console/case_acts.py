"""What an agent can do on the page of a case. Each act goes through `intake.work`, says which
version of the case it was decided on, and leads back to the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import doing, hands, promised, standing, story
from graph.console.case_page import Unfinished, case_of, show
from graph.console.visit import Visit, act, chosen
from graph.house import House
from intake import reasons, work
from intake.agents import Act
from intake.automation import macros
from intake.cases import Case, StaleVersion
from intake.errors import IntakeError
from intake.visibility import visible_to

Done = Callable[[Visit, Case, int | None], object]


class Unclear(IntakeError):
    """The form says two things at once, or not what it must say."""

    code = "unclear"


def routes(house: House) -> list[Route]:
    """One address for each act, and one to try a delivery again."""
    return [
        *(route(house, name, done) for name, done in ACTS.items()),
        Route("/deliveries/{id:uuid}/retry", act(house, _retry), methods=["POST"]),
    ]


def route(house: House, name: str, done: Done) -> Route:
    """The address of one act, which leads back to the page, or shows it again with the reason."""
    return Route(
        f"/cases/{{number:int}}/{name}",
        act(house, partial(_do, done), partial(_mend, name)),
        methods=["POST"],
    )


def _do(done: Done, visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    case = case_of(visit)
    done(visit, case, _number(visit.said("version"), "version"))
    visit.session.flush()
    still_mine = visible_to(visit.by).with_only_columns(Case.id).where(Case.id == case.id)
    seen = visit.session.scalar(still_mine) is not None
    return RedirectResponse(f"/cases/{case.number}" if seen else "/", 303)


def _mend(name: str, visit: Visit, error: IntakeError) -> Response:
    """The page again, with everything that was typed, and why it was not done."""
    case = case_of(visit)
    missed = isinstance(error, StaleVersion) and visit.said("seen").isdigit()
    news = story.news(visit.session, case, since=int(visit.said("seen"))) if missed else []
    return show(visit, case, Unfinished(name, visit.form, str(error), news))


def _write(visit: Visit, case: Case, version: int | None) -> None:
    kind, button = visit.said("kind"), visit.said("send")
    # The choice and the button must agree: a note must never reach a customer by a slip.
    if kind != button or kind not in ("reply", "note"):
        raise Unclear("it was not clear whether this is an answer or a note; choose one again")
    session, by, at, text = visit.session, visit.by, visit.at, visit.said(kind)
    if kind == "note":
        said = work.note(session, by, case.id, text, at=at, version=version)
    else:
        said = work.reply(session, by, case.id, text, desk=visit.house.desk, at=at, version=version)
    doing.written_down(visit, case, said)


def _take(visit: Visit, case: Case, version: int | None) -> None:
    work.pick(visit.session, visit.by, case.id, at=visit.at, version=version)


def _release(visit: Visit, case: Case, version: int | None) -> None:
    work.release(visit.session, visit.by, case.id, at=visit.at, version=version)


def _move(visit: Visit, case: Case, version: int | None) -> None:
    queue = chosen(visit.said("queue"), "a queue")
    work.route_to(visit.session, visit.by, case.id, queue, at=visit.at, version=version)


def _macro(visit: Visit, case: Case, version: int | None) -> None:
    macro, desk = chosen(visit.said("macro"), "a macro"), visit.house.desk
    macros.apply(visit.session, visit.by, case.id, macro, desk=desk, at=visit.at, version=version)


def _reroute(visit: Visit, case: Case, version: int | None) -> None:
    work.route_again(visit.session, visit.by, case.id, at=visit.at, version=version)


def _hold(visit: Visit, case: Case, version: int | None) -> None:
    reason = reasons.read(visit.said("reason"))
    work.hold(visit.session, visit.by, case.id, at=visit.at, reason=reason, version=version)


def _resume(visit: Visit, case: Case, version: int | None) -> None:
    work.resume(visit.session, visit.by, case.id, at=visit.at, version=version)


def _resolve(visit: Visit, case: Case, version: int | None) -> None:
    if took := doing.minutes_in(visit, "took"):
        doing.log(visit, case, took, version=version)
        version = None
    work.resolve(
        visit.session,
        visit.by,
        case.id,
        visit.said("text").strip(),
        desk=visit.house.desk,
        at=visit.at,
        kind=reasons.read(visit.said("kind")),
        billable_minutes=_number(visit.said("minutes"), "billable time"),
        cancel_open_activities=visit.said("cancel_open") == "yes",
        version=version,
    )


def _reopen(visit: Visit, case: Case, version: int | None) -> None:
    work.reopen(
        visit.session, visit.by, case.id, desk=visit.house.desk, at=visit.at, version=version
    )


def _cancel(visit: Visit, case: Case, version: int | None) -> None:
    text = visit.said("text").strip()
    work.cancel(
        visit.session, visit.by, case.id, text,
        desk=visit.house.desk, at=visit.at,
        cancel_open_activities=visit.said("cancel_open") == "yes", version=version,
    )  # fmt: skip


ACTS: dict[str, Done] = {
    "write": _write,
    "take": _take,
    "release": _release,
    "assign": hands.assign,
    "unqueue": hands.unqueue,
    "skills": hands.require,
    "move": _move,
    "reroute": _reroute,
    "macro": _macro,
    "escalate": promised.escalate,
    "sla": promised.choose,
    "hold": _hold,
    "resume": _resume,
    "reason": standing.set_reason,
    "resolve": _resolve,
    "reopen": _reopen,
    "cancel": _cancel,
}


def _retry(visit: Visit) -> Response:
    delivery = work.retry_delivery(
        visit.session, visit.by, visit.request.path_params["id"], at=visit.at
    )
    case = visit.session.get_one(Case, delivery.case_id)
    return RedirectResponse(f"/cases/{case.number}", 303)


def _number(text: str, what: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Unclear(f"{what} is a whole number, such as 15")
    return int(text)
