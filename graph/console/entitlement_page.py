"""An entitlement: its terms, its balances, its whole ledger, and what a manager does to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import bought, entitlement_form, rendering
from graph.console.customer_page import href_of
from graph.console.entitlement_form import CHANNELS, LABELS
from graph.console.filling import Filled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import entitlements, sla
from intake.agents import Act, Agent, at_work
from intake.customers import Account, Contact
from intake.entitlements import Allocation, Entitlement, EntitlementTemplate, State
from intake.errors import IntakeError, NotFound
from intake.products import Product
from intake.sla import ServiceCalendar, Sla

ENTRIES_SHOWN = 400
YEAR = timedelta(days=365)
Done = Callable[[Visit, Entitlement], UUID | None]


def routes(house: House) -> list[Route]:
    """The page, the form for a new one and for a draft, and one address for each act."""
    one = "/entitlements/{id:uuid}"
    return [
        Route("/entitlements/new", read(house, _new), name="new-entitlement"),
        Route(
            "/entitlements/new",
            act(house, _write, _write_again, names_others=True),
            methods=["POST"],
        ),
        Route(one, read(house, _page), name="entitlement"),
        Route(f"{one}/edit", read(house, _edit), name="edit-entitlement"),
        Route(f"{one}/edit", act(house, _rewrite, _rewrite_again), methods=["POST"]),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _page(visit: Visit) -> Response:
    return _show(visit, "")


def _show(visit: Visit, reason: str) -> Response:
    visit.by.must(Act.READ)
    entitlement = _found(visit)
    desk = visit.house.desk
    [held] = bought.held(visit, [entitlement], at_most=ENTRIES_SHOWN)
    forecast = None
    if entitlement.state is State.ACTIVE and (entitlement.total or entitlement.restricted):
        forecast = entitlements.forecast(visit.session, entitlement, desk, on=desk.day(visit.at))
    draft = entitlement.state is State.DRAFT
    return rendering.page(
        visit,
        "entitlement.html",
        422 if reason else 200,
        nav=beside(visit),
        held=held,
        forecast=forecast,
        customer=_customer(visit, entitlement.account_id, entitlement.contact_id),
        customer_href=href_of(entitlement.account_id, entitlement.contact_id),
        calendar=visit.session.get(ServiceCalendar, entitlement.calendar_id)
        if entitlement.calendar_id
        else None,
        limited=_limited(visit, entitlement),
        sla=visit.session.get(Sla, entitlement.sla_id) if entitlement.sla_id else None,
        owner=visit.session.get(Agent, entitlement.owner_id) if entitlement.owner_id else None,
        problems=entitlements.doubts(visit.session, entitlement) if draft else (),
        labels=LABELS,
        managing=visit.by.may(Act.MANAGE),
        reason=reason,
        typed=visit.form,
    )


def _do(done: Done, visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    entitlement = entitlements.of_id(visit.session, visit.request.path_params["id"])
    customer = href_of(entitlement.account_id, entitlement.contact_id)
    shown = done(visit, entitlement)
    return RedirectResponse(f"/entitlements/{shown}" if shown else customer, 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, str(error))


def _activate(visit: Visit, held: Entitlement) -> UUID:
    on = visit.house.desk.day(visit.at)
    entitlements.activate(visit.session, held, on=on, at=visit.at, by=visit.by)
    return held.id


def _deactivate(visit: Visit, held: Entitlement) -> UUID:
    entitlements.deactivate(visit.session, held, at=visit.at, by=visit.by)
    return held.id


def _cancel(visit: Visit, held: Entitlement) -> UUID:
    reason = visit.said("reason").strip()
    entitlements.cancel(visit.session, held, at=visit.at, by=visit.by, reason=reason)
    return held.id


def _renew(visit: Visit, held: Entitlement) -> UUID:
    on = visit.house.desk.day(visit.at)
    return entitlements.renew(visit.session, held, on=on, at=visit.at, by=visit.by).id


def _discard(visit: Visit, held: Entitlement) -> None:
    entitlements.discard(visit.session, held, at=visit.at, by=visit.by)


def _default(visit: Visit, held: Entitlement) -> UUID:
    entitlements.set_default(visit.session, held, at=visit.at, by=visit.by)
    return held.id


def _correct(visit: Visit, held: Entitlement) -> UUID:
    reader = Reader(visit.form)
    amount = reader.units("amount", hours=held.allocation is Allocation.HOURS)
    reader.finish()
    entitlements.correct(
        visit.session, held, amount, visit.said("reason"),
        at=visit.at, by=visit.by, channel=visit.said("channel"), key=visit.said("key"),
    )  # fmt: skip
    return held.id


def _keep(visit: Visit, held: Entitlement) -> UUID:
    name = visit.said("name")
    entitlements.keep_as_template(visit.session, visit.by, held, name, at=visit.at)
    return held.id


ACTS: dict[str, Done] = {
    "activate": _activate,
    "deactivate": _deactivate,
    "cancel": _cancel,
    "renew": _renew,
    "discard": _discard,
    "default": _default,
    "correct": _correct,
    "template": _keep,
}


def _new(visit: Visit) -> Response:
    """The form, filled in from a template when one was chosen."""
    today = visit.house.desk.day(visit.at)
    values = {
        "starts_on": today.isoformat(), "ends_on": (today + YEAR).isoformat(),
        "thresholds": "20, 0",
        "account": visit.asked("account"), "contact": visit.asked("contact"),
        "template": visit.asked("template"),
    }  # fmt: skip
    if template := _template(visit, values["template"]):
        values |= entitlement_form.of(template)
        made = entitlements.draft(template, starts_on=today, at=visit.at)
        values["ends_on"] = made.ends_on.isoformat()
    return _form(visit, Filled(values))


def _write(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    fields = entitlement_form.read(visit.session, visit.form)
    reader = Reader(visit.form)
    fields |= {"account_id": reader.id("account"), "contact_id": reader.id("contact")}
    fields["template_id"] = reader.id("template")
    reader.finish()
    made = entitlements.write(visit.session, at=visit.at, by=visit.by, **fields)
    return RedirectResponse(f"/entitlements/{made.id}", 303)


def _write_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS))


def _edit(visit: Visit) -> Response:
    entitlement = _found(visit)
    values = entitlement_form.of(entitlement) | entitlement_form.limits(visit.session, entitlement)
    return _form(visit, Filled(values), entitlement)


def _rewrite(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    entitlement = _found(visit)
    fields = entitlement_form.read(visit.session, visit.form)
    own = {"account_id", "contact_id", "template_id"}
    entitlements.rewrite(
        visit.session, entitlement.id, at=visit.at, by=visit.by,
        **{name: getattr(entitlement, name) for name in own}, **fields,
    )  # fmt: skip
    return RedirectResponse(f"/entitlements/{entitlement.id}", 303)


def _rewrite_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS), _found(visit))


def _form(visit: Visit, filled: Filled, entitlement: Entitlement | None = None) -> Response:
    visit.by.must(Act.MANAGE)
    reader = Reader(filled.values)
    account_id, contact_id = reader.id("account"), reader.id("contact")
    if entitlement is not None:
        account_id, contact_id = entitlement.account_id, entitlement.contact_id
    session = visit.session
    return rendering.page(
        visit,
        "entitlement_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        entitlement=entitlement,
        filled=filled,
        labels=LABELS,
        channels=CHANNELS,
        customer=_customer(visit, account_id, contact_id),
        customer_href=href_of(account_id, contact_id) if account_id or contact_id else "/customers",
        templates=()
        if entitlement
        else session.scalars(select(EntitlementTemplate).order_by(EntitlementTemplate.name)).all(),
        calendars=choices(sla.calendars(session), "as the SLA says, at any time"),
        slas=choices(sla.active(session), "the default"),
        agents=choices(at_work(session), "nobody in particular"),
    )


def _found(visit: Visit) -> Entitlement:
    entitlement = visit.session.scalar(
        select(Entitlement)
        .where(Entitlement.id == visit.request.path_params["id"])
        .options(
            selectinload(Entitlement.channels),
            selectinload(Entitlement.contacts),
            selectinload(Entitlement.products),
        )
    )
    if entitlement is None:
        raise NotFound("there is no such entitlement")
    return entitlement


def _limited(visit: Visit, entitlement: Entitlement) -> list[str]:
    """The names of whom and what it is limited to; none: everybody, everything."""
    people = select(Contact.name).where(
        Contact.id.in_([row.contact_id for row in entitlement.contacts])
    )
    things = select(Product.name).where(
        Product.id.in_([row.product_id for row in entitlement.products])
    )
    asked = [people.order_by(Contact.name)] if entitlement.contacts else []
    asked += [things.order_by(Product.name)] if entitlement.products else []
    return [name for each in asked for name in visit.session.scalars(each)]


def _customer(visit: Visit, account_id: UUID | None, contact_id: UUID | None) -> str:
    account = visit.session.get(Account, account_id) if account_id else None
    contact = visit.session.get(Contact, contact_id) if contact_id else None
    found = account or contact
    return found.name if found else "Nobody yet"


def _template(visit: Visit, id: str) -> EntitlementTemplate | None:
    found = Reader({"id": id}).id("id")
    return visit.session.get(EntitlementTemplate, found) if found else None
