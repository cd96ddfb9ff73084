"""What a case says of itself, beside its story: type, topic, tags, the desk's own fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from graph.console.visit import Visit
from intake import checklists, followers
from intake.agents import Agent
from intake.cases import Case
from intake.checklists import Checklist, ChecklistItem
from intake.fields import CustomField, FieldKind, Required, Tag, answers, topics
from intake.fields.custom import custom_fields


@dataclass(frozen=True, slots=True)
class Answer:
    """A custom field of the case, as people read it; '' where it is not filled in."""

    field: CustomField
    text: str

    @property
    def wanted(self) -> bool:
        """Whether it still has to be filled in."""
        return not self.text and self.field.required is not Required.NEVER


@dataclass(frozen=True, slots=True)
class Says:
    """All of it."""

    type: str
    topic: str
    tags: Sequence[Tag]
    answers: Sequence[Answer]
    followers: Sequence[Agent]
    following: bool
    """Whether whoever looks is among them."""
    checklist: Sequence[ChecklistItem]
    lists: Sequence[Checklist]
    """Those that may be put on it by hand."""


def of_case(visit: Visit, case: Case) -> Says:
    """What a case says of itself; eight statements, whatever there is."""
    session = visit.session
    zone = ZoneInfo(visit.house.settings.time_zone)
    told = followers.of_case(session, case.id)
    return Says(
        type=case.type.name if case.type else "",
        topic=topics.path_of(session, case.topic_id),
        tags=case.tags,
        answers=[
            Answer(field, in_words(field, case, zone))
            for field in custom_fields(session, archived=True)
            if field.asked_of(case.type_id) or field.key in case.custom
        ],
        followers=told,
        following=any(agent.id == visit.by.id for agent in told),
        checklist=checklists.of_case(session, case.id),
        lists=[
            each for each in checklists.checklists(session) if each.type_id in (None, case.type_id)
        ]
        if case.open
        else (),
    )


def in_words(field: CustomField, case: Case, zone: ZoneInfo) -> str:
    """What the case says in that field, on the desk's clock; '' for nothing."""
    said = case.custom.get(field.key)
    if said is None:
        return ""
    if field.kind is FieldKind.INSTANT:
        return f"{said.fact(field.kind).astimezone(zone):%Y-%m-%d %H:%M}"
    return answers.shown(field, said.value)
