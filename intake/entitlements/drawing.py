"""What a case draws on its entitlement: the term it takes, and what it holds back until then.

Every event on a case asks the same question, what it should have taken as it stands now, and
the ledger is brought to the answer: what is open and no longer right is given back to the exact
amount, what is missing is taken. So no order of events can take twice or give back too much.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake.entitlements import reserving
from intake.entitlements.bought import Allocation, DecreaseOn, Entitlement, Overdraw, locked
from intake.entitlements.choice import Asked, Decision, Taken
from intake.entitlements.ledger import (
    EntryKind,
    LedgerEntry,
    entry_of,
    open_debit,
    reversal,
)
from intake.entitlements.reserving import Reservation
from intake.entitlements.thresholds import notice_low
from intake.errors import IntakeError
from intake.nouns import noun


class Exhausted(IntakeError):
    """A restricted entitlement has no term left for what was asked."""

    code = "entitlement-exhausted"


class WouldOverdraw(IntakeError):
    """More was used than is left, and somebody has to say what becomes of the rest."""

    code = "entitlement-would-overdraw"


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as far as its terms are concerned. `event` names what happened, once per case."""

    case_id: UUID
    entitlement_id: UUID | None
    channel: str
    event: str
    reason: str
    on: date
    at: datetime
    resolved: bool = False
    cancelled: bool = False
    decrement: bool = True
    """Whether terms are taken for it at all."""
    overridden: bool = False
    """Whether a manager let it draw on the entitlement against the rules."""
    billable_minutes: int = 0
    billed_minutes: int = 0
    """What accounting has of them already: it is not taken from an entitlement as well."""
    billed_cases: int = 0
    """The same, where cases are sold."""
    overdraw: Overdraw | None = None
    """What whoever resolves it said of an overdraft, where the entitlement asks."""
    actor_id: UUID | None = None


