"""A version of an SLA, tried on the cases of the last weeks before anybody is bound by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response
from starlette.routing import Route

from graph.console import charts, promise_words, rendering
from graph.console.charts import Block, Series
from graph.console.navigation import Place, beside
from graph.console.sla_pages import found
from graph.console.visit import Visit, read
from graph.house import House
from intake.sla import Kpi, trying
from intake.sla.trying import Outcome, Trial

DAYS = (30, 90)
CHANGED_SHOWN = 200
OUTCOMES = (
    Series("met", Outcome.KEPT.value.capitalize()),
    Series("missed", Outcome.BROKEN.value.capitalize()),
    Series("work", Outcome.RUNNING.value.capitalize()),
    Series("gone", "Not promised, or not known"),
)
KINDS = {
    Outcome.KEPT: "met",
    Outcome.BROKEN: "missed",
    Outcome.RUNNING: "work",
    Outcome.NONE: "gone",
    Outcome.UNKNOWN: "gone",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of promise: what was, and below it what would have been."""

    name: str
    was: tuple[Block, ...]
    would: tuple[Block, ...]
    was_words: str
    would_words: str


def routes(house: House) -> list[Route]:
    """The one page of it."""
    return [Route("/slas/{id:uuid}/try", read(house, _page), name="try-sla")]


def _page(visit: Visit) -> Response:
    asked = visit.asked("days")
    days = int(asked) if asked in map(str, DAYS) else DAYS[0]
    id = visit.request.path_params["id"]
    trial = trying.try_out(
        visit.session, visit.by, id, since=visit.at - timedelta(days=days), until=visit.at,
        at=visit.at,
    )  # fmt: skip
    changed = [each for each in trial.verdicts if each.was is not each.would]
    return rendering.page(
        visit,
        "sla_try.html",
        nav=beside(visit),
        sla=found(visit),
        trial=trial,
        tabs=[Place(f"?days={n}", f"Last {n} days", 0, n == days) for n in DAYS],
        days=days,
        compared=_compared(trial),
        outcomes=OUTCOMES,
        kinds=KINDS,
        names=promise_words.KPIS,
        changed=changed[:CHANGED_SHOWN],
        in_all=len(changed),
    )


def _compared(trial: Trial) -> list[Compared]:
    found = []
    for kpi, of in sorted(trial.counts().items(), key=lambda one: list(Kpi).index(one[0])):
        bars, words = [], []
        for counts in (of["was"], of["would"]):
            by_kind = {series.kind: 0 for series in OUTCOMES}
            for outcome, count in counts.items():
                by_kind[KINDS[outcome]] += count
            bars.append(charts.bar(OUTCOMES, by_kind, of=sum(by_kind.values())))
            judged = by_kind["met"] + by_kind["missed"]
            share = f"{100 * by_kind['met'] // judged} % kept" if judged else "none judged"
            words.append(f"{share}, {by_kind['missed']} broken")
        found.append(Compared(promise_words.KPIS[kpi], bars[0], bars[1], words[0], words[1]))
    return found
