"""Topics: what cases are about, as a tree that is as deep as the desk wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, new_id, refers_to
from intake.errors import NotFound
from intake.fields.naming import WrongField, name_of

LONGEST = 80
DEEPEST = 8
BELOW = " › "


class Topic(Base):
    """One topic, inside a wider one or at the top."""

    __tablename__ = "topics"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    parent_id: Mapped[UUID | None] = mapped_column(refers_to("topics.id"), index=True)
    name: Mapped[str] = mapped_column(String(LONGEST))
    archived_at: Mapped[datetime | None]
    """Since when no case is given it, nor any topic inside it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A topic where it stands in the tree."""

    topic: Topic
    path: str
    """It and the topics that it is inside: “Hardware › Printers”."""
    depth: int
    archived: bool
    """It or one that it is inside is archived."""


def tree(session: Session, *, archived: bool = False) -> list[Placed]:
    """Every topic below its parent, each level by name; archived ones only if asked for."""
    every = session.scalars(select(Topic).order_by(Topic.name, Topic.id)).all()
    below: dict[UUID | None, list[Topic]] = {}
    for topic in every:
        below.setdefault(topic.parent_id, []).append(topic)
    return [
        placed for placed in _placed(below, None, "", 0, False) if archived or not placed.archived
    ]


def path_of(session: Session, topic_id: UUID | None) -> str:
    """The topic and those it is inside, in words; '' for none."""
    return BELOW.join(topic.name for topic in reversed(lineage(session, topic_id)))


def lineage(session: Session, topic_id: UUID | None) -> list[Topic]:
    """The topic and those that it is inside, from the narrowest to the widest."""
    found: list[Topic] = []
    while topic_id is not None and len(found) < DEEPEST:
        found.append(session.get_one(Topic, topic_id))
        topic_id = found[-1].parent_id
    return found


def within(topic_id: UUID) -> Select[UUID]:
    """The ids of the topic and of all that are inside it."""
    found = select(Topic.id).where(Topic.id == topic_id).cte(recursive=True)
    found = found.union(select(Topic.id).where(Topic.parent_id == found.c.id))
    return select(found.c.id)


def add_topic(
    session: Session, by: Principal, name: str, *, at: datetime, parent_id: UUID | None = None
) -> Topic:
    """A new topic. Raises WrongField for a name that its neighbours have, or too deep a place."""
    by.must(Act.ADMINISTER)
    topics = _held(session)
    _must_fit(topics, parent_id, height=1)
    name = name_of(name, _names(topics, parent_id), longest=LONGEST)
    made = Topic(id=new_id(), name=name, parent_id=parent_id)
    session.add(made)
    session.flush()
    events.record(session, "topic.added", at=at, actor=by, topic=str(made.id), name=name)
    return made


def change_topic(
    session: Session,
    by: Principal,
    topic_id: UUID,
    *,
    name: str,
    parent_id: UUID | None,
    at: datetime,
) -> Topic:
    """Call a topic otherwise or put it elsewhere; what is inside goes with it.

    Raises WrongField for a circle.
    """
    by.must(Act.ADMINISTER)
    topics = _held(session)
    topic = _one(topics, topic_id)
    if parent_id is not None and topic_id in _lineage(topics, parent_id):
        raise WrongField("parent: a topic cannot be inside itself")
    _must_fit(topics, parent_id, height=_height(topics, topic_id))
    others = _names(topics, parent_id, but=topic_id)
    was = topic.name
    topic.name, topic.parent_id = name_of(name, others, longest=LONGEST), parent_id
    session.flush()
    events.record(
        session, "topic.changed", at=at, actor=by, topic=str(topic_id), name=topic.name, was=was
    )
    return topic


def archive_topic(
    session: Session, by: Principal, topic_id: UUID, archived: bool = True, *, at: datetime
) -> Topic:
    """Give a topic, and what is inside, to no more cases, or again; old cases keep it."""
    by.must(Act.ADMINISTER)
    topic = _one(_held(session), topic_id)
    topic.archived_at = at if archived else None
    session.flush()
    kind = "topic.archived" if archived else "topic.restored"
    events.record(session, kind, at=at, actor=by, topic=str(topic_id), name=topic.name)
    return topic


def _placed(
    below: Mapping[UUID | None, Sequence[Topic]],
    parent: UUID | None,
    path: str,
    depth: int,
    archived: bool,
) -> list[Placed]:
    found: list[Placed] = []
    for topic in below.get(parent, ()):
        gone = archived or topic.archived_at is not None
        here = f"{path}{BELOW}{topic.name}" if path else topic.name
        found.append(Placed(topic, here, depth, gone))
        found += _placed(below, topic.id, here, depth + 1, gone)
    return found


def _held(session: Session) -> Mapping[UUID, Topic]:
    # All of them are few; held together, two moves at once cannot close a circle.
    every = session.scalars(select(Topic).order_by(Topic.id).with_for_update())
    return {topic.id: topic for topic in every}


def _one(topics: Mapping[UUID, Topic], topic_id: UUID) -> Topic:
    if topic_id not in topics:
        raise NotFound("there is no such topic")
    return topics[topic_id]


def _names(
    topics: Mapping[UUID, Topic], parent_id: UUID | None, but: UUID | None = None
) -> list[str]:
    return [t.name for t in topics.values() if t.parent_id == parent_id and t.id != but]


def _lineage(topics: Mapping[UUID, Topic], topic_id: UUID | None) -> list[UUID]:
    found: list[UUID] = []
    while topic_id is not None:
        found.append(topic_id)
        topic_id = topics[topic_id].parent_id
    return found


def _height(topics: Mapping[UUID, Topic], topic_id: UUID) -> int:
    inside = [t.id for t in topics.values() if t.parent_id == topic_id]
    return 1 + max((_height(topics, each) for each in inside), default=0)


def _must_fit(topics: Mapping[UUID, Topic], parent_id: UUID | None, *, height: int) -> None:
    if parent_id is not None:
        _one(topics, parent_id)
    if len(_lineage(topics, parent_id)) + height > DEEPEST:
        raise WrongField(f"parent: topics are {DEEPEST} deep at most")
