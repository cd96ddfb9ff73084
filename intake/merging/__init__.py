"""What was filed wrongly, put right: cases made one, a message split off or moved; all undoable.

- `cases`: up to ten cases merged into one that goes on; `previewing` shows it before it is done,
  and `parting` undoes it
- `continuing`: a case that seems to go on with another does, or is kept apart
- `messages`: a message moved to another case, and put back; `splitting` makes a case of its own
  of it
- `moves`: which rows moved, written down so that exactly those go back
"""

from intake.merging.cases import MOST, CaseMerge, merge, merges_of
from intake.merging.continuing import go_on, keep_apart
from intake.merging.messages import MessageMove, move_message, moves_of, put_back
from intake.merging.moves import CannotMerge, CannotMove, CannotUndo, MovedRow
from intake.merging.parting import unmerge
from intake.merging.previewing import Preview, Share, preview
from intake.merging.splitting import split_off

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
    "go_on",
    "keep_apart",
    "merge",
    "merges_of",
    "move_message",
    "moves_of",
    "preview",
    "put_back",
    "split_off",
    "unmerge",
]
