"""Renewing a contract: the next term under the same number, and the ones nobody renewed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from intake.contracts.drafting import same_line, shared_terms, to_be_renewed_on
from intake.contracts.records import Contract, ContractLine, LineState, State, WrongTerm
from intake.contracts.transitions import Act, must
from intake.db import new_id
from intake.errors import IntakeError

ONE_DAY = timedelta(days=1)


class AlreadyRenewed(IntakeError):
    """A contract is renewed once; its renewal may be renewed in turn."""

    code = "contract-already-renewed"


def renew(
    session: Session, old: Contract, *, include_cancelled: bool = False, at: datetime
) -> Contract:
    """The next term in draft: same number, from the day after the end, with nothing used.

    `old` must be locked. Its lines are renewed by it; cancelled ones only if asked, and then as
    new lines: what was cancelled stays so.
    """
    must(old, Act.RENEW)
    if (follower := renewal_of(session, old)) is not None:
        raise AlreadyRenewed(
            f"contract {old.number} is renewed from {follower.starts_on} on already"
        )
    fields = shared_terms(old)
    starts_on, ends_on = following(old.starts_on, old.ends_on)
    fields |= {"starts_on": starts_on, "ends_on": ends_on}
    billed_from, billed_to = following(old.billing_starts_on, old.billing_ends_on)
    fields |= {"billing_starts_on": billed_from, "billing_ends_on": billed_to}
    fields["draft_renewal_on"] = to_be_renewed_on(ends_on, old.draft_renewal_days)
    contract = Contract(
        id=new_id(),
        number=old.number,
        term=old.term + 1,
        renews_id=old.id,
        state=State.DRAFT,
        created_at=at,
        **fields,
    )
    kept = [x for x in old.lines if include_cancelled or x.state is not LineState.CANCELLED]
    contract.lines = [_shifted(line, old, contract) for line in kept]
    for line in kept:
        if line.state is not LineState.CANCELLED:
            line.state = LineState.RENEWED
    session.add(contract)
    return contract


def unrenew(old: Contract, *, on: date) -> None:
    """Its renewal was deleted as a draft: the lines are as if nobody had renewed them."""
    for line in old.lines:
        if line.state is LineState.RENEWED:
            over = old.state is State.EXPIRED or line.ends_on < on
            line.state = LineState.EXPIRED if over else LineState.EXISTING


def renewal_of(session: Session, contract: Contract) -> Contract | None:
    """The contract that follows this one, if there is one."""
    return session.scalar(select(Contract).where(Contract.renews_id == contract.id))


def renewed() -> Select[Contract]:
    """The contracts that have a renewal: the flag that a contract itself does not keep."""
    follower = aliased(Contract)
    return select(Contract).where(exists().where(follower.renews_id == Contract.id))


def expired_not_renewed() -> Select[Contract]:
    """The contracts that ran out and that nobody renewed, the longest ago first."""
    follower = aliased(Contract)
    return (
        select(Contract)
        .where(Contract.state == State.EXPIRED)
        .where(~exists().where(follower.renews_id == Contract.id))
        .order_by(Contract.ends_on, Contract.id)
    )


def following(starts_on: date, ends_on: date) -> tuple[date, date]:
    """The days that follow a span: as many whole months if it was whole months, else days.

    A year to 31 December is followed by a year to 31 December, whether or not one is a leap year.
    """
    after = ends_on + ONE_DAY
    try:
        if after.day == starts_on.day:
            months = (after.year - starts_on.year) * 12 + after.month - starts_on.month
            year, month = divmod(after.year * 12 + after.month - 1 + months, 12)
            return after, date(year, month + 1, after.day) - ONE_DAY
        return after, after + (ends_on - starts_on)
    except (ValueError, OverflowError) as error:
        # Days past the 28th have no counterpart in every month.
        if after.day > 28:
            return after, after + (ends_on - starts_on)
        raise WrongTerm(f"ends_on: nothing can follow {ends_on}") from error


def _shifted(line: ContractLine, old: Contract, new: Contract) -> ContractLine:
    fresh = same_line(line)
    by = new.starts_on - old.starts_on
    fresh.starts_on = min(line.starts_on + by, new.ends_on)
    whole = line.ends_on == old.ends_on
    fresh.ends_on = new.ends_on if whole else min(line.ends_on + by, new.ends_on)
    return fresh
