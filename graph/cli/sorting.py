"""How cases are sorted: their types, what they are about, and the words they are marked with."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from graph.cli.ground import acting, fail, looking, now, out
from graph.cli.words import case_type_app, tag_app, topic_app
from intake.agents import OPERATOR
from intake.errors import IntakeError
from intake.fields import CaseType, Tag, Topic, case_types, tags, topics
from intake.fields.tags import Colour

Restore = Annotated[bool, typer.Option("--restore", help="Use it again.")]
Path = Annotated[str, typer.Argument(help="The topic below those that it is inside: a > b.")]
Inside = Annotated[str | None, typer.Option(help="The topic that it is inside; empty: the top.")]


@case_type_app.command("list")
def type_list() -> None:
    """List the types of cases, in their order."""
    with looking() as session:
        table = Table("name", "used", box=None)
        for each in case_types.types(session, archived=True):
            table.add_row(each.name, "archived" if each.archived_at else "yes")
    out.print(table)


@case_type_app.command("add")
def type_add(name: str) -> None:
    """Add a type, the last in the order."""
    with acting() as session:
        made = case_types.add_type(session, OPERATOR, name, at=now())
        out.print(f"type {made.name} added")


@case_type_app.command("rename")
def type_rename(name: str, new: str) -> None:
    """Call a type otherwise."""
    with acting() as session:
        found = type_named(session, name)
        renamed = case_types.rename_type(session, OPERATOR, found.id, new, at=now())
        out.print(f"type {name} is called {renamed.name} now")


@case_type_app.command("archive")
def type_archive(name: str, restore: Restore = False) -> None:
    """Give a type to no more cases; those that have it keep it."""
    with acting() as session:
        found = type_named(session, name)
        case_types.archive_type(session, OPERATOR, found.id, not restore, at=now())
        out.print(f"type {found.name} {'is used again' if restore else 'archived'}")


@topic_app.command("list")
def topic_list() -> None:
    """List the topics, each below the one that it is inside."""
    with looking() as session:
        table = Table("topic", "used", box=None)
        for placed in topics.tree(session, archived=True):
            table.add_row(placed.path, "archived" if placed.archived else "yes")
    out.print(table)


@topic_app.command("add")
def topic_add(name: str, inside: Inside = None) -> None:
    """Add a topic, at the top or inside another."""
    with acting() as session:
        parent = _topic(session, inside).id if inside else None
        made = topics.add_topic(session, OPERATOR, name, parent_id=parent, at=now())
        out.print(f"topic {topics.path_of(session, made.id)} added")


@topic_app.command("change")
def topic_change(
    path: Path,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    inside: Inside = None,
) -> None:
    """Call a topic otherwise or put it elsewhere, with what is inside; what is not named stays."""
    with acting() as session:
        found = _topic(session, path)
        parent = found.parent_id
        if inside is not None:
            parent = _topic(session, inside).id if inside else None
        topics.change_topic(
            session, OPERATOR, found.id, name=name or found.name, parent_id=parent, at=now()
        )
        out.print(f"topic {topics.path_of(session, found.id)} changed")


@topic_app.command("archive")
def topic_archive(path: Path, restore: Restore = False) -> None:
    """Give a topic, and what is inside, to no more cases; those that have it keep it."""
    with acting() as session:
        found = _topic(session, path)
        topics.archive_topic(session, OPERATOR, found.id, not restore, at=now())
        out.print(f"topic {found.name} {'is used again' if restore else 'archived'}")


@tag_app.command("list")
def tag_list() -> None:
    """List the tags, with how many cases have each."""
    with looking() as session:
        used = tags.used(session)
        table = Table("tag", "colour", "cases", box=None)
        for tag in tags.tags(session):
            table.add_row(tag.name, tag.colour.value, str(used.get(tag.id, 0)))
    out.print(table)


@tag_app.command("change")
def tag_change(
    name: str,
    new: Annotated[str | None, typer.Option("--name", help="How it is written.")] = None,
    colour: Annotated[Colour | None, typer.Option(help="How it is painted.")] = None,
) -> None:
    """Write or paint a tag otherwise."""
    with acting() as session:
        tag = _tag(session, name)
        tags.change_tag(
            session, OPERATOR, tag.id, name=new or tag.name, colour=colour or tag.colour, at=now()
        )
        out.print(f"tag {tag.name} changed")


@tag_app.command("merge")
def tag_merge(survivor: str, other: str) -> None:
    """Make two tags one: what has the other has the survivor instead."""
    with acting() as session:
        kept, gone = _tag(session, survivor), _tag(session, other)
        tags.merge_tags(session, OPERATOR, kept.id, gone.id, at=now())
        out.print(f"what was tagged {other} is tagged {kept.name} now")


@tag_app.command("delete")
def tag_delete(
    name: str, yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False
) -> None:
    """Take a tag off every case and forget it."""
    if not yes:
        fail("every case that has it loses it; say --yes to delete it", 1)
    with acting() as session:
        tags.delete_tag(session, OPERATOR, _tag(session, name).id, at=now())
    out.print(f"tag {name} deleted")


def type_named(session: Session, name: str) -> CaseType:
    """The type of that name, however it is spaced and capitalised. Raises IntakeError."""
    for each in case_types.types(session, archived=True):
        if tags.same(each.name) == tags.same(name):
            return each
    raise IntakeError(f"there is no type {name}; `deskbell case-type list` shows those there are")


def _topic(session: Session, path: str) -> Topic:
    wanted = [tags.same(part) for part in path.replace(topics.BELOW.strip(), ">").split(">")]
    for placed in topics.tree(session, archived=True):
        if [tags.same(part) for part in placed.path.split(topics.BELOW)] == wanted:
            return placed.topic
    raise IntakeError(f"there is no topic {path}; `deskbell topic list` shows those there are")


def _tag(session: Session, name: str) -> Tag:
    for tag in tags.tags(session):
        if tag.folded == tags.same(name):
            return tag
    raise IntakeError(f"there is no tag {name}; `deskbell tag list` shows those there are")
