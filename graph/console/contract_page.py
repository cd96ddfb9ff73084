"""A contract: its terms and lines, where it stands, and what a manager does to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import bought, contract_form, planning, rendering
from graph.console.contract_form import LINE_LABELS
from graph.console.customer_page import href_of
from graph.console.filling import Filled, Misfilled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import agree, contracts, products
from intake.agents import Act, Agent
from intake.cases import Activity
from intake.contracts import ALLOWED
from intake.contracts import Act as ContractAct
from intake.customers import Account, Contact
from intake.entitlements import Entitlement
from intake.errors import IntakeError
from intake.sla import ServiceCalendar, Sla

ENTRIES_SHOWN = 100
Done = Callable[[Visit, UUID, int | None], UUID | None]


def routes(house: House) -> list[Route]:
    """The page, and one address for each act."""
    one = "/contracts/{id:uuid}"
    return [
        Route(one, read(house, _page), name="contract"),
        *(
            Route(
                f"{one}/{name}", act(house, partial(_do, done), partial(_refused, name)),
                methods=["POST"],
            )
            for name, done in ACTS.items()
        ),
    ]  # fmt: skip


def _page(visit: Visit) -> Response:
    return _show(visit, Filled({}))


def _show(visit: Visit, filled: Filled, *, pressed: str = "") -> Response:
    visit.by.must(Act.READ)
    contract = contracts.by_id(visit.session, visit.request.path_params["id"])
    counted = [line.entitlement_id for line in contract.lines if line.entitlement_id]
    found = visit.session.scalars(
        select(Entitlement)
        .where(Entitlement.id.in_(counted))
        .order_by(Entitlement.ends_on, Entitlement.id)
        .options(*bought.CHANNELS)
    ).all()
    follower = contracts.renewal_of(visit.session, contract)
    allowed = {each.name.lower() for each in ALLOWED[contract.state]}
    return rendering.page(
        visit,
        "contract.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        contract=contract,
        held=bought.held(visit, found, at_most=ENTRIES_SHOWN),
        customer=customer_of(visit, contract.account_id, contract.contact_id),
        customer_href=href_of(contract.account_id, contract.contact_id),
        follower=follower,
        sla=_named(visit, Sla, contract.sla_id),
        hours=_named(visit, ServiceCalendar, contract.calendar_id),
        owner=_named(visit, Agent, contract.owner_id),
        allowed=allowed - {ContractAct.RENEW.name.lower()} if follower else allowed,
        products=[("", "every product"), *_products(visit)],
        managing=visit.by.may(Act.MANAGE),
        working=visit.by.may(Act.WORK),
        planned=planning.about(visit, Activity.contract_id, contract.id),
        periods=contracts.invoice_periods(contract) if contract.lines else (),
        filled=filled,
        pressed=pressed,
        labels=LINE_LABELS,
        today=visit.house.desk.day(visit.at),
    )


def _do(done: Done, visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    contract_id = visit.request.path_params["id"]
    contract = contracts.by_id(visit.session, contract_id)
    customer = href_of(contract.account_id, contract.contact_id)
    shown = done(visit, contract_id, Reader(visit.form).whole_or_none("version"))
    return RedirectResponse(f"/contracts/{shown}" if shown else customer, 303)


def _refused(name: str, visit: Visit, error: IntakeError) -> Response:
    return _show(visit, again(visit.form, error, LINE_LABELS), pressed=name)


def _invoice(visit: Visit, id: UUID, version: int | None) -> UUID:
    desk = visit.house.desk
    agree.invoice(visit.session, visit.by, id, desk=desk, at=visit.at, version=version)
    return id


def _hold(visit: Visit, id: UUID, version: int | None) -> UUID:
    desk = visit.house.desk
    agree.hold(visit.session, visit.by, id, desk=desk, at=visit.at, version=version)
    return id


def _release(visit: Visit, id: UUID, version: int | None) -> UUID:
    desk = visit.house.desk
    agree.release(visit.session, visit.by, id, desk=desk, at=visit.at, version=version)
    return id


def _cancel(visit: Visit, id: UUID, version: int | None) -> UUID:
    reader = Reader(visit.form)
    on = reader.day_or_none("on")
    reader.finish()
    agree.cancel(
        visit.session, visit.by, id, desk=visit.house.desk, at=visit.at, on=on, version=version
    )
    return id


def _renew(visit: Visit, id: UUID, version: int | None) -> UUID:
    return agree.renew(
        visit.session, visit.by, id, desk=visit.house.desk, at=visit.at,
        include_cancelled=visit.said("cancelled") == "yes", version=version,
    ).id  # fmt: skip


def _copy(visit: Visit, id: UUID, _version: int | None) -> UUID:
    return agree.copy(visit.session, visit.by, id, desk=visit.house.desk, at=visit.at).id


def _delete(visit: Visit, id: UUID, version: int | None) -> None:
    desk = visit.house.desk
    agree.delete(visit.session, visit.by, id, desk=desk, at=visit.at, version=version)


def _add_line(visit: Visit, id: UUID, version: int | None) -> UUID:
    contract = contracts.by_id(visit.session, id)
    terms = contract_form.line(visit.form, contract)
    agree.add_line(
        visit.session, visit.by, id, terms, desk=visit.house.desk, at=visit.at, version=version
    )
    return id


def _cancel_line(visit: Visit, id: UUID, version: int | None) -> UUID:
    line_id = Reader(visit.form).id("line")
    if line_id is None:
        raise Misfilled({"line": "choose a line first"})
    agree.cancel_line(
        visit.session, visit.by, id, line_id,
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip
    return id


ACTS: dict[str, Done] = {
    "invoice": _invoice,
    "hold": _hold,
    "release": _release,
    "cancel": _cancel,
    "renew": _renew,
    "copy": _copy,
    "add-line": _add_line,
    "cancel-line": _cancel_line,
    "delete": _delete,
}


def _named(visit: Visit, table: type[Sla | ServiceCalendar | Agent], id: UUID | None) -> str:
    """The name of what the contract refers to, or ''."""
    if id is None:
        return ""
    return visit.session.scalar(select(table.name).where(table.id == id)) or ""


def customer_of(visit: Visit, account_id: UUID | None, contact_id: UUID | None) -> str:
    account = visit.session.get(Account, account_id) if account_id else None
    contact = visit.session.get(Contact, contact_id) if contact_id else None
    found = account or contact
    return found.name if found else "Nobody yet"


def _products(visit: Visit) -> list[tuple[UUID, str]]:
    return [(each.id, each.name) for each in products.catalogue(visit.session)]
