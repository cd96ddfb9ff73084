"""What a contract's lines cover: one entitlement for each active line, which follows its contract.

The contract is the commercial record, the entitlement counts. `follow` is all that joins them: it
may be called after any change of a contract, as often as one likes.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from intake import contracts, entitlements, events
from intake.agents import SYSTEM
from intake.contracts import Allotment, Contract, ContractLine, Overage, transitions
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import (
    Allocation,
    DecreaseOn,
    EntitledProduct,
    Entitlement,
    Overdraw,
    State,
    Unlisted,
)

IN_FORCE = (State.WAITING, State.ACTIVE)
OVERDRAW = {
    Overage.ALLOW: Overdraw.ALLOW,
    Overage.ASK: Overdraw.ASK,
    Overage.BILL: Overdraw.SPLIT,
}


def due(desk: Desk, at: datetime) -> Select[Contract]:
    """The contracts that the day moves."""
    return transitions.due(desk.day(at))


def move(session: Session, desk: Desk, *, at: datetime, limit: int) -> int:
    """Start, cancel and expire contracts, and end their lines, by their days."""
    on = desk.day(at)
    moved = transitions.take_due(session, on=on, limit=limit)
    for contract in moved:
        state = transitions.move(contract, on=on)
        follow(session, contract, on=on, at=at)
        if state is not None:
            events.record(
                session,
                f"contract.{state}",
                at=at,
                actor=SYSTEM,
                contract=str(contract.id),
                number=contract.number,
            )
        if contract.draft_renewal_on is not None and contract.draft_renewal_on <= on:
            contract.draft_renewal_on = None
            _draft_next_term(session, contract, at)
    return len(moved)


def follow(session: Session, contract: Contract, *, on: date, at: datetime) -> None:
    """Bring the entitlements of a contract's lines to where the contract is."""
    counted = {line.entitlement_id for line in contract.lines if line.entitlement_id}
    held = entitlements.locked(session, counted)
    for line in contract.lines:
        entitlement = held.get(line.entitlement_id) if line.entitlement_id else None
        if entitlement is not None:
            _bring(entitlement, _wanted(contract, line), on, at)
        elif contract.state is contracts.State.ACTIVE and line.covering and line.ends_on >= on:
            line.entitlement_id = _generate(session, contract, line, on=on, at=at).id


def draft_next_term(session: Session, contract_id: UUID, *, at: datetime) -> Contract | None:
    """The renewal of a contract as a draft, unless it has one or somebody is at work on it."""
    contract = session.scalar(
        select(Contract)
        .where(Contract.id == contract_id)
        .options(selectinload(Contract.lines))
        # Whoever changes a contract waits for its entitlements, and one of them is held by us.
        .with_for_update(skip_locked=True, of=Contract)
        .execution_options(populate_existing=True)
    )
    return _draft_next_term(session, contract, at) if contract is not None else None


def goes_on(session: Session, entitlement_id: UUID) -> bool:
    """Whether the contract behind an entitlement was renewed, and the renewal accepted."""
    line = line_of(session, entitlement_id)
    if line is None:
        return False
    follower = select(Contract.id).where(
        Contract.renews_id == line.contract_id,
        Contract.state.in_((contracts.State.INVOICED, contracts.State.ACTIVE)),
    )
    return session.scalar(follower) is not None


def line_of(session: Session, entitlement_id: UUID) -> ContractLine | None:
    """The contract line an entitlement counts, if it came from one."""
    statement = select(ContractLine).where(ContractLine.entitlement_id == entitlement_id)
    return session.scalar(statement)


def _draft_next_term(session: Session, contract: Contract, at: datetime) -> Contract | None:
    ends = contract.cancels_on is not None  # the customer does not want another
    if ends or not transitions.may(contract, transitions.Act.RENEW):
        return None
    if contracts.renewal_of(session, contract) is not None:
        return None
    fresh = contracts.renew(session, contract, at=at)
    session.flush()
    events.record(
        session, "contract.renewal-drafted", at=at, actor=SYSTEM,
        contract=str(fresh.id), number=fresh.number, renews=str(contract.id),
    )  # fmt: skip
    return fresh


def _wanted(contract: Contract, line: ContractLine) -> State:
    if line.state is contracts.LineState.CANCELLED:
        return State.CANCELLED
    if line.state is contracts.LineState.EXPIRED:
        return State.EXPIRED
    return {
        contracts.State.ACTIVE: State.ACTIVE,
        contracts.State.INVOICED: State.ACTIVE,
        contracts.State.ON_HOLD: State.ON_HOLD,
        contracts.State.CANCELLED: State.CANCELLED,
        contracts.State.EXPIRED: State.EXPIRED,
    }[contract.state]


def _bring(entitlement: Entitlement, wanted: State, on: date, at: datetime) -> None:
    # What somebody cancelled, or took back into draft to edit it, stays where they put it.
    if entitlement.state not in (*IN_FORCE, State.ON_HOLD):
        return
    if wanted is not State.ACTIVE:
        entitlement.state = wanted
        entitlement.is_default &= wanted is State.ON_HOLD
    elif entitlement.state is State.ON_HOLD:
        entitlement.state = entitlements.state_on(entitlement, entitlement.day(at, on))
    entitlement.look_at = at


def _generate(
    session: Session, contract: Contract, line: ContractLine, *, on: date, at: datetime
) -> Entitlement:
    time = contract.allotment is Allotment.TIME
    products = [EntitledProduct(product_id=line.product_id)] if line.product_id else []
    entitlement = Entitlement(
        id=new_id(),
        name=f"{contract.number}: {line.title}",
        account_id=contract.account_id,
        contact_id=contract.contact_id,
        starts_on=line.starts_on,
        ends_on=line.ends_on,
        allocation=Allocation.HOURS if time else Allocation.CASES,
        # Used and remaining of a contract count what was resolved.
        decrease_on=DecreaseOn.RESOLUTION,
        restricted=contract.allotment is not Allotment.COVERAGE_DATES,
        overdraw=OVERDRAW[contract.overage],
        unlisted=Unlisted.ALLOW,
        total=line.total,
        remaining=0,
        sla_id=contract.sla_id,
        calendar_id=contract.calendar_id,
        zone=entitlements.zone_of(session, contract.calendar_id),
        owner_id=contract.owner_id,
        email=contract.email,
        renewal_days=list(contract.renewal_days),
        draft_renewal=contract.draft_renewal_days is not None,
        created_at=at,
        channels=[],
        contacts=[],
        products=products,
    )
    session.add(entitlement)
    session.flush()
    entitlements.activate(session, entitlement, on=on, at=at)
    return entitlement
