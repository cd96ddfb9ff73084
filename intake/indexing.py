"""The words by which cases are found, brought up to date after what was written is committed.

Whatever is written waits in a list that the database keeps (`migrations.fulltext`), so nothing is
missed: not what another program wrote, nor what came while no worker ran.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, column, delete, func, insert, literal, select, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from intake.cases import Activity, Attachment, Case
from intake.customers import Account, Contact, ContactPoint

BATCH = 200
LONGEST = 20_000
"""Characters that are read of each; what is pasted below a message is seldom looked for."""

WAITING = table("search_waiting", column("id", BigInteger), column("kind"), column("of", Uuid))
ENTRIES = table(
    "search_entries", column("id", BigInteger), column("kind"), column("of", Uuid), column("words")
)
WORDS = table("search_words", column("rowid", BigInteger), column("words"), column("search_words"))


class Source(NamedTuple):
    """What has words, and in which columns."""

    mapped: Any
    columns: tuple[Any, ...]

    @property
    def said(self) -> Any:
        """All its words."""
        first, *rest = self.columns
        for more in rest:
            first = first + " " + more
        return func.substr(first, 1, LONGEST)


SOURCES = {
    "activity": Source(
        Activity,
        (Activity.author_name, Activity.author_address, Activity.subject, Activity.new_text),
    ),
    "file": Source(Attachment, (Attachment.name,)),
    "case": Source(Case, (Case.subject,)),
    "contact": Source(Contact, (Contact.name,)),
    "point": Source(ContactPoint, (ContactPoint.value,)),
    "account": Source(Account, (Account.name,)),
}


def any_waiting(session: Session) -> bool:
    """Whether anything was written whose words are not found yet."""
    return session.scalar(select(WAITING.c.id).limit(1)) is not None


def catch_up(session: Session, *, limit: int = BATCH) -> int:
    """Let the oldest of what waits be found by its words; how much that was."""
    waiting = session.execute(
        select(WAITING.c.id, WAITING.c.kind, WAITING.c.of)
        .order_by(WAITING.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    by_kind: dict[str, set[UUID]] = {}
    for _id, kind, of in waiting:
        by_kind.setdefault(kind, set()).add(of)
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    for kind, ids in by_kind.items():
        (_into_fts if on_sqlite else _into_tsvector)(session, kind, ids)
    session.execute(delete(WAITING).where(WAITING.c.id.in_([row.id for row in waiting])))
    return len(waiting)


def _into_fts(session: Session, kind: str, ids: set[UUID]) -> None:
    source = SOURCES[kind]
    wanted = source.mapped.id.in_(ids)
    known = sqlite.insert(ENTRIES).from_select(
        ["kind", "of"], select(literal(kind), source.mapped.id).where(wanted)
    )
    session.execute(known.on_conflict_do_nothing())
    said = (
        select(ENTRIES.c.id, source.said)
        .join(source.mapped, source.mapped.id == ENTRIES.c.of)
        .where(ENTRIES.c.kind == kind, wanted)
    )
    session.execute(insert(WORDS).prefix_with("OR REPLACE").from_select(["rowid", "words"], said))


def _into_tsvector(session: Session, kind: str, ids: set[UUID]) -> None:
    source = SOURCES[kind]
    # In their order, so that two workers who meet at one row do not wait for each other.
    said = (
        select(literal(kind), source.mapped.id, func.words_of(source.said))
        .where(source.mapped.id.in_(ids))
        .order_by(source.mapped.id)
    )
    written = postgresql.insert(ENTRIES).from_select(["kind", "of", "words"], said)
    session.execute(
        written.on_conflict_do_update(
            index_elements=["kind", "of"], set_={"words": written.excluded.words}
        )
    )
