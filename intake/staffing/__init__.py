"""Who works here and where: people, queues, teams and skills, as an administrator sets them up.

Each act is one function, called alike by GraphQL, the console and the command line, in a
transaction of the caller's. It asks whether the principal may; locks what it changes; records the
event.
"""

from __future__ import annotations

from intake.staffing.agents import (
    WorkTerms,
    add_skill,
    change_work,
    rename_skill,
    terms_of_work,
    weigh,
)
from intake.staffing.people import (
    AgentTerms,
    WrongAgent,
    add_agent,
    add_token,
    change_agent,
    terms_of_agent,
)
from intake.staffing.queues import (
    QueueTerms,
    WrongQueue,
    add_queue,
    archive_queue,
    change_queue,
    restore_queue,
    terms_of_queue,
)
from intake.staffing.teams import (
    TeamTerms,
    WrongTeam,
    add_team,
    archive_team,
    change_team,
    terms_of_team,
)

__all__ = [
    "AgentTerms",
    "QueueTerms",
    "TeamTerms",
    "WorkTerms",
    "WrongAgent",
    "WrongQueue",
    "WrongTeam",
    "add_agent",
    "add_queue",
    "add_skill",
    "add_team",
    "add_token",
    "archive_queue",
    "archive_team",
    "change_agent",
    "change_queue",
    "change_team",
    "change_work",
    "rename_skill",
    "restore_queue",
    "terms_of_agent",
    "terms_of_queue",
    "terms_of_team",
    "terms_of_work",
    "weigh",
]
