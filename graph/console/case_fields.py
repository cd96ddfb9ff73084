"""The form in which an agent changes what a case says of itself, and the acts of who follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import custom_inputs, filling, rendering, words
from graph.console.case_page import case_of
from graph.console.filling import Filled
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import products, work
from intake.agents import Act
from intake.cases import Case, Priority, Severity, StaleVersion
from intake.entitlements import ORIGINS
from intake.errors import IntakeError
from intake.fields import CustomField, FieldKind, case_types, tags, topics
from intake.fields.custom import custom_fields

PLAIN = ("subject", "severity", "priority", "type", "topic", "product", "channel")
LABELS = {
    "subject": "Subject",
    "severity": "Severity",
    "priority": "Priority",
    "type": "Type",
    "topic": "Topic",
    "product": "Product",
    "channel": "Came by",
    "tags": "Tags",
}
MOST_FIELDS = 400
PRODUCTS_OFFERED = 500


def routes(house: House) -> list[Route]:
    """The form, what it sends, and following."""
    one = "/cases/{number:int}"
    return [
        Route(f"{one}/fields", read(house, _form), name="case-fields"),
        Route(
            f"{one}/fields",
            act(house, _save, _again, names_others=True, most_fields=MOST_FIELDS),
            methods=["POST"],
        ),
        *(
            Route(f"{one}/{name}", act(house, partial(_follow, name)), methods=["POST"])
            for name in ("follow", "unfollow")
        ),
        Route(f"{one}/checklist", act(house, _see_to), methods=["POST"]),
    ]


def _form(visit: Visit) -> Response:
    case = case_of(visit)
    return _show(visit, case, Filled(_written(visit, case)))


def _save(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    case = case_of(visit)
    changed = work.change_fields(
        visit.session, visit.by, case.id, _said(visit, case),
        desk=visit.house.desk, at=visit.at, version=visit.version,
    )  # fmt: skip
    return RedirectResponse(f"/cases/{changed.number}", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    case = case_of(visit)
    names = (*PLAIN, "tags", *(field.name for field in _asked(visit, case)))
    return _show(visit, case, filling.again(visit.form, error, names), error)


def _follow(name: str, visit: Visit) -> Response:
    case = case_of(visit)
    do = work.follow if name == "follow" else work.unfollow
    do(visit.session, visit.by, case.id, at=visit.at)
    return RedirectResponse(f"/cases/{case.number}#facts", 303)


def _see_to(visit: Visit) -> Response:
    visit.by.must(Act.WORK)
    case, form = case_of(visit), filling.Reader(visit.form)
    session, by, at = visit.session, visit.by, visit.at
    item, chosen = form.id("item"), form.id("list")
    match visit.said("do"):
        case "add":
            work.add_items(session, by, case.id, [visit.said("text")], at=at)
        case "use" if chosen is not None:
            work.use_checklist(session, by, case.id, chosen, at=at)
        case "tick" | "untick" as do if item is not None:
            work.tick_item(session, by, case.id, item, do == "tick", at=at)
        case "strike" if item is not None:
            work.strike_item(session, by, case.id, item, at=at)
    return RedirectResponse(f"/cases/{case.number}#f-checklist", 303)


def _show(visit: Visit, case: Case, filled: Filled, error: IntakeError | None = None) -> Response:
    visit.by.must(Act.WORK)
    session, asked = visit.session, _asked(visit, case)
    stale = isinstance(error, StaleVersion)
    return rendering.page(
        visit,
        "case_fields.html",
        (409 if stale else 422) if error else 200,
        nav=beside(visit, queue=str(case.queue_id)),
        case=case,
        filled=filled,
        labels={**LABELS, **{field.name: field.label for field in asked}},
        differs=error.differs if isinstance(error, StaleVersion) else (),
        severities=[(each.value, each.value.capitalize()) for each in Severity],
        priorities=[(each.value, each.value.capitalize()) for each in Priority],
        types=_types(visit, case),
        topics=_topics(visit, case),
        products=[("", "None"), *((p.id, p.name) for p in _products(visit, case))],
        channels=[(each, words.channel(each)) for each in sorted(ORIGINS)],
        known=[tag.name for tag in tags.suggest(session, "", limit=200)],
        asked=asked,
        zone=visit.house.settings.time_zone,
    )


def _said(visit: Visit, case: Case) -> dict[str, object]:
    """What the form says of the fields that it holds; one that it does not hold stays."""
    form = visit.form
    said: dict[str, object] = {name: form[name] for name in PLAIN if name in form}
    if "tags" in form:
        said["tags"] = [word for word in map(str.strip, form["tags"].split(",")) if word]
    zone = ZoneInfo(visit.house.settings.time_zone)
    return said | custom_inputs.said(form, _asked(visit, case), zone)


def _written(visit: Visit, case: Case) -> Mapping[str, str]:
    """What stands in the form at first."""
    zone = ZoneInfo(visit.house.settings.time_zone)
    values = {
        "version": str(case.version),
        "subject": case.subject,
        "severity": case.severity.value,
        "priority": case.priority.value,
        "type": _id(case.type_id),
        "topic": _id(case.topic_id),
        "product": _id(case.product_id),
        "channel": case.channel,
        "tags": ", ".join(tag.name for tag in case.tags),
    }
    for field in _asked(visit, case):
        said = case.custom.get(field.key)
        value = said.value if said is not None else None
        match field.kind, value:
            case _, None:
                continue
            case FieldKind.CHOICES, list():
                chosen = {
                    field.choices.index(each): each for each in value if each in field.choices
                }
                values |= {f"{field.name}.{place}": each for place, each in chosen.items()}
            case FieldKind.INSTANT, str():
                local = datetime.fromisoformat(value).astimezone(zone)
                values[field.name] = f"{local:%Y-%m-%dT%H:%M}"
            case FieldKind.YES_NO, bool():
                values[field.name] = "yes" if value else "no"
            case _:
                values[field.name] = str(value)
    return values


def _asked(visit: Visit, case: Case) -> Sequence[CustomField]:
    return [field for field in custom_fields(visit.session) if field.asked_of(case.type_id)]


def _types(visit: Visit, case: Case) -> list[tuple[str, str]]:
    found = case_types.types(visit.session, archived=True)
    offered = [t for t in found if t.archived_at is None or t.id == case.type_id]
    return [("", "None"), *((str(t.id), t.name) for t in offered)]


def _topics(visit: Visit, case: Case) -> list[tuple[str, str]]:
    every = topics.tree(visit.session, archived=True)
    offered = [p for p in every if not p.archived or p.topic.id == case.topic_id]
    return [("", "None"), *((str(p.topic.id), p.path) for p in offered)]


def _products(visit: Visit, case: Case) -> list[products.Product]:
    """The catalogue as far as a list to choose from can hold it, and the case's own product."""
    offered = products.catalogue(visit.session)[:PRODUCTS_OFFERED]
    if case.product is not None and case.product not in offered:
        offered.insert(0, case.product)
    return offered


def _id(value: UUID | None) -> str:
    return str(value) if value is not None else ""
