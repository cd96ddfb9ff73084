"""What was bought and how much of it is left: the ledger of terms, and which entitlement applies.

`bought` holds the records, `ledger` the entries that are their balances, `choice` decides which
one covers a case, `drawing` takes and gives back what a case uses and `reserving` what it holds
back, `life`, `granting` and `periods` are what people and time do to it, `templates` what it is
made from, `thresholds` and `forecast` when it runs low and out.
"""

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
from intake.entitlements.forecast import Burned, Forecast, burn_down, forecast, forecasts
from intake.entitlements.ledger import (
    EntryKind,
    LedgerEntry,
    entries_of,
    open_debit,
    unbalanced,
)
from intake.entitlements.life import (
    NotEditable,
    WrongState,
    activate,
    cancel,
    correct,
    deactivate,
    discard,
    edit,
    next_look,
    pass_time,
    renew,
    renew_ahead,
    renewal_notices,
    set_default,
)
from intake.entitlements.overlaps import doubts
from intake.entitlements.periods import turn
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
    "Burned",
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
    "burn_down",
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
