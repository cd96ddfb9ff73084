"""What was filed wrongly, put right: cases made one, a message split off or moved; all undoable.

- `cases`: up to ten cases merged into one that goes on, looked at before, and parted again
- `messages`: a message split off into a case of its own, or moved to another case
- `moves`: which rows moved, written down so that exactly those go back
"""

from intake.merging.cases import (
    MOST,
    CaseMerge,
    Preview,
    Share,
    merge,
    merges_of,
    preview,
    unmerge,
)
from intake.merging.messages import (
    MessageMove,
    move_message,
    moves_of,
    put_back,
    split_off,
)
from intake.merging.moves import CannotMerge, CannotMove, CannotUndo, MovedRow

__all__ = [
    "MOST",
    "CannotMerge",
    "CannotMove",
    "CannotUndo",
    "CaseMerge",
    "MessageMove",
    "MovedRow",
    "Preview",
    "Share",
    "merge",
    "merges_of",
    "move_message",
    "moves_of",
    "preview",
    "put_back",
    "split_off",
    "unmerge",
]
