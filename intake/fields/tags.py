"""Tags: words that agents mark cases with. Two tags never differ by case, accents or spacing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.conditions import folded
from intake.db import Base, insert_new, new_id, one_of, refers_to
from intake.errors import NotFound
from intake.fields.naming import WrongField, name_of

LONGEST = 40
SUGGESTED = 10


class Colour(StrEnum):
    """How a tag is painted; every one can be read by day and by night."""

    GREY = "grey"
    RED = "red"
    ORANGE = "orange"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"


class Tag(Base):
    """A word on cases. `folded` is what makes it the same word."""

    __tablename__ = "tags"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST))
    folded: Mapped[str] = mapped_column(String(4 * LONGEST), unique=True)
    colour: Mapped[Colour] = mapped_column(one_of(Colour), default=Colour.GREY)


class CaseTag(Base):
    """A tag on a case."""

    __tablename__ = "case_tags"

    case_id: Mapped[UUID] = mapped_column(refers_to("cases.id"), primary_key=True)
    tag_id: Mapped[UUID] = mapped_column(refers_to("tags.id"), primary_key=True, index=True)


def same(name: str) -> str:
    """What two names of one tag have in common."""
    return folded(name)[1:-1]


def tags(session: Session) -> list[Tag]:
    """All tags by name."""
    return list(session.scalars(select(Tag).order_by(Tag.folded)))


def suggest(session: Session, typed: str, *, limit: int = SUGGESTED) -> list[Tag]:
    """The tags that may be meant by what was typed so far, the most used first."""
    used = func.count(CaseTag.case_id)
    statement = select(Tag).outerjoin(CaseTag, CaseTag.tag_id == Tag.id).group_by(Tag.id)
    if begun := same(typed):
        statement = statement.where(Tag.folded.contains(begun, autoescape=True))
    return list(session.scalars(statement.order_by(used.desc(), Tag.folded).limit(limit)))


def used(session: Session) -> dict[UUID, int]:
    """On how many cases each tag is; one on none is left out."""
    rows = session.execute(select(CaseTag.tag_id, func.count()).group_by(CaseTag.tag_id))
    return dict(rows.all())


def on_cases(name: str) -> Select[UUID]:
    """The ids of the cases with that tag."""
    marked = select(CaseTag.case_id).join(Tag, Tag.id == CaseTag.tag_id)
    return marked.where(Tag.folded == same(name))


def named(session: Session, names: Iterable[str]) -> list[Tag]:
    """The tags of these names, made where there are none yet, by name. Raises WrongField."""
    wanted = {same(name): _written(name) for name in names}
    known = _known(session, wanted)
    for key in sorted(wanted.keys() - known.keys()):  # in one order, so that nobody waits in a ring
        # Somebody else may make it at this very moment; then theirs is the one.
        session.execute(
            insert_new(session, Tag).values(
                id=new_id(), name=wanted[key], folded=key, colour="grey"
            )
        )
    if wanted.keys() - known.keys():
        known = _known(session, wanted)
    return [known[key] for key in sorted(wanted)]


def change_tag(
    session: Session, by: Principal, tag_id: UUID, *, name: str, colour: Colour, at: datetime
) -> Tag:
    """Write or paint a tag otherwise. Raises WrongField for the name of another: merge them."""
    by.must(Act.ADMINISTER)
    tag = _one(session, tag_id)
    others = session.scalars(select(Tag.name).where(Tag.id != tag_id, Tag.folded == same(name)))
    was = tag.name
    tag.name, tag.colour = _written(name, others), colour
    tag.folded = same(tag.name)
    session.flush()
    events.record(session, "tag.changed", at=at, actor=by, tag=str(tag_id), name=tag.name, was=was)
    return tag


def merge_tags(
    session: Session, by: Principal, survivor_id: UUID, other_id: UUID, *, at: datetime
) -> Tag:
    """Make two tags one: what has the other has the survivor instead."""
    by.must(Act.ADMINISTER)
    if survivor_id == other_id:
        raise WrongField("other: a tag cannot be merged into itself")
    survivor, other = _one(session, survivor_id), _one(session, other_id)
    cases = session.scalars(select(CaseTag.case_id).where(CaseTag.tag_id == other_id)).all()
    rows = [{"case_id": case_id, "tag_id": survivor_id} for case_id in cases]
    if rows:
        session.execute(insert_new(session, CaseTag), rows)
    _forget(session, other)
    events.record(
        session, "tag.merged", at=at, actor=by,
        tag=str(survivor_id), name=survivor.name, other=other.name, cases=len(rows),
    )  # fmt: skip
    return survivor


def delete_tag(session: Session, by: Principal, tag_id: UUID, *, at: datetime) -> None:
    """Take a tag off every case and forget it."""
    by.must(Act.ADMINISTER)
    tag = _one(session, tag_id)
    _forget(session, tag)
    events.record(session, "tag.deleted", at=at, actor=by, tag=str(tag_id), name=tag.name)


def _written(name: str, others: Iterable[str] = ()) -> str:
    # Some single signs fold to many letters.
    if len(same(name)) > 4 * LONGEST:
        raise WrongField(f"tags: write 1 to {LONGEST} characters")
    return name_of(name, others, longest=LONGEST, field="tags")


def _known(session: Session, wanted: Iterable[str]) -> dict[str, Tag]:
    found: Sequence[Tag] = session.scalars(select(Tag).where(Tag.folded.in_(list(wanted)))).all()
    return {tag.folded: tag for tag in found}


def _one(session: Session, tag_id: UUID) -> Tag:
    tag = session.get(Tag, tag_id, with_for_update=True)
    if tag is None:
        raise NotFound("there is no such tag")
    return tag


def _forget(session: Session, tag: Tag) -> None:
    session.execute(delete(CaseTag).where(CaseTag.tag_id == tag.id))
    session.delete(tag)
    session.flush()
