"""What stands below every answer by mail: a signature for each queue, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, refers_to
from intake.errors import NotFound
from intake.queues import Queue
from intake.wording.languages import read


class Signature(Base):
    """What answers from a queue are signed with in one language; the first is for all others."""

    __tablename__ = "signatures"

    queue_id: Mapped[UUID] = mapped_column(refers_to("queues.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(16), primary_key=True)
    position: Mapped[int]
    text: Mapped[str]


def signatures_of(session: Session, queue_id: UUID) -> list[Signature]:
    """The signatures of a queue, the one for all other languages first."""
    mine = select(Signature).where(Signature.queue_id == queue_id).order_by(Signature.position)
    return list(session.scalars(mine))


def sign_with(
    session: Session, by: Principal, queue_id: UUID, texts: Mapping[str, str], *, at: datetime
) -> list[Signature]:
    """Sign answers from a queue with these texts by language; with none, they are not signed."""
    by.must(Act.MANAGE)
    queue = session.get(Queue, queue_id, with_for_update=True)
    if queue is None:
        raise NotFound("there is no such queue")
    written = [
        Signature(queue_id=queue_id, language=language, position=position, text=text)
        for position, (language, text) in enumerate(read(texts), start=1)
    ]
    session.execute(delete(Signature).where(Signature.queue_id == queue_id))
    session.add_all(written)
    session.flush()
    events.record(
        session, "queue.signed", at=at, actor=by, queue=str(queue_id), name=queue.name,
        languages=[each.language for each in written],
    )  # fmt: skip
    return written
