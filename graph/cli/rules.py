"""What the desk does by itself."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from graph.cli.ground import out, settings_in_force
from graph.cli.words import rule_app
from graph.opening import open_database
from intake import agents, automation
from intake.automation import checking, log
from intake.naming import names_in
from intake.visibility import by_number


@rule_app.command("list")
def rule_list() -> None:
    """List the automation rules, in words."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        for rule in automation.every(session):
            condition = rule.holds_if
            named = checking.names_in(session, rule.does)
            out.print(f"{rule.name} ({rule.state})")
            out.print(f"  when {rule.when.in_words()}")
            out.print(f"  if {condition.in_words(names_in(session, [condition]))}")
            for action in rule.does:
                out.print(f"  then {action.in_words(named)}")
    db.close()


@rule_app.command("log")
def rule_log(
    case: Annotated[int | None, typer.Option(help="Only what was asked about this case.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List what the rules did, the newest first."""
    db = open_database(settings_in_force())
    with db.reading() as session:
        case_id = by_number(session, agents.SYSTEM, case).id if case is not None else None
        table = Table("when", "rule", "case", "outcome", "what", box=None)
        for line in session.scalars(log.runs(case_id=case_id).limit(limit)):
            table.add_row(
                f"{line.at:%Y-%m-%d %H:%M}",
                line.rule.name,
                str(line.case.number),
                line.outcome.value,
                "; ".join(line.did),
            )
        out.print(table)
    db.close()
