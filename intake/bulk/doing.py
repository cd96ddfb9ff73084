"""How each act is done to one case of many, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from intake import reasons, work
from intake.agents import Principal
from intake.bulk.acts import Bulk, reason_of
from intake.cases import Case, Priority
from intake.desk import Desk

Known: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does it, for which desk, when."""

    session: Session
    by: Principal
    desk: Desk
    at: datetime


def assign(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.agent_id is not None, "`words` said so"
    work.assign(doing.session, doing.by, case.id, bulk.agent_id, at=doing.at)


def assign_back(doing: Doing, case: Case, before: Known) -> None:
    if before["team"] is not None:
        work.assign_team(doing.session, doing.by, case.id, UUID(before["team"]), at=doing.at)
    if before["owner"] is not None:
        work.assign(doing.session, doing.by, case.id, UUID(before["owner"]), at=doing.at)
    if before["owner"] is None and before["team"] is None:
        work.release(doing.session, doing.by, case.id, at=doing.at)


def release(doing: Doing, case: Case, _bulk: Bulk) -> None:
    work.release(doing.session, doing.by, case.id, at=doing.at)


def route(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.queue_id is not None, "`words` said so"
    work.route_to(doing.session, doing.by, case.id, bulk.queue_id, at=doing.at)


def route_back(doing: Doing, case: Case, before: Known) -> None:
    if before["queue"] != str(case.queue_id):
        work.route_to(doing.session, doing.by, case.id, UUID(before["queue"]), at=doing.at)
    assign_back(doing, case, before)


def reroute(doing: Doing, case: Case, _bulk: Bulk) -> None:
    work.route_again(doing.session, doing.by, case.id, at=doing.at)


def prioritise(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.priority is not None, "`words` said so"
    work.prioritise(doing.session, doing.by, case.id, bulk.priority, at=doing.at)


def prioritise_back(doing: Doing, case: Case, before: Known) -> None:
    priority = Priority(before["priority"])
    work.prioritise(doing.session, doing.by, case.id, priority, at=doing.at)


def tag(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.tag(doing.session, doing.by, case.id, add=bulk.tags, desk=doing.desk, at=doing.at)


def tag_back(doing: Doing, case: Case, before: Known) -> None:
    put_on = [tag.name for tag in case.tags if tag.name not in before["tags"]]
    work.tag(doing.session, doing.by, case.id, remove=put_on, desk=doing.desk, at=doing.at)


def untag(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.tag(doing.session, doing.by, case.id, remove=bulk.tags, desk=doing.desk, at=doing.at)


def untag_back(doing: Doing, case: Case, before: Known) -> None:
    work.tag(doing.session, doing.by, case.id, add=before["tags"], desk=doing.desk, at=doing.at)


def change(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.change_fields(
        doing.session, doing.by, case.id, bulk.fields, desk=doing.desk, at=doing.at
    )  # fmt: skip


def change_back(doing: Doing, case: Case, before: Known) -> None:
    work.change_fields(doing.session, doing.by, case.id, before, desk=doing.desk, at=doing.at)


def hold(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.hold(doing.session, doing.by, case.id, at=doing.at, reason=reason_of(bulk))


def hold_back(doing: Doing, case: Case, before: Known) -> None:
    reason = reasons.read(before["status"])
    work.set_reason(doing.session, doing.by, case.id, reason, at=doing.at)


def snooze(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.snooze(doing.session, doing.by, case.id, bulk.until, at=doing.at)


def snooze_back(doing: Doing, case: Case, before: Known) -> None:
    until = datetime.fromisoformat(before["until"]) if before["until"] else None
    if before["snoozed"] and (until is None or until > doing.at):
        work.snooze(doing.session, doing.by, case.id, until, at=doing.at)
    else:
        work.wake(doing.session, doing.by, case.id, at=doing.at)


def resolve(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.resolve(
        doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at,
        kind=reason_of(bulk),
    )  # fmt: skip


def resolve_back(doing: Doing, case: Case, before: Known) -> None:
    work.reopen(doing.session, doing.by, case.id, desk=doing.desk, at=doing.at)
    hold_back(doing, case, before)


def cancel(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.cancel(doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at)
