"""Editing the draft of an SLA: its items one by one, and for which cases it is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import conditions_form, promise_words, rendering, sla_form, start_form
from graph.console.conditions_form import BUTTON, MOST_FIELDS, Group
from graph.console.filling import Filled, again
from graph.console.navigation import beside
from graph.console.sla_form import ItemForm
from graph.console.sla_pages import found, refused
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import reasons, sla
from intake.agents import Act
from intake.cases import REASONS, State
from intake.endpoints import Endpoint
from intake.errors import IntakeError, NotFound
from intake.facts import CASE_FIELDS, offered
from intake.fields.custom import custom_fields
from intake.sla import From, Kpi, OnReopening, Sla, SlaItem, SlaState, activation
from intake.sla.actions import Do
from intake.sla.activation import InForce
from intake.sla.checking import PAUSING

LABELS = {"chosen_when": "Chosen for {nouns}"}
MADE = {
    Do.MAIL.value: "a mail",
    Do.CHANGE.value: "a change of the case",
    Do.MOVE.value: "another queue",
    Do.ASSIGN.value: "another agent",
    Do.WEBHOOK.value: "a webhook",
    Do.SLACK.value: "a post in Slack",
}

ENDPOINTS = select(Endpoint.id, Endpoint.url).order_by(Endpoint.url)


def routes(house: House) -> list[Route]:
    """The form of an item, new or old; what moves or removes one; the form of the choice."""
    draft = "/slas/{id:uuid}"
    item = f"{draft}/items/{{place:int}}"
    return [
        Route(f"{draft}/items/new", read(house, _new), name="new-item"),
        Route(item, read(house, _edit), name="sla-item"),
        Route(f"{draft}/chosen", read(house, _choice), name="sla-chosen"),
        *(
            Route(path, act(house, page, mend, most_fields=MOST_FIELDS), methods=["POST"])
            for path, page, mend in (
                (f"{draft}/items/new", _save, _save_again),
                (item, _save, _save_again),
                (f"{item}/remove", _remove, refused),
                (f"{item}/up", _up, refused),
                (f"{draft}/chosen", _choose, _choose_again),
            )
        ),
    ]


def _draft(visit: Visit) -> Sla:
    """The draft of the address, for those who may write it."""
    visit.by.must(Act.ADMINISTER)
    shown = found(visit)
    if shown.state is not SlaState.DRAFT:
        raise InForce(f"“{shown.name}” is {shown.state}: change it in a new version")
    return shown


def _new(visit: Visit) -> Response:
    fresh = SlaItem(kpi=Kpi.FIRST_RESPONSE, fail_after_minutes=0, actions=[])
    return _form(visit, sla_form.of(fresh))


def _edit(visit: Visit) -> Response:
    return _form(visit, sla_form.of(_item(visit, _draft(visit))))


def _save(visit: Visit) -> Response:
    draft = _draft(visit)
    if BUTTON in visit.form:
        return _form(visit, sla_form.typed(visit.form))
    item = sla_form.read(visit.form)
    items: list[SlaItem] = [activation.copy_of(each) for each in draft.items]
    place = visit.request.path_params.get("place")
    if place is None:
        items.append(item)
    else:
        _item(visit, draft)
        items[place - 1] = item
    return _rewritten(visit, draft, items)


def _save_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, sla_form.again(visit.form, error))


def _remove(visit: Visit) -> Response:
    draft = _draft(visit)
    gone = _item(visit, draft)
    return _rewritten(visit, draft, [activation.copy_of(i) for i in draft.items if i is not gone])


def _up(visit: Visit) -> Response:
    """The item is tried before the one above it."""
    draft = _draft(visit)
    _item(visit, draft)
    place = visit.request.path_params["place"] - 1
    items = [activation.copy_of(each) for each in draft.items]
    if place:
        items[place - 1 : place + 1] = reversed(items[place - 1 : place + 1])
    return _rewritten(visit, draft, items)


def _rewritten(
    visit: Visit, draft: Sla, items: Sequence[SlaItem], **more: dict[str, object] | None
) -> Response:
    when = more.get("chosen_when", draft.chosen_when)
    activation.rewrite(
        visit.session, visit.by, draft.id, items,
        chosen_when=when, slack=visit.house.desk.slack, at=visit.at,
    )  # fmt: skip
    return RedirectResponse(f"/slas/{draft.id}", 303)


def _item(visit: Visit, draft: Sla) -> SlaItem:
    place: int = visit.request.path_params["place"]
    if not 0 < place <= len(draft.items):
        raise NotFound("there is no such item")
    return draft.items[place - 1]


def _form(visit: Visit, form: ItemForm) -> Response:
    draft = _draft(visit)
    filled = form.filled
    return rendering.page(
        visit,
        "sla_item.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        sla=draft,
        place=visit.request.path_params.get("place"),
        form=form,
        filled=filled,
        labels=form.labels,
        kpis=[(kpi.value, promise_words.KPIS[kpi]) for kpi in Kpi],
        starts=[
            ("", "as the KPI says"),
            *start_form.starts(visit.session, From, filled.values.get("applicable_from", "")),
        ],
        calendars=[("", "all hours, around the clock"), *_calendars(visit)],
        reopening=[
            (OnReopening.NEW_CYCLE.value, "a new clock runs"),
            (OnReopening.KEEP.value, "the result stays"),
        ],
        statuses=PAUSING,
        fields=offered(visit.session),
        choices=conditions_form.case_choices(visit.session),
        reasons=[
            (each.key, str(each)) for each in reasons.of_kinds(visit.session, REASONS[State.ACTIVE])
        ],
        own_fields=[(each.name, each.label) for each in custom_fields(visit.session)],
        kinds=MADE,
        endpoints=[(str(id), url) for id, url in visit.session.execute(ENDPOINTS)],
    )


def _calendars(visit: Visit) -> list[tuple[str, str]]:
    return [(str(each.id), each.name) for each in sla.calendars(visit.session)]


def _choice(visit: Visit) -> Response:
    shown = _draft(visit)
    group = conditions_form.of("chosen_when", shown.chosen_when, CASE_FIELDS)
    return _choosing(visit, shown, group, Filled({}))


def _choose(visit: Visit) -> Response:
    draft = _draft(visit)
    group = conditions_form.typed("chosen_when", visit.form, CASE_FIELDS)
    if conditions_form.pressed(visit.form):
        return _choosing(visit, draft, group, Filled({}))
    when = conditions_form.condition_in(group, CASE_FIELDS)
    items = [activation.copy_of(each) for each in draft.items]
    return _rewritten(visit, draft, items, chosen_when=when)


def _choose_again(visit: Visit, error: IntakeError) -> Response:
    group = conditions_form.typed("chosen_when", visit.form, CASE_FIELDS)
    filled = again(visit.form, error, LABELS)
    return _choosing(visit, _draft(visit), conditions_form.with_wrong(group, filled.wrong), filled)


def _choosing(visit: Visit, shown: Sla, group: Group, filled: Filled) -> Response:
    return rendering.page(
        visit,
        "sla_chosen.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        sla=shown,
        group=group,
        filled=filled,
        labels=LABELS | conditions_form.labels(group),
        fields=offered(visit.session),
        choices=conditions_form.case_choices(visit.session),
    )
