"""One act for many cases: looked at before, done a few at a time, taken back where nothing changed.

- `acts`: what can be asked for, and the same in words
- `doing`: how each act is done to one case, and taken back
- `kinds`: of each act, what it changes and what stands in its way
- `previewing`: what it would do, told before anything is done
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
    chosen,
    counts,
    found,
    items_of,
    operation,
    start,
    stop,
    undo,
)
from intake.bulk.previewing import Preview, Refused, Would, preview
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
    "Refused",
    "What",
    "Would",
    "WrongBulk",
    "chosen",
    "counts",
    "due",
    "found",
    "items_of",
    "move",
    "operation",
    "preview",
    "start",
    "stop",
    "undo",
    "words",
]
