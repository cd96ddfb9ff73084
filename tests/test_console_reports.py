"""The page of reports: the figures on it, to whom, and charts that are true to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sandbox import Sandbox
from graph.console import charts
from graph.console.charts import HEIGHT, Series
from intake import clock, reports, work
from intake.agents import SYSTEM
from intake.customers import Account
from tests.console import Console, tree, words
from tests.desk import DeskUnderTest, email

NOW = datetime.now(UTC).replace(microsecond=0)
ONE, TWO = Series("one", "One"), Series("two", "Two")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    return Console(desk, sandbox)


def entitled(console: Console, domain: str, total: int, **fields: Any) -> None:
    """A customer with so many cases bought, from the first day of this year to the last."""
    console.desk.has_customer(
        f"ada@{domain}", allotment=total, starts_on=NOW.date().replace(month=1, day=1),
        ends_on=NOW.date() + timedelta(days=60), **fields,
    )  # fmt: skip


def test_the_weeks_are_drawn_and_written_below_each_other(console: Console) -> None:
    console.desk.has_sla(first_response=timedelta(hours=4))
    luis = console.desk.principal("Luis")
    late, _waiting, kept = (
        receipt.case
        for receipt in console.desk.accepts(
            email("a@x.example", at=NOW - timedelta(hours=9)),
            email("b@x.example", at=NOW - timedelta(minutes=2)),
            email("c@x.example", at=NOW - timedelta(minutes=1)),
        )
    )
    assert kept is not None
    assert late is not None
    with console.desk.transaction() as session:
        clock.tick(session, console.desk.settings, at=NOW)
        work.reply(session, luis, kept.id, "Done.", desk=console.desk.settings, at=NOW)
        work.resolve(session, luis, kept.id, "", desk=console.desk.settings, at=NOW)

    page = console.browser(console.desk.has_agent()).get("/reports")

    drawn = tree(page).xpath("//*[local-name()='g'][@class='pile']/*[local-name()='title']/text()")
    rows = tree(page).xpath("//table[caption='Cases by SLA status over week']/tbody/tr")
    figures = [[cell.text for cell in row.xpath("td")] for row in rows]
    counted = [sum(int(row[i] or 0) for row in figures) for i in range(5)]
    assert len(drawn) == len(rows) == 12
    assert counted == [1, 1, 0, 1, 0]
    assert sum(int(re.findall(r": (\d+)", text)[0]) for text in drawn) == 3


def test_what_runs_out_first_stands_first(console: Console) -> None:
    entitled(console, "plenty.example", 90)
    entitled(console, "little.example", 5)
    for days in (40, 30, 20, 10):
        console.desk.accepts(email("ada@little.example", at=NOW - timedelta(days=days)))

    with console.desk.db.reading() as session:
        found = reports.running_out(session, SYSTEM, console.desk.settings, at=NOW)
    page = console.browser(console.desk.has_agent()).get("/reports")

    assert [each.customer for each in found] == ["little.example", "plenty.example"]
    assert found[0].forecast.used_up_on is not None
    assert found[0].lasts_until < found[0].entitlement.ends_on == found[1].lasts_until
    assert re.search(r"little.example .* 1 of 5 cases left .* used up about .* plenty", words(page))
    assert "Running low 1" in words(page)


def test_figures_count_only_what_their_reader_may_see(console: Console) -> None:
    luis, grace = console.desk.has_agent("Luis"), console.desk.has_agent("Grace")
    console.desk.has_queue("Vault", members=(luis,), address="vault@desk.example")
    console.desk.accepts(
        email("a@x.example", mailbox="vault@desk.example", to=("vault@desk.example",)),
        email("b@x.example"),
    )

    for_grace = console.browser(grace).get("/reports")
    for_luis = console.browser(luis).get("/reports")

    assert "Open cases 1" in words(for_grace)
    assert "Vault" not in for_grace.text
    # A member sees both, so that the test could have failed.
    assert "Open cases 2" in words(for_luis)
    assert "Vault" in for_luis.text


def test_a_bar_of_a_queue_leads_to_its_cases(console: Console) -> None:
    [receipt] = console.desk.accepts(email("b@x.example"))
    assert receipt.case is not None
    browser = console.browser(console.desk.has_agent())

    [place] = tree(browser.get("/reports")).xpath("//section[h2='Queue load']//li/a/@href")

    assert f"/cases/{receipt.case.number}" in browser.get(place).text


def test_an_empty_desk_has_a_page_of_reports(console: Console) -> None:
    page = console.browser(console.desk.has_agent()).get("/reports")

    assert page.status_code == 200
    assert "No promise was due" in words(page)
    assert "No entitlement is in force" in words(page)


def test_names_are_words(console: Console) -> None:
    entitled(console, "x.example", 9, name="<b>Gold</b>")
    with console.desk.transaction() as session:
        for account in session.query(Account):
            account.name = "<script>boom()</script>"

    page = console.browser(console.desk.has_agent()).get("/reports")

    assert "<b>Gold" not in page.text
    assert "&lt;script&gt;boom()" in page.text


def test_the_page_asks_few_questions_however_many_cases_there_are(console: Console) -> None:
    console.desk.has_sla(resolve_by=timedelta(hours=8))
    for i in range(25):
        entitled(console, f"company{i}.example", 3)
    console.desk.accepts(*(email(f"ada@company{i}.example", at=NOW) for i in range(25)))
    browser = console.browser(console.desk.has_agent())
    browser.get("/reports")

    with console.counts_statements() as statements:
        page = browser.get("/reports")

    assert "25 free to take" in words(page)
    assert len(statements) <= 12


@given(
    st.lists(
        st.fixed_dictionaries({"one": st.integers(0, 10**6), "two": st.integers(0, 10**6)}),
        max_size=20,
    )
)
def test_columns_are_as_high_as_their_counts_and_stay_inside(rows: list[dict[str, int]]) -> None:
    chart = charts.columns([ONE, TWO], [("week", counts) for counts in rows])

    unit = HEIGHT / max(tick.count for tick in chart.ticks)
    for counts, column in zip(rows, chart.columns, strict=True):
        assert {block.series.kind: block.count for block in column.blocks} == {
            kind: count for kind, count in counts.items() if count
        }
        assert all(block.start >= -0.01 for block in column.blocks)
        for block in column.blocks:
            assert block.size >= block.count * unit - charts.GAP - 0.01
        assert chart.width / 2 <= column.middle <= 100 - chart.width / 2
    assert 3 <= len(chart.ticks) <= 6


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_bar_is_as_long_as_its_share(one: int, two: int) -> None:
    blocks = charts.bar([ONE, TWO], {"one": one, "two": two}, of=1000)

    assert sum(block.size for block in blocks) == pytest.approx((one + two) / 10, abs=0.01)
    assert all(block.size > 0 for block in blocks)
