"""Automation: the rules, what each of them did, a rule tried, and its form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import automation_form, conditions_form, rendering, rule_actions_form
from graph.console.automation_form import AutomationForm
from graph.console.conditions_form import MOST_FIELDS
from graph.console.filling import choices
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import automation, sla
from intake.agents import Act
from intake.automation import (
    AFTER,
    CHANGED,
    EVENTS,
    AutomationRule,
    Outcome,
    checking,
    log,
    trying,
    writing,
)
from intake.errors import IntakeError, NotFound
from intake.facts import CASE_FIELDS
from intake.naming import names_in
from intake.nouns import noun
from intake.sla import ServiceCalendar
from intake.visibility import by_number

WEEK = timedelta(days=7)
LINES = 50
TOLD = {
    Outcome.DONE: ("done", "fine"),
    Outcome.NOT_MET: ("not met", "quiet"),
    Outcome.STOPPED: ("stopped", "late"),
    Outcome.FAILED: ("not done", "late"),
}


def routes(house: House) -> list[Route]:
    """The list, the log, one rule, its form, its trial, and one address for each act."""
    one = "/automation/{id:uuid}"
    form = partial(act, house, _save, _again, most_fields=MOST_FIELDS)
    return [
        Route("/automation", read(house, _list), name="automation"),
        Route("/automation/log", read(house, _log), name="automation-log"),
        Route("/automation/new", read(house, _new), name="new-automation"),
        Route("/automation/new", form(), methods=["POST"]),
        Route(one, read(house, _page), name="automation-rule"),
        Route(f"{one}/edit", read(house, _edit), name="edit-automation"),
        Route(f"{one}/edit", form(), methods=["POST"]),
        Route(f"{one}/past", read(house, _past), name="automation-past"),
        Route(f"{one}/try", act(house, _try, _untried, names_others=True), methods=["POST"]),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _refused), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    rules = automation.every(visit.session)
    counts = log.counts(visit.session, since=visit.at - WEEK)
    stopped = visit.session.scalars(log.runs(outcomes=(Outcome.STOPPED,)).limit(3)).all()
    return rendering.page(
        visit,
        "automation.html",
        nav=beside(visit),
        rules=[(rule, _words(visit, rule), _counted(counts.get(rule.id, {}))) for rule in rules],
        stopped=[line for line in stopped if line.at >= visit.at - WEEK],
        administering=visit.by.may(Act.ADMINISTER),
    )


def _log(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    lines = visit.session.scalars(log.runs().limit(4 * LINES)).all()
    return rendering.page(visit, "automation_log.html", nav=beside(visit), lines=lines, told=TOLD)


def _page(visit: Visit) -> Response:
    return _show(visit, _one(visit))


def _show(
    visit: Visit,
    rule: AutomationRule,
    reason: str = "",
    tried: automation.AutomationRun | None = None,
) -> Response:
    visit.by.must(Act.MANAGE)
    found = visit.session.scalars(log.runs(rule_id=rule.id).limit(LINES // 2)).all()
    return rendering.page(
        visit,
        "automation_rule.html",
        422 if reason else 200,
        nav=beside(visit),
        rule=rule,
        words=_words(visit, rule),
        lines=found,
        told=TOLD,
        reason=reason,
        tried=tried,
        number=visit.said("case"),
        administering=visit.by.may(Act.ADMINISTER),
    )


def _past(visit: Visit) -> Response:
    rule = _one(visit)
    trial = trying.on_the_past(
        visit.session, visit.by, rule.id, since=visit.at - WEEK, until=visit.at,
        show_at_most=2 * LINES,
    )  # fmt: skip
    return rendering.page(
        visit,
        "automation_past.html",
        nav=beside(visit),
        rule=rule,
        words=_words(visit, rule),
        trial=trial,
        kinds=_events(),
    )


def _try(visit: Visit) -> Response:
    typed = visit.said("case").strip()
    if not typed.isdecimal() or len(typed) > 12:
        raise NotFound(f"write the number of {noun.a}")
    case = by_number(visit.session, visit.by, int(typed))
    id = visit.request.path_params["id"]
    line = trying.on_case(visit.session, visit.by, id, case.id, desk=visit.house.desk, at=visit.at)
    return _show(visit, automation.by_id(visit.session, id), tried=line)


def _untried(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, _one(visit), str(error))


def _new(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    return _form(visit, automation_form.empty())


def _edit(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    rule = _one(visit)
    if rule.state is automation.RuleState.ACTIVE:
        return RedirectResponse(f"/automation/{rule.id}", 303)
    return _form(visit, automation_form.of(rule))


def _form(visit: Visit, form: AutomationForm, status: int = 200) -> Response:
    return rendering.page(
        visit,
        "automation_form.html",
        status,
        nav=beside(visit),
        form=form,
        rule_id=visit.request.path_params.get("id"),
        fields=CASE_FIELDS,
        choices=conditions_form.case_choices(visit.session),
        events=_events(),
        changes=CHANGED,
        starts=AFTER,
        calendars=choices(sla.calendars(visit.session)),
        kinds=rule_actions_form.KINDS,
        targets=rule_actions_form.choices(visit.session, by_hand=False),
        long=rule_actions_form.LONG,
    )


def _save(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    form = automation_form.typed(visit.form)
    if conditions_form.pressed(visit.form):
        return _form(visit, form)
    terms, at = automation_form.terms_in(form), visit.at
    id: UUID | None = visit.request.path_params.get("id")
    if id is None:
        rule = writing.draft(visit.session, visit.by, terms, at=at)
    else:
        rule = writing.rewrite(visit.session, visit.by, id, terms, at=at, version=visit.version)
    return RedirectResponse(f"/automation/{rule.id}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    form = automation_form.with_problem(automation_form.typed(visit.form), error)
    return _form(visit, form, 422)


def _do(done: Callable[..., AutomationRule | None], visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    rule = done(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse(f"/automation/{rule.id}" if rule is not None else "/automation", 303)


def _refused(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, _one(visit), str(error))


ACTS: dict[str, Callable[..., AutomationRule | None]] = {
    "activate": writing.activate,
    "pause": writing.pause,
    "discard": writing.discard,
}


def _one(visit: Visit) -> AutomationRule:
    visit.by.must(Act.MANAGE)
    return automation.by_id(visit.session, visit.request.path_params["id"])


def _words(visit: Visit, rule: AutomationRule) -> dict[str, object]:
    """What a rule says, for people to read."""
    trigger = rule.when
    calendar = (
        visit.session.get(ServiceCalendar, trigger.calendar_id) if trigger.calendar_id else None
    )
    hours = {calendar.id: calendar.name} if calendar is not None else {}
    condition = rule.holds_if
    named = checking.names_in(visit.session, rule.does)
    return {
        "when": trigger.in_words(hours),
        "timed": trigger.after is not None,
        "if": condition.in_words(names_in(visit.session, [condition])),
        "does": [action.in_words(named) for action in rule.does],
    }


def _counted(counts: dict[Outcome, int]) -> list[tuple[str, int, str]]:
    return [
        (*TOLD[outcome][:1], counts[outcome], TOLD[outcome][1])
        for outcome in Outcome
        if counts.get(outcome)
    ]


def _events() -> dict[str, str]:
    """What a rule may be asked at, in this desk's words."""
    return {kind: noun.fill(words) for kind, words in EVENTS.items()}
