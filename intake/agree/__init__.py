"""Agreeing with a customer: a manager writes, invoices, holds, ends and renews contracts.

Each act is one function, called alike by GraphQL, the console and the command line, in a
transaction of the caller's. It asks whether the principal may; locks the contract; changes it;
lets the entitlements follow; records the event.
"""

from intake.agree.lines import add_line, cancel_line, change_line, remove_line
from intake.agree.living import cancel, hold, invoice, release, renew
from intake.agree.tying import tie, untie
from intake.agree.writing import change_template, copy, delete, draft, redraft, template

__all__ = [
    "add_line",
    "cancel",
    "cancel_line",
    "change_line",
    "change_template",
    "copy",
    "delete",
    "draft",
    "hold",
    "invoice",
    "redraft",
    "release",
    "remove_line",
    "renew",
    "template",
    "tie",
    "untie",
]
