"""Two entries turn out to be one person: choose which stays, and part them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Misfilled, Reader
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.cases import Case
from intake.customers import Contact, ContactPoint, merging
from intake.errors import IntakeError, NotFound
from intake.visibility import visible_to

FOUND_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be the same person."""

    contact: Contact
    cases: int


def routes(house: House) -> list[Route]:
    """Who may be the same; merging two; parting them again."""
    one = "/customers/contacts/{id:uuid}/merge"
    return [
        Route(one, read(house, _page), name="merge-contact"),
        Route(one, act(house, _merge, _again), methods=["POST"]),
        Route("/customers/merges/{id:uuid}/undo", act(house, _undo), methods=["POST"]),
    ]


def _page(visit: Visit) -> Response:
    return _show(visit, visit.asked("q"), "")


def _merge(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    here = visit.request.path_params["id"]
    other = Reader(visit.form).id("other")
    if other is None:
        raise Misfilled({"other": "choose who is the same person"})
    stays, goes = (other, here) if visit.said("survivor") == "other" else (here, other)
    merging.merge(visit.session, visit.by, stays, goes, at=visit.at)
    return RedirectResponse(f"/customers/contacts/{stays}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, visit.said("q"), str(error))


def _undo(visit: Visit) -> Response:
    record = merging.undo(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse(f"/customers/contacts/{record.merged_id}", 303)


def _show(visit: Visit, question: str, reason: str) -> Response:
    visit.by.must(Act.WORK)
    contact = visit.session.scalar(
        select(Contact)
        .where(Contact.id == visit.request.path_params["id"], Contact.merged_into_id.is_(None))
        .options(joinedload(Contact.account), selectinload(Contact.points))
    )
    if contact is None:
        raise NotFound("there is no such person")
    return rendering.page(
        visit,
        "contact_merge.html",
        422 if reason else 200,
        nav=beside(visit),
        contact=contact,
        asked=question.strip()[:200],
        reason=reason,
        region=visit.house.settings.phone_region,
        candidates=_candidates(visit, contact, question.strip()[:200]),
    )


def _candidates(visit: Visit, contact: Contact, question: str) -> Sequence[Candidate]:
    """Those found; before anything is asked, those who share a word of the name."""
    wanted = [question] if question else [word for word in contact.name.split() if len(word) > 2]
    if not wanted:
        return []
    named = or_(*(Contact.name.icontains(word, autoescape=True) for word in wanted[:4]))
    reached = select(ContactPoint.contact_id).where(
        ContactPoint.value.icontains(question, autoescape=True)
    )
    found = visit.session.scalars(
        select(Contact)
        .where(Contact.merged_into_id.is_(None), Contact.id != contact.id)
        .where(or_(named, Contact.id.in_(reached)) if question else named)
        .order_by(Contact.name, Contact.id)
        .limit(FOUND_AT_MOST)
        .options(joinedload(Contact.account), selectinload(Contact.points))
    ).all()
    counted = visible_to(visit.by).with_only_columns(Case.contact_id, func.count())
    whose = Case.contact_id.in_([each.id for each in found])
    cases = dict(visit.session.execute(counted.where(whose).group_by(Case.contact_id)).all())
    return [Candidate(each, cases.get(each.id, 0)) for each in found]
