"""What goes out by itself, and the template that a queue or the desk chose for it.

Nobody reads such a text before it goes, and nobody knows who reads it then. So each occasion allows
the placeholders that hold no word of a stranger and tell no stranger anything, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id, one_of, refers_to
from intake.wording.placeholders import WrongTemplate, used_in

OF_THE_DESK = text("queue_id IS NULL")


class Occasion(StrEnum):
    """What goes out by itself."""

    ACKNOWLEDGEMENT = "acknowledgement"
    OFFER = "offer"  # instead of it, where nothing covers the case and its queue offers to renew
    LOW = "low"
    BEFORE = "before"
    AFTER = "after"


OF_A_CASE = frozenset({"number", "queue", "organisation"})
OF_A_PLAN = frozenset({"account", "plan", "left", "ends", "organisation"})
ALLOWED: Mapping[Occasion, frozenset[str]] = {
    Occasion.ACKNOWLEDGEMENT: OF_A_CASE,
    Occasion.OFFER: OF_A_CASE,
    Occasion.LOW: OF_A_PLAN,
    Occasion.BEFORE: OF_A_PLAN,
    Occasion.AFTER: OF_A_PLAN,
}
"""The placeholders of each occasion. Renewal notices go to the address that we wrote down."""
BY_QUEUE = frozenset({Occasion.ACKNOWLEDGEMENT, Occasion.OFFER})


class StandingText(Base):
    """The template that stands for an occasion: of one queue, or of the desk."""

    __tablename__ = "standing_texts"
    __table_args__ = (
        UniqueConstraint("occasion", "queue_id"),
        Index(
            "uq_standing_texts_desk",
            "occasion",
            unique=True,
            sqlite_where=OF_THE_DESK,
            postgresql_where=OF_THE_DESK,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    occasion: Mapped[Occasion] = mapped_column(one_of(Occasion))
    queue_id: Mapped[UUID | None] = mapped_column(refers_to("queues.id"), index=True)
    template_id: Mapped[UUID] = mapped_column(refers_to("reply_templates.id"), index=True)


def check_fits(occasion: Occasion, texts: Mapping[str, str]) -> None:
    """Raises WrongTemplate, naming the text, for one that may not go out on that occasion."""
    allowed = ALLOWED[occasion]
    for language, said in texts.items():
        for name in sorted(used_in(said) - allowed):
            known = ", ".join("{" + word + "}" for word in sorted(allowed))
            raise WrongTemplate(
                f"texts.{language}: {{{name}}} may not stand in what goes out by itself "
                f"({occasion}); use {known}"
            )


def check_chosen(session: Session, template_id: UUID, texts: Mapping[str, str]) -> None:
    """The same for every occasion that this template was chosen for."""
    chosen = select(StandingText.occasion).where(StandingText.template_id == template_id)
    for occasion in session.scalars(chosen.distinct()):
        check_fits(occasion, texts)
