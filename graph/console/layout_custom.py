"""Custom fields, for administrators: which there are, and the form of one."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import filling, rendering
from graph.console.filling import Filled, Reader
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from intake.fields import CustomField, FieldKind, Required, case_types, custom
from intake.nouns import noun

LABELS = {
    "key": "Name for programs",
    "label": "Label",
    "kind": "Kind",
    "choices": "Choices",
    "type": "Asked of",
    "required": "Needed",
    "public": "In the web form",
    "hint": "Hint",
}
KINDS = {
    FieldKind.TEXT: "Text",
    FieldKind.NUMBER: "Number",
    FieldKind.CHOICE: "One of several choices",
    FieldKind.CHOICES: "Any of several choices",
    FieldKind.DAY: "Day",
    FieldKind.INSTANT: "Day and time",
    FieldKind.YES_NO: "Yes or no",
}
NEEDED = {
    Required.NEVER: "never",
    Required.OPENING: "when it opens",
    Required.RESOLVING: "before it is resolved",
}


def routes(house: House) -> list[Route]:
    """The list, the form of a new or a known one, and archiving."""
    one = "/fields/custom/{key}"
    return [
        Route("/fields/custom", read(house, _list)),
        Route("/fields/custom/new", read(house, _new)),
        Route("/fields/custom/new", act(house, _add, _again), methods=["POST"]),
        Route(f"{one}/edit", read(house, _edit)),
        Route(f"{one}/edit", act(house, _change, _again), methods=["POST"]),
        Route(f"{one}/archive", act(house, _archive), methods=["POST"]),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rendering.page(
        visit,
        "layout_custom.html",
        nav=beside(visit),
        fields=custom.custom_fields(visit.session, archived=True),
        types={each.id: each.name for each in case_types.types(visit.session, archived=True)},
        kinds=KINDS,
        needed=NEEDED,
    )


def _new(visit: Visit) -> Response:
    return _show(visit, None, Filled({"kind": "text", "required": "never", "public": "no"}))


def _edit(visit: Visit) -> Response:
    field = _one(visit)
    values = {
        "label": field.label,
        "choices": "\n".join(field.choices),
        "type": str(field.type_id or ""),
        "required": field.required.value,
        "public": "yes" if field.public else "no",
        "hint": field.hint,
    }
    return _show(visit, field, Filled(values))


def _add(visit: Visit) -> Response:
    form = Reader(visit.form)
    kind = form.one_of("kind", FieldKind, FieldKind.TEXT)
    custom.add_field(
        visit.session, visit.by, key=form.text("key"), kind=kind, at=visit.at, **_said(form)
    )
    return RedirectResponse("/fields/custom", 303)


def _change(visit: Visit) -> Response:
    key = visit.request.path_params["key"]
    custom.change_field(visit.session, visit.by, key, at=visit.at, **_said(Reader(visit.form)))
    return RedirectResponse("/fields/custom", 303)


def _archive(visit: Visit) -> Response:
    key, archived = visit.request.path_params["key"], visit.said("do") != "restore"
    custom.archive_field(visit.session, visit.by, key, archived, at=visit.at)
    return RedirectResponse("/fields/custom", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    known = _one(visit) if "key" in visit.request.path_params else None
    return _show(visit, known, filling.again(visit.form, error, LABELS))


def _show(visit: Visit, field: CustomField | None, filled: Filled) -> Response:
    visit.by.must(Act.ADMINISTER)
    offered = case_types.types(visit.session)
    return rendering.page(
        visit,
        "layout_custom_form.html",
        422 if filled.wrong or filled.reason else 200,
        nav=beside(visit),
        field=field,
        filled=filled,
        labels=LABELS,
        kinds=[(kind.value, words) for kind, words in KINDS.items()],
        needed=[(when.value, words) for when, words in NEEDED.items()],
        types=[("", f"{noun.many} of every type"), *((str(t.id), t.name) for t in offered)],
    )


def _said(form: Reader) -> dict[str, Any]:
    said = {
        "label": form.text("label"),
        "choices": form.lines("choices"),
        "type_id": form.id("type"),
        "required": form.one_of("required", Required, Required.NEVER),
        "public": form.text("public") == "yes",
        "hint": form.text("hint"),
    }
    form.finish()
    return said


def _one(visit: Visit) -> CustomField:
    found = visit.session.get(CustomField, visit.request.path_params["key"])
    if found is None:
        raise NotFound("there is no such custom field")
    return found
