"""What is billed: time that no entitlement covers, by rates, as requests for accounting.

Deskbell writes no invoices. It says what is to be invoiced, once, and remembers what it handed
over, so that a case which is reopened is not billed twice.
"""

from intake.billing.handing import (
    InvoiceState,
    cancel,
    hand_over,
    hold,
    lines_of,
    locked,
    release,
)
from intake.billing.rates import DAY_MINUTES, BillingTerms, Rate, WrongRate, rate_for, terms_of
from intake.billing.requesting import HandedOver, bill, bill_again, handed_over, withdraw
from intake.billing.requests import InvoiceLine, InvoiceRequest, Kind, State
from intake.billing.time import (
    Spent,
    TimeEntry,
    TimeLocked,
    must_be_free,
    spent_on,
    write_down,
    written_down,
)

__all__ = [
    "DAY_MINUTES",
    "BillingTerms",
    "HandedOver",
    "InvoiceLine",
    "InvoiceRequest",
    "InvoiceState",
    "Kind",
    "Rate",
    "Spent",
    "State",
    "TimeEntry",
    "TimeLocked",
    "WrongRate",
    "bill",
    "bill_again",
    "cancel",
    "hand_over",
    "handed_over",
    "hold",
    "lines_of",
    "locked",
    "must_be_free",
    "rate_for",
    "release",
    "spent_on",
    "terms_of",
    "withdraw",
    "write_down",
    "written_down",
]
