"""The page of reports: how promises are kept, what comes in, what is left, where cases pile up.

Every figure counts what its reader may see, and each chart has its numbers in a table below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from graph.console import balances, charts, customer_page, rendering
from graph.console.balances import Balance
from graph.console.charts import Block, Columns, Series
from graph.console.navigation import beside
from graph.console.visit import Visit, read
from graph.console.words import channel, on
from graph.house import House
from intake import reports
from intake.agents import Act
from intake.cases import State
from intake.nouns import noun
from intake.reports import QueueLoad, Remaining, Share, SlaWeek

WEEKS = 12
SHOWN_RUNNING_OUT = 12

KEPT = (
    Series("met", "Resolved in time"),
    Series("work", "In work"),
    Series("near", "Near the deadline"),
    Series("missed", "Deadline missed"),
)
STATES = (
    Series("work", "Active"),
    Series("met", "Resolved"),
    Series("gone", "Cancelled"),
)
LOAD = (
    Series("missed", "Late"),
    Series("free", "Nobody took it"),
    Series("work", "In work"),
)
KIND_OF_STATE = {State.ACTIVE: "work", State.RESOLVED: "met", State.CANCELLED: "gone"}


@dataclass(frozen=True, slots=True)
class Row:
    """One bar with its name, where a click leads, and its numbers by kind."""

    name: str
    href: str
    total: int
    counts: dict[str, int]
    blocks: tuple[Block, ...]
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one entitlement."""

    found: Remaining
    balance: Balance
    href: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A number to see first."""

    name: str
    value: str
    words: str
    mood: str
    href: str = ""


def routes(house: House) -> list[Route]:
    """One page, for everybody who works here."""
    return [Route("/reports", read(house, _reports), name="reports")]


def _reports(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    session, by, at, desk = visit.session, visit.by, visit.at, visit.house.desk
    zone = visit.house.settings.time_zone
    weeks = reports.sla_weeks(session, by, weeks=WEEKS, at=at, zone=zone)
    shares = reports.case_summary(session, by)
    loads = reports.queue_load(session, by, at=at)
    left = reports.running_out(session, by, desk, at=at)
    return rendering.page(
        visit,
        "reports.html",
        nav=beside(visit),
        tiles=_tiles(weeks, loads, left),
        weeks=weeks,
        kept=_kept(weeks),
        kept_words=_kept_words(weeks),
        without=sum(week.without for week in weeks),
        states=STATES,
        channels=_by_channel(shares),
        load=LOAD,
        queues=_by_queue(loads),
        left=[_left(each) for each in left[:SHOWN_RUNNING_OUT]],
    )


def _left(found: Remaining) -> Left:
    held = found.entitlement
    href = customer_page.href_of(held.account_id, held.contact_id)
    return Left(found, balances.of_entitlement(held), href)


def _kept(weeks: Sequence[SlaWeek]) -> Columns:
    return charts.columns(
        KEPT,
        [
            (
                f"{week.starts_on.day} {week.starts_on:%b}",
                {
                    "met": week.in_time,
                    "work": week.in_work,
                    "near": week.near_deadline,
                    "missed": week.missed,
                },
            )
            for week in weeks
        ],
    )


def _kept_words(weeks: Sequence[SlaWeek]) -> str:
    kept, missed = sum(week.in_time for week in weeks), sum(week.missed for week in weeks)
    if not kept + missed:
        return f"No promise was due on {noun.many} of the last {len(weeks)} weeks."
    percent = 100 * kept // (kept + missed)
    return (
        f"{kept} of {kept + missed} {noun.many} kept every promise in the last {len(weeks)} weeks: "
        f"{percent} in a hundred."
    )


def _by_channel(shares: Sequence[Share]) -> list[Row]:
    by_channel: dict[str, Counter[str]] = {}
    for share in shares:
        counts = by_channel.setdefault(share.channel, Counter())
        counts[KIND_OF_STATE[share.state]] += share.count
    most = max((counts.total() for counts in by_channel.values()), default=0)
    return [
        Row(
            channel(name), "", counts.total(), dict(counts),
            charts.bar(STATES, counts, of=most), name,
        )
        for name, counts in sorted(by_channel.items(), key=lambda pair: -pair[1].total())
    ]  # fmt: skip


def _by_queue(loads: Sequence[QueueLoad]) -> list[Row]:
    rows = []
    most = max((load.late + load.available + load.in_work for load in loads), default=0)
    for load in loads:
        counts = {"missed": load.late, "free": load.available, "work": load.in_work}
        blocks = charts.bar(LOAD, counts, of=most)
        href = f"/?queue={load.queue.id}"
        rows.append(Row(load.queue.name, href, sum(counts.values()), counts, blocks))
    return rows


def _tiles(
    weeks: Sequence[SlaWeek], loads: Sequence[QueueLoad], left: Sequence[Remaining]
) -> list[Tile]:
    late = sum(load.late for load in loads)
    free = sum(load.available for load in loads)
    total = late + free + sum(load.in_work for load in loads)
    kept, missed = weeks[-1].in_time, weeks[-1].missed
    this_week = Tile("Kept this week", "–", "no promise was due yet", "none")
    if kept + missed:
        percent = 100 * kept // (kept + missed)
        mood = "fine" if percent >= 90 else "nearing" if percent >= 75 else "late"
        this_week = Tile("Kept this week", f"{percent} %", f"{kept} of {kept + missed}", mood)
    low = [each for each in left if balances.of_entitlement(each.entitlement).mood != "fine"]
    soonest = f"soonest {on(left[0].lasts_until)}" if left else "nothing was bought yet"
    return [
        Tile(f"Open {noun.many}", str(total), f"{free} free to take", "none", "/"),
        Tile("Late", str(late), "past a deadline", "late" if late else "fine"),
        this_week,
        Tile("Running low", str(len(low)), soonest, "nearing" if low else "fine"),
    ]
