"""Which queue a case goes to, and to whom: rule sets, of which one is in force at a time.

The rules of the set in force are tried in their order; the first that holds decides. A set is
edited as a draft, checked as a whole when it is activated, and read-only from then on, so that
what decided a case can always be read again.
"""

from __future__ import annotations

from intake.routing.deciding import Routed, RuleAnswer, answers_of, enter, move, note, route
from intake.routing.rehearsing import Differs, Rehearsal, Step, rehearse
from intake.routing.rulesets import (
    NotRoutable,
    RoutingRule,
    RuleForm,
    RuleSet,
    RuleSetInForce,
    RuleSetState,
    by_id,
    rules,
)

__all__ = [
    "Differs",
    "NotRoutable",
    "Rehearsal",
    "Routed",
    "RoutingRule",
    "RuleAnswer",
    "RuleForm",
    "RuleSet",
    "RuleSetInForce",
    "RuleSetState",
    "Step",
    "answers_of",
    "by_id",
    "enter",
    "move",
    "note",
    "rehearse",
    "route",
    "rules",
]
