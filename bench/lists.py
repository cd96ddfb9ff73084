"""Lists and search as a desk grows: what a page costs beside the same page of the smallest desk.

Each size is a desk of its own, grown by the database itself. The first and a later page of the
lists people work from, a saved view and searches of many kinds are asked in turn, the sizes in
rounds; a ratio near 1 says that the page costs what it shows and not what there is.

    python -m bench.lists [--sizes 10000,100000] [--rounds 5] [--url postgresql://…]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Select, create_engine, literal, make_url, text, tuple_
from sqlalchemy.orm import Session

import channels.slack.countdown
import channels.slack.seen  # noqa: F401  its table too
import kb.suggestions  # noqa: F401  the tables above the domain
from graph.console import navigation
from intake import indexing, migrations, saved_views, search, views
from intake.cases import Case
from intake.db import Database, new_id
from intake.saved_views import ViewTerms
from intake.views import Scope, View
from tests.desk import NOON, DeskUnderTest
from tests.grown import Grown, analyze, grow

PAGE = 50
INDEXED_AT_ONCE = 1_000
Ask = Callable[[Session, Grown], object]


@dataclass(frozen=True, slots=True)
class Size:
    """A desk of so many cases."""

    count: int
    db: Database
    grown: Grown


def main() -> None:
    """Measure and print one table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sizes", default="10000,100000")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--url", default="", help="a PostgreSQL server; SQLite if not given")
    options.add_argument("--without-search", action="store_true", help="much sooner ready")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = [
            _grown(int(count), given.url, Path(folder), searched=not given.without_search)
            for count in given.sizes.split(",")
        ]
        searched = ("search", "any of")
        asked = {
            name: ask
            for name, ask in ASKED.items()
            if not (given.without_search and name.startswith(searched))
        }
        took: dict[str, dict[int, list[float]]] = {
            name: {size.count: [] for size in sizes} for name in asked
        }
        for _ in range(given.rounds):
            for name, ask in asked.items():
                for size in sizes:
                    took[name][size.count].append(_timed(size, ask))
        for size in sizes:
            size.db.close()
    _print(sizes[0].db.dialect, took)


def _grown(count: int, url: str, folder: Path, *, searched: bool) -> Size:
    db = Database(_fresh(url, f"lists_{count}") if url else f"sqlite:///{folder}/{count}.db")
    migrations.upgrade(db)
    began = time.perf_counter()
    grown = grow(DeskUnderTest(db), count, searched=searched)
    print(f"{count:,} cases made in {time.perf_counter() - began:.0f} s", flush=True)
    if searched:
        _index(db)
        print(f"and can be searched after {time.perf_counter() - began:.0f} s", flush=True)
    return Size(count, db, grown)


def _index(db: Database) -> None:
    """Let all that was written be found, as a worker does, but in larger steps."""
    found = 0
    while True:
        # Each step in a transaction of its own: PostgreSQL reads past what this one deleted.
        with db.transaction() as session:
            done = indexing.catch_up(session, limit=INDEXED_AT_ONCE)
        if not done:
            break
        found += done
        if found % (INDEXED_AT_ONCE * 250) == 0:
            print(f"  {found:,} texts indexed", flush=True)
    analyze(db)


def _fresh(url: str, name: str) -> str:
    server = make_url(url)
    admin = create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


def _timed(size: Size, ask: Ask) -> float:
    with size.db.reading() as session:
        began = time.perf_counter()
        ask(session, size.grown)
        return time.perf_counter() - began


def _page(of: Callable[[Grown], Select[Case]], *, after: bool = False, closed: bool = False) -> Ask:
    column = Case.updated_at if closed else Case.order_at

    def ask(session: Session, grown: Grown) -> object:
        statement = of(grown)
        if after:
            here = tuple_(
                literal(NOON + timedelta(days=30), column.type), literal(new_id(), Case.id.type)
            )
            statement = statement.where(tuple_(column, Case.id) > here)
        order = (column.desc(), Case.id.desc()) if closed else (column, Case.id)
        return session.scalars(statement.order_by(*order).limit(PAGE + 1)).all()

    return ask


def _search(words: str) -> Ask:
    return lambda session, grown: search.search(session, grown.agent, words, first=PAGE)


def _view(view: View, scope: Scope = Scope.EVERY) -> Callable[[Grown], Select[Case]]:
    return lambda grown: views.cases(grown.agent, view, scope=scope)


def _saved(grown: Grown) -> Select[Case]:
    open_ = {"field": "state", "op": "is", "value": "active"}
    left = {"field": "owner", "op": "is empty"}
    return saved_views.cases(grown.agent, ViewTerms("Left", {"all": [open_, left]}), at=NOON)


ASKED: Mapping[str, Ask] = {
    "all": _page(_view(View.ALL)),
    "all, next page": _page(_view(View.ALL), after=True),
    "available": _page(_view(View.AVAILABLE)),
    "available, next page": _page(_view(View.AVAILABLE), after=True),
    "mine": _page(_view(View.MINE)),
    "complaints": _page(_view(View.COMPLAINTS)),
    "my queues": _page(_view(View.ALL, Scope.MINE)),
    "closed": _page(_view(View.CLOSED), closed=True),
    "a saved view": _page(_saved),
    "counts beside each page": lambda session, grown: session.execute(
        navigation.counting_open(grown.agent)
    ).all(),
    "search: a number": _search("1234"),
    "search: a word of one case": _search("o7919"),
    "search: a word of 1 in 1000": _search("m77"),
    "search: a word of 1 in 20": _search("b7"),
    "search: a word of every case": _search("printer"),
    "search: 3 letters": _search("pri"),
    "search: a rare and a common": _search("printer o7919"),
    "search: two common words": _search("toner printer"),
    "search: who wrote every case": _search("ada"),
    "search: nothing like it": _search("spaceship"),
    "any of 6, as for similar cases": lambda session, grown: search.cases_with_any(
        session, ["printer", "toner", "batch", "model", "m77", "low"]
    ),
}


def _print(dialect: str, took: Mapping[str, Mapping[int, list[float]]]) -> None:
    counts = list(next(iter(took.values())))
    heads = "".join(f"{count:>12,}" for count in counts)
    print(f"\n{dialect:32}{heads}   as a ratio of the smallest")
    for name, by_size in took.items():
        medians = [statistics.median(by_size[count]) for count in counts]
        ms = "".join(f"{median * 1000:>9.1f} ms" for median in medians)
        ratios = "".join(f"{median / medians[0]:>8.1f}" for median in medians[1:])
        print(f"{name:32}{ms}{ratios}")


if __name__ == "__main__":
    main()
