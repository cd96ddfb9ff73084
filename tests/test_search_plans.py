"""A search touches a bounded number of rows, whatever is asked of however many texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from intake import indexing, search
from intake.search import candidates, entries, spelling
from tests.conftest import fresh_sqlite
from tests.desk import DeskUnderTest
from tests.grown import Grown, a_database_of_its_own, grow

CASES = 6_000
LIMITS = {
    entries: {"ENTRIES": 50, "LATEST": 300, "JUST_NOW": 100, "OFTEN": 10, "COMPLETIONS": 20},
    candidates: {"CANDIDATES": 40, "READ": 20, "AT_A_TIME": 10, "PEOPLE": 20, "OF_EACH": 20},
    spelling: {"ALIKE_LOOKED_AT": 50},
}
ROWS, STEPS = 2_000, 10_000
"""What a search of such limits may touch: rows on PostgreSQL, steps of SQLite's machine."""
ASKED = {
    "a number": "1234",
    "a word of one": "o4711",
    "a word of six": "m77",
    "a word of one in twenty": "b7",
    "a word of all": "printer",
    "two letters": "pr",
    "unfinished": "print",
    "rare and common": "printer o4711",
    "rare and common, as it is typed": "o4711 printe",
    "two of all": "toner printer",
    "two that stand apart": "ada toner",
    "whoever wrote all": "ada",
}
Ask = Callable[[Session], Any]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A desk of many cases whose words are indexed, made once for all that is asked here."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("searched")
        url = fresh_sqlite(request.getfixturevalue("sqlite_template"), folder)
    else:
        url = request.getfixturevalue("postgres_url")
    with a_database_of_its_own(url, "searched") as db:
        grown = grow(DeskUnderTest(db), CASES, searched=True)
        with db.transaction() as session:
            while indexing.catch_up(session, limit=4_000):
                pass
        yield grown


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are as small beside this desk as the usual ones are beside a large one."""
    for module, limits in LIMITS.items():
        for name, limit in limits.items():
            monkeypatch.setattr(module, name, limit)


@pytest.mark.parametrize("question", ASKED.values(), ids=ASKED)
def test_a_search_touches_few_rows_of_many_and_finds(
    grown: Grown, limited: None, question: str
) -> None:
    few, found = touched(grown.desk, lambda asking: search.search(asking, grown.agent, question))

    assert few < bound(grown)
    assert found


@pytest.mark.parametrize("question", ["zeppelin", "pritner", "toner zeppelin"])
def test_what_is_not_found_costs_no_more(grown: Grown, limited: None, question: str) -> None:
    few, _found = touched(grown.desk, lambda asking: search.search(asking, grown.agent, question))

    assert few < bound(grown)


def test_what_is_similar_is_looked_for_in_few(grown: Grown, limited: None) -> None:
    words = ["printer", "toner", "batch", "model", "m77", "o4711"]

    few, found = touched(grown.desk, lambda asking: search.cases_with_any(asking, words))

    assert few < bound(grown)
    assert found


def test_a_search_without_limits_would_be_noticed(grown: Grown) -> None:
    """As they are, the limits are wider than this desk."""
    many, _found = touched(grown.desk, lambda asking: search.search(asking, grown.agent, "toner"))

    assert many > bound(grown)


def bound(grown: Grown) -> int:
    return STEPS if grown.desk.db.dialect == "sqlite" else ROWS


def touched(desk: DeskUnderTest, ask: Ask) -> tuple[int, Any]:
    """What that asks for costs the database, in rows or steps, and its answer."""
    with desk.db.reading() as session:
        if desk.db.dialect == "sqlite":
            return _steps(session, ask)
        # So few rows are read faster without any index; what is asked is whether one fits.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        before = _rows(session)
        answer = ask(session)
        return _rows(session) - before, answer


def _rows(session: Session) -> int:
    """How many rows of the tables were read so far in this transaction, by whatever way."""
    counted = session.scalar(
        text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")
    )
    return int(counted or 0)


def _steps(session: Session, ask: Ask) -> tuple[int, Any]:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    raw = session.connection().connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(step, 1)
    try:
        answer = ask(session)
    finally:
        raw.set_progress_handler(None, 0)
    return steps, answer


def test_no_row_of_an_unfinished_word_is_collected_before_it_is_wanted(
    grown: Grown, limited: None
) -> None:
    """FTS5 would collect all rows of a longer beginning than it has an index of: no step of the
    machine that is counted above."""
    if grown.desk.db.dialect != "sqlite":
        pytest.skip("of FTS5")
    matched: list[str] = []

    def noted(_c: Any, _cursor: Any, statement: str, given: Any, *_more: Any) -> None:
        if "MATCH" in statement:
            matched.extend(each for each in given if '"' in str(each))

    for question in ("pr", "pri", "print"):
        event.listen(grown.desk.db.reader, "before_cursor_execute", noted)
        with grown.desk.db.reading() as session:
            assert search.search(session, grown.agent, question)
        event.remove(grown.desk.db.reader, "before_cursor_execute", noted)

    assert matched == ['"pr"*', '"pri"*', '"print" OR "printer"']
