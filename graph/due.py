"""What time moves in the layers above the domain: the clock has these besides its own."""

from __future__ import annotations

from channels.slack import countdown
from kb import publishing

ABOVE = (*publishing.DUE, *countdown.DUE)
