"""The story of a case: what was said and done, its files, what goes out, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api import activities, events
from graph.api.activities import Activity, Attachment, Delivery
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.events import Event
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, grouped
from graph.api.pages import After, Connection, First, Order, pages
from intake import cases as rows

# What is still to be done is no part of the story yet.
DONE = select(rows.Activity).where(rows.Activity.state == rows.ActivityState.COMPLETED)
OLDEST = Order("timeline", rows.Activity.at, rows.Activity.id)
NEWEST = Order("timeline back", rows.Activity.at, rows.Activity.id, descending=True)


@strawberry.type
class Told(Shown):
    """The fields of a case that tell its story."""

    @described("The latest entry in its story.")
    def last_activity(self, info: Info) -> Activity | None:
        latest = self.loaded(info, stories, True, 1, None)[self.id]
        return latest.nodes[0] if latest.nodes else None

    @described("Its story, as it went.")
    def timeline(
        self,
        info: Info,
        newest_first: bool = False,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Activity]:
        return self.loaded(info, stories, newest_first, first, after)[self.id]

    @described("All files of all its activities.")
    def attachments(self, info: Info) -> list[Attachment]:
        return self.loaded(info, files).get(self.id, [])

    @described("What was promised to be sent for it, the oldest first.")
    def deliveries(self, info: Info) -> list[Delivery]:
        return self.loaded(info, activities.promised).get(self.id, [])

    @described("What happened to it, the newest first; with `field`, what changed that field.")
    def history(
        self,
        info: Info,
        field: str | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Event]:
        return self.loaded(info, events.histories, field, first, after)[self.id]


def stories(
    asking: Asking, cases: Sequence[Told], newest_first: bool, first: int, after: str | None
) -> Mapping[UUID, Connection[Activity]]:
    """A page of the story of each of these cases."""
    return pages(
        asking, DONE, NEWEST if newest_first else OLDEST, Activity,
        cases, rows.Activity.case_id, first=first, after=after,
    )  # fmt: skip


def files(asking: Asking, cases: Sequence[Told]) -> Mapping[UUID, list[Attachment]]:
    """The files of these cases, in the order in which they came."""
    found = asking.session.execute(
        select(rows.Attachment, rows.Activity.case_id)
        .join(rows.Activity, rows.Activity.id == rows.Attachment.activity_id)
        .where(rows.Activity.case_id.in_([case.id for case in cases]))
        .order_by(rows.Activity.at, rows.Activity.id, rows.Attachment.part)
    ).all()
    whose = {row.id: case_id for row, case_id in found if case_id is not None}
    return grouped(Attachment, (row for row, _case_id in found), lambda row: whose[row.id])
