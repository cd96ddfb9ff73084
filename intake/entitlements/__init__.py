"""What was bought and how much of it is left: the ledger of terms, and which entitlement applies.

- `bought`, `ledger`: the records, and the entries that are their balances
- `choice`, `drawing`, `reserving`: which one covers a case; what a case takes and holds back
- `templates`, `drafting`, `editing`, `validity`: what one is made from, and what may be written
- `life`, `defaults`, `correcting`, `renewing`: what managers do to it; `acting` is asked by each
- `granting`, `periods`, `passing`: what time brings
- `thresholds`, `forecast`, `overlaps`: when it runs low and out, and what covers the same twice
"""

from intake.entitlements.acting import NotEditable, WrongState
from intake.entitlements.bought import (
    Allocation,
    ChannelAllotment,
    DecreaseOn,
    EntitledContact,
    EntitledProduct,
    Entitlement,
    Overdraw,
    State,
    Unlisted,
    held_by,
    locked,
)
from intake.entitlements.choice import (
    Asked,
    ChosenBy,
    Decision,
    Refusal,
    Taken,
    Test,
    decide,
    decide_on,
    state_on,
)
from intake.entitlements.correcting import correct
from intake.entitlements.defaults import set_default
from intake.entitlements.drafting import of_id, rewrite, write, write_from, zone_of
from intake.entitlements.drawing import (
    Drawn,
    Exhausted,
    Share,
    Standing,
    WouldOverdraw,
    claim,
    divided,
    settle,
    taken_by,
)
from intake.entitlements.editing import edit
from intake.entitlements.forecast import Forecast, forecast, forecasts
from intake.entitlements.ledger import EntryKind, LedgerEntry, entries_of, open_debit, unbalanced
from intake.entitlements.life import activate, cancel, deactivate, discard
from intake.entitlements.overlaps import doubts
from intake.entitlements.passing import next_look, pass_time, renewal_notices
from intake.entitlements.periods import turn
from intake.entitlements.renewing import renew, renew_ahead
from intake.entitlements.reserving import Reservation
from intake.entitlements.templates import (
    EntitlementTemplate,
    add_template,
    change_template,
    draft,
    keep_as_template,
)
from intake.entitlements.thresholds import threshold_reached
from intake.entitlements.validity import ORIGINS, BadEntitlement, Problem, check

__all__ = [
    "ORIGINS",
    "Allocation",
    "Asked",
    "BadEntitlement",
    "ChannelAllotment",
    "ChosenBy",
    "Decision",
    "DecreaseOn",
    "Drawn",
    "EntitledContact",
    "EntitledProduct",
    "Entitlement",
    "EntitlementTemplate",
    "EntryKind",
    "Exhausted",
    "Forecast",
    "LedgerEntry",
    "NotEditable",
    "Overdraw",
    "Problem",
    "Refusal",
    "Reservation",
    "Share",
    "Standing",
    "State",
    "Taken",
    "Test",
    "Unlisted",
    "WouldOverdraw",
    "WrongState",
    "activate",
    "add_template",
    "cancel",
    "change_template",
    "check",
    "claim",
    "correct",
    "deactivate",
    "decide",
    "decide_on",
    "discard",
    "divided",
    "doubts",
    "draft",
    "edit",
    "entries_of",
    "forecast",
    "forecasts",
    "held_by",
    "keep_as_template",
    "locked",
    "next_look",
    "of_id",
    "open_debit",
    "pass_time",
    "renew",
    "renew_ahead",
    "renewal_notices",
    "rewrite",
    "set_default",
    "settle",
    "state_on",
    "taken_by",
    "threshold_reached",
    "turn",
    "unbalanced",
    "write",
    "write_from",
    "zone_of",
]
