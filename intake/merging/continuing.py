"""A case that seems to go on with a young one of the same customer: it does, or it does not."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake.acting import case_of, done
from intake.agents import Act, Principal
from intake.cases import Case
from intake.desk import Desk
from intake.history import expect_version
from intake.merging.cases import merge
from intake.merging.moves import CannotMerge
from intake.nouns import noun
from intake.visibility import one_visible


def go_on(
    session: Session,
    by: Principal,
    case_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Let a case go on in the one it seems to go on with, which is returned; `unmerge` undoes it.

    Raises CannotMerge when it seems to go on with none, and what `merge` raises.
    """
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    # Not held: `merge` holds all that it needs in an order of its own, and looks again.
    expect_version(session, case, version)
    if case.continues_id is None:
        raise CannotMerge(f"{noun} {case.number} does not seem to go on with another")
    return merge(session, by, case.continues_id, [case.id], desk=desk, at=at)


def keep_apart(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Say that a case is another matter: it only names the one it seemed to go on with."""
    case = case_of(session, by, case_id, version=version)
    if case.continues_id is None:
        return case
    case.related_case_id = case.related_case_id or case.continues_id
    case.continues_id = None
    return done(session, case, by, "case.kept_apart", at)
