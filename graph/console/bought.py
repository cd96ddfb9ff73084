"""What customers bought, as pages show it: each entitlement with its balances and its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import selectinload

from graph.console import balances, ledger
from graph.console.balances import Balance
from graph.console.ledger import Unfolded
from graph.console.visit import Visit
from intake.entitlements import Entitlement, State

CHANNELS = (selectinload(Entitlement.channels),)
SHOWN = 12
ENTRIES_SHOWN = 30
# What is in force first, then what is to come, then what was.
ORDER = (State.ACTIVE, State.ON_HOLD, State.WAITING, State.DRAFT, State.EXPIRED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class ByChannel:
    """The balance that one channel has of its own."""

    channel: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Held:
    """One entitlement with what is left of it, by channel, and the ledger."""

    entitlement: Entitlement
    balance: Balance
    channels: Sequence[ByChannel]
    ledger: Unfolded


def of_customer(visit: Visit, whose: ColumnElement[bool]) -> list[Held]:
    """What a customer bought, the ones in force first; five statements for all."""
    turn = case({state: number for number, state in enumerate(ORDER)}, value=Entitlement.state)
    found = visit.session.scalars(
        select(Entitlement)
        .where(whose)
        .order_by(turn, Entitlement.ends_on, Entitlement.id)
        .options(*CHANNELS)
        .limit(SHOWN)
    ).all()
    return held(visit, found, at_most=ENTRIES_SHOWN)


def held(visit: Visit, found: Sequence[Entitlement], *, at_most: int) -> list[Held]:
    """These entitlements, each with at most so many entries of its ledger."""
    unfolded = ledger.unfold(visit, found, at_most=at_most)
    return [
        Held(
            entitlement,
            balances.of_entitlement(entitlement),
            [
                ByChannel(row.channel, balances.of_channel(entitlement, row))
                for row in entitlement.channels
            ],
            unfolded[entitlement.id],
        )
        for entitlement in found
    ]
