"""What a customer's past cases would have cost on another template, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from starlette.responses import Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.customer_page import href_of
from graph.console.filling import Filled, Misfilled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, read
from graph.house import House
from intake import rehearsal
from intake.agents import Act
from intake.customers import Account, Contact
from intake.entitlements import Allocation, EntitlementTemplate
from intake.entitlements.bought import hours
from intake.errors import IntakeError, NotFound
from intake.rehearsal import Replay

LABELS = {"template": "Template", "since": "From", "until": "Before", "account": "Customer"}
YEAR = timedelta(days=365)
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One month: how high what was taken and what would be billed stand, of 100."""

    month: date
    cases: int
    covered: int
    taken: str
    overage: str
    taken_high: float
    overage_high: float


def routes(house: House) -> list[Route]:
    """One page, which asks and answers."""
    return [Route("/entitlements/replay", read(house, _page), name="replay")]


def _page(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    today = visit.house.desk.day(visit.at)
    values = {
        "since": visit.asked("since") or (today - YEAR).isoformat(),
        "until": visit.asked("until") or (today + timedelta(days=1)).isoformat(),
        **{name: visit.asked(name) for name in ("template", "account", "contact")},
    }
    account_id, contact_id = (Reader(values).id(name) for name in ("account", "contact"))
    filled, told, template = Filled(values), None, None
    if values["template"]:
        try:
            told, template = _replayed(visit, values, account_id, contact_id)
        except NotFound:
            raise
        except IntakeError as error:
            filled = again(values, error, LABELS)
    kept = select(EntitlementTemplate).order_by(EntitlementTemplate.name)
    templates = visit.session.scalars(kept).all()
    return rendering.page(
        visit,
        "replay.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        filled=filled,
        labels=LABELS,
        customer=_name(visit, account_id, contact_id),
        customer_href=href_of(account_id, contact_id),
        templates=[("", "choose a template"), *((each.id, each.name) for each in templates)],
        offer=template,
        told=told,
        bars=_bars(told, template) if told and template else (),
        units=_units(template) if template else str,
    )


def _replayed(
    visit: Visit, values: dict[str, str], account_id: UUID | None, contact_id: UUID | None
) -> tuple[Replay, EntitlementTemplate]:
    reader = Reader(values)
    since, until, id = reader.day("since"), reader.day("until"), reader.id("template")
    reader.finish()
    template = visit.session.get(EntitlementTemplate, id) if id else None
    if template is None:
        raise Misfilled({"template": "choose one of these"})
    told = rehearsal.replay(
        visit.session, template,
        since=since, until=until, account_id=account_id,
        contact_id=None if account_id else contact_id, desk=visit.house.desk,
    )  # fmt: skip
    return told, template


def _units(template: EntitlementTemplate) -> type[str] | object:
    return hours if template.allocation is Allocation.HOURS else str


def _bars(told: Replay, template: EntitlementTemplate) -> list[Bar]:
    most = max((each.taken + each.overage for each in told.months.values()), default=0) or 1
    shown = hours if template.allocation is Allocation.HOURS else str
    return [
        Bar(
            month, each.cases, each.covered, shown(each.taken), shown(each.overage),
            each.taken * HEIGHT / most, each.overage * HEIGHT / most,
        )
        for month, each in sorted(told.months.items())
    ]  # fmt: skip


def _name(visit: Visit, account_id: UUID | None, contact_id: UUID | None) -> str:
    account = visit.session.get(Account, account_id) if account_id else None
    contact = visit.session.get(Contact, contact_id) if contact_id else None
    found = account or contact
    if found is None:
        raise NotFound("there is no such customer")
    return found.name
