"""The words of the command: `deskbell`, and the groups that stand after it."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
db_app = typer.Typer(no_args_is_help=True, help="The database.")
inbound_app = typer.Typer(no_args_is_help=True, help="Messages as they arrived.")
demo_app = typer.Typer(no_args_is_help=True, help="Contoso, a desk to try out.")
agent_app = typer.Typer(no_args_is_help=True, help="Who works here.")
calendar_app = typer.Typer(no_args_is_help=True, help="Business hours.")
feed_app = typer.Typer(no_args_is_help=True, help="Feeds of holidays, by URL.")
queue_app = typer.Typer(no_args_is_help=True, help="Where cases wait.")
webhook_app = typer.Typer(no_args_is_help=True, help="Who else hears of what happens.")
skill_app = typer.Typer(no_args_is_help=True, help="What agents can do, how well.")
team_app = typer.Typer(no_args_is_help=True, help="Who works together.")
phone_app = typer.Typer(no_args_is_help=True, help="Calls.")
rule_app = typer.Typer(no_args_is_help=True, help="What the desk does by itself.")
