"""The first door: a message arrives, and becomes a case or part of one.

Every channel comes through here, by way of `channels.reception`, in one transaction: identify the
customer, find the thread, open or append, claim the entitlement, route, start the SLA, record.
Messages that wait together are accepted together: what they need is read once and written once.

- `filing`: the steps, for all messages that wait together
- `books`: what is looked up once for all of them
- `opening`, `joining`: one message opens a case, or becomes part of one
- `continuing`: a customer who writes anew while a young case of theirs is open
- `story`: what it becomes there
"""

from intake.accept.books import Receipt
from intake.accept.filing import accept

__all__ = ["Receipt", "accept"]
