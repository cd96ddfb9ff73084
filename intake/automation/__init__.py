"""What the desk does by itself: rules at events and after times, and macros applied by hand.

A rule is asked when something happened to a case, or some time after one of its dates; if its
condition holds, it acts (`running`). The worker follows what happened (`feed`) and the clock finds
what is due (`timers`). Every asking is logged with the condition explained (`log`), rules that set
each other off are stopped, and a rule can be tried before it acts (`trying`).
"""

from __future__ import annotations

from intake.automation.actions import Action, Do
from intake.automation.macros import Macro
from intake.automation.rules import (
    AutomationRule,
    AutomationRun,
    Outcome,
    RuleState,
    by_id,
    every,
)
from intake.automation.triggers import AFTER, CHANGED, EVENTS, Start, Trigger, WrongRule
from intake.automation.writing import RuleInForce, RuleTerms

__all__ = [
    "AFTER",
    "CHANGED",
    "EVENTS",
    "Action",
    "AutomationRule",
    "AutomationRun",
    "Do",
    "Macro",
    "Outcome",
    "RuleInForce",
    "RuleState",
    "RuleTerms",
    "Start",
    "Trigger",
    "WrongRule",
    "by_id",
    "every",
]
