"""The promise about time: SLAs, their items, and each item's clock running on a case.

- `promises`: what an administrator writes: SLAs, items, business hours; which SLA is whose
- `clocks`: one clock on one case: its states, its deadline, where it stands at an instant
- `starting`, `fitting`: which clocks belong on a case, when it opens and whenever it changes
- `holding`, `keeping`: the holds of a case; promises kept, late or not after all
- `restoring`: all of it as it was before, as when what was done to a case is undone
- `answers`: when customers were answered, by what reached them
- `countdown`: when so little is left that a countdown is worth showing anew
- `explaining`: every second of a clock, and where it stands in a sentence
- `activation`, `checking`, `actions`: from draft to promise, and what a milestone sets off
- `rehearsing`, `changing`: which deadlines a change of hours or of an SLA would move; making it
- `trying`: an SLA run against cases of the past
"""

from intake.sla.answers import answers
from intake.sla.clocks import (
    LIVE,
    RUNNING,
    WARNING,
    Hold,
    KpiInstance,
    KpiState,
    Milestone,
    calendar_of,
    current,
    due_at,
    holds_of,
    look,
    note_deadline,
    of_case,
    of_cases,
    open_time,
    told,
)
from intake.sla.countdown import STEPS, next_step
from intake.sla.explaining import Explanation, Interval, Stretch, explain, spelt
from intake.sla.holding import on_hold, pause, resume
from intake.sla.keeping import judge_answers, meet, unmeet
from intake.sla.promises import (
    From,
    Kpi,
    KpiDefinition,
    OnReopening,
    ServiceCalendar,
    Sla,
    SlaItem,
    Slas,
    SlaState,
    active,
    calendar_named,
    calendars,
    in_force,
    with_items,
)
from intake.sla.restoring import kept, restore
from intake.sla.starting import (
    apply,
    cancel,
    heard,
    reconsider,
    reopened,
    start,
    taken_over,
    waiting_since,
)

__all__ = [
    "LIVE",
    "RUNNING",
    "STEPS",
    "WARNING",
    "Explanation",
    "From",
    "Hold",
    "Interval",
    "Kpi",
    "KpiDefinition",
    "KpiInstance",
    "KpiState",
    "Milestone",
    "OnReopening",
    "ServiceCalendar",
    "Sla",
    "SlaItem",
    "SlaState",
    "Slas",
    "Stretch",
    "active",
    "answers",
    "apply",
    "calendar_named",
    "calendar_of",
    "calendars",
    "cancel",
    "current",
    "due_at",
    "explain",
    "heard",
    "holds_of",
    "in_force",
    "judge_answers",
    "kept",
    "look",
    "meet",
    "next_step",
    "note_deadline",
    "of_case",
    "of_cases",
    "on_hold",
    "open_time",
    "pause",
    "reconsider",
    "reopened",
    "restore",
    "resume",
    "spelt",
    "start",
    "taken_over",
    "told",
    "unmeet",
    "waiting_since",
    "with_items",
]
