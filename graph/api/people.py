"""What is known of customers beside their names: notes, preferences, and who was made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from sqlalchemy import or_, select

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, together
from graph.api.pages import Connection, Order, pages
from intake import agents
from intake import customers as rows
from intake.customers import merging, notes, preferences

if TYPE_CHECKING:
    from graph.api.customers import Contact

Weekday = preferences.Weekday
strawberry.enum(Weekday, name="Weekday", description="A day of the week.")
TimeOfDay = preferences.TimeOfDay
strawberry.enum(TimeOfDay, name="TimeOfDay", description="A part of a contact's own day.")


@strawberry.type(description="What an agent wrote down about an account; they do not see it.")
class AccountNote(Shown):
    id: UUID = strawberry.field(description="The note's id.")
    author_name: str = strawberry.field(description="Who wrote it.")
    text: str = strawberry.field(description="What was written.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="How a contact likes to be served.")
class Preferences:
    days: list[Weekday] = strawberry.field(description="On which days; none: on any.")
    time_of_day: TimeOfDay | None = strawberry.field(description="When, on their own clock.")
    equipment: str = strawberry.field(description="With which equipment, or empty.")
    agent: Agent | None = strawberry.field(description="By whom.")


@strawberry.type(description="That two contacts were made one.")
class ContactMerge(Shown):
    id: UUID = strawberry.field(description="The merge's id, to undo it.")
    at: datetime = strawberry.field(description="When.")
    undone_at: datetime | None = strawberry.field(description="When it was undone, if it was.")
    survivor_id: strawberry.Private[UUID]
    merged_id: strawberry.Private[UUID]
    agent_id: strawberry.Private[UUID | None]

    @described("The contact who took over everything.")
    def survivor(
        self, info: Info
    ) -> Annotated[Contact, strawberry.lazy("graph.api.customers")] | None:
        return self.loaded(info, both).get(self.survivor_id)

    @described("The contact who turned out to be the same person.")
    def merged(
        self, info: Info
    ) -> Annotated[Contact, strawberry.lazy("graph.api.customers")] | None:
        return self.loaded(info, both).get(self.merged_id)

    @described("The agent who merged them.")
    def agent(self, info: Info) -> Agent | None:
        return self.named(info, "agent_id", Agent, agents.Agent)


NEWEST_NOTE = Order("notes", notes.AccountNote.at, notes.AccountNote.id, descending=True)


def noted(
    asking: Asking, accounts: Sequence[Shown], first: int, after: str | None
) -> Mapping[UUID, Connection[AccountNote]]:
    """A page of the notes on each of these accounts, the newest first."""
    return pages(
        asking, select(notes.AccountNote), NEWEST_NOTE, AccountNote,
        accounts, notes.AccountNote.account_id, first=first, after=after,
    )  # fmt: skip


def wishes(asking: Asking, contacts: Sequence[Shown]) -> Mapping[UUID, Preferences]:
    """How these contacts like to be served, of those who said."""
    kept = preferences.Preferences
    found = asking.session.scalars(
        select(kept).where(kept.contact_id.in_([contact.id for contact in contacts]))
    ).all()
    people = by_id(asking, Agent, agents.Agent, (row.agent_id for row in found))
    return {
        row.contact_id: Preferences(
            days=[Weekday(day) for day in row.days],
            time_of_day=row.time_of_day,
            equipment=row.equipment,
            agent=people.get(row.agent_id),
        )
        for row in found
    }


def merges(asking: Asking, contacts: Sequence[Shown]) -> Mapping[UUID, list[ContactMerge]]:
    """The merges that these contacts took part in, the newest first."""
    ids = {contact.id for contact in contacts}
    record = merging.ContactMerge
    found = together(
        ContactMerge,
        asking.session.scalars(
            select(record)
            .where(or_(record.survivor_id.in_(ids), record.merged_id.in_(ids)))
            .order_by(record.at.desc(), record.id)
        ),
    )
    of: dict[UUID, list[ContactMerge]] = {}
    for merge in found:
        for id in {merge.survivor_id, merge.merged_id} & ids:
            of.setdefault(id, []).append(merge)
    return of


def both(asking: Asking, merged: Sequence[ContactMerge]) -> Mapping[UUID | None, Contact]:
    """The contacts of these merges."""
    from graph.api.customers import Contact

    ids = [id for merge in merged for id in (merge.survivor_id, merge.merged_id)]
    return by_id(asking, Contact, rows.Contact, ids)
