"""What is billed: time that no entitlement covers, by rates, as requests for accounting.

Deskbell writes no invoices. It says what is to be invoiced, once, and remembers what it handed
over, so that a case which is reopened is not billed twice.
"""

from intake.billing.invoices import (
    InvoiceLine,
    InvoiceRequest,
    Kind,
    State,
    bill,
    bill_again,
    hand_over,
    lines_of,
    withdraw,
)
from intake.billing.rates import DAY_MINUTES, BillingTerms, Rate, WrongRate, rate_for, terms_of
from intake.billing.time import (
    Spent,
    TimeEntry,
    TimeLocked,
    must_be_free,
    spent_on,
    write_down,
)

__all__ = [
    "DAY_MINUTES",
    "BillingTerms",
    "InvoiceLine",
    "InvoiceRequest",
    "Kind",
    "Rate",
    "Spent",
    "State",
    "TimeEntry",
    "TimeLocked",
    "WrongRate",
    "bill",
    "bill_again",
    "hand_over",
    "lines_of",
    "must_be_free",
    "rate_for",
    "spent_on",
    "terms_of",
    "withdraw",
    "write_down",
]
