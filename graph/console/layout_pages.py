"""How an administrator lays out what is said of cases: types, topics, tags."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake import checklists
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from intake.fields import WrongField, case_types, tags, topics
from intake.fields.tags import Colour

Show = Callable[..., Response]


def routes(house: House) -> list[Route]:
    """A page for each kind of thing, and an address for what each of its forms sends."""
    found = []
    for where, show, add, change in (
        ("/fields", _sorting, _add_type, None),
        ("/fields/types", _sorting, _add_type, _change_type),
        ("/fields/topics", _sorting, _add_topic, _change_topic),
        ("/fields/tags", _tags, None, _change_tag),
        ("/fields/checklists", _checklists, _write_checklist, _change_checklist),
    ):
        again = partial(_refused, show)
        found.append(Route(where, read(house, show)))
        if add is not None:
            found.append(
                Route(where, act(house, partial(_do, add, where), again), methods=["POST"])
            )
        if change is not None:
            one = act(house, partial(_do, change, where), again)
            found.append(Route(f"{where}/{{id:uuid}}", one, methods=["POST"]))
    return found


def _do(done: Callable[[Visit], None], where: str, visit: Visit) -> Response:
    done(visit)
    return RedirectResponse(where, 303)


def _refused(show: Show, visit: Visit, error: IntakeError) -> Response:
    """The page again with the reason; a mistake of a name is told without the field's."""
    reason = str(error)
    return show(visit, reason.partition(": ")[2] if isinstance(error, WrongField) else reason)


def _page(visit: Visit, template: str, reason: str, **values: object) -> Response:
    visit.by.must(Act.ADMINISTER)
    return rendering.page(
        visit, template, 422 if reason else 200, nav=beside(visit), reason=reason, **values
    )


def _sorting(visit: Visit, reason: str = "") -> Response:
    placed = topics.tree(visit.session, archived=True)
    return _page(
        visit,
        "layout.html",
        reason,
        types=case_types.types(visit.session, archived=True),
        topics=placed,
        offered=[each for each in placed if not each.archived],
    )


def _tags(visit: Visit, reason: str = "") -> Response:
    return _page(
        visit,
        "layout_tags.html",
        reason,
        tags=tags.tags(visit.session),
        used=tags.used(visit.session),
        colours=list(Colour),
    )


def _checklists(visit: Visit, reason: str = "") -> Response:
    return _page(
        visit,
        "layout_checklists.html",
        reason,
        lists=checklists.checklists(visit.session, archived=True),
        types=case_types.types(visit.session),
    )


def _write_checklist(visit: Visit, checklist_id: UUID | None = None) -> None:
    checklists.write_checklist(
        visit.session, visit.by, name=visit.said("name"), items=visit.said("items").split("\n"),
        type_id=_id(visit.said("type")), checklist_id=checklist_id, at=visit.at,
    )  # fmt: skip


def _change_checklist(visit: Visit) -> None:
    checklist_id: UUID = visit.request.path_params["id"]
    match visit.said("do"):
        case "archive" | "restore" as word:
            archived = word == "archive"
            checklists.archive_checklist(
                visit.session, visit.by, checklist_id, archived, at=visit.at
            )
        case _:
            _write_checklist(visit, checklist_id)


def _add_type(visit: Visit) -> None:
    case_types.add_type(visit.session, visit.by, visit.said("name"), at=visit.at)


def _change_type(visit: Visit) -> None:
    type_id: UUID = visit.request.path_params["id"]
    match visit.said("do"):
        case "archive" | "restore" as word:
            archived = word == "archive"
            case_types.archive_type(visit.session, visit.by, type_id, archived, at=visit.at)
        case _:
            name = visit.said("name")
            case_types.rename_type(visit.session, visit.by, type_id, name, at=visit.at)


def _add_topic(visit: Visit) -> None:
    topics.add_topic(
        visit.session, visit.by, visit.said("name"), parent_id=_id(visit.said("parent")),
        at=visit.at,
    )  # fmt: skip


def _change_topic(visit: Visit) -> None:
    topic_id: UUID = visit.request.path_params["id"]
    match visit.said("do"):
        case "archive" | "restore" as word:
            archived = word == "archive"
            topics.archive_topic(visit.session, visit.by, topic_id, archived, at=visit.at)
        case _:
            topics.change_topic(
                visit.session, visit.by, topic_id, name=visit.said("name"),
                parent_id=_id(visit.said("parent")), at=visit.at,
            )  # fmt: skip


def _change_tag(visit: Visit) -> None:
    tag_id: UUID = visit.request.path_params["id"]
    into = _id(visit.said("into"))
    match visit.said("do"):
        case "delete":
            tags.delete_tag(visit.session, visit.by, tag_id, at=visit.at)
        case "merge" if into is not None:
            tags.merge_tags(visit.session, visit.by, into, tag_id, at=visit.at)
        case "merge":
            raise WrongField("other: choose the tag that it becomes")
        case _:
            colour = visit.said("colour")
            tags.change_tag(
                visit.session, visit.by, tag_id, name=visit.said("name"),
                colour=Colour(colour) if colour in tuple(Colour) else Colour.GREY, at=visit.at,
            )  # fmt: skip


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound("there is no such record") from None
