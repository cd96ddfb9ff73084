"""Choosing the template for an occasion, and the text that goes out then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.errors import NotFound
from intake.queues import Queue
from intake.wording.languages import in_language
from intake.wording.occasions import ALLOWED, BY_QUEUE, Occasion, StandingText, check_fits
from intake.wording.placeholders import WrongTemplate, fill, used_in
from intake.wording.templates import ReplyTemplate, by_id


@dataclass(frozen=True, slots=True)
class Standing:
    """The templates that stand for something, as they are now."""

    chosen: Mapping[tuple[Occasion, UUID | None], ReplyTemplate]

    def text(
        self,
        occasion: Occasion,
        values: Mapping[str, str],
        *,
        language: str,
        queue_id: UUID | None = None,
    ) -> tuple[str, str] | None:
        """The language and the text of the queue's template, or of the desk's, in the language
        that is wanted if it is there; None where our own words are to be used."""
        template = self.chosen.get((occasion, queue_id)) or self.chosen.get((occasion, None))
        if template is None:
            return None
        said = in_language(template.texts, language)
        # Choosing and rewriting refuse such a text; what goes out unread is looked at once more.
        if not used_in(said.text) <= ALLOWED[occasion]:
            return None
        return said.language, fill(said.text, values)


def standing(session: Session) -> Standing:
    """What was chosen; a template that is offered no more counts as none."""
    rows = session.execute(
        select(StandingText, ReplyTemplate)
        .join(ReplyTemplate, ReplyTemplate.id == StandingText.template_id)
        .where(ReplyTemplate.archived_at.is_(None))
    )
    return Standing({(row.occasion, row.queue_id): template for row, template in rows})


def chosen(session: Session) -> list[StandingText]:
    """Every choice, the desk's own first."""
    ordered = select(StandingText).order_by(
        StandingText.queue_id.is_not(None), StandingText.occasion, StandingText.queue_id
    )
    return list(session.scalars(ordered))


def choose(
    session: Session,
    by: Principal,
    occasion: Occasion,
    template_id: UUID | None,
    *,
    at: datetime,
    queue_id: UUID | None = None,
) -> None:
    """Let that template stand for an occasion, of one queue or of the desk; with None, the desk's
    does or our own words. Raises WrongTemplate for one with placeholders that may not go out."""
    by.must(Act.MANAGE)
    if queue_id is not None and occasion not in BY_QUEUE:
        raise WrongTemplate(f"queue: what goes out on this occasion ({occasion}) is of no queue")
    if queue_id is not None and session.get(Queue, queue_id, with_for_update=True) is None:
        raise NotFound("there is no such queue")
    template = by_id(session, template_id, lock=True) if template_id is not None else None
    if template is not None:
        if template.archived_at is not None:
            raise WrongTemplate(f"template: “{template.name}” is offered no more")
        check_fits(occasion, {each.language: each.text for each in template.texts})
    held = select(StandingText).where(
        StandingText.occasion == occasion, StandingText.queue_id.is_not_distinct_from(queue_id)
    )
    known = session.scalar(held.with_for_update())
    if (known.template_id if known else None) == template_id:
        return
    if known is not None:
        session.execute(delete(StandingText).where(StandingText.id == known.id))
    if template is not None:
        session.add(StandingText(occasion=occasion, queue_id=queue_id, template_id=template.id))
    session.flush()
    events.record(
        session, "template.chosen", at=at, actor=by, occasion=occasion.value,
        template=str(template_id) if template_id else "", name=template.name if template else "",
        queue=str(queue_id) if queue_id else "",
    )  # fmt: skip
