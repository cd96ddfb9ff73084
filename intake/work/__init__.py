"""The second door: an agent works. Each act is one function, called alike by Slack, GraphQL and
the console, in a transaction of the caller's.

Each act asks whether the principal may do it and may see the case; locks the case; changes it;
records the event; promises what must be sent.
"""

from __future__ import annotations

from intake.reasons import WrongReason
from intake.work.attending import require_skills, set_presence
from intake.work.changing import NotFilledIn, change_fields, missing, tag
from intake.work.children import (
    OpenChildren,
    WrongFamily,
    link_child,
    open_child,
    policy_of,
    set_children_close,
    unlink_child,
)
from intake.work.closing import cancel, reopen, resolve
from intake.work.finishing import (
    OpenActivities,
    cancel_activity,
    complete_activity,
    open_of,
    reopen_activity,
)
from intake.work.following import follow, hear_by, unfollow
from intake.work.opening import CAME_AS, Asked, WrongOpening, open_case
from intake.work.planned import ActivityNotOpen, WrongActivity
from intake.work.planning import (
    PLANNED,
    Plan,
    Regarding,
    add_activity,
    assign_activity,
    edit_activity,
)
from intake.work.postponing import WrongInstant, agree_follow_up, snooze, wake
from intake.work.rerouting import RoutedAgain, route_again, route_together
from intake.work.retrying import NotGivenUp, retry_delivery, retry_inbound
from intake.work.steering import choose_sla, escalate, prioritise
from intake.work.taking import (
    assign,
    assign_team,
    pick,
    release,
    remove_from_queue,
    route_to,
)
from intake.work.ticking import add_items, strike_item, tick_item, use_checklist
from intake.work.waiting import hold, resume, set_reason
from intake.work.writing import EmptyText, NobodyToAnswer, WayBack, addressee, note, reply, way_back

__all__ = [
    "CAME_AS",
    "PLANNED",
    "ActivityNotOpen",
    "Asked",
    "EmptyText",
    "NobodyToAnswer",
    "NotFilledIn",
    "NotGivenUp",
    "OpenActivities",
    "OpenChildren",
    "Plan",
    "Regarding",
    "RoutedAgain",
    "WayBack",
    "WrongActivity",
    "WrongFamily",
    "WrongInstant",
    "WrongOpening",
    "WrongReason",
    "add_activity",
    "add_items",
    "addressee",
    "agree_follow_up",
    "assign",
    "assign_activity",
    "assign_team",
    "cancel",
    "cancel_activity",
    "change_fields",
    "choose_sla",
    "complete_activity",
    "edit_activity",
    "escalate",
    "follow",
    "hear_by",
    "hold",
    "link_child",
    "missing",
    "note",
    "open_case",
    "open_child",
    "open_of",
    "pick",
    "policy_of",
    "prioritise",
    "release",
    "remove_from_queue",
    "reopen",
    "reopen_activity",
    "reply",
    "require_skills",
    "resolve",
    "resume",
    "retry_delivery",
    "retry_inbound",
    "route_again",
    "route_to",
    "route_together",
    "set_children_close",
    "set_presence",
    "set_reason",
    "snooze",
    "strike_item",
    "tag",
    "tick_item",
    "unfollow",
    "unlink_child",
    "use_checklist",
    "wake",
    "way_back",
]
