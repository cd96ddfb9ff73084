"""A contract's life: invoiced, held, released, cancelled and renewed."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import contracts
from intake.agents import Principal
from intake.agree.acting import contract_for, done
from intake.contracts import (
    Contract,
    transitions,
)
from intake.desk import Desk


def invoice(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """The customer accepted. The event is for the accounting system; no invoice is sent.

    A contract whose first day has come is active at once.
    """
    contract = contract_for(session, by, contract_id, version)
    transitions.invoice(contract)
    done(
        session,
        contract,
        by,
        "invoiced",
        desk,
        at,
        bill_to=contract.bill_to,
        total=str(contract.total),
        currency=contract.currency,
        frequency=contract.billing_frequency,
    )
    if (state := transitions.move(contract, on=desk.day(at))) is not None:
        done(session, contract, by, state.value, desk, at)
    return contract


def hold(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Cover nothing until `release`."""
    contract = contract_for(session, by, contract_id, version)
    transitions.hold(contract)
    return done(session, contract, by, "held", desk, at)


def release(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Contract:
    """Go on after a hold, as the dates say: active, or expired when the end passed meanwhile."""
    contract = contract_for(session, by, contract_id, version)
    transitions.release(contract, on=desk.day(at))
    return done(session, contract, by, "released", desk, at, state=contract.state.value)


def cancel(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    on: date | None = None,
    version: int | None = None,
) -> Contract:
    """End it now, or `on` a later day of an active contract, the first without cover."""
    contract = contract_for(session, by, contract_id, version)
    today = desk.day(at)
    transitions.cancel(contract, on=on or today, today=today)
    over = contract.state is contracts.State.CANCELLED
    kind = "cancelled" if over else "cancellation-planned"
    return done(session, contract, by, kind, desk, at, on=str(contract.cancels_on))


def renew(
    session: Session,
    by: Principal,
    contract_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    include_cancelled: bool = False,
    version: int | None = None,
) -> Contract:
    """The next term in draft, under the same number."""
    old = contract_for(session, by, contract_id, version)
    fresh = contracts.renew(session, old, include_cancelled=include_cancelled, at=at)
    return done(session, fresh, by, "renewed", desk, at, renews=str(old.id))
