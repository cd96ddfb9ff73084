"""Reply templates: a name, and a text in each language that somebody wrote it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.orm.attributes import flag_modified

from intake import events
from intake.agents import Act, Principal
from intake.cases import StaleVersion
from intake.db import Base, new_id, refers_to
from intake.errors import NotFound
from intake.wording.languages import base_of, read
from intake.wording.occasions import check_chosen
from intake.wording.placeholders import WrongTemplate

LONGEST_NAME = 120


class ReplyTemplate(Base):
    """An answer written beforehand. Its first text is for those whose language it lacks."""

    __tablename__ = "reply_templates"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    """Since when it is offered no more."""
    texts: Mapped[list[TemplateText]] = relationship(
        order_by="TemplateText.position", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class TemplateText(Base):
    """A template in one language."""

    __tablename__ = "reply_template_texts"

    template_id: Mapped[UUID] = mapped_column(refers_to("reply_templates.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(16), primary_key=True)
    position: Mapped[int]
    text: Mapped[str]


def every(session: Session, *, archived: bool = False) -> list[ReplyTemplate]:
    """The templates that are offered, by name; with `archived`, the others too."""
    statement = select(ReplyTemplate).order_by(ReplyTemplate.name)
    if not archived:
        statement = statement.where(ReplyTemplate.archived_at.is_(None))
    return list(session.scalars(statement))


@dataclass(frozen=True, slots=True)
class Offered:
    """A template that is offered, as far as a list tells of it."""

    id: UUID
    name: str
    languages: tuple[str, ...]

    def note(self, wanted: str) -> str:
        """What to know where the language that is wanted is not among them, or ''."""
        if not wanted or base_of(wanted) in {base_of(each) for each in self.languages}:
            return ""
        return f"it is in {self.languages[0]}, for there is none in {wanted}"


def offered(session: Session) -> list[Offered]:
    """The templates that are offered, by name, without their texts; one statement."""
    rows = session.execute(
        select(ReplyTemplate.id, ReplyTemplate.name, TemplateText.language)
        .join(TemplateText, TemplateText.template_id == ReplyTemplate.id)
        .where(ReplyTemplate.archived_at.is_(None))
        .order_by(ReplyTemplate.name, TemplateText.position)
    )
    found: dict[tuple[UUID, str], list[str]] = {}
    for id, name, language in rows:
        found.setdefault((id, name), []).append(language)
    return [Offered(id, name, tuple(languages)) for (id, name), languages in found.items()]


def by_id(session: Session, template_id: UUID, *, lock: bool = False) -> ReplyTemplate:
    """That template. Raises NotFound."""
    found = session.get(ReplyTemplate, template_id, with_for_update=lock, populate_existing=lock)
    if found is None:
        raise NotFound("there is no such reply template")
    return found


def write(
    session: Session, by: Principal, name: str, texts: Mapping[str, str], *, at: datetime
) -> ReplyTemplate:
    """A new template. Raises WrongTemplate, naming the field and the placeholder."""
    by.must(Act.MANAGE)
    found = ReplyTemplate(id=new_id(), name=_free(session, name, None), created_at=at)
    found.texts = _read(texts)
    session.add(found)
    session.flush()
    return _recorded(session, "template.written", found, by, at)


def rewrite(
    session: Session,
    by: Principal,
    template_id: UUID,
    name: str,
    texts: Mapping[str, str],
    *,
    at: datetime,
    version: int | None = None,
) -> ReplyTemplate:
    """Replace what a template says; answers that were sent stay as they are."""
    by.must(Act.MANAGE)
    found = by_id(session, template_id, lock=True)
    if version is not None and version != found.version:
        raise StaleVersion(f"“{found.name}” changed since you read it; look again")
    found.name, written = _free(session, name, found.id), _read(texts)
    check_chosen(session, found.id, {each.language: each.text for each in written})
    found.texts = []
    session.flush()
    found.texts, found.archived_at = written, None
    flag_modified(found, "name")  # a template whose texts alone changed is a new version too
    session.flush()
    return _recorded(session, "template.rewritten", found, by, at)


def archive(session: Session, by: Principal, template_id: UUID, *, at: datetime) -> ReplyTemplate:
    """Offer a template no more; rules and macros that use it say that it is gone."""
    by.must(Act.MANAGE)
    found = by_id(session, template_id, lock=True)
    found.archived_at = at
    session.flush()
    return _recorded(session, "template.archived", found, by, at)


def _free(session: Session, name: str, template_id: UUID | None) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise WrongTemplate(f"name: a name of 1 to {LONGEST_NAME} characters")
    taken = session.scalar(select(ReplyTemplate.id).where(ReplyTemplate.name == name))
    if taken is not None and taken != template_id:
        raise WrongTemplate(f"name: there is a template “{name}” already")
    return name


def _read(texts: Mapping[str, str]) -> list[TemplateText]:
    written = read(texts)
    if not written:
        raise WrongTemplate("texts: write it in one language at least")
    return [
        TemplateText(language=language, position=position, text=text)
        for position, (language, text) in enumerate(written, start=1)
    ]


def _recorded(
    session: Session, kind: str, template: ReplyTemplate, by: Principal, at: datetime
) -> ReplyTemplate:
    events.record(
        session, kind, at=at, actor=by, template=str(template.id), name=template.name,
        languages=[text.language for text in template.texts],
    )  # fmt: skip
    return template
