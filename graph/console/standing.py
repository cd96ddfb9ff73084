"""Where a case stands, and the status reasons that can be chosen for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from graph.console.visit import Visit
from intake import reasons, work
from intake.cases import PAUSES, REASONS, Case, OwnReason, Reason, State, Status

GIVEN = {
    Reason.WAITING_FOR_DETAILS.value: "Details from the customer",
    Reason.ON_HOLD.value: "Something else",
}
"""What a hold waits for, where the reason's name does not say it."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Status reasons, each by its key and in words."""

    pauses: Sequence[tuple[str, str]] = ()
    resolutions: Sequence[tuple[str, str]] = ()
    going_on: Sequence[tuple[str, str]] = ()
    """Among which an open case may change."""


def of_case(visit: Visit, case: Case) -> Choices:
    """What may follow on this desk."""
    if not case.open:
        return Choices()
    return _of(reasons.may_follow(visit.session, case.status))


def of_any(session: Session) -> Choices:
    """What can be chosen for cases of which each stands somewhere else."""
    return _of(reasons.every(session))


def set_reason(visit: Visit, case: Case, version: int | None) -> None:
    """The act of the sheet."""
    chosen = reasons.read(visit.said("reason"))
    work.set_reason(visit.session, visit.by, case.id, chosen, at=visit.at, version=version)


def _of(statuses: Collection[Status]) -> Choices:
    pauses = [status for status in statuses if status.kind_of in PAUSES]
    # What the customer owes first, "something else" last, and what the desk added between them.
    pauses.sort(key=lambda s: (s is Reason.ON_HOLD, isinstance(s, OwnReason)))
    return Choices(
        pauses=[(status.key, GIVEN.get(status.key, str(status))) for status in pauses],
        resolutions=_named(statuses, State.RESOLVED),
        going_on=_named(statuses, State.ACTIVE),
    )


def _named(statuses: Collection[Status], state: State) -> list[tuple[str, str]]:
    return [(each.key, str(each)) for each in statuses if each.kind_of in REASONS[state]]
