"""By which SLA a case is promised what it is, and the acts that ask for more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from graph.console.visit import Visit
from intake import sla, work
from intake.agents import Act
from intake.cases import Case
from intake.errors import IntakeError
from intake.sla import Sla


class NoChoice(IntakeError):
    """What was chosen in the sheet cannot be read."""

    code = "wrong-input"


@dataclass(frozen=True, slots=True)
class Promised:
    """The SLA of a case, None for none, and the others that could be put on it by hand."""

    by: Sla | None
    choices: Sequence[Sla]


def of_case(visit: Visit, case: Case) -> Promised:
    """What its page says of its SLA."""
    chooses = case.open and visit.by.may(Act.WORK)
    choices = sla.active(visit.session) if chooses else ()
    # It is at hand when it is one of them; a replaced version is not.
    own = visit.session.get(Sla, case.sla_id) if case.sla_id else None
    return Promised(own, choices)


def escalate(visit: Visit, case: Case, version: int | None) -> None:
    """The act of its sheet: why, and where it waits from now on."""
    queue = visit.said("queue")
    work.escalate(
        visit.session, visit.by, case.id, visit.said("text"),
        at=visit.at, queue_id=_id(queue) if queue else None, version=version,
    )  # fmt: skip


def choose(visit: Visit, case: Case, version: int | None) -> None:
    """The act of its sheet: that SLA, whatever the rules say, or the one they choose."""
    chosen = visit.said("sla")
    work.choose_sla(
        visit.session, visit.by, case.id, _id(chosen) if chosen else None,
        at=visit.at, version=version,
    )  # fmt: skip


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NoChoice("choose one of the list") from None
