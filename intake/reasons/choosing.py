"""Choosing a status: the given reasons, and the desk's own kinds of them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.cases import REASONS, Chosen, OwnReason, Reason, State, Status
from intake.errors import IntakeError, NotFound


class WrongReason(IntakeError):
    """That status reason cannot be chosen here; the text says why."""

    code = "wrong-reason"


def every(session: Session, *, retired: bool = False) -> list[Status]:
    """The given reasons in their order, each followed by the desk's own kinds of it."""
    mine = own_reasons(session, retired=retired)
    given = (reason for state in State for reason in REASONS[state])
    found: list[Status] = []
    for reason in given:
        found += [reason, *(each for each in mine if each.kind_of is reason)]
    return found


def of_kinds(session: Session, kinds: Collection[Reason]) -> list[Status]:
    """What can be chosen among these given reasons and the desk's own kinds of them."""
    return [status for status in every(session) if status.kind_of in kinds]


def choose(session: Session, chosen: Chosen) -> Status:
    """The status that was chosen. Raises NotFound, or WrongReason for one that is retired."""
    found = one(session, chosen)
    if isinstance(found, OwnReason) and found.retired_at is not None:
        raise WrongReason(f"“{found}” is retired; choose another status reason")
    return found


def one(session: Session, chosen: Chosen) -> Status:
    """The status that was named, also one that is retired. Raises NotFound."""
    found = chosen if isinstance(chosen, Reason) else session.get(OwnReason, chosen)
    if found is None:
        raise NotFound("there is no such status reason")
    return found


def read(text: str) -> Chosen:
    """What a form or a stored act names: a given reason, or the id of an own one.

    Raises WrongReason for what is neither.
    """
    if text in tuple(Reason):
        return Reason(text)
    try:
        return UUID(text)
    except ValueError:
        raise WrongReason("choose a status reason first") from None


def own_reasons(session: Session, *, retired: bool = False) -> list[OwnReason]:
    """The desk's own reasons in their order."""
    statement = select(OwnReason).order_by(OwnReason.position, OwnReason.name)
    if not retired:
        statement = statement.where(OwnReason.retired_at.is_(None))
    return list(session.scalars(statement))
