"""What covers a case, and changing it: every entitlement with every answer, whose case it is, what
it is about and by which way it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.case_page import case_of
from graph.console.filling import Misfilled, Reader
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import agree, covering, entitlements, products, terms
from intake.agents import Act
from intake.cases import Case
from intake.contracts import Contract, ContractLine
from intake.customers import Account, Contact, ContactPoint
from intake.entitlements import Entitlement, Test
from intake.errors import IntakeError
from intake.visibility import visible_to

FOUND_AT_MOST = 12
Done = Callable[[Visit, Case, int | None], object]


@dataclass(frozen=True, slots=True)
class Choice:
    """An entitlement of the customer, and every answer it would give now."""

    entitlement: Entitlement
    tests: Sequence[Test]
    covers: bool


def routes(house: House) -> list[Route]:
    """The page, and one address for each act."""
    one = "/cases/{number:int}/cover"
    return [
        Route(one, read(house, _page), name="cover"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _page(visit: Visit) -> Response:
    return _show(visit, "")


def _do(done: Done, visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    case = case_of(visit)
    version = Reader(visit.form).whole_or_none("version")
    done(visit, case, version)
    visit.session.flush()
    seen = visible_to(visit.by).with_only_columns(Case.id).where(Case.id == case.id)
    if visit.session.scalar(seen) is None:
        return RedirectResponse("/", 303)
    return RedirectResponse(f"/cases/{case.number}/cover", 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, str(error))


def _entitlement(visit: Visit, case: Case, version: int | None) -> None:
    chosen = Reader(visit.form).id("entitlement")
    covering.set_entitlement(
        visit.session, visit.by, case.id, chosen,
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _choose_again(visit: Visit, case: Case, version: int | None) -> None:
    covering.choose_again(
        visit.session, visit.by, case.id, desk=visit.house.desk, at=visit.at, version=version
    )


def _decrement(visit: Visit, case: Case, version: int | None) -> None:
    covering.set_no_decrement(
        visit.session, visit.by, case.id, visit.said("spare") == "yes",
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _customer(visit: Visit, case: Case, version: int | None) -> None:
    reader = Reader(visit.form)
    contact_id, account_id = reader.id("contact"), reader.id("account")
    reader.finish()
    covering.change_customer(
        visit.session, visit.by, case.id, contact_id=contact_id, account_id=account_id,
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _product(visit: Visit, case: Case, version: int | None) -> None:
    covering.change_product(
        visit.session, visit.by, case.id, Reader(visit.form).id("product"),
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _channel(visit: Visit, case: Case, version: int | None) -> None:
    covering.change_channel(
        visit.session, visit.by, case.id, visit.said("channel"),
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _override(visit: Visit, case: Case, version: int | None) -> None:
    covering.override(
        visit.session, visit.by, case.id, visit.said("reason"),
        entitlement_id=Reader(visit.form).id("entitlement"),
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


def _reactivate(visit: Visit, case: Case, version: int | None) -> None:
    covering.reactivate(
        visit.session, visit.by, case.id, desk=visit.house.desk, at=visit.at, version=version
    )


def _contract(visit: Visit, case: Case, version: int | None) -> None:
    line_id = Reader(visit.form).id("line")
    if visit.said("line") == "":
        agree.untie(visit.session, visit.by, case.id, at=visit.at, version=version)
        return
    line = visit.session.get(ContractLine, line_id) if line_id else None
    if line is None:
        raise Misfilled({"line": "choose one of these"})
    agree.tie(
        visit.session, visit.by, case.id, line.contract_id, line.id,
        desk=visit.house.desk, at=visit.at, version=version,
    )  # fmt: skip


ACTS: dict[str, Done] = {
    "entitlement": _entitlement,
    "choose-again": _choose_again,
    "decrement": _decrement,
    "customer": _customer,
    "product": _product,
    "channel": _channel,
    "override": _override,
    "reactivate": _reactivate,
    "contract": _contract,
}


def _show(visit: Visit, reason: str) -> Response:
    visit.by.must(Act.READ)
    case = case_of(visit)
    question = visit.asked("q").strip()[:200]
    return rendering.page(
        visit,
        "cover.html",
        422 if reason else 200,
        nav=beside(visit),
        case=case,
        reason=reason,
        choices=_choices(visit, case),
        working=visit.by.may(Act.WORK),
        managing=visit.by.may(Act.MANAGE),
        asked=question,
        people=_people(visit, question) if question else (),
        companies=_companies(visit, question) if question else (),
        products=[("", "none"), *((p.id, p.name) for p in products.catalogue(visit.session))],
        channels=sorted(entitlements.ORIGINS),
        lines=_lines(visit, case),
        typed=visit.form,
    )


def _choices(visit: Visit, case: Case) -> list[Choice]:
    """What the customer bought, as each would answer now; the case's own term counts as free."""
    session, desk = visit.session, visit.house.desk
    also = [case.entitlement_id] if case.entitlement_id else []
    held = entitlements.held_by(session, {(case.contact_id, case.account_id)}, also=also)
    has = entitlements.taken_by(session, case.id)
    asked = replace(terms.asked(case, desk, visit.at), has=has)
    decision = entitlements.decide(held, asked)
    found = [
        Choice(each, tests, all(test.passed for test in tests)) for each, tests in decision.answers
    ]
    theirs = {choice.entitlement.id for choice in found}
    for other in held:
        if other.id not in theirs:
            [(_, tests), *_] = entitlements.decide_on(other, held, asked).answers
            found.append(Choice(other, tests, all(test.passed for test in tests)))
    return found


def _people(visit: Visit, question: str) -> Sequence[Contact]:
    reached = select(ContactPoint.contact_id).where(
        ContactPoint.value.icontains(question, autoescape=True)
    )
    return visit.session.scalars(
        select(Contact)
        .where(Contact.merged_into_id.is_(None))
        .where(or_(Contact.name.icontains(question, autoescape=True), Contact.id.in_(reached)))
        .order_by(Contact.name, Contact.id)
        .limit(FOUND_AT_MOST)
        .options(joinedload(Contact.account))
    ).all()


def _companies(visit: Visit, question: str) -> Sequence[Account]:
    named = Account.name.icontains(question, autoescape=True)
    statement = select(Account).where(named).order_by(Account.name, Account.id)
    return visit.session.scalars(statement.limit(FOUND_AT_MOST)).all()


def _lines(visit: Visit, case: Case) -> list[tuple[UUID, str]]:
    """The lines that the case could be logged against today."""
    on = visit.house.desk.day(visit.at)
    theirs = or_(Contract.account_id == case.account_id, Contract.contact_id == case.contact_id)
    rows = visit.session.execute(
        select(ContractLine, Contract)
        .join(Contract, Contract.id == ContractLine.contract_id)
        .where(theirs)
        .order_by(Contract.number, ContractLine.position)
    )
    return [
        (line.id, f"{contract.number}: {line.title}")
        for line, contract in rows
        if contract.in_force(on) and line.in_force(on)
    ]
