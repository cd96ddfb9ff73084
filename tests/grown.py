"""A desk that has grown: many cases made by the database itself, copied from one that came in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from intake import migrations
from intake.agents import Agent, Principal
from intake.cases import Activity, Case
from intake.db import Database, new_id
from intake.fields import CaseType
from intake.queues import Queue, QueueItem, QueueMember
from intake.teams import Team, TeamMember
from tests.desk import NOON, DeskUnderTest, email

QUEUES, AGENTS = 20, 40
OPEN_SHARE = 10
"""One case in so many is open."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The desk, and one of those who work there: in two queues and a team."""

    desk: DeskUnderTest
    agent: Principal
    queue_id: UUID


@contextmanager
def a_database_of_its_own(url: str, name: str) -> Iterator[Database]:
    """A database for a desk that grows: on PostgreSQL one beside that of the URL, migrated, for to
    empty one of so many rows costs more than to drop it."""
    server = make_url(url)
    if server.get_backend_name() == "sqlite":
        db = Database(url)
        yield db
        db.close()
        return
    name = f"{name}_{os.getpid()}"
    admin = create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    db = Database(server.set(database=name).render_as_string(hide_password=False))
    migrations.upgrade(db)
    yield db
    db.close()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def grow(desk: DeskUnderTest, count: int, *, searched: bool = False) -> Grown:
    """Give an empty desk so many cases: most of them closed, some open, some of those waiting.

    If they are to be `searched`, each has a message too, and both wait for the index.
    """
    people = [desk.has_agent(f"Agent{n:02}") for n in range(AGENTS)]
    queues = [desk.has_queue(f"Queue{n:02}") for n in range(QUEUES)]
    team = Team(id=new_id(), name="Team", created_at=NOON)
    complaint = CaseType(id=new_id(), name="Complaint", position=1)
    # One queue in twenty is closed to others, as few are.
    secret = desk.has_queue("Secret", members=(people[-1],))
    with desk.transaction() as session:
        session.add_all((team, complaint))
        session.flush()
        session.add(TeamMember(team_id=team.id, agent_id=people[0].id))
        session.add_all(QueueMember(queue_id=q.id, agent_id=people[0].id) for q in queues[:2])
    desk.accepts(email())
    with desk.transaction() as session:
        if desk.db.dialect == "sqlite":
            session.execute(text("PRAGMA cache_size = -500000"))
        else:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            # Copies refer to what is there, so nothing needs to be checked.
            session.execute(text("SET LOCAL session_replication_role = replica"))
        _copy_cases(session, count, [*queues, secret], people, complaint)
        _let_them_wait(session)
        if searched:
            _let_them_say_something(session)
    analyze(desk.db)
    return Grown(desk, people[0].principal("test"), queues[1].id)


