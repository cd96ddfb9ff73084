"""Who gets what waits: a pure choice among those who are here, and the act that follows it.

A queue that assigns has a time on each item that waits: when to look for somebody next. A fresh
item is looked at at once, what nobody could take every RETRY, and the oldest of it as soon as an
agent comes, has room again or joins. What was given says why in its event.

`choosing` is the choice, `present` knows who is here, `offering` gives.
"""

from intake.assigning.choosing import Candidate, Choice, Wanted, choose
from intake.assigning.offering import RETRY, call, due, freed_due, move, offer
from intake.assigning.present import QueueTurn, used_units, weights

__all__ = [
    "RETRY",
    "Candidate",
    "Choice",
    "QueueTurn",
    "Wanted",
    "call",
    "choose",
    "due",
    "freed_due",
    "move",
    "offer",
    "used_units",
    "weights",
]
