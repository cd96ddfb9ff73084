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
queue_app = typer.Typer(no_args_is_help=True, help="Where work waits.")
webhook_app = typer.Typer(no_args_is_help=True, help="Who else hears of what happens.")
skill_app = typer.Typer(no_args_is_help=True, help="What agents can do, how well.")
team_app = typer.Typer(no_args_is_help=True, help="Who works together.")
phone_app = typer.Typer(no_args_is_help=True, help="Calls.")
case_type_app = typer.Typer(no_args_is_help=True, help="What sort of request a case is.")
topic_app = typer.Typer(no_args_is_help=True, help="What cases are about, as a tree.")
tag_app = typer.Typer(no_args_is_help=True, help="Words that cases are marked with.")
field_app = typer.Typer(no_args_is_help=True, help="Custom fields of cases.")
reason_app = typer.Typer(no_args_is_help=True, help="Why a case stands where it stands.")
domain_app = typer.Typer(no_args_is_help=True, help="Mail domains of customers.")
rule_app = typer.Typer(no_args_is_help=True, help="What the desk does by itself.")
