"""One act for many cases: looked at before, done a few at a time, taken back where nothing changed.

- `acts`: what can be done to many cases, what it leaves behind, and the way back
- `operations`: one such change, its cases, and what became of each
- `running`: a worker does it a few at a time, so a crash loses nothing and nobody waits long
"""

from intake.bulk.acts import Bulk, What, WrongBulk, words
from intake.bulk.operations import (
    MOST,
    BulkItem,
    BulkOperation,
    CannotUndoBulk,
    ItemState,
    OperationState,
    Preview,
    chosen,
    counts,
    items_of,
    operation,
    preview,
    start,
    stop,
    undo,
)
from intake.bulk.running import AT_ONCE, due, move

__all__ = [
    "AT_ONCE",
    "MOST",
    "Bulk",
    "BulkItem",
    "BulkOperation",
    "CannotUndoBulk",
    "ItemState",
    "OperationState",
    "Preview",
    "What",
    "WrongBulk",
    "chosen",
    "counts",
    "due",
    "items_of",
    "move",
    "operation",
    "preview",
    "start",
    "stop",
    "undo",
    "words",
]
