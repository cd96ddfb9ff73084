"""One language for conditions: nested AND, OR and NOT over typed fields of a record.

Stored as JSON, shown in words, answered in Python for one record and in SQL for many:

    {"all": [{"field": "channel", "op": "is", "value": "email"},
             {"any": [{"field": "subject", "op": "contains any of", "value": ["refund", "invoice"]},
                      {"field": "priority", "op": "is at least", "value": "high"}]}]}

    channel is email and (subject contains any of "refund", "invoice" or priority is at least high)

A comparison is true or false, never unknown: a field that is missing (None, a text of nothing but
spaces, no words) "is empty" and "is not" anything, and whatever else is said of it is false. Texts
and words are compared by whole words and signs, without regard to case, accents and spacing. What
stands in a tree "is within" itself and all that it is inside of.
`{"all": []}` always holds.

An instant may be compared with the one at which the question is asked: {"field": "opened", "op":
"is in the last", "value": "7 days"}. The facts say which that is, at AT; `as_sql` is told it.
"""

from intake.conditions.fields import BadCondition, Field, Fields, Kind, Operator
from intake.conditions.folding import folded, joined
from intake.conditions.tree import AT, All, AnyOf, Comparison, Condition, Not

__all__ = [
    "AT",
    "All",
    "AnyOf",
    "BadCondition",
    "Comparison",
    "Condition",
    "Field",
    "Fields",
    "Kind",
    "Not",
    "Operator",
    "folded",
    "joined",
]
