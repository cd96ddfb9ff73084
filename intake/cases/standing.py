"""Where a case stands and why, how pressing it is, and how its children are closed."""

from __future__ import annotations

from enum import StrEnum

from intake.errors import IntakeError


class State(StrEnum):
    """Where a case stands."""

    ACTIVE = "active"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a case stands there."""

    IN_PROGRESS = "in progress"
    ON_HOLD = "on hold"
    WAITING_FOR_DETAILS = "waiting for details"
    RESEARCHING = "researching"
    PROBLEM_SOLVED = "problem solved"
    INFORMATION_PROVIDED = "information provided"
    CANCELLED = "cancelled"
    MERGED = "merged"

    @property
    def key(self) -> str:
        """What forms and stored acts call it."""
        return self.value

    @property
    def kind_of(self) -> Reason:
        """Itself: a reason of the desk's own may stand in its place (status.OwnReason)."""
        return self


REASONS = {
    State.ACTIVE: (
        Reason.IN_PROGRESS,
        Reason.ON_HOLD,
        Reason.WAITING_FOR_DETAILS,
        Reason.RESEARCHING,
    ),
    State.RESOLVED: (Reason.PROBLEM_SOLVED, Reason.INFORMATION_PROVIDED),
    State.CANCELLED: (Reason.CANCELLED, Reason.MERGED),
}
PAUSES = frozenset({Reason.ON_HOLD, Reason.WAITING_FOR_DETAILS})


class Priority(StrEnum):
    """How pressing a case is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Severity(StrEnum):
    """How bad it is for the customer, whoever asks first."""

    MINOR = "minor"
    NORMAL = "normal"
    MAJOR = "major"
    CRITICAL = "critical"


class ChildrenClose(StrEnum):
    """How the children of a case are closed."""

    INDEPENDENT = "independent"
    WITH_PARENT = "with parent"
    BEFORE_PARENT = "before parent"


class NotOpen(IntakeError):
    """A resolved or cancelled case is read-only; reopen it first."""

    code = "case-not-open"
