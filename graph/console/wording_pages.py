"""Reply templates and the signatures of queues: the list, and forms with a text per language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.conditions_form import BUTTON, MOST_FIELDS
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import queues, wording
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from intake.queues import Queue
from intake.wording import Occasion

_TEXT = re.compile(r"t(\d{1,3})\.language")


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text in one language as it was typed."""

    name: str
    language: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class TextsForm:
    """Everything in the form, and what is wrong with it."""

    rows: tuple[TextRow, ...]
    title: str = ""
    version: str = ""
    reason: str = ""


def routes(house: House) -> list[Route]:
    """The list, the forms of a template, its end, and the form of a signature."""
    form = partial(act, house, _save, _again, most_fields=MOST_FIELDS)
    sign = act(house, _sign, _sign_again, most_fields=MOST_FIELDS)
    return [
        Route("/templates", read(house, _list), name="templates"),
        Route("/templates/new", read(house, _new), name="new-template"),
        Route("/templates/new", form(), methods=["POST"]),
        Route("/templates/{id:uuid}", read(house, _edit), name="template"),
        Route("/templates/{id:uuid}", form(), methods=["POST"]),
        Route("/templates/{id:uuid}/archive", act(house, _archive), methods=["POST"]),
        Route("/templates/signatures/{id:uuid}", read(house, _signature), name="signature"),
        Route("/templates/signatures/{id:uuid}", sign, methods=["POST"]),
        Route(
            "/templates/standing",
            act(house, _stand, _not_chosen, most_fields=MOST_FIELDS),
            methods=["POST"],
        ),
    ]


def _list(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.MANAGE)
    every = queues.every(visit.session).every
    chosen = {_field(each.occasion, each.queue_id): each for each in wording.chosen(visit.session)}
    return rendering.page(
        visit,
        "wording.html",
        422 if reason else 200,
        reason=reason,
        queues=every,
        standing={name: str(each.template_id) for name, each in chosen.items()}
        if not reason
        else visit.form,
        allowed=wording.ALLOWED,
        nav=beside(visit),
        found=wording.every(visit.session),
        signed=[(queue, wording.signatures_of(visit.session, queue.id)) for queue in every],
    )


def _stand(visit: Visit) -> Response:
    """Choose what goes out by itself; what the form does not hold stays."""
    visit.by.must(Act.MANAGE)
    places: list[tuple[Occasion, UUID | None]] = [(each, None) for each in Occasion]
    for queue in queues.every(visit.session).every:
        places += [(each, queue.id) for each in sorted(wording.BY_QUEUE)]
    for occasion, queue_id in places:
        name = _field(occasion, queue_id)
        if name in visit.form:
            wording.choose(
                visit.session, visit.by, occasion, _id(visit.said(name)),
                queue_id=queue_id, at=visit.at,
            )  # fmt: skip
    return RedirectResponse("/templates", 303)


def _not_chosen(visit: Visit, error: IntakeError) -> Response:
    return _list(visit, str(error))


def _field(occasion: Occasion, queue_id: UUID | None) -> str:
    return f"{occasion.value}.{queue_id}" if queue_id else occasion.value


def _id(said: str) -> UUID | None:
    try:
        return UUID(said) if said else None
    except ValueError as error:
        raise NotFound("there is no such reply template") from error


def _new(visit: Visit) -> Response:
    return _form(visit, TextsForm((TextRow("t0", "en"),)))


def _edit(visit: Visit) -> Response:
    found = wording.by_id(visit.session, visit.request.path_params["id"])
    return _form(visit, TextsForm(_rows(found.texts), found.name, str(found.version)))


def _form(visit: Visit, form: TextsForm, status: int = 200) -> Response:
    id = visit.request.path_params.get("id")
    return _show(
        visit, form, status, title="Change the template" if id else "New reply template",
        back="/templates", named=True, ends=f"/templates/{id}/archive" if id else "",
    )  # fmt: skip


def _save(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    form = _typed(visit.form)
    if BUTTON in visit.form:
        return _form(visit, form)
    texts, at = _texts(form), visit.at
    id: UUID | None = visit.request.path_params.get("id")
    if id is None:
        wording.write(visit.session, visit.by, form.title, texts, at=at)
    else:
        wording.rewrite(
            visit.session, visit.by, id, form.title, texts, at=at, version=visit.version
        )
    return RedirectResponse("/templates", 303)


def _again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, _typed(visit.form, str(error)), 422)


def _archive(visit: Visit) -> Response:
    wording.archive(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse("/templates", 303)


def _signature(visit: Visit) -> Response:
    found = wording.signatures_of(visit.session, visit.request.path_params["id"])
    return _signing(visit, TextsForm(_rows(found) or (TextRow("t0", "en"),)))


def _signing(visit: Visit, form: TextsForm, status: int = 200) -> Response:
    queue = visit.session.get(Queue, visit.request.path_params["id"])
    if queue is None:
        raise NotFound("there is no such queue")
    return _show(
        visit, form, status, title=f"Signature of {queue.name}", back="/templates", named=False,
        ends="",
    )  # fmt: skip


def _sign(visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    form = _typed(visit.form)
    if BUTTON in visit.form:
        return _signing(visit, form)
    # A signature without a word is none.
    texts = {row.language: row.text for row in form.rows if row.text.strip()}
    wording.sign_with(visit.session, visit.by, visit.request.path_params["id"], texts, at=visit.at)
    return RedirectResponse("/templates", 303)


def _sign_again(visit: Visit, error: IntakeError) -> Response:
    return _signing(visit, _typed(visit.form, str(error)), 422)


def _show(
    visit: Visit, form: TextsForm, status: int, *, title: str, back: str, named: bool, ends: str
) -> Response:
    visit.by.must(Act.MANAGE)
    return rendering.page(
        visit, "wording_form.html", status, nav=beside(visit), form=form, title=title, back=back,
        named=named, ends=ends, placeholders=wording.PLACEHOLDERS,
    )  # fmt: skip


def _rows(texts: Sequence[wording.TextInLanguage]) -> tuple[TextRow, ...]:
    return tuple(
        TextRow(f"t{number}", each.language, each.text) for number, each in enumerate(texts)
    )


def _typed(form: Mapping[str, str], reason: str = "") -> TextsForm:
    numbers = sorted({int(found[1]) for key in form if (found := _TEXT.fullmatch(key))})
    what, _, act = form.get(BUTTON, "").rpartition(":")
    rows = [
        TextRow("", form.get(f"t{number}.language", ""), form.get(f"t{number}.text", ""))
        for number in numbers
        if (what, act) != (f"text:t{number}", "remove")
    ]
    if (what, act) == ("text", "new"):
        rows.append(TextRow(""))
    placed = tuple(TextRow(f"t{n}", row.language, row.text) for n, row in enumerate(rows))
    return TextsForm(placed, form.get("title", ""), form.get("version", ""), reason)


def _texts(form: TextsForm) -> dict[str, str]:
    return {row.language: row.text for row in form.rows}
