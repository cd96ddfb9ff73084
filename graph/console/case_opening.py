"""The form in which an agent opens a case for somebody who phoned, sent a letter or wrote."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import custom_inputs, rendering
from graph.console.filling import Filled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.console.words import channel
from graph.house import House
from intake import work
from intake.agents import Act
from intake.cases import Case
from intake.customers import Account, Contact
from intake.errors import IntakeError, NotFound
from intake.fields import case_types
from intake.nouns import noun
from intake.visibility import queues_visible_to, visible_to
from intake.work import CAME_AS, Asked

LABELS = {
    "channel": "How they asked",
    "subject": "What it is about",
    "text": "What they said",
    "minutes": "Minutes it took",
    "queue": "Queue",
    "contact": "Contact",
    "type": "Type",
}
MOST_FIELDS = 400


def routes(house: House) -> list[Route]:
    """The form, and sending it."""
    return [
        Route("/cases/new", read(house, _new), name="new-case"),
        Route(
            "/cases/new",
            act(house, _open, _mend, names_others=True, most_fields=MOST_FIELDS),
            methods=["POST"],
        ),
    ]


def _new(visit: Visit) -> Response:
    whose = {name: visit.asked(name) for name in ("contact", "account")}
    return _form(visit, Filled({**whose, "channel": visit.asked("channel") or "phone"}))


def _open(visit: Visit) -> Response:
    reader = Reader(visit.form)
    asked = Asked(
        channel=reader.text("channel", longest=20),
        subject=reader.text("subject", longest=500, needed=True),
        text=reader.text("text", longest=100_000),
        contact_id=reader.id("contact"),
        account_id=reader.id("account"),
        minutes=reader.whole("minutes", 0),
    )
    queue_id, type_id = reader.id("queue"), reader.id("type")
    reader.finish()
    fields = custom_inputs.needed_to_open(visit.session)
    zone = ZoneInfo(visit.house.settings.time_zone)
    says = custom_inputs.said_of(visit.form, fields, type_id, zone)
    if type_id is not None:
        says["type"] = str(type_id)
    case = work.open_case(
        visit.session, visit.by, asked, desk=visit.house.desk, at=visit.at,
        queue_id=queue_id, says=says,
    )  # fmt: skip
    visit.session.flush()
    seen = visible_to(visit.by).with_only_columns(Case.id).where(Case.id == case.id)
    mine = visit.session.scalar(seen) is not None
    return RedirectResponse(f"/cases/{case.number}" if mine else "/", 303)


def _mend(visit: Visit, error: IntakeError) -> Response:
    fields = custom_inputs.needed_to_open(visit.session)
    names = (*LABELS, *(field.name for field in fields))
    return _form(visit, again(visit.form, error, names), 422)


def _form(visit: Visit, filled: Filled, status: int = 200) -> Response:
    visit.by.must(Act.WORK)
    reader = Reader(filled.values)
    contact_id, account_id = reader.id("contact"), reader.id("account")
    contact = visit.session.get(Contact, contact_id) if contact_id else None
    account = visit.session.get(Account, account_id) if account_id else None
    if contact is None and account is None:
        raise NotFound(f"choose whom the {noun} is for first: open the page of a customer")
    if contact is not None:
        name, href = contact.name, f"/customers/contacts/{contact.id}"
    else:
        assert account is not None, "one of the two is there"
        name, href = account.name, f"/customers/accounts/{account.id}"
    queues = visit.session.scalars(queues_visible_to(visit.by)).all()
    types, needed = case_types.types(visit.session), custom_inputs.needed_to_open(visit.session)
    called = {each.id: each.name for each in types}
    return rendering.page(
        visit,
        "case_new.html",
        status,
        nav=beside(visit, queues),
        filled=filled,
        labels={**LABELS, **{field.name: field.label for field in needed}},
        types=choices(types, "None"),
        needed=[
            (field, f"{field.label} ({called[field.type_id]})" if field.type_id else field.label)
            for field in needed
            if field.type_id is None or field.type_id in called
        ],
        zone=visit.house.settings.time_zone,
        name=name,
        href=href,
        channels=[(way, channel(way)) for way in CAME_AS],
        queues=[("", "As the rules say"), *((str(q.id), q.name) for q in queues)],
    )
