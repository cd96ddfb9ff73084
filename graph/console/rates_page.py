"""What an hour costs, of whom and for which service, and how time is billed; for managers."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import charge
from intake.agents import Act, Agent, at_work
from intake.billing import BillingTerms, Rate
from intake.customers import Account
from intake.errors import IntakeError

RATE_LABELS = {
    "per_hour": "An hour costs",
    "currency": "Currency",
    "agent_id": "Of whom",
    "service": "For which service",
}
TERMS_LABELS = {
    "currency": "Currency",
    "rounding_minutes": "Rounded up to … minutes",
    "minimum_minutes": "{A_noun} is … minutes at least",
    "per_case": "{A_noun} costs, before any time",
}
NOTHING = Filled({"currency": "EUR"})


def routes(house: House) -> list[Route]:
    """The page with both forms. `?account=` asks for the terms of one account."""
    return [
        Route("/billing/rates", read(house, _page), name="rates"),
        Route(
            "/billing/rates",
            act(house, _set_rate, _rate_again, names_others=True),
            methods=["POST"],
        ),
        Route(
            "/billing/terms",
            act(house, _set_terms, _terms_again, names_others=True),
            methods=["POST"],
        ),
    ]


def _page(visit: Visit) -> Response:
    return _show(visit)


def _set_rate(visit: Visit) -> Response:
    reader = Reader(visit.form)
    per_hour = reader.amount("per_hour")
    agent_id, currency = reader.id("agent_id"), reader.text("currency", needed=True)
    service = reader.text("service")
    reader.finish()
    charge.set_rate(
        visit.session, visit.by, per_hour, currency, agent_id=agent_id, service=service, at=visit.at
    )
    return RedirectResponse("/billing/rates", 303)


def _rate_again(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, rate=again(visit.form, error, RATE_LABELS))


def _set_terms(visit: Visit) -> Response:
    reader = Reader(visit.form)
    account_id = reader.id("account")
    rounding, minimum = reader.whole("rounding_minutes", 1), reader.whole("minimum_minutes", 0)
    per_case, currency = reader.amount("per_case"), reader.text("currency", needed=True)
    reader.finish()
    charge.set_terms(
        visit.session, visit.by, currency=currency, account_id=account_id, per_case=per_case,
        rounding_minutes=rounding, minimum_minutes=minimum, at=visit.at,
    )  # fmt: skip
    return RedirectResponse("/billing/rates", 303)


def _terms_again(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, terms=again(visit.form, error, TERMS_LABELS))


def _show(visit: Visit, rate: Filled = NOTHING, terms: Filled = NOTHING) -> Response:
    visit.by.must(Act.MANAGE)
    session = visit.session
    asked = {"account": visit.said("account") or visit.asked("account")}
    account_id = Reader(asked).id("account")
    account = session.get(Account, account_id) if account_id else None
    agents = {each.id: each.name for each in at_work(session)}
    rates = select(Rate).order_by(Rate.currency, Rate.service, Rate.id)
    kept = session.execute(
        select(BillingTerms, Account.name)
        .outerjoin(Account, Account.id == BillingTerms.account_id)
        .order_by(BillingTerms.for_all.desc(), Account.name)
    ).all()
    wrong = rate.wrong or rate.reason or terms.wrong or terms.reason
    return rendering.page(
        visit,
        "rates.html",
        422 if wrong else 200,
        nav=beside(visit),
        rates=session.scalars(rates).all(),
        names=_names(visit, agents),
        agents=[("", "everybody"), *agents.items()],
        kept=kept,
        account=account,
        rate=rate,
        terms=terms,
        rate_labels=RATE_LABELS,
        terms_labels=TERMS_LABELS,
    )


def _names(visit: Visit, agents: dict[UUID, str]) -> dict[UUID, str]:
    """The names of all whose hours have a rate, of those who left as well."""
    gone = select(Agent.id, Agent.name).join(Rate, Rate.agent_id == Agent.id)
    return {**dict(visit.session.execute(gone.where(~Agent.active)).all()), **agents}
