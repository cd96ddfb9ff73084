"""What a case says of itself, and how the desk laid that out: types, topics, tags, fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from strawberry.scalars import JSON

from graph.api.agents import Agent
from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id
from intake import agents as agent_rows
from intake import cases as rows
from intake import followers
from intake.fields import answers, case_types, custom, tags, topics

Severity = rows.Severity
strawberry.enum(Severity, name="Severity", description="How bad it is for the customer.")
TagColour = tags.Colour
strawberry.enum(TagColour, name="TagColour", description="How a tag is painted.")
FieldKind = custom.FieldKind
strawberry.enum(FieldKind, name="FieldKind", description="What a custom field holds.")
Required = custom.Required
strawberry.enum(Required, name="Required", description="When a custom field must be filled in.")


@strawberry.type(description="What sort of request a case is, as this desk sorts them.")
class CaseType(Shown):
    id: UUID = strawberry.field(description="The type's id.")
    name: str = strawberry.field(description="What it is called.")

    @described("Whether cases are given it no more.")
    def archived(self) -> bool:
        return self.row.archived_at is not None


@strawberry.type(description="What cases are about: one topic of a tree.")
class Topic:
    id: UUID = strawberry.field(description="The topic's id.")
    parent_id: UUID | None = strawberry.field(description="The wider topic that it is inside.")
    name: str = strawberry.field(description="What it is called.")
    path: str = strawberry.field(description="It and those it is inside: Hardware › Printers.")
    archived: bool = strawberry.field(
        description="Whether cases are given it no more, nor anything inside it."
    )


@strawberry.type(description="A word that cases are marked with.")
class Tag(Shown):
    id: UUID = strawberry.field(description="The tag's id.")
    name: str = strawberry.field(description="The word.")
    colour: TagColour = strawberry.field(description="How it is painted.")


@strawberry.type(description="A field that this desk added to its cases.")
class CustomField(Shown):
    key: str = strawberry.field(description="Its name for programs; it never changes.")
    label: str = strawberry.field(description="What people call it.")
    kind: FieldKind = strawberry.field(description="What it holds.")
    choices: list[str] = strawberry.field(description="What may be chosen, in order.")
    required: Required = strawberry.field(description="When it must be filled in.")
    public: bool = strawberry.field(description="Whether customers are asked in the web form.")
    hint: str = strawberry.field(description="What helps to fill it in, or empty.")
    type_id: strawberry.Private[UUID | None]

    @described("As conditions, history and `changeFields` name it: number.seats.")
    def name(self) -> str:
        name: str = self.row.name
        return name

    @described("The type of case that it is asked of; null: of every case.")
    def type(self, info: Info) -> CaseType | None:
        found = by_id(info.context, CaseType, case_types.CaseType, [self.type_id])
        return found.get(self.type_id)

    @described("Whether it is asked no more.")
    def archived(self) -> bool:
        return self.row.archived_at is not None


@strawberry.type(description="What a case says in a custom field.")
class CustomAnswer:
    field: CustomField = strawberry.field(description="The field.")
    value: JSON | None = strawberry.field(description="The value; null: it is not filled in.")
    text: str = strawberry.field(description="The value for people to read.")


@strawberry.type(description="What a case says of itself.")
class SaysOfItself(Shown):
    severity: Severity = strawberry.field(description="How bad it is for the customer.")
    type_id: strawberry.Private[UUID | None]
    topic_id: strawberry.Private[UUID | None]

    @described("What sort of request it is.")
    def type(self, info: Info) -> CaseType | None:
        return self.named(info, "type_id", CaseType, case_types.CaseType)

    @described("What it is about.")
    def topic(self, info: Info) -> Topic | None:
        return self.loaded(info, topics_of).get(self.topic_id)

    @described("What it is marked with, by name.")
    def tags(self, info: Info) -> list[Tag]:
        return self.loaded(info, tags_of).get(self.id, [])

    @described("The custom fields that it is asked, or says something in, in their order.")
    def custom_fields(self, info: Info) -> list[CustomAnswer]:
        return self.loaded(info, answers_of)[self.id]

    @described("Who is told of it, though it is not theirs, by name.")
    def followers(self, info: Info) -> list[Agent]:
        return self.loaded(info, followers_of).get(self.id, [])


Search = Annotated[str, strawberry.argument(description="What was typed so far.")]
Archived = Annotated[
    bool, strawberry.argument(description="Also what is given to no case any more.")
]


@strawberry.type
class FieldQueries:
    @described("The types of cases, in their order.")
    def case_types(self, info: Info, archived: Archived = False) -> list[CaseType]:
        found = case_types.types(info.context.session, archived=archived)
        return [CaseType.of(row) for row in found]

    @described("All topics, each below the one that it is inside.")
    def topics(self, info: Info, archived: Archived = False) -> list[Topic]:
        return [shown(placed) for placed in topics.tree(info.context.session, archived=archived)]

    @described("The tags that may be meant, the most used first; at most 10.")
    def tags(self, info: Info, search: Search = "") -> list[Tag]:
        return [Tag.of(row) for row in tags.suggest(info.context.session, search)]

    @described("The custom fields in their order.")
    def custom_fields(self, info: Info, archived: Archived = False) -> list[CustomField]:
        found = custom.custom_fields(info.context.session, archived=archived)
        return [CustomField.of(row) for row in found]


def topics_of(asking: Asking, cases: Sequence[SaysOfItself]) -> Mapping[UUID | None, Topic]:
    """The topics of these cases: the whole tree, which is small, for their paths."""
    if not any(case.topic_id for case in cases):
        return {}
    every = topics.tree(asking.session, archived=True)
    return {placed.topic.id: shown(placed) for placed in every}


def tags_of(asking: Asking, cases: Sequence[SaysOfItself]) -> Mapping[UUID, list[Tag]]:
    """The tags of these cases."""
    found = asking.session.execute(
        select(tags.CaseTag.case_id, tags.Tag)
        .join(tags.Tag, tags.Tag.id == tags.CaseTag.tag_id)
        .where(tags.CaseTag.case_id.in_([case.id for case in cases]))
        .order_by(tags.Tag.folded)
    )
    marked: dict[UUID, list[Tag]] = {}
    for case_id, tag in found:
        marked.setdefault(case_id, []).append(Tag.of(tag))
    return marked


def answers_of(asking: Asking, cases: Sequence[SaysOfItself]) -> Mapping[UUID, list[CustomAnswer]]:
    """What these cases say in custom fields, and what they were not asked yet."""
    session = asking.session
    mine = custom.FieldValue.case_id.in_([case.id for case in cases])
    said: dict[tuple[UUID, str], Any] = {
        (row.case_id, row.key): row.value
        for row in session.scalars(select(custom.FieldValue).where(mine))
    }
    every = custom.custom_fields(session, archived=True)
    return {
        case.id: [
            CustomAnswer(field=CustomField.of(field), value=value, text=answers.shown(field, value))
            for field in every
            if (value := said.get((case.id, field.key))) is not None or field.asked_of(case.type_id)
        ]
        for case in cases
    }


def followers_of(asking: Asking, cases: Sequence[SaysOfItself]) -> Mapping[UUID, list[Agent]]:
    """Who follows these cases."""
    found = asking.session.scalars(
        select(followers.Follower)
        .join(agent_rows.Agent, agent_rows.Agent.id == followers.Follower.agent_id)
        .where(followers.Follower.case_id.in_([case.id for case in cases]))
        .order_by(agent_rows.Agent.name)
    )
    told: dict[UUID, list[Agent]] = {}
    for row in found:
        told.setdefault(row.case_id, []).append(Agent.of(row.agent))
    return told


def shown(placed: topics.Placed) -> Topic:
    """The topic where it stands."""
    topic = placed.topic
    return Topic(
        id=topic.id, parent_id=topic.parent_id, name=topic.name,
        path=placed.path, archived=placed.archived,
    )  # fmt: skip
