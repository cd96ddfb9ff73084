"""What one tick costs: with few clocks running and with many, and the same number due.

Run: `python -m bench.clock [--million] [--postgres URL]`. The due ones are found by index, so the
last column should stay near 1 however many run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

import graph.opening  # noqa: F401  every table, whoever owns it
from intake import clock, migrations
from intake.cases import NEVER, Case, Priority, Reason, State
from intake.db import Base, Database, new_id
from intake.desk import Desk
from intake.queues import Queue
from intake.sla import Kpi, KpiInstance, KpiState, Sla, SlaItem, SlaState

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROUND = timedelta(hours=1)
DUE, ROUNDS, CHUNK = clock.BATCH, 9, 10_000
DESK = Desk("Bench", b"not a secret")


def main() -> None:
    """Print a table: clocks running, milliseconds a tick, and the ratio to the fewest."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--million", action="store_true", help="also with a million running")
    asked.add_argument("--postgres", default="", help="an empty database, instead of SQLite")
    options = asked.parse_args()
    sizes = [1_000, 100_000, *([1_000_000] if options.million else [])]
    of_due = f"tick of {DUE}"
    print(f"{'running':>10} {'idle look':>12} {of_due:>14} {'a clock':>10} {'ratio':>7}")
    first = 0.0
    for size in sizes:
        with _database(options.postgres) as db:
            idle, tick = _measure(db, size)
        first = first or tick
        print(
            f"{size:>10,} {idle * 1e3:>9.2f} ms {tick * 1e3:>11.1f} ms "
            f"{tick / DUE * 1e6:>7.0f} µs {tick / first:>7.2f}"
        )


def _measure(db: Database, size: int) -> tuple[float, float]:
    """Seconds that one look takes when nothing is due, and one tick when DUE clocks are."""
    with db.transaction() as session:
        item_id, queue_id, sla_id = _promise(session)
    _running(db, size, item_id, queue_id, sla_id)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    looks, ticks = [], []
    for number in range(1, ROUNDS + 1):
        at = START + number * ROUND
        looks.append(_timed(lambda at=at: _look(db, at - ROUND / 2)))
        ticks.append(_timed(lambda at=at: _tick(db, at)))
    return statistics.median(looks), statistics.median(ticks)


def _look(db: Database, at: datetime) -> None:
    with db.reading() as session:
        assert not clock.any_due(session, DESK, at=at)


def _tick(db: Database, at: datetime) -> None:
    with db.transaction() as session:
        moved = clock.tick(session, DESK, at=at).moved["clocks"]
    assert moved == DUE, moved


def _timed(act: Any) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def _promise(session: Any) -> tuple[Any, Any, Any]:
    queue = Queue(id=new_id(), name="Support", is_default=True)
    sla = Sla(id=new_id(), name="Standard", state=SlaState.ACTIVE, is_default=True)
    item = SlaItem(
        id=new_id(),
        sla_id=sla.id,
        position=1,
        kpi=Kpi.RESOLVE_BY,
        fail_after_minutes=60,
        actions=[],
    )
    session.add_all([queue, sla, item])
    session.flush()
    return item.id, queue.id, sla.id


def _running(db: Database, size: int, item_id: Any, queue_id: Any, sla_id: Any) -> None:
    """`size` clocks: DUE of them fail in each round, the others long after."""
    rounds = [START + number * ROUND for number in range(1, ROUNDS + 1) for _ in range(DUE)]
    for begin in range(0, size + len(rounds), CHUNK):
        numbers = range(begin, min(begin + CHUNK, size + len(rounds)))
        dues = [rounds[n] if n < len(rounds) else START + timedelta(days=365) for n in numbers]
        cases = [
            _case(number, due, queue_id, sla_id) for number, due in zip(numbers, dues, strict=True)
        ]
        clocks = [_clock(case, due, item_id) for case, due in zip(cases, dues, strict=True)]
        with db.transaction() as session:
            session.execute(insert(Case), cases)
            session.execute(insert(KpiInstance), clocks)


def _case(number: int, due: datetime, queue_id: Any, sla_id: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": number + 1,
        "subject": "Bench",
        "state": State.ACTIVE,
        "reason": Reason.IN_PROGRESS,
        "priority": Priority.NORMAL,
        "channel": "email",
        "queue_id": queue_id,
        "sla_id": sla_id,
        "opened_at": START,
        "updated_at": START,
        "deadline_at": due,
        "order_at": min(due, NEVER),
        "version": 1,
    }


def _clock(case: dict[str, Any], due: datetime, item_id: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "case_id": case["id"],
        "item_id": item_id,
        "kpi": Kpi.RESOLVE_BY,
        "state": KpiState.IN_PROGRESS,
        "started_at": due - ROUND,
        "fail_at": due,
        "next_at": due,
    }


@contextmanager
def _database(postgres: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        db = Database(postgres or f"sqlite:///{Path(folder) / 'bench.db'}")
        migrations.upgrade(db)
        if postgres:
            names = ", ".join(f'"{t}"' for t in Base.metadata.tables if t != "counters")
            with db.transaction() as session:
                session.execute(text(f"TRUNCATE {names} CASCADE"))
        yield db
        db.close()


if __name__ == "__main__":
    main()
