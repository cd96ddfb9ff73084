"""Custom fields of cases from the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from graph.cli.ground import acting, looking, now, out
from graph.cli.sorting import Restore, type_named
from graph.cli.words import field_app
from intake.agents import OPERATOR
from intake.errors import IntakeError
from intake.fields import CaseType, CustomField, FieldKind, Required, custom

Choices = Annotated[list[str] | None, typer.Option("--choice", help="What can be chosen; again.")]
OfType = Annotated[
    str | None, typer.Option("--type", help="The type of case that is asked; empty: every one.")
]
When = Annotated[Required | None, typer.Option(help="When it must be filled in.")]
Public = Annotated[bool | None, typer.Option(help="Whether customers are asked in the web form.")]
Hint = Annotated[str | None, typer.Option(help="What helps to fill it in.")]


@field_app.command("list")
def field_list() -> None:
    """List the custom fields, in their order."""
    with looking() as session:
        table = Table("name", "label", "asked of", "needed", "web form", "choices", box=None)
        for each in custom.custom_fields(session, archived=True):
            asked = session.get_one(CaseType, each.type_id).name if each.type_id else "every case"
            table.add_row(
                each.name,
                each.label,
                "archived" if each.archived_at else asked,
                each.required.value,
                "yes" * each.public,
                ", ".join(each.choices),
            )
    out.print(table)


@field_app.command("add")
def field_add(
    key: Annotated[str, typer.Argument(help="Its name for programs, as serial_no.")],
    kind: FieldKind,
    label: Annotated[str, typer.Argument(help="What people call it.")],
    choice: Choices = None,
    of_type: OfType = None,
    required: When = None,
    public: Public = None,
    hint: Hint = None,
) -> None:
    """Add a field, the last in the order; its key and its kind never change."""
    with acting() as session:
        said: dict[str, Any] = {
            "label": label,
            "choices": choice or [],
            "required": required or Required.NEVER,
            "public": bool(public),
            "hint": hint or "",
            "type_id": type_named(session, of_type).id if of_type else None,
        }
        made = custom.add_field(session, OPERATOR, key=key, kind=kind, at=now(), **said)
        out.print(f"field {made.name} added")


@field_app.command("change")
def field_change(
    key: str,
    label: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    choice: Choices = None,
    of_type: OfType = None,
    required: When = None,
    public: Public = None,
    hint: Hint = None,
) -> None:
    """Ask a field otherwise; what is not named stays, and `--choice` names all."""
    with acting() as session:
        field = _field(session, key)
        type_id = field.type_id
        if of_type is not None:
            type_id = type_named(session, of_type).id if of_type else None
        custom.change_field(
            session,
            OPERATOR,
            field.key,
            label=label or field.label,
            choices=field.choices if choice is None else choice,
            type_id=type_id,
            required=required or field.required,
            public=field.public if public is None else public,
            hint=field.hint if hint is None else hint,
            at=now(),
        )
        out.print(f"field {field.name} changed")


@field_app.command("archive")
def field_archive(key: str, restore: Restore = False) -> None:
    """Ask a field no more; what cases say stays."""
    with acting() as session:
        field = _field(session, key)
        custom.archive_field(session, OPERATOR, field.key, not restore, at=now())
        out.print(f"field {field.name} {'is asked again' if restore else 'archived'}")


def _field(session: Session, key: str) -> CustomField:
    found = session.get(CustomField, key.rpartition(".")[2])
    if found is None:
        raise IntakeError(f"there is no field {key}; `deskbell field list` shows those there are")
    return found
