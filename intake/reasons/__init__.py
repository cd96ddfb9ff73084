"""Status reasons: those that a desk adds to the given ones, and which may follow which.

`choosing` is all that can be chosen, `moves` the table of what may follow what, `own` what an
administrator adds, renames and retires.
"""

from intake.reasons.choosing import WrongReason, choose, every, of_kinds, one, read
from intake.reasons.moves import (
    FOLLOWS,
    NotReachable,
    allow,
    can_follow,
    may_follow,
    must_follow,
    table,
)
from intake.reasons.own import KINDS, MOST, add, rename, retire

__all__ = [
    "FOLLOWS",
    "KINDS",
    "MOST",
    "NotReachable",
    "WrongReason",
    "add",
    "allow",
    "can_follow",
    "choose",
    "every",
    "may_follow",
    "must_follow",
    "of_kinds",
    "one",
    "read",
    "rename",
    "retire",
    "table",
]
