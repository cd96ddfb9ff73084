"""A list of 50 cases with 10 fields, customer and queue: GraphQL beside a hand-written endpoint.

Both run in this process through ASGI, on one SQLite desk, in rounds that take turns, so that
whatever else the machine does hits both. The bound is one joined SELECT through SQLAlchemy Core,
written by orjson, for anybody who asks; ours also looks up who asks and what they may see.

    python -m bench.graphql_lists [--rounds 5] [--lists 100]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import orjson
import structlog
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.sandbox import Sandbox
from graph import api, demo
from graph.house import House, furnish
from intake import agents, migrations
from intake.accept import accept
from intake.cases import Case
from intake.customers import Account
from intake.db import Database
from intake.desk import Desk
from intake.messages import Address, Message
from intake.queues import Queue
from intake.settings import Settings
from intake.threads import Arrival

CASES = 1_000
QUERY = """{ cases(first: 50) { nodes { number subject state reason priority channel openedAt
    deadlineAt customer { name } queue { name } } } }"""
COLUMNS = (
    Case.number, Case.subject, Case.state, Case.reason, Case.priority, Case.channel,
    Case.opened_at, Case.deadline_at, Account.name.label("customer"), Queue.name.label("queue"),
)  # fmt: skip


def main() -> None:
    """Measure and print one table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--lists", type=int, default=100, help="lists in a round")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        settings = Settings(data_dir=Path(folder))
        db = Database(settings.database)
        migrations.upgrade(db)
        house = furnish(settings, db, Desk("Bench", b"a secret of the bench"), sandbox)
        token = filled(house)
        rounds = asyncio.run(measured(house, token, rounds=given.rounds, lists=given.lists))
        db.close()
    bound = statistics.median(round.wall for round in rounds["bound"])
    print(f"{'50 cases x 10 fields, SQLite':30} {'lists/s':>8} {'CPU ms':>7} {'ratio':>6}")
    for name, label in (("bound", "SQLAlchemy Core + orjson"), ("graphql", "GraphQL")):
        wall = statistics.median(round.wall for round in rounds[name])
        cpu = statistics.median(round.cpu for round in rounds[name])
        print(f"{label:30} {1 / wall:8.0f} {cpu * 1000:7.2f} {bound / wall:6.2f}")


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds for one list: on the clock, and of the processor (client included)."""

    wall: float
    cpu: float


def filled(house: House) -> str:
    """Plant Contoso and so many cases; the token of its administrator."""
    at = datetime.now(UTC)
    with house.db.transaction() as session:
        demo.plant(session, at=at)
        agent = agents.by_email(session, demo.ADMINISTRATOR)
        assert agent is not None, "Contoso has an administrator"
        token = agents.add_token(session, agent, name="bench", at=at)
    for start in range(0, CASES, 100):
        with house.db.transaction() as session:
            accept(session, [arrival(n, at) for n in range(start, start + 100)], house.desk)
    return token


def arrival(number: int, at: datetime) -> Arrival:
    """One message of one of Northwind's people."""
    sender = Address(f"person{number}@northwind.example", f"Person {number}")
    message = Message(
        "email", sender, f"Question {number}", "It does not print.",
        message_id=f"{number}@northwind.example",
    )  # fmt: skip
    return Arrival(message, demo.SUPPORT, at - timedelta(minutes=CASES - number))


async def measured(
    house: House, token: str, *, rounds: int, lists: int
) -> Mapping[str, list[Round]]:
    """What a list took in each round, by contestant."""
    app = Starlette(routes=[*api.routes(house), bound(house.db)])
    body = orjson.dumps({"query": QUERY})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    taken: dict[str, list[Round]] = {"bound": [], "graphql": []}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://office") as client:

        async def ask(name: str) -> httpx2.Response:
            if name == "bound":
                return await client.get("/bound")
            return await client.post("/graphql", content=body, headers=headers)

        same((await ask("graphql")).json()["data"]["cases"]["nodes"], (await ask("bound")).json())
        for _ in range(rounds):
            for name, found in taken.items():
                wall, cpu = time.perf_counter(), time.process_time()
                for _ in range(lists):
                    response = await ask(name)
                    assert response.status_code == 200, response.text
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                found.append(Round(wall / lists, cpu / lists))
    return taken


def bound(db: Database) -> Route:
    """The hand-written endpoint."""
    statement = (
        select(*COLUMNS)
        .join(Queue, Queue.id == Case.queue_id)
        .outerjoin(Account, Account.id == Case.account_id)
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(50)
    )

    def listed(_request: Request) -> Response:
        with db.reading() as session:
            rows = [row._asdict() for row in session.execute(statement)]
        return Response(orjson.dumps(rows), media_type="application/json")

    return Route("/bound", listed)


def same(ours: list[dict[str, object]], theirs: list[dict[str, object]]) -> None:
    """Both must tell of the same cases, or the comparison means nothing."""
    assert [case["number"] for case in ours] == [case["number"] for case in theirs]
    assert all(case["customer"] == {"name": "Northwind Traders"} for case in ours)
    assert len(ours) == 50


if __name__ == "__main__":
    main()
