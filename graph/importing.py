"""Bringing in mail from an archive, with an account of every message at the end."""

from __future__ import annotations

import mailbox as mailboxes
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from uuid import UUID

from rich.progress import Progress
from rich.table import Table
from sqlalchemy import func, select

from channels.journal import Arrived, keep
from channels.sandbox import Sandbox
from graph.house import House, furnish
from graph.opening import desk_of, open_database
from intake import inbound, queues
from intake.cases import Case
from intake.inbound import Inbound, State
from intake.nouns import noun
from intake.settings import Settings

TOGETHER = 32
LOOK_AGAIN_SECONDS = 0.2


class Kind(StrEnum):
    """How the archive is kept."""

    MBOX = "mbox"  # one file
    EML = "eml"  # a file, or a folder of files


@dataclass(slots=True)
class Account:
    """Where every message of an import ended. `agrees` when the four sum to what was read."""

    read: int = 0
    filed: int = 0
    duplicate: int = 0
    filtered: int = 0
    quarantined: int = 0
    cases: int = 0

    @property
    def agrees(self) -> bool:
        """Whether each message is accounted for exactly once."""
        ends = self.filed + self.duplicate + self.filtered + self.quarantined
        return self.read == ends

    def as_table(self) -> Table:
        """The account for a person to read."""
        table = Table("messages", "", box=None)
        for name in ("filed", "duplicate", "filtered", "quarantined"):
            table.add_row(name, str(getattr(self, name)))
        table.add_row("read in all", str(self.read))
        table.add_row(f"{noun.many} opened", str(self.cases))
        return table


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The desk of these settings, opened for one command."""
    db = open_database(settings)
    try:
        with Sandbox(children=settings.parser_children) as sandbox:
            yield furnish(settings, db, desk_of(settings), sandbox)
    finally:
        db.close()


def bring_in(
    house: House,
    kind: Kind,
    path: Path,
    *,
    mailbox: str = "",
    historic: bool = True,
    routed: bool = True,
) -> Account:
    """Keep and file every message of the archive; a worker may be filing at the same time.

    New cases wait where their mailbox leads, and not the rules, unless they are `routed`.
    """
    mailbox = mailbox or _default_mailbox(house)
    account = Account()
    cases_before = _count_cases(house)
    kept: set[UUID] = set()
    messages = read(kind, path)
    with Progress(transient=True) as progress:
        bar = progress.add_task("bringing in", total=count(kind, path))
        while batch := list(islice(messages, TOGETHER)):
            at = datetime.now(UTC)
            envelope = {"rcpt_to": [mailbox], "historic": historic, "routed": routed}
            arrivals = [Arrived("email", mailbox, raw, envelope, at) for raw in batch]
            ids = keep(house.db, arrivals, reserve_bytes=house.settings.reserve_bytes)
            account.read += len(batch)
            account.duplicate += ids.count(None)
            kept |= {id for id in ids if id is not None}
            house.reception.file(at=datetime.now(UTC), limit=TOGETHER)
            progress.update(bar, advance=len(batch))
        progress.update(bar, description="filing the rest")
        _wait(house, kept)
    _settle(house, kept, account)
    account.cases = _count_cases(house) - cases_before
    return account


def file_one(house: House, arrived: Arrived) -> str:
    """Keep and file one message now; what became of it, in words."""
    [id] = keep(house.db, [arrived], reserve_bytes=house.settings.reserve_bytes)
    if id is None:
        return "known already; nothing changed"
    house.reception.file(at=datetime.now(UTC), ids=[id])
    with house.db.reading() as session:
        row = session.get_one(Inbound, id)
        case = session.get(Case, row.case_id) if row.case_id else None
        return f"{noun} {case.number}" if case else f"{row.state}: {row.reason}"


def read(kind: Kind, path: Path) -> Iterator[bytes]:
    """The raw messages of an archive, one at a time."""
    if kind is Kind.MBOX:
        with closing(mailboxes.mbox(path, create=False)) as archive:
            for key in archive.iterkeys():
                yield archive.get_bytes(key)
    else:
        for file in _files(path):
            yield file.read_bytes()


def count(kind: Kind, path: Path) -> int:
    """How many messages an archive holds."""
    if kind is Kind.MBOX:
        with closing(mailboxes.mbox(path, create=False)) as archive:
            return len(archive)
    return len(_files(path))


def _files(path: Path) -> list[Path]:
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]


def _wait(house: House, kept: set[UUID]) -> None:
    # A failed attempt waits a few seconds before the next, so the last ones take a moment.
    while _pending(house, kept):
        if not house.reception.file(at=datetime.now(UTC), limit=TOGETHER).taken:
            time.sleep(LOOK_AGAIN_SECONDS)


def _pending(house: House, kept: set[UUID]) -> bool:
    waiting = select(Inbound.id).where(Inbound.state == State.PENDING)
    with house.db.reading() as session:
        return any(id in kept for id in session.scalars(waiting))


def _settle(house: House, kept: set[UUID], account: Account) -> None:
    with house.db.reading() as session:
        for state, ids in inbound.by_state(session, kept).items():
            if state is State.FILED:
                account.filed = ids
            elif state is State.FILTERED:
                account.filtered = ids
            elif state is State.QUARANTINED:
                account.quarantined = ids


def _count_cases(house: House) -> int:
    with house.db.reading() as session:
        return session.scalar(select(func.count()).select_from(Case)) or 0


def _default_mailbox(house: House) -> str:
    with house.db.reading() as session:
        return queues.every(session).default.address or ""
