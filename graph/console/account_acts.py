"""Writing a company down: its name, the mail domains of its people, the pieces it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import customer_page, rendering
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.customers import Account, domains, notes, registering
from intake.errors import IntakeError, NotFound

LABELS = {
    "name": "Name",
    "external_id": "Known elsewhere as",
    "shares_cases": "Its people",
    "domain": "Mail domain",
}
ONE = "/customers/accounts/{id:uuid}"


def routes(house: House) -> list[Route]:
    """The form for a new account and for one we know, and an address for each small act."""
    return [
        Route("/customers/accounts/new", read(house, _new), name="new-account"),
        Route("/customers/accounts/new", act(house, _add, _again), methods=["POST"]),
        Route(f"{ONE}/edit", read(house, _edit), name="edit-account"),
        Route(f"{ONE}/edit", act(house, _change, _again), methods=["POST"]),
        *(
            Route(
                f"{ONE}/{name}",
                act(house, partial(_do, name, done), partial(_refused, name)),
                methods=["POST"],
            )
            for name, done in ACTS.items()
        ),
    ]


def _new(visit: Visit) -> Response:
    return _form(visit, Filled({}), None)


def _add(visit: Visit) -> Response:
    fields = _read(visit.form)
    made = registering.add_account(visit.session, visit.by, at=visit.at, **fields)
    if domain := visit.said("domain").strip():
        domains.add_domain(visit.session, visit.by, made.id, domain, at=visit.at)
    return RedirectResponse(f"/customers/accounts/{made.id}", 303)


def _edit(visit: Visit) -> Response:
    account = _found(visit)
    values = {
        "name": account.name,
        "external_id": account.external_id or "",
        "shares_cases": "yes" if account.shares_cases else "no",
    }
    return _form(visit, Filled(values), account)


def _change(visit: Visit) -> Response:
    account = _found(visit)
    registering.change_account(
        visit.session, visit.by, account.id, at=visit.at, **_read(visit.form)
    )
    return RedirectResponse(f"/customers/accounts/{account.id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    account = _found(visit) if "id" in visit.request.path_params else None
    return _form(visit, again(visit.form, error, LABELS), account)


def _read(form: Mapping[str, str]) -> dict[str, Any]:
    reader = Reader(form)
    fields = {
        "name": reader.text("name", needed=True),
        "external_id": reader.text("external_id", longest=120) or None,
        "shares_cases": form.get("shares_cases") == "yes",
    }
    reader.finish()
    return fields


def _form(visit: Visit, filled: Filled, account: Account | None) -> Response:
    visit.by.must(Act.WORK)
    return rendering.page(
        visit,
        "account_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        account=account,
        filled=filled,
        labels=LABELS,
    )


def _do(name: str, done: Callable[[Visit, Account], None], visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    account = _found(visit)
    done(visit, account)
    return RedirectResponse(f"/customers/accounts/{account.id}#{name}", 303)


def _refused(name: str, visit: Visit, error: IntakeError) -> Response:
    visit.by.must(Act.WORK)
    return customer_page.show_account(visit, Filled(visit.form, reason=str(error)), name)


def _note(visit: Visit, account: Account) -> None:
    notes.note(visit.session, visit.by, account.id, visit.said("text"), at=visit.at)


def _domain(visit: Visit, account: Account) -> None:
    domains.add_domain(visit.session, visit.by, account.id, visit.said("domain"), at=visit.at)


def _remove_domain(visit: Visit, _account: Account) -> None:
    domains.remove_domain(visit.session, visit.by, visit.said("domain"), at=visit.at)


ACTS: dict[str, Callable[[Visit, Account], None]] = {
    "note": _note,
    "domains": _domain,
    "remove-domain": _remove_domain,
}


def _found(visit: Visit) -> Account:
    account = visit.session.get(Account, visit.request.path_params["id"])
    if account is None:
        raise NotFound("there is no such account")
    return account
