"""How each act is done to one case of many, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from intake import work
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


def release(doing: Doing, case: Case, _bulk: Bulk) -> None:
    work.release(doing.session, doing.by, case.id, at=doing.at)


def route(doing: Doing, case: Case, bulk: Bulk) -> None:
    assert bulk.queue_id is not None, "`words` said so"
    work.route_to(doing.session, doing.by, case.id, bulk.queue_id, at=doing.at)


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


def snooze(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.snooze(doing.session, doing.by, case.id, bulk.until, at=doing.at)


def resolve(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.resolve(
        doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at,
        kind=reason_of(bulk),
    )  # fmt: skip


def cancel(doing: Doing, case: Case, bulk: Bulk) -> None:
    work.cancel(doing.session, doing.by, case.id, bulk.text, desk=doing.desk, at=doing.at)