@dataclass(slots=True)
class Drawn:
    """What an event changed: the entries made, and the units that are left to bill."""

    entries: list[LedgerEntry] = field(default_factory=list)

    @property
    def overage(self) -> int:
        """Units used that nothing was left for."""
        return sum(entry.overage for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what was used is taken, and how much is overage."""

    taken: int
    overage: int = 0
    overdraws: bool = False


def claim(session: Session, decision: Decision, asked: Asked) -> LedgerEntry | None:
    """Take or hold back what the decision gives a new case. The row must be locked."""
    entitlement = decision.entitlement
    if entitlement is None:
        return None
    if entitlement.decrease_on is DecreaseOn.RESOLUTION:
        reserving.hold_back(session, entitlement, asked.case_id, asked.channel, asked.at)
        return None
    reason = f"{noun} opened by {asked.channel}"
    entry = _take(entitlement, EntryKind.DEBIT, Share(1), asked.channel, asked.case_id,
                  key=f"case:{asked.case_id}:opened", reason=reason, at=asked.at)  # fmt: skip
    session.add(entry)
    notice_low(entitlement, asked.at)
    return entry


def settle(session: Session, standing: Standing) -> Drawn:
    """Bring the ledger to what this case should have taken. The case must be locked.

    Raises Exhausted when a restricted entitlement has nothing left to take on creation, and
    WouldOverdraw when a resolution must say what becomes of an overdraft.
    """
    session.flush()  # the rows are read again below, under their lock
    debit = open_debit(session, standing.case_id)
    held = session.get(Reservation, standing.case_id)
    rows = locked(
        session,
        {
            *({debit.entitlement_id} if debit else ()),
            *({held.entitlement_id} if held else ()),
            *({standing.entitlement_id} if standing.entitlement_id else ()),
        },
    )
    entitlement = rows[standing.entitlement_id] if standing.entitlement_id else None
    if held is not None and not _holds_still(held, entitlement, standing):
        reserving.let_go(session, rows[held.entitlement_id], held)
        held = None
    drawn = Drawn()
    if debit is not None and not _still_right(debit, entitlement, standing):
        drawn.entries += reversal(
            rows[debit.entitlement_id],
            debit,
            reason=standing.reason,
            at=standing.at,
            actor_id=standing.actor_id,
        )
        debit = None
    if entitlement is not None and debit is None and _draws(entitlement, standing):
        drawn.entries.append(_taken(entitlement, standing))
    if entitlement is not None and held is None and _holds_back(entitlement, standing):
        reserving.hold_back(session, entitlement, standing.case_id, standing.channel, standing.at)
    session.add_all(drawn.entries)
    for row in rows.values():
        notice_low(row, standing.at)
    return drawn


def taken_by(session: Session, case_id: UUID) -> Taken | None:
    """What a case has taken, or holds back, of which entitlement."""
    if debit := open_debit(session, case_id):
        own = debit.channel if debit.channel_amount else ""
        return Taken(debit.entitlement_id, -debit.amount, own)
    if held := session.get(Reservation, case_id):
        return Taken(held.entitlement_id, held.units, held.channel)
    return None


def _draws(entitlement: Entitlement, standing: Standing) -> bool:
    """Whether a case that stands like this has a term taken, by the table of events."""
    if standing.cancelled or not standing.decrement:
        return False
    return standing.resolved or entitlement.decrease_on is DecreaseOn.CREATION


def _holds_back(entitlement: Entitlement, standing: Standing) -> bool:
    waits = not standing.cancelled and not standing.resolved and standing.decrement
    return waits and entitlement.decrease_on is DecreaseOn.RESOLUTION


def _holds_still(held: Reservation, entitlement: Entitlement | None, standing: Standing) -> bool:
    if entitlement is None or held.entitlement_id != entitlement.id:
        return False
    own = standing.channel if entitlement.allotment(standing.channel) else ""
    return held.channel == own and _holds_back(entitlement, standing)


def _still_right(debit: LedgerEntry, entitlement: Entitlement | None, standing: Standing) -> bool:
    if entitlement is None or debit.entitlement_id != entitlement.id:
        return False
    if debit.channel != standing.channel or not _draws(entitlement, standing):
        return False
    return -debit.amount + debit.overage == _used(entitlement, standing)


def _used(entitlement: Entitlement, standing: Standing) -> int:
    if entitlement.allocation is Allocation.HOURS:
        return max(0, standing.billable_minutes - standing.billed_minutes)
    return max(0, 1 - standing.billed_cases)


def _taken(entitlement: Entitlement, standing: Standing) -> LedgerEntry:
    share = divided(
        entitlement,
        _used(entitlement, standing),
        channel=standing.channel,
        overridden=standing.overridden,
        answer=standing.overdraw,
    )
    kind = EntryKind.OVERRIDE if standing.overridden else EntryKind.DEBIT
    return _take(entitlement, kind, share, standing.channel, standing.case_id,
                 key=f"case:{standing.case_id}:{standing.event}", reason=standing.reason,
                 at=standing.at, actor_id=standing.actor_id)  # fmt: skip


def divided(
    entitlement: Entitlement,
    used: int,
    *,
    channel: str,
    overridden: bool = False,
    answer: Overdraw | None = None,
) -> Share:
    """How what was used is shared between the entitlement and the bill.

    Raises Exhausted and WouldOverdraw as `settle` does.
    """
    left = _left(entitlement, channel)
    if not entitlement.restricted or used <= left:
        return Share(used)
    if overridden:
        return Share(used, overdraws=True)
    if entitlement.decrease_on is DecreaseOn.CREATION:
        raise Exhausted(f"{entitlement.name} has {entitlement.terms(left)} left for this")
    policy = entitlement.overdraw
    if policy is Overdraw.ASK and left > 0:
        if answer not in (Overdraw.ALLOW, Overdraw.SPLIT):
            raise WouldOverdraw(
                f"{entitlement.name} has {entitlement.terms(left)} left and this took "
                f"{entitlement.terms(used)}; say whether to overdraw it or to bill the rest"
            )
        policy = answer
    # Only the case that meets something left may overdraw; those after it are overage.
    if policy is Overdraw.ALLOW and left > 0:
        return Share(used, overdraws=True)
    return Share(max(0, left), used - max(0, left))


def _left(entitlement: Entitlement, channel: str) -> int:
    row = entitlement.allotment(channel)
    return min(entitlement.remaining, row.remaining) if row else entitlement.remaining


def _take(
    entitlement: Entitlement,
    kind: EntryKind,
    share: Share,
    channel: str,
    case_id: UUID,
    *,
    key: str,
    reason: str,
    at: datetime,
    actor_id: UUID | None = None,
) -> LedgerEntry:
    entry = entry_of(
        entitlement,
        kind,
        -share.taken,
        key=key,
        reason=reason,
        at=at,
        channel=channel,
        channel_amount=-share.taken if entitlement.allotment(channel) else 0,
        overage=share.overage,
        case_id=case_id,
        actor_id=actor_id,
    )
    if share.overdraws:
        entitlement.overdrawn = max(0, -entitlement.remaining)
    return entry
