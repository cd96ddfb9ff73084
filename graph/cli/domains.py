"""Mail domains of customers: who writes from one belongs to its account."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.cli.ground import acting, looking, now, out
from graph.cli.words import domain_app
from intake.agents import OPERATOR
from intake.customers import Account, AccountDomain, domains
from intake.errors import IntakeError

Whose = Annotated[str, typer.Argument(help="The account, by its name or its id.")]


@domain_app.command("list")
def domain_list(
    account: Annotated[
        str | None, typer.Option(help="Only of this account, by name or id.")
    ] = None,
) -> None:
    """List the domains with the accounts that they stand for."""
    with looking() as session:
        found = select(AccountDomain.domain, Account.name, Account.id).join(
            Account, Account.id == AccountDomain.account_id
        )
        if account:
            found = found.where(Account.id == _account(session, account).id)
        table = Table("domain", "account", "id", box=None)
        for domain, name, id in session.execute(found.order_by(AccountDomain.domain)):
            table.add_row(domain, name, str(id))
    out.print(table)


@domain_app.command("add")
def domain_add(domain: str, account: Whose) -> None:
    """Let new people who write from a domain belong to an account."""
    with acting() as session:
        whose = _account(session, account)
        held = domains.add_domain(session, OPERATOR, whose.id, domain, at=now())
        out.print(f"who writes from {held.domain} belongs to {whose.name} from now on")


@domain_app.command("remove")
def domain_remove(domain: str) -> None:
    """Let new people who write from a domain belong nowhere; those known stay where they are."""
    with acting() as session:
        held = domains.remove_domain(session, OPERATOR, domain, at=now())
        out.print(f"{held.domain} stands for nobody any more")


def _account(session: Session, named: str) -> Account:
    try:
        chosen = Account.id == UUID(named)
    except ValueError:
        chosen = func.lower(Account.name) == named.strip().lower()
    found = session.scalars(select(Account).where(chosen).limit(2)).all()
    match found:
        case [only]:
            return only
        case []:
            raise IntakeError(f"there is no account {named}")
    raise IntakeError(f"several accounts are called {named}; name one by its id")
