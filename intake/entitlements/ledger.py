"""The ledger of terms: append-only entries whose sums are the balances.

An entry changes the whole balance, a channel's, or both. Nothing else writes a balance, and each
entry is written in the transaction that changes it, under the entitlement's row lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id, one_of, refers_to
from intake.entitlements.bought import Entitlement


class EntryKind(StrEnum):
    """Why a balance changed."""

    GRANT = "grant"
    DEBIT = "debit"
    CREDIT = "credit"
    CARRY_OVER = "carry-over"
    EXPIRY = "expiry"
    CORRECTION = "correction"
    OVERRIDE = "override"  # a debit that a manager allowed against the rules


TAKING = (EntryKind.DEBIT, EntryKind.OVERRIDE)


class LedgerEntry(Base):
    """One change of a balance. Entries are never changed; a credit names the debit it reverses."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("event_key"),
        Index("ix_ledger_by_entitlement", "entitlement_id", "at"),
        Index("ix_ledger_by_case", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    entitlement_id: Mapped[UUID] = mapped_column(refers_to("entitlements.id"))
    kind: Mapped[EntryKind] = mapped_column(one_of(EntryKind))
    amount: Mapped[int]
    """The change of the whole balance, signed: a debit is below zero."""
    channel: Mapped[str] = mapped_column(String(32), default="")
    channel_amount: Mapped[int] = mapped_column(default=0)
    """The change of that channel's own balance, where it has one."""
    overage: Mapped[int] = mapped_column(default=0)
    """Units used that nothing was left for: work to bill."""
    period_on: Mapped[date | None]
    """The first day of the period it belongs to, where terms are granted by periods."""
    case_id: Mapped[UUID | None] = mapped_column(refers_to("cases.id"))
    reverses_id: Mapped[UUID | None] = mapped_column(refers_to("ledger_entries.id"), unique=True)
    event_key: Mapped[str] = mapped_column(String(120))
    """What may change a balance only once: the same event again is refused by the database."""
    reason: Mapped[str]
    actor_id: Mapped[UUID | None]
    """The agent whose act it was; None for the desk itself and for customers."""
    at: Mapped[datetime]


def enter(entitlement: Entitlement, entry: LedgerEntry) -> LedgerEntry:
    """Apply an entry to the balances it changes. The caller holds the row and keeps the entry."""
    entitlement.remaining += entry.amount
    if entry.channel_amount and (row := entitlement.allotment(entry.channel)):
        row.remaining += entry.channel_amount
    # An overdraft that was paid back is not allowed again by itself.
    entitlement.overdrawn = min(entitlement.overdrawn or 0, max(0, -entitlement.remaining))
    return entry


def entry_of(
    entitlement: Entitlement,
    kind: EntryKind,
    amount: int,
    *,
    key: str,
    reason: str,
    at: datetime,
    channel: str = "",
    channel_amount: int = 0,
    overage: int = 0,
    case_id: UUID | None = None,
    actor_id: UUID | None = None,
) -> LedgerEntry:
    """An entry of this entitlement's present period, applied to its balances."""
    return enter(
        entitlement,
        LedgerEntry(
            id=new_id(),
            entitlement_id=entitlement.id,
            kind=kind,
            amount=amount,
            channel=channel,
            channel_amount=channel_amount,
            overage=overage,
            period_on=entitlement.period_on,
            case_id=case_id,
            event_key=key,
            reason=reason,
            actor_id=actor_id,
            at=at,
        ),
    )


def reversal(
    entitlement: Entitlement,
    debit: LedgerEntry,
    *,
    reason: str,
    at: datetime,
    actor_id: UUID | None = None,
) -> list[LedgerEntry]:
    """Give a debit back to the exact amount, whatever settings changed in between.

    What belonged to a period that is over is given back and expires at once: its balance is
    closed, and the present period never got it.
    """
    overdrawn = entitlement.overdrawn
    # A channel that was taken off the list has no balance to go back to.
    by_channel = debit.channel_amount if entitlement.allotment(debit.channel) else 0
    entries = [
        entry_of(
            entitlement,
            EntryKind.CREDIT,
            -debit.amount,
            key=f"back:{debit.id}",
            reason=reason,
            at=at,
            channel=debit.channel,
            channel_amount=-by_channel,
            case_id=debit.case_id,
            actor_id=actor_id,
        )
    ]
    entries[0].reverses_id = debit.id
    if debit.period_on != entitlement.period_on:
        entries.append(
            entry_of(
                entitlement,
                EntryKind.EXPIRY,
                debit.amount,
                key=f"late:{debit.id}",
                reason=f"given back after the period of {debit.period_on} was over",
                at=at,
                channel=debit.channel,
                channel_amount=by_channel,
                case_id=debit.case_id,
                actor_id=actor_id,
            )
        )
        entitlement.overdrawn = overdrawn
    return entries


def open_debit(session: Session, case_id: UUID) -> LedgerEntry | None:
    """The debit of a case that no credit reversed; at most one exists."""
    reversed_ids = select(LedgerEntry.reverses_id).where(
        LedgerEntry.reverses_id.is_not(None), LedgerEntry.case_id == case_id
    )
    return session.scalar(
        select(LedgerEntry)
        .where(LedgerEntry.case_id == case_id, LedgerEntry.kind.in_(TAKING))
        .where(LedgerEntry.id.not_in(reversed_ids))
    )


def entries_of(session: Session, entitlement_id: UUID) -> list[LedgerEntry]:
    """Every entry of an entitlement, oldest first: a balance unfolded."""
    return list(
        session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.entitlement_id == entitlement_id)
            .order_by(LedgerEntry.at, LedgerEntry.id)
        )
    )


def unbalanced(session: Session, entitlements: Iterable[Entitlement]) -> list[str]:
    """What the ledger contradicts, in words; nothing, or something is broken."""
    problems = []
    for entitlement in entitlements:
        whole, by_channel = sums(session, entitlement.id)
        if whole != entitlement.remaining:
            problems.append(f"{entitlement.name}: {entitlement.remaining} left, ledger {whole}")
        problems += [
            f"{entitlement.name} by {row.channel}: {row.remaining} left, "
            f"ledger {by_channel.get(row.channel, 0)}"
            for row in entitlement.channels
            if row.remaining != by_channel.get(row.channel, 0)
        ]
    return problems


def sums(session: Session, entitlement_id: UUID) -> tuple[int, dict[str, int]]:
    """What the entries of an entitlement add up to: the whole, and each channel's own."""
    rows = session.execute(
        select(
            LedgerEntry.channel,
            func.sum(LedgerEntry.amount),
            func.sum(LedgerEntry.channel_amount),
        )
        .where(LedgerEntry.entitlement_id == entitlement_id)
        .group_by(LedgerEntry.channel)
    ).all()
    return (
        sum(int(whole) for _channel, whole, _own in rows),
        {channel: int(own) for channel, _whole, own in rows},
    )
