"""What lies ready for whoever works on a case: templates to answer with, macros to apply."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from graph.console.rule_actions_form import of
from graph.console.visit import Visit, read
from graph.house import House
from intake import wording
from intake.agents import Act
from intake.automation import macros
from intake.automation.macros import Macro
from intake.cases import Case
from intake.errors import NotFound
from intake.visibility import by_number
from intake.wording import Offered


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be used on one case by who looks at it: each with what to know before."""

    texts: tuple[tuple[Offered, str], ...] = ()
    """Templates, and a word where one is not in the language of the contact."""
    macros: tuple[tuple[Macro, tuple[str, ...]], ...] = ()
    """Macros, and what each does."""


def routes(house: House) -> list[Route]:
    """The words of a template as they read for a case."""
    address = "/cases/{number:int}/templates/{id:uuid}"
    return [Route(address, read(house, _text), name="template-text")]


def of_case(visit: Visit, case: Case) -> Ready:
    """What is ready for this case; two statements."""
    wanted = case.contact.language if case.contact is not None else ""
    texts = tuple((each, each.note(wanted)) for each in wording.offered(visit.session))
    found = macros.every(visit.session)
    return Ready(texts, tuple((each, tuple(row.label for row in of(each.does))) for each in found))


def words_of(visit: Visit, case: Case, template: str) -> str:
    """A template as it reads for the case. Raises NotFound."""
    try:
        found = wording.by_id(visit.session, UUID(template))
    except ValueError:
        raise NotFound("there is no such reply template") from None
    said = wording.filled(visit.session, found, case, visit.by, visit.house.desk)
    return said.text + "\n"


def _text(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    case = by_number(visit.session, visit.by, visit.request.path_params["number"])
    text = words_of(visit, case, str(visit.request.path_params["id"]))
    return Response(text, media_type="text/plain; charset=utf-8")
