"""Status reasons of a desk's own, each a kind of a given one; what is retired stays where it is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.cases import REASONS, OwnReason, Reason, StaleVersion, State
from intake.cases.status import LONGEST
from intake.conditions import folded
from intake.errors import NotFound
from intake.fields.naming import WrongField, name_of
from intake.reasons.choosing import own_reasons
from intake.reasons.moves import move_alike

KINDS = (*REASONS[State.ACTIVE], *REASONS[State.RESOLVED])
"""The given reasons that a desk may add kinds of."""
MOST = 50
"""So many are in use at once; more nobody would find in a list."""


def add(session: Session, by: Principal, name: str, kind_of: Reason, *, at: datetime) -> OwnReason:
    """A new reason, the last of its kind; it may follow and be followed as that may.

    Raises WrongField for a name that is empty, too long or taken, or for a kind of which a desk
    has none of its own.
    """
    by.must(Act.ADMINISTER)
    if kind_of not in KINDS:
        raise WrongField(f"kindOf: choose one of {', '.join(KINDS)}")
    others = own_reasons(session, retired=True)
    if sum(other.retired_at is None for other in others) >= MOST:
        raise WrongField(f"name: {MOST} in use at most; retire one first")
    name = _name(name, others)
    last = max((other.position for other in others), default=0)
    made = OwnReason(name=name, folded=folded(name), kind_of=kind_of, position=last + 1)
    session.add(made)
    session.flush()
    move_alike(session, made)
    events.record(
        session, "reason.added", at=at, actor=by,
        reason=str(made.id), name=name, kind_of=kind_of.value,
    )  # fmt: skip
    return made


def rename(
    session: Session,
    by: Principal,
    reason_id: UUID,
    name: str,
    *,
    at: datetime,
    version: int | None = None,
) -> OwnReason:
    """Call an own reason otherwise; the cases in it are shown so."""
    by.must(Act.ADMINISTER)
    found = _one(session, reason_id, version)
    was = found.name
    found.name = _name(
        name, [each for each in own_reasons(session, retired=True) if each is not found]
    )
    found.folded = folded(found.name)
    session.flush()
    events.record(
        session, "reason.renamed", at=at, actor=by, reason=str(reason_id), name=found.name, was=was
    )
    return found


def retire(
    session: Session,
    by: Principal,
    reason_id: UUID,
    retired: bool = True,
    *,
    at: datetime,
    version: int | None = None,
) -> OwnReason:
    """Put no more cases in an own reason, or again; those that are in it stay."""
    by.must(Act.ADMINISTER)
    found = _one(session, reason_id, version)
    found.retired_at = at if retired else None
    session.flush()
    kind = "reason.retired" if retired else "reason.restored"
    events.record(session, kind, at=at, actor=by, reason=str(reason_id), name=found.name)
    return found


def _name(typed: str, others: Collection[OwnReason]) -> str:
    taken = (*Reason, *(other.name for other in others))
    return name_of(typed, taken, longest=LONGEST)


def _one(session: Session, reason_id: UUID, version: int | None) -> OwnReason:
    found = session.get(OwnReason, reason_id, with_for_update=True)
    if found is None:
        raise NotFound("there is no such status reason")
    if version is not None and version != found.version:
        raise StaleVersion(
            f"“{found}” changed since you read it (version {found.version}, you had {version}); "
            "look again before you change it"
        )
    return found
