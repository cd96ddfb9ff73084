"""Where cases wait, and who took which.

`places` holds the queues and who works them, `waiting` the item of each case that waits in one.
"""

from intake.queues.places import (
    Assignment,
    Continuity,
    DefaultQueue,
    NoQueue,
    Queue,
    QueueMember,
    Queues,
    WhenNotCovered,
    default_of,
    every,
)
from intake.queues.waiting import (
    AlreadyTaken,
    QueueItem,
    add,
    belong,
    counts,
    enter,
    give,
    give_team,
    item_of,
    leave,
    pick,
    release,
    take_up,
)

__all__ = [
    "AlreadyTaken",
    "Assignment",
    "Continuity",
    "DefaultQueue",
    "NoQueue",
    "Queue",
    "QueueItem",
    "QueueMember",
    "Queues",
    "WhenNotCovered",
    "add",
    "belong",
    "counts",
    "default_of",
    "enter",
    "every",
    "give",
    "give_team",
    "item_of",
    "leave",
    "pick",
    "release",
    "take_up",
]
