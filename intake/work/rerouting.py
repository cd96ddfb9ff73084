"""Letting the routing rules decide once more, by hand: for one case, or for some together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake import queues, routing
from intake.acting import case_of, done
from intake.agents import Principal
from intake.cases import Case
from intake.errors import IntakeError
from intake.facts import facts_of
from intake.nouns import noun

MOST_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class RoutedAgain:
    """What became of one case of a selection; `problem` says why nothing did."""

    case_id: UUID
    moved: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the rules in force would put a case now."""

    routed: routing.Routed
    stays: bool
    """It waits there already, and whoever the rules name has it."""


def destination(session: Session, case: Case, *, at: datetime) -> Destination:
    """Where `route_again` would put the case."""
    refused = bool(case.decision.get("refusal"))
    facts, every = facts_of(case, at=at), queues.every(session)
    routed = routing.route(routing.rules(session), every, case.mailbox, facts, refused=refused)
    owner = routed.agent.id if routed.agent is not None else case.owner_id
    team = routed.team.id if routed.team is not None else case.team_id
    there = (case.queue_id, case.owner_id, case.team_id) == (routed.queue.id, owner, team)
    stays = there and queues.item_of(session, case) is not None
    return Destination(routed, stays)


def route_again(
    session: Session, by: Principal, case_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Put a case where the rules in force say, by what is known of it now.

    Where it waits there already, whoever works on it goes on, and only the reason is noted.
    """
    case = case_of(session, by, case_id, version=version)
    _decide(session, case, by, at)
    return case


def route_together(
    session: Session, by: Principal, case_ids: Sequence[UUID], *, at: datetime
) -> list[RoutedAgain]:
    """`route_again` for each of these, in their order; one that cannot be does not stop the rest.

    Raises IntakeError for more than MOST_TOGETHER.
    """
    if len(case_ids) > MOST_TOGETHER:
        raise IntakeError(f"{MOST_TOGETHER} {noun.many} at a time are routed again; choose fewer")
    told = []
    for case_id in dict.fromkeys(case_ids):
        try:
            case = case_of(session, by, case_id, version=None)
            told.append(RoutedAgain(case_id, moved=_decide(session, case, by, at)))
        except IntakeError as error:
            told.append(RoutedAgain(case_id, problem=str(error)))
    return told


def _decide(session: Session, case: Case, by: Principal, at: datetime) -> bool:
    """Whether it was moved or given to somebody else."""
    found = destination(session, case, at=at)
    routed, stays = found.routed, found.stays
    if stays:
        routing.note(case, routed)
    else:
        routing.move(session, case, routed, at=at)
    done(
        session, case, by, "case.routed_again", at, queue=routed.queue.name, to=routed.place,
        why=routed.why, moved=not stays,
    )  # fmt: skip
    return not stays
