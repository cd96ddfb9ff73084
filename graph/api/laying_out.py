"""How an administrator lays out what is said of cases: types, topics, tags, custom fields."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.fields import (
    CaseType,
    CustomField,
    FieldKind,
    Required,
    Tag,
    TagColour,
    Topic,
    shown,
)
from graph.api.problems import AnyProblem
from intake.agents import Principal
from intake.fields import case_types, custom, tags, topics


@strawberry.type(description="It is laid out so.")
class LaidOut:
    type: CaseType | None = strawberry.field(default=None, description="The type of cases now.")
    topic: Topic | None = strawberry.field(default=None, description="The topic now.")
    tag: Tag | None = strawberry.field(
        default=None, description="The tag now; null when it was deleted."
    )
    custom_field: CustomField | None = strawberry.field(
        default=None, description="The custom field now."
    )


LayoutResult = Annotated[
    LaidOut | AnyProblem,
    strawberry.union("LayoutResult", description="It is laid out so, or why it is not."),
]
On = Annotated[bool, strawberry.argument(description="False takes it back.")]


@strawberry.input(description="A custom field: what it is called and asks.")
class CustomFieldLayout:
    label: str = strawberry.field(description="What people call it.")
    choices: list[str] = strawberry.field(
        default_factory=list, description="What may be chosen, in order; only where it is chosen."
    )
    type: UUID | None = strawberry.field(
        default=None, description="The type of case that it is asked of; null: of every case."
    )
    required: Required = strawberry.field(
        default=Required.NEVER, description="When it must be filled in."
    )
    public: bool = strawberry.field(
        default=False, description="Whether customers are asked in the web form."
    )
    hint: str = strawberry.field(default="", description="What helps to fill it in.")

    def said(self) -> dict[str, Any]:
        """As the domain takes it."""
        said = dict(vars(self))
        said["type_id"] = said.pop("type")
        return said


@strawberry.type
class LayoutMutations:
    @described("Add a type of case, the last in the order. For administrators.")
    def add_case_type(self, info: Info, name: str) -> LayoutResult:
        at = info.context.at
        return done(
            info, lambda s, by: LaidOut(type=CaseType.of(case_types.add_type(s, by, name, at=at)))
        )

    @described("Call a type of case otherwise.")
    def rename_case_type(self, info: Info, id: UUID, name: str) -> LayoutResult:
        at = info.context.at
        return done(
            info,
            lambda s, by: LaidOut(type=CaseType.of(case_types.rename_type(s, by, id, name, at=at))),
        )

    @described("Give a type to no more cases; those that have it keep it.")
    def archive_case_type(self, info: Info, id: UUID, archived: On = True) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            changed = case_types.archive_type(session, by, id, archived, at=at)
            return LaidOut(type=CaseType.of(changed))

        return done(info, act)

    @described("Add a topic, inside another or at the top.")
    def add_topic(self, info: Info, name: str, parent: UUID | None = None) -> LayoutResult:
        at = info.context.at
        return done(
            info,
            lambda s, by: _topic(s, topics.add_topic(s, by, name, parent_id=parent, at=at)),
        )

    @described("Call a topic otherwise or put it elsewhere, with what is inside; null: the top.")
    def change_topic(self, info: Info, id: UUID, name: str, parent: UUID | None) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            changed = topics.change_topic(session, by, id, name=name, parent_id=parent, at=at)
            return _topic(session, changed)

        return done(info, act)

    @described("Give a topic, and what is inside, to no more cases; those that have it keep it.")
    def archive_topic(self, info: Info, id: UUID, archived: On = True) -> LayoutResult:
        at = info.context.at
        return done(info, lambda s, by: _topic(s, topics.archive_topic(s, by, id, archived, at=at)))

    @described("Write or paint a tag otherwise.")
    def change_tag(self, info: Info, id: UUID, name: str, colour: TagColour) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            changed = tags.change_tag(session, by, id, name=name, colour=colour, at=at)
            return LaidOut(tag=Tag.of(changed))

        return done(info, act)

    @described("Make two tags one: what has the other has the survivor instead.")
    def merge_tags(self, info: Info, survivor: UUID, other: UUID) -> LayoutResult:
        at = info.context.at
        return done(
            info,
            lambda s, by: LaidOut(tag=Tag.of(tags.merge_tags(s, by, survivor, other, at=at))),
        )

    @described("Take a tag off every case and forget it.")
    def delete_tag(self, info: Info, id: UUID) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            tags.delete_tag(session, by, id, at=at)
            return LaidOut()

        return done(info, act)

    @described("Add a custom field. Its key and kind never change.")
    def add_custom_field(
        self, info: Info, key: str, kind: FieldKind, field: CustomFieldLayout
    ) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            made = custom.add_field(session, by, key=key, kind=kind, at=at, **field.said())
            return LaidOut(custom_field=CustomField.of(made))

        return done(info, act)

    @described("Ask a custom field otherwise; what cases say stays.")
    def change_custom_field(self, info: Info, key: str, field: CustomFieldLayout) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            changed = custom.change_field(session, by, key, at=at, **field.said())
            return LaidOut(custom_field=CustomField.of(changed))

        return done(info, act)

    @described("Ask a custom field no more; what cases say stays.")
    def archive_custom_field(self, info: Info, key: str, archived: On = True) -> LayoutResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> LaidOut:
            changed = custom.archive_field(session, by, key, archived, at=at)
            return LaidOut(custom_field=CustomField.of(changed))

        return done(info, act)


def _topic(session: Session, topic: topics.Topic) -> LaidOut:
    every = topics.tree(session, archived=True)
    placed = next(placed for placed in every if placed.topic.id == topic.id)
    return LaidOut(topic=shown(placed))
