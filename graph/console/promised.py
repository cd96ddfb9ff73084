"""By which SLA a case is promised what it is, and the acts that ask for more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graph.console.visit import Visit, chosen
from intake import sla, work
from intake.agents import Act
from intake.cases import Case
from intake.sla import Sla


@dataclass(frozen=True, slots=True)
class Promised:
    """The SLA of a case, None for none, and the others that could be put on it by hand."""

    by: Sla | None
    choices: Sequence[Sla]


def of_case(visit: Visit, case: Case) -> Promised:
    """What its page says of its SLA."""
    chooses = case.open and visit.by.may(Act.WORK)
    choices = sla.active(visit.session) if chooses else ()
    own = visit.session.get(Sla, case.sla_id) if case.sla_id else None
    return Promised(own, choices)


def escalate(visit: Visit, case: Case, version: int | None) -> None:
    """The act of its sheet: why, and where it waits from now on."""
    queue = visit.said("queue")
    work.escalate(
        visit.session, visit.by, case.id, visit.said("text"),
        at=visit.at, queue_id=chosen(queue, "a queue") if queue else None, version=version,
    )  # fmt: skip


def choose(visit: Visit, case: Case, version: int | None) -> None:
    """The act of its sheet: that SLA, whatever the rules say, or the one they choose."""
    sla_id = visit.said("sla")
    work.choose_sla(
        visit.session, visit.by, case.id, chosen(sla_id, "an SLA") if sla_id else None,
        at=visit.at, version=version,
    )  # fmt: skip
