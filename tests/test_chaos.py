"""What dies, stalls or goes away in the middle of things costs nothing that we said yes to."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import create_engine, func, select, text, update

from intake.db import Database, new_id
from intake.inbound import Inbound, State
from tests.oracle import check_invariants
from tests.postgres import Cluster, NoPostgres, own_cluster
from tests.processes import Premises, Process, premises, wait_until
from tests.senders import Senders, answer_to, letters, send

# A run can be repeated with the seed that a failure prints.
SEED = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))


@pytest.fixture
def chance() -> random.Random:
    """Chance, told in the output of a failure."""
    print(f"CHAOS_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture(params=["sqlite", "postgresql"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Premises]:
    """A place for a desk's processes, on each engine in turn."""
    if request.param == "sqlite":
        with premises(tmp_path) as place:
            yield place
        return
    base = request.getfixturevalue("postgres_url")
    name = f"chaos_{new_id().hex}"
    admin = create_engine(base.replace("postgresql:", "postgresql+psycopg:", 1))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        database = admin.url.set(drivername="postgresql", database=name)
        with premises(tmp_path, database.render_as_string(hide_password=False)) as place:
            yield place
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


def filed(db: Database) -> int:
    with db.reading() as session:
        done = select(func.count()).where(Inbound.state == State.FILED)
        return session.scalar(done) or 0


def reached(db: Database, count: int) -> bool:
    return filed(db) >= count


def wait_for(senders: Senders, count: int) -> None:
    """Return when so many mails were answered yes."""
    wait_until(lambda: len(senders.sent.acked) >= count, f"{count} mails")


def leases_end(db: Database) -> None:
    """What a dead worker had taken is free again, as it is when its lease has passed."""
    with db.transaction() as session:
        session.execute(update(Inbound).values(claimed_until=None))


def drained(here: Premises, db: Database, acked: list[bytes]) -> None:
    """Everything that waits is filed, and every promise holds."""
    leases_end(db)
    wait_until(lambda: filed(db) >= len(acked), "the last mail")
    check_invariants(db, acked, drained=True, outbox=here.folder / "outbox")


# Processes die


@pytest.mark.parametrize("kills", [5])
def test_killing_doors_and_workers_loses_and_doubles_nothing(
    here: Premises, chance: random.Random, kills: int
) -> None:
    mails = letters(200)
    db = here.prepare()
    running = {duty: here.run(duty) for duty in ("smtp", "worker")}
    for process in running.values():
        process.opened()
    senders = Senders(here.smtp_port, mails).start()

    for kill in range(kills):
        for duty in running:
            enough = len(mails) * kill // (kills + 1)
            wait_for(senders, enough)
            time.sleep(chance.uniform(0, 0.4))
            running[duty].kill()
            running[duty] = here.run(duty)
        running["worker"].opened()
        leases_end(db)
    sent = senders.finish()

    assert len(sent.acked) == len(mails)
    drained(here, db, sent.acked)
    db.close()


def test_a_worker_that_is_killed_at_any_moment_leaves_no_half_work(
    here: Premises, chance: random.Random
) -> None:
    mails = letters(150)
    db = here.prepare()
    here.run("smtp").opened()
    sent = send(here.smtp_port, mails)

    for _ in range(5):
        worker = here.run("worker").opened()
        time.sleep(chance.uniform(0, 0.3))
        worker.kill()
        check_invariants(db, sent.acked, outbox=here.folder / "outbox")
        leases_end(db)
    here.run("worker").opened()

    drained(here, db, sent.acked)
    db.close()


def test_readers_that_die_every_ten_mails_hold_nothing_up(tmp_path: Path) -> None:
    mails = letters(100)
    with premises(tmp_path) as here:
        db = here.prepare()
        here.run("smtp").opened()
        sent = send(here.smtp_port, mails)
        worker = here.run("worker").opened()

        killed = 0
        for so_many in range(10, 100, 10):
            wait_until(partial(reached, db, so_many), "the next ten", 120)
            for reader in children(worker):
                os.kill(reader, signal.SIGKILL)
                killed += 1
        # A mail whose reader was killed waits some seconds before it is tried again.
        wait_until(lambda: filed(db) == len(mails), "the last mail")

        assert killed > 0
        assert worker.code is None
        check_invariants(db, sent.acked, drained=True)
        db.close()


