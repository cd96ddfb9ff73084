"""The page of one case: its story, what is known beside it, and a box to answer in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import joinedload
from starlette.responses import Response
from starlette.routing import Route

from graph.console import (
    case_facts,
    case_says,
    doing,
    family,
    filing,
    hands,
    later,
    promised,
    ready,
    rendering,
    standing,
    story,
)
from graph.console.navigation import beside
from graph.console.planning_form import KINDS
from graph.console.story import Happened
from graph.console.visit import Visit, read
from graph.console.words import Times
from graph.house import House
from intake import viewers, work
from intake.agents import Act, who_work
from intake.cases import PAUSES, Case
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.viewers import Viewer
from intake.visibility import queues_listed_for, visible_to
from kb.articles import Article
from kb.articles import State as ArticleState


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An act that a rule refused: what was typed, and why it was not done."""

    act: str
    form: Mapping[str, str]
    reason: str
    news: Sequence[Happened] = field(default=())
    """What happened meanwhile, when somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """What the boxes to write in begin with. Each kind has its own box and keeps to it."""

    kind: str = "reply"
    reply: str = ""
    note: str = ""
    took: str = ""
    """The minutes it took, as typed."""


def routes(house: House) -> list[Route]:
    """The page, and an article's words for the answer."""
    return [
        Route("/cases/{number:int}", read(house, _case), name="case"),
        Route("/articles/{number}", read(house, _article), name="article"),
    ]


def case_of(visit: Visit) -> Case:
    """The case in the address, with its people. Raises NotFound."""
    number = visit.request.path_params["number"]
    found = visit.session.scalar(
        visible_to(visit.by)
        .where(Case.number == min(number, 10**12))
        .options(
            joinedload(Case.contact),
            joinedload(Case.account),
            joinedload(Case.product),
            joinedload(Case.owner),
            joinedload(Case.entitlement),
            joinedload(Case.own_reason),
        )
    )
    if found is None:
        raise NotFound(f"there is no {noun} {number}, or it is not for you to see")
    return found


def show(visit: Visit, case: Case, unfinished: Unfinished | None = None) -> Response:
    """The page of a case; with what was typed and the reason, when an act was refused."""
    times = Times(visit.at, ZoneInfo(visit.house.settings.time_zone))
    working = visit.by.may(Act.WORK)
    told = story.of_case(visit.session, case, times)
    queues = visit.session.scalars(queues_listed_for(visit.by)).all()
    facts = case_facts.of_case(visit, case, times)
    company = _company(visit, case)
    return rendering.page(
        visit,
        "case.html",
        409 if unfinished else 200,
        nav=beside(visit, queues, queue=str(case.queue_id)),
        case=case,
        facts=facts,
        says=case_says.of_case(visit, case),
        story=told,
        pulse=_beat(told.pulse, company, visit),
        company=company,
        working=working,
        paused=case.reason in PAUSES,
        unfinished=unfinished,
        drafts=_drafts(visit, case, unfinished),
        addressee=_addressee(visit, case) if working and case.open else "",
        agents=who_work(visit.session) if working and case.open else (),
        queues=queues,
        statuses=standing.of_case(visit, case),
        promised=promised.of_case(visit, case),
        later=later.choices(times),
        filing=filing.of_case(visit, case),
        doing=doing.of_case(visit, case),
        family=family.of_case(visit, case),
        hands=hands.of_case(visit, case),
        kinds=KINDS,
        ready=ready.of_case(visit, case) if working and case.open else ready.Ready(),
    )


def _case(visit: Visit) -> Response:
    case = case_of(visit)
    # A page that asks again whether anything is new mostly hears that nothing is.
    known = visit.asked("pulse")
    pulse = story.pulse(visit.session, case) if known else ""
    if known and known == _beat(pulse, _company(visit, case), visit):
        return Response(status_code=204)
    return show(visit, case)


def _beat(pulse: str, company: Sequence[Viewer], visit: Visit) -> str:
    others = "".join(f"{one.agent_id.hex[-6:]}{one.writes(visit.at):d}" for one in company)
    # The minute is in it because deadlines and ages are told in minutes.
    return f"{pulse}-{others}-{int(visit.at.timestamp()) // 60}"


def _company(visit: Visit, case: Case) -> Sequence[Viewer]:
    """Who else is at the case."""
    return viewers.at_cases(visit.session, [case.id], at=visit.at, but=visit.by.id)[case.id]


def _drafts(visit: Visit, case: Case, unfinished: Unfinished | None) -> Drafts:
    """What was typed, an article's words, or a template's."""
    if unfinished is not None and unfinished.act == "write":
        form = unfinished.form
        return Drafts(
            form.get("kind", ""), form.get("reply", ""), form.get("note", ""), form.get("took", "")
        )
    if template := visit.asked("template"):
        return Drafts(reply=ready.words_of(visit, case, template))
    number = visit.asked("article")
    return Drafts(reply=_words_of(visit, number)) if number else Drafts()


def _article(visit: Visit) -> Response:
    text = _words_of(visit, visit.request.path_params["number"])
    return Response(text, media_type="text/plain; charset=utf-8")


def _words_of(visit: Visit, number: str) -> str:
    """An article that may be sent to customers. Raises NotFound for any other."""
    body = visit.session.scalar(
        select(Article.body)
        .where(Article.number == number, Article.state == ArticleState.PUBLISHED)
        .where(Article.internal.is_(False))
    )
    if body is None:
        raise NotFound("there is no such article for customers")
    return body.strip() + "\n"


def _addressee(visit: Visit, case: Case) -> str:
    try:
        return work.addressee(visit.session, case)
    except IntakeError:
        return ""
