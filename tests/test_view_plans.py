"""100,000 cases: each view's first page and its next one touch only what an index can serve."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, literal, tuple_

from graph.console import navigation
from intake import saved_views, views
from intake.cases import Case
from intake.db import new_id
from intake.saved_views import ViewTerms
from intake.views import Scope, View
from tests.conftest import fresh_sqlite
from tests.desk import NOON, DeskUnderTest
from tests.grown import Grown, a_database_of_its_own, grow
from tests.plans import plan

CASES = 100_000
PAGE = 50


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A desk of many cases, made once for all that is asked here."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("grown")
        url = fresh_sqlite(request.getfixturevalue("sqlite_template"), folder)
    else:
        url = request.getfixturevalue("postgres_url")
    with a_database_of_its_own(url, "grown") as db:
        yield grow(DeskUnderTest(db), CASES)


def asked(grown: Grown, name: str) -> Select[Case]:
    by = grown.agent
    match name:
        case "my queues":
            return views.cases(by, View.ALL, scope=Scope.MINE)
        case "public queues":
            return views.cases(by, View.ALL, scope=Scope.PUBLIC)
        case "a queue":
            return views.cases(by, View.ALL, queue_id=grown.queue_id)
        case "available in a queue":
            return views.cases(by, View.AVAILABLE, queue_id=grown.queue_id)
        case "a saved view":
            open_ = {"field": "state", "op": "is", "value": "active"}
            mine = {"field": "owner", "op": "is", "value": "me"}
            return saved_views.cases(by, ViewTerms("Saved", {"all": [open_, mine]}), at=NOON)
    return views.cases(by, View(name))


def page(statement: Select[Case], *, closed: bool, after: bool) -> Select[Any]:
    """A page of it as lists ask for it: from the beginning, or after a place in the middle."""
    column = Case.updated_at if closed else Case.order_at
    if after:
        at = NOON + timedelta(days=-30 if closed else 30)
        here = tuple_(literal(at, column.type), literal(new_id(), Case.id.type))
        key = tuple_(column, Case.id)
        statement = statement.where(key < here if closed else key > here)
    order = (column.desc(), Case.id.desc()) if closed else (column, Case.id)
    return statement.with_only_columns(Case.id).order_by(*order).limit(PAGE + 1)


@pytest.mark.parametrize("after", [False, True], ids=["first page", "next page"])
@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("all", "ix_cases_by_deadline"),
        ("available", "ix_cases_waiting"),
        ("mine", "ix_cases_by_owner"),
        ("snoozed", "ix_cases_snoozed"),
        ("complaints", "ix_cases_by_type"),
        ("closed", "ix_cases_closed"),
        ("a queue", "ix_cases_by_queue"),
        ("available in a queue", "ix_cases_waiting_by_queue"),
        ("my queues", "ix_cases_by_"),
        ("public queues", "ix_cases_by_deadline"),
        ("a saved view", "ix_cases_by_owner"),
    ],
)
def test_a_page_of_a_view_is_read_in_order_from_an_index(
    grown: Grown, name: str, index: str, after: bool
) -> None:
    statement = page(asked(grown, name), closed=name == "closed", after=after)

    found = explained(grown.desk, statement)

    [way] = [line for line in found if is_of_cases(line)]
    assert index in way
    assert not [line for line in found if "Sort" in line or "TEMP B-TREE" in line], found
    with grown.desk.db.reading() as session:
        assert len(session.execute(statement).all()) == PAGE + 1


def test_what_is_counted_beside_each_page_is_read_from_what_is_open(grown: Grown) -> None:
    found = explained(grown.desk, navigation.counting_open(grown.agent))

    [way] = [line for line in found if is_of_cases(line)]
    assert "ix_cases_open" in way


def test_a_list_without_an_index_would_be_noticed(grown: Grown) -> None:
    by_subject = views.cases(grown.agent, View.ALL).with_only_columns(Case.id)

    found = explained(grown.desk, by_subject.order_by(Case.subject).limit(PAGE + 1))

    assert [line for line in found if "Sort" in line or "TEMP B-TREE" in line]


def explained(desk: DeskUnderTest, statement: Select[Any]) -> list[str]:
    """How the database goes about it, with what it knows of its own rows."""
    return plan(desk, statement, as_it_is=True).splitlines()


def is_of_cases(line: str) -> bool:
    """Whether a line of a plan says how it finds the cases themselves."""
    return "on cases" in line or line.startswith(("SEARCH cases ", "SCAN cases "))
