"""What is to be invoiced: requests by where they stand, kept back, cancelled, and handed over."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.customer_page import href_of
from graph.console.downloads import download
from graph.console.filling import Reader
from graph.console.navigation import Place, beside
from graph.console.visit import Visit, act, read
from graph.exchange.invoice_table import write_requests
from graph.house import House
from intake import accounting
from intake.agents import Act
from intake.billing import InvoiceRequest, State
from intake.errors import NotFound

AT_ONCE = 50
NAMES = {
    State.OPEN: "To hand over",
    State.HELD: "Held",
    State.EXPORTED: "Handed over",
    State.CANCELLED: "Cancelled",
    State.WITHDRAWN: "Withdrawn",
}
Done = Callable[[Visit, UUID], InvoiceRequest]


def routes(house: House) -> list[Route]:
    """The list, the same as a file, handing over, and one address for each act; for managers."""
    return [
        Route("/billing", read(house, _list), name="billing"),
        Route("/billing.csv", read(house, _file), name="billing-file"),
        Route("/billing/{id:uuid}/again", act(house, _bill_again), methods=["POST"]),
        Route("/billing/hand-over", act(house, _hand_over), methods=["POST"]),
        *(
            Route(f"/billing/{{id:uuid}}/{name}", act(house, partial(_do, done)), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _list(visit: Visit) -> Response:
    state, batch = _state(visit), _batch(visit)
    before = Reader({"before": visit.asked("before")}).whole_or_none("before")
    wanted = accounting.requests(visit.by, state=None if batch else state, batch=batch)
    if before is not None:
        wanted = wanted.where(InvoiceRequest.number < before)
    found: Sequence[InvoiceRequest] = visit.session.scalars(
        accounting.with_lines(wanted)
        .order_by(None)
        .order_by(InvoiceRequest.number.desc())
        .limit(AT_ONCE + 1)
    ).all()
    rows = found[:AT_ONCE]
    asked = {"batch": str(batch)} if batch else {"state": state.value}
    further = {**asked, "before": str(rows[-1].number)} if len(found) > AT_ONCE else {}
    return rendering.page(
        visit,
        "billing.html",
        nav=beside(visit),
        tabs=_tabs(visit, state, batch),
        state=state,
        batch=batch,
        rows=rows,
        customers=accounting.customers_of(visit.session, rows),
        href_of=href_of,
        credited=_numbers(visit, rows),
        file="/billing.csv?" + urlencode(asked),
        further="/billing?" + urlencode(further) if further else "",
        ready=sum(1 for row in rows if row.state is State.OPEN and not row.problem),
    )


def _tabs(visit: Visit, state: State, batch: int | None) -> list[Place]:
    counts = dict(
        visit.session.execute(
            select(InvoiceRequest.state, func.count()).group_by(InvoiceRequest.state)
        ).all()
    )
    return [
        Place(
            f"/billing?state={each.value}", name, counts.get(each, 0), not batch and each is state
        )
        for each, name in NAMES.items()
    ]


def _numbers(visit: Visit, rows: Sequence[InvoiceRequest]) -> dict[UUID, int]:
    """The numbers of the requests that these take back."""
    ids = {row.credits_id for row in rows} - {None}
    found = select(InvoiceRequest.id, InvoiceRequest.number).where(InvoiceRequest.id.in_(ids))
    return dict(visit.session.execute(found).all()) if ids else {}


def _file(visit: Visit) -> Response:
    state, batch = _state(visit), _batch(visit)
    wanted = accounting.requests(visit.by, state=None if batch else state, batch=batch)
    table = io.StringIO()
    found = visit.session.scalars(accounting.with_lines(wanted)).all()
    write_requests(table, visit.session, found)
    name = f"billing-batch-{batch}.csv" if batch else f"billing-{state.value}.csv"
    return download(table.getvalue().encode("utf-8-sig"), name, "text/csv")


def _bill_again(visit: Visit) -> Response:
    """As when a rate was missing, and is there now."""
    visit.by.must(Act.MANAGE)
    row = visit.session.get(InvoiceRequest, visit.request.path_params["id"])
    if row is None:
        raise NotFound("there is no such invoice request")
    accounting.bill_again(visit.session, visit.by, row.case_id, at=visit.at)
    return RedirectResponse("/billing", 303)


def _hand_over(visit: Visit) -> Response:
    given = accounting.hand_over(visit.session, visit.by, at=visit.at)
    where = f"/billing?batch={given[0].batch}" if given else "/billing"
    return RedirectResponse(where, 303)


def _do(done: Done, visit: Visit) -> Response:
    request = done(visit, visit.request.path_params["id"])
    return RedirectResponse(f"/billing?state={request.state.value}", 303)


def _hold(visit: Visit, id: UUID) -> InvoiceRequest:
    return accounting.hold(visit.session, visit.by, id, visit.said("reason"), at=visit.at)


def _release(visit: Visit, id: UUID) -> InvoiceRequest:
    return accounting.release(visit.session, visit.by, id, at=visit.at)


def _cancel(visit: Visit, id: UUID) -> InvoiceRequest:
    return accounting.cancel(visit.session, visit.by, id, visit.said("reason"), at=visit.at)


ACTS: dict[str, Done] = {"hold": _hold, "release": _release, "cancel": _cancel}


def _state(visit: Visit) -> State:
    try:
        return State(visit.asked("state"))
    except ValueError:
        return State.OPEN


def _batch(visit: Visit) -> int | None:
    return Reader({"batch": visit.asked("batch")}).whole_or_none("batch")
