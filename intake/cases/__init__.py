"""The case: one request of a customer, where it stands, and the activities that tell its story.

`case` holds the request itself, `standing` the words for where it stands and why, `status`
those that a desk adds to them, `story` the activities, their files and the resolutions.
"""

from intake.cases.case import (
    NEVER,
    PLANS,
    Case,
    StaleVersion,
    forget_plans,
    next_numbers,
    set_deadline,
    touch,
)
from intake.cases.standing import (
    PAUSES,
    REASONS,
    ChildrenClose,
    NotOpen,
    Priority,
    Reason,
    Severity,
    State,
)
from intake.cases.status import Chosen, OwnReason, Status
from intake.cases.story import (
    Activity,
    ActivityKind,
    ActivityState,
    Attachment,
    Direction,
    Resolution,
)

__all__ = [
    "NEVER",
    "PAUSES",
    "PLANS",
    "REASONS",
    "Activity",
    "ActivityKind",
    "ActivityState",
    "Attachment",
    "Case",
    "ChildrenClose",
    "Chosen",
    "Direction",
    "NotOpen",
    "OwnReason",
    "Priority",
    "Reason",
    "Resolution",
    "Severity",
    "StaleVersion",
    "State",
    "Status",
    "forget_plans",
    "next_numbers",
    "set_deadline",
    "touch",
]