def analyze(db: Database) -> None:
    """Let PostgreSQL know what it has, as it does by itself after a while; SQLite never does."""
    if db.dialect == "sqlite":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _copy_cases(
    session: Session, count: int, queues: list[Queue], people: list[Agent], complaint: CaseType
) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"
    numbered = {
        "queue_id": [queue.id for queue in queues],
        "agent_id": [agent.id for agent in people],
    }
    for name, ids in numbered.items():
        session.execute(
            text(f"CREATE TEMPORARY TABLE of_{name} (n INTEGER PRIMARY KEY, id CHAR(36))")
        )
        kept = [id.hex if sqlite else str(id) for id in ids]
        session.execute(
            text(f"INSERT INTO of_{name} VALUES (:n, :id)"),
            [{"n": n, "id": id} for n, id in enumerate(kept)],
        )
    cast = "" if sqlite else "::uuid"
    kind = complaint.id.hex if sqlite else complaint.id
    open_ = f"n % {OPEN_SHARE} = 0"
    owned = f"{open_} AND n % 20 = 0"
    opened = (
        "strftime('%Y-%m-%d %H:%M:%f000', '2026-03-02', '-' || n || ' minutes')"
        if sqlite
        else "timestamptz '2026-03-02' - n * interval '1 minute'"
    )
    # Not n * 7919: that is too large for PostgreSQL's integers.
    spread = "(n % 90000 * 7919 % 90000)"
    due = (
        f"strftime('%Y-%m-%d %H:%M:%f000', '2026-03-02', '+' || {spread} || ' minutes')"
        if sqlite
        else f"timestamptz '2026-03-02' + {spread} * interval '1 minute'"
    )
    _insert(
        session, Case, "cases c, numbers",
        {
            "id": "lower(hex(randomblob(16)))" if sqlite else "gen_random_uuid()",
            "number": "1001 + n",
            "subject": "'Printer ' || n",
            "subject_folded": "' printer ' || n || ' '",
            "state": f"CASE WHEN {open_} THEN 'active' ELSE 'resolved' END",
            "reason": f"CASE WHEN {open_} THEN 'in progress' ELSE 'problem solved' END",
            "queue_id": (
                f"(SELECT id FROM of_queue_id WHERE n = numbers.n / 10 % {len(queues)}){cast}"
            ),
            "owner_id": (
                f"CASE WHEN {owned} OR NOT ({open_}) THEN"
                f" (SELECT id FROM of_agent_id WHERE n = numbers.n / 20 % {len(people)}){cast} END"
            ),
            "waiting_since_at": f"CASE WHEN {open_} AND NOT ({owned}) THEN {opened} END",
            "opened_at": opened, "updated_at": opened, "order_at": due, "deadline_at": due,
            "resolved_at": f"CASE WHEN {open_} THEN NULL ELSE {opened} END",
            "type_id": f"CASE WHEN n % 500 = 0 THEN '{kind}'{cast} END",
            "snoozed_at": f"CASE WHEN n % 1000 = 0 THEN {opened} END",
        },
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
        f" WHERE n < {count})",
        "c.number = 1001",
    )  # fmt: skip


def _let_them_wait(session: Session) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"
    _insert(
        session, QueueItem, "cases c, queue_items i",
        {
            "id": "lower(hex(randomblob(16)))" if sqlite else "gen_random_uuid()",
            "queue_id": "c.queue_id", "case_id": "c.id", "entered_at": "c.opened_at",
            "worked_by_id": "c.owner_id",
            "worked_since_at": "CASE WHEN c.owner_id IS NULL THEN NULL ELSE c.opened_at END",
        },
        "", "c.number > 1001 AND c.state = 'active'", of="i",
    )  # fmt: skip


def _let_them_say_something(session: Session) -> None:
    """A message for each case: with words that all have, one in 20, one in 1000 and one alone."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    _insert(
        session, Activity, "cases c, activities a",
        {
            "id": "lower(hex(randomblob(16)))" if sqlite else "gen_random_uuid()",
            "case_id": "c.id", "at": "c.opened_at", "subject": "''",
            "new_text": "'The toner is low. Batch b' || (c.number % 20) ||"
            " ', model m' || (c.number % 1000) || ', order o' || c.number",
        },
        "", "c.number > 1001 ORDER BY c.number", of="a",
    )  # fmt: skip
    # In the order of life: each case with its message.
    session.execute(text("DELETE FROM search_waiting WHERE kind IN ('case', 'activity')"))
    session.execute(
        text(
            "INSERT INTO search_waiting (kind, of) SELECT kind, id FROM ("
            " SELECT 'case' kind, id, number FROM cases UNION ALL"
            " SELECT 'activity', a.id, c.number FROM activities a JOIN cases c ON c.id = a.case_id"
            ") said ORDER BY number"
        )
    )


def _insert(
    session: Session,
    table: Any,
    source: str,
    made: Mapping[str, str],
    before: str,
    where: str,
    *,
    of: str = "c",
) -> None:
    """Copies of the row of the source called `of`, but for the columns that are made."""
    columns = [column.name for column in table.__table__.columns]
    values = ", ".join(made.get(name, f'{of}."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    session.execute(
        text(
            f"INSERT INTO {table.__tablename__} ({names}) {before}"
            f" SELECT {values} FROM {source} WHERE {where}"
        )
    )
