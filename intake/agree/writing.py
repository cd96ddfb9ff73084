"""Templates and drafts: what a manager writes before the customer accepts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from intake import contracts, events
from intake.agents import Act, Principal
from intake.agree.acting import contract_for, done, record
from intake.cases import Activity
from intake.contracts import (
    Contract,
    ContractTemplate,
    LineTerms,
    Terms,
    renewal,
    transitions,
)
from intake.desk import Desk


def template(session: Session, by: Principal, *, at: datetime, **fields: Any) -> ContractTemplate:
    """A new contract template. Raises WrongTerm, naming the field."""
    by.must(Act.MANAGE)
    made = contracts.add_template(session, at=at, **fields)
    session.flush()
    events.record(session, "contract-template.added", at=at, actor=by, name=made.name)
    return made


def change_template(
    session: Session, by: Principal, template_id: UUID, *, at: datetime, **fields: Any
) -> ContractTemplate:
    """Change a template. Raises TemplateFrozen once a contract uses it."""
    by.must(Act.MANAGE)
    changed = contracts.change_template(session, template_id, **fields)
    session.flush()
    events.record(session, "contract-template.changed", at=at, actor=by, name=changed.name)
    return changed


def draft(
    session: Session,
    by: Principal,
    terms: Terms,
    *lines: LineTerms,
    desk: Desk,
    at: datetime,
) -> Contract:
    """A new contract in draft, from a template or by hand. Raises WrongTerm, naming the field."""
    by.must(Act.MANAGE)
    contract = contracts.draft(session, terms, prefix=desk.contract_prefix, at=at)
    for line in lines:
        contracts.add_line(session, contract, line)
    return done(session, contract, by, "drafted", desk, at)


def redraft(
    session: Session,
    by: Principal,
    contract_id: UUID,
    terms: Terms,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Write other terms into a draft."""
    contract = contract_for(session, by, contract_id, version)
    contracts.redraft(session, contract, terms)
    return done(session, contract, by, "edited", desk, at)


def copy(
    session: Session, by: Principal, contract_id: UUID, *, desk: Desk, at: datetime
) -> Contract:
    """A draft that says the same under a new number."""
    original = contract_for(session, by, contract_id, None)
    fresh = contracts.copy(session, original, prefix=desk.contract_prefix, at=at)
    return done(session, fresh, by, "drafted", desk, at, copied_from=original.number)


def delete(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> None:
    """Throw a draft away; what it was to renew can be renewed again, and copies stay."""
    contract = contract_for(session, by, contract_id, version)
    transitions.must(contract, transitions.Act.DELETE)
    if contract.renews_id is not None:
        old = contracts.by_id(session, contract.renews_id, lock=True)
        renewal.unrenew(old, on=desk.day(at))
    copies = update(Contract).where(Contract.copied_from_id == contract.id)
    session.execute(copies.values(copied_from_id=None))
    # What was planned and done about it goes on with whom it was for.
    story = update(Activity).where(Activity.contract_id == contract.id)
    party = {"account_id": contract.account_id, "contact_id": contract.contact_id}
    session.execute(story.values(contract_id=None, **party))
    session.delete(contract)
    session.flush()
    record(session, contract, by, "deleted", at)