def children(process: Process) -> list[int]:
    """The children of a process that we started: the readers of a worker."""
    found = []
    for thread in Path(f"/proc/{process.pid}/task").glob("*/children"):
        found += [int(pid) for pid in thread.read_text().split()]
    return found


@pytest.mark.parametrize("duty", ["smtp", "public", "office"])
def test_a_second_door_on_the_same_port_says_so_and_leaves_the_first_alone(
    tmp_path: Path, duty: str
) -> None:
    with premises(tmp_path) as here:
        here.prepare().close()
        first = here.run("smtp", "public", "office").opened()

        second = here.command("run", duty)

        port = {"smtp": here.smtp_port, "public": here.public_port, "office": here.office_port}
        assert second.returncode == 2
        [line] = second.stderr.splitlines()
        assert f"127.0.0.1:{port[duty]} is taken" in line
        assert answer_to(here.smtp_port, letters(1)[0]).startswith("250 ")
        assert here.ready(here.public_port)
        assert here.ready(here.office_port)
        assert first.code is None


def test_two_workers_share_the_work(here: Premises) -> None:
    mails = letters(120)
    db = here.prepare()
    here.run("smtp").opened()
    sent = send(here.smtp_port, mails)

    for _ in range(2):
        here.run("worker")

    drained(here, db, sent.acked)
    db.close()


# The database stalls, or goes away and comes back


def test_a_lock_held_by_another_tool_delays_mail_and_loses_none(tmp_path: Path) -> None:
    mails = letters(20)
    with premises(tmp_path) as here:
        db = here.prepare()
        here.run("smtp", "worker").opened()
        tool = dbapi2.connect(str(here.folder / "desk.db"), isolation_level=None)
        tool.execute("BEGIN IMMEDIATE")

        refused = answer_to(here.smtp_port, mails[0])
        listed = here.command("inbound", "list", "pending")
        tool.execute("ROLLBACK")
        tool.close()
        sent = send(here.smtp_port, mails)

        assert refused.startswith("451 4.3.0 Temporary failure")
        assert listed.returncode == 0
        drained(here, db, sent.acked)
        assert len(sent.acked) == len(mails)
        db.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of our own, which honours fsync and may be stopped."""
    try:
        with own_cluster(fsync=True) as one:
            yield one
    except NoPostgres as error:
        pytest.skip(f"no PostgreSQL that we may stop: {error}")


def test_postgresql_that_goes_away_and_comes_back_loses_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    mails = letters(200)
    with premises(tmp_path, cluster.url) as here:
        db = here.prepare()
        running = [here.run(duty).opened() for duty in ("smtp", "public", "worker")]
        assert here.ready(here.public_port)
        senders = Senders(here.smtp_port, mails).start()
        wait_for(senders, 50)

        cluster.stop()
        wait_until(lambda: senders.sent.codes == {451}, "the door to say: later")
        assert not here.ready(here.public_port)
        assert answer_to(here.smtp_port, mails[0]).startswith("451 ")
        cluster.start()
        sent = senders.finish()

        wait_until(lambda: here.ready(here.public_port), "the health to be green", 10)
        assert sent.codes == {451}
        assert len(sent.acked) == len(mails)
        assert [process.code for process in running] == [None, None, None]
        drained(here, db, sent.acked)
        db.close()


def test_a_start_without_its_database_ends_with_one_line(cluster: Cluster, tmp_path: Path) -> None:
    with premises(tmp_path, cluster.url) as here:
        here.prepare().close()
        cluster.stop()

        ended = here.command("run", "smtp")

        assert ended.returncode == 1
        [line] = ended.stderr.splitlines()
        assert "the database is away" in line
        cluster.start()
        here.run("smtp").opened()


@pytest.mark.parametrize("here", ["postgresql"], indirect=True)
def test_connections_cut_by_the_server_are_made_anew(here: Premises) -> None:
    mails = letters(100)
    db = here.prepare()
    here.run("smtp", "worker").opened()
    senders = Senders(here.smtp_port, mails).start()
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(0.1):
            with db.transaction() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    cutter = threading.Thread(target=cut)
    cutter.start()
    wait_until(lambda: len(senders.sent.acked) > 50 or senders.done, "some mail")
    stop.set()
    cutter.join()
    sent = senders.finish()

    assert sent.codes <= {451}
    drained(here, db, sent.acked)
    db.close()
