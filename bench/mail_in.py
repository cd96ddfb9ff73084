"""Mail coming in, on both databases, beside a bare door that only keeps it.

Two rates, measured in one run: until a mail is durable (its 250), with the worker busy all the
time, and until the last one is filed with its case. The bound for the first is `bench.bare_smtp`,
run in the same minute, since the machine's other work would change any figure taken alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from bench.consumption import cpu_seconds, resident_bytes
from bench.load import Poured, mails, pour
from graph import demo
from intake import migrations
from intake.db import Database
from intake.inbound import Inbound, State
from tests.postgres import Cluster, NoPostgres, own_cluster
from tests.processes import ROOT, Premises, free_ports, premises

CONNECTIONS = 32
WARM_UP = 200
LOOK_AGAIN_SECONDS = 0.1
Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of one desk. CPU is that of all its processes, the database server's included."""

    poured: Poured
    filed_per_second: float
    cpu_ms: float
    held: int
    grew: int
    """Bytes of memory at the end, and how many more than after the warm-up; without the server."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=2000, help="20000 shows the memory")
    arguments.add_argument("--rounds", type=int, default=3, help="the median one is shown")
    options = arguments.parse_args()
    for what, measured, ratio in rows(options.messages, options.rounds):
        print(f"{what:<50} {measured:<44} {ratio}", flush=True)


def rows(messages: int = 2000, rounds: int = 3) -> Iterator[Row]:
    """What was measured, in words and as a share of the bound."""
    bare: list[Poured] = []
    taken: dict[str, list[Taken]] = {"SQLite": [], "PostgreSQL": []}
    with _server() as cluster:
        for seed in range(rounds):  # by turns, so that the machine's other work meets all alike
            bare.append(keep_bare(messages, seed=seed))
            taken["SQLite"].append(take_in(messages, seed=seed))
            if cluster is not None:
                taken["PostgreSQL"].append(take_in(messages, seed=seed, cluster=cluster))
    bound = median(one.rate for one in bare)
    yield f"{messages} mails, load of the machine {os.getloadavg()[0]:.1f}", "", "of the bound"
    yield "aiosmtpd that appends and fsyncs: the bound", _shown(bare), "1.00"
    for name, runs in taken.items():
        yield from _desk_rows(name, runs, bound)


def _desk_rows(name: str, runs: Sequence[Taken], bound: float) -> Iterator[Row]:
    if not runs:
        yield f"{name}: not there", "", ""
        return
    poured = [run.poured for run in runs]
    rate = median(one.rate for one in poured)
    yield f"{name}: to the 250, the worker busy", _shown(poured), f"{rate / bound:.2f}"
    filed, cpu = median(run.filed_per_second for run in runs), median(run.cpu_ms for run in runs)
    yield f"{name}: to the case", f"{filed:.0f}/s, CPU {cpu:.2f} ms a mail", f"{filed / bound:.2f}"
    held, grew = median(run.held for run in runs), median(run.grew for run in runs)
    yield f"{name}: memory", f"{held / 2**20:.0f} MB, {grew / 2**20:+.1f} MB meanwhile", ""


@contextmanager
def _server() -> Iterator[Cluster | None]:
    """A PostgreSQL that honours fsync, where the machine has one."""
    try:
        with own_cluster(fsync=True) as cluster:
            yield cluster
    except NoPostgres:
        yield None


def _shown(runs: Sequence[Poured]) -> str:
    rate = median(run.rate for run in runs)
    half, most = (median(run.wait(share) for run in runs) * 1000 for share in (0.5, 0.95))
    return f"{rate:.0f}/s, p50 {half:.1f} ms, p95 {most:.1f} ms"


def keep_bare(messages: int, *, seed: int) -> Poured:
    """The same mails through the door that only keeps them."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "bench.bare_smtp", "--port", str(port)]
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        door = subprocess.Popen(
            [*command, "--directory", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert door.stdout is not None
            door.stdout.readline()
            pour(port, mails(WARM_UP, demo.SUPPORT, seed=1000 + seed), connections=CONNECTIONS)
            return pour(port, mails(messages, demo.SUPPORT, seed=seed), connections=CONNECTIONS)
        finally:
            door.terminate()
            door.wait()


def take_in(messages: int, *, seed: int, cluster: Cluster | None = None) -> Taken:
    """The mails through a desk's door and its worker, until each is filed."""
    with (
        tempfile.TemporaryDirectory(dir=ROOT) as folder,
        premises(Path(folder), cluster.new_database() if cluster else "") as here,
        closing(_contoso(here)) as db,
    ):
        ours = [here.run(duty).opened().pid for duty in ("smtp", "worker")]
        everybody = [*ours, *([cluster.pid] if cluster else [])]
        _sent(here, WARM_UP, seed=1000 + seed)
        _all_filed(db, WARM_UP)
        cpu, memory, began = cpu_seconds(everybody), resident_bytes(ours), time.perf_counter()
        poured = _sent(here, messages, seed=seed)
        _all_filed(db, WARM_UP + messages)
        took, held = time.perf_counter() - began, resident_bytes(ours)
        cpu = cpu_seconds(everybody) - cpu
    return Taken(poured, messages / took, cpu * 1000 / messages, held, held - memory)


def _contoso(here: Premises) -> Database:
    """The demo's desk: articles to suggest, entitlements to check, deadlines to count."""
    db = Database(here.database_url)
    migrations.upgrade(db)
    with db.transaction() as session:
        demo.plant(session, at=datetime.now(UTC))
    return db


def _sent(here: Premises, count: int, *, seed: int) -> Poured:
    poured = pour(here.smtp_port, mails(count, demo.SUPPORT, seed=seed), connections=CONNECTIONS)
    assert len(poured.waits) == count, f"refused: {poured.refused}"
    return poured


def _all_filed(db: Database, count: int) -> None:
    done = select(func.count()).where(Inbound.state == State.FILED)
    while True:
        with db.reading() as session:
            if session.scalar(done) == count:
                return
        time.sleep(LOOK_AGAIN_SECONDS)


if __name__ == "__main__":
    main()
