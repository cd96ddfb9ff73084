"""Writing a person down: what they are called, how they are reached, how they like to be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import customer_page, rendering
from graph.console.filling import Filled, Misfilled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act, at_work
from intake.customers import Account, Contact, ContactPoint, points, preferences, registering
from intake.customers.preferences import TimeOfDay, Weekday
from intake.errors import IntakeError, NotFound
from intake.messages import ContactKind

LABELS = {
    "name": "Name",
    "account": "Account",
    "external_id": "Known elsewhere as",
    "language": "Language",
    "time_zone": "Time zone",
    "time_of_day": "Time of day",
    "agent_id": "Served by",
    "equipment": "Equipment",
    "days": "Days",
}
ONE = "/customers/contacts/{id:uuid}"


def routes(house: House) -> list[Route]:
    """The form for a new person and for one we know, and their ways to be reached."""
    return [
        Route("/customers/contacts/new", read(house, _new), name="new-contact"),
        Route("/customers/contacts/new", act(house, _add, _again), methods=["POST"]),
        Route(f"{ONE}/edit", read(house, _edit), name="edit-contact"),
        Route(f"{ONE}/edit", act(house, _change, _again), methods=["POST"]),
        *(
            Route(f"{ONE}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _new(visit: Visit) -> Response:
    account_id = Reader({"account": visit.asked("account")}).id("account")
    account = visit.session.get(Account, account_id) if account_id else None
    return _form(visit, Filled({"account": account.name if account else ""}), None)


def _add(visit: Visit) -> Response:
    who, wishes = _read(visit)
    made = registering.add_contact(visit.session, visit.by, at=visit.at, **who)
    preferences.prefer(visit.session, visit.by, made.id, at=visit.at, **wishes)
    return RedirectResponse(f"/customers/contacts/{made.id}", 303)


def _edit(visit: Visit) -> Response:
    contact = _found(visit)
    likes = preferences.of_contact(visit.session, contact.id)
    values = {
        "name": contact.name,
        "account": contact.account.name if contact.account else "",
        "external_id": contact.external_id or "",
        "language": contact.language,
        "time_zone": contact.time_zone,
        "time_of_day": likes.time_of_day.value if likes.time_of_day else "",
        "agent_id": str(likes.agent_id or ""),
        "equipment": likes.equipment,
        **{f"on.{day}": "yes" for day in likes.days},
    }
    return _form(visit, Filled(values), contact)


def _change(visit: Visit) -> Response:
    contact = _found(visit)
    who, wishes = _read(visit)
    registering.change_contact(visit.session, visit.by, contact.id, at=visit.at, **who)
    preferences.prefer(visit.session, visit.by, contact.id, at=visit.at, **wishes)
    return RedirectResponse(f"/customers/contacts/{contact.id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    contact = _found(visit) if "id" in visit.request.path_params else None
    return _form(visit, again(visit.form, error, LABELS), contact)


def _read(visit: Visit) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who they are, and how they like to be served. Raises Misfilled."""
    form: Mapping[str, str] = visit.form
    reader = Reader(form)
    who = {
        "name": reader.text("name", needed=True),
        "external_id": reader.text("external_id", longest=120) or None,
    }
    wishes = {
        "language": reader.text("language", longest=16),
        "time_zone": reader.text("time_zone", longest=64),
        "days": [day.value for day in Weekday if form.get(f"on.{day.value}")],
        "time_of_day": reader.text("time_of_day"),
        "agent_id": reader.id("agent_id"),
        "equipment": reader.text("equipment"),
    }
    reader.finish()
    return {**who, "account_id": _account_called(visit, reader.text("account"))}, wishes


def _account_called(visit: Visit, name: str) -> UUID | None:
    if not name:
        return None
    same = select(Account.id).where(func.lower(Account.name) == name.lower())
    found = visit.session.scalars(same.limit(2)).all()
    if len(found) != 1:
        words = "several accounts are called that" if found else "no account is called that"
        raise Misfilled({"account": words})
    return found[0]


def _form(visit: Visit, filled: Filled, contact: Contact | None) -> Response:
    visit.by.must(Act.WORK)
    names = select(Account.name).order_by(Account.name).limit(500)
    return rendering.page(
        visit,
        "contact_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        contact=contact,
        filled=filled,
        labels=LABELS,
        accounts=visit.session.scalars(names).all(),
        weekdays=[day.value for day in Weekday],
        times_of_day=[("", "any time"), *((each.value, each.value) for each in TimeOfDay)],
        agents=choices(at_work(visit.session), "anybody"),
    )


def _do(done: Callable[[Visit, Contact], None], visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    contact = _found(visit)
    done(visit, contact)
    return RedirectResponse(f"/customers/contacts/{contact.id}#points", 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    visit.by.must(Act.WORK)
    return customer_page.show_contact(visit, Filled(visit.form, reason=str(error)), "points")


def _attach(visit: Visit, contact: Contact) -> None:
    reader = Reader(visit.form)
    kind = reader.one_of("kind", ContactKind, ContactKind.EMAIL)
    reader.finish()
    points.attach(
        visit.session, visit.by, contact.id, kind, visit.said("value"),
        region=visit.house.settings.phone_region, at=visit.at,
        verified=visit.said("verified") == "yes",
    )  # fmt: skip


def _detach(visit: Visit, contact: Contact) -> None:
    point_id = Reader(visit.form).id("point")
    point = visit.session.get(ContactPoint, point_id) if point_id else None
    if point is None or point.contact_id != contact.id:
        raise NotFound("there is no such way to reach them")
    points.detach(visit.session, visit.by, point.id, at=visit.at)


ACTS: dict[str, Callable[[Visit, Contact], None]] = {"points": _attach, "remove-point": _detach}


def _found(visit: Visit) -> Contact:
    contact = visit.session.get(Contact, visit.request.path_params["id"])
    if contact is None or contact.merged_into_id is not None:
        raise NotFound("there is no such person")
    return contact
