"""Rows of a form that buttons move and remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def moved(rows: Sequence[T], place: int, act: str) -> list[T]:
    """The rows after the one at that place was moved `up` or `down`, or removed."""
    left = list(rows)
    if not 0 <= place < len(left):
        return left
    row = left.pop(place)
    if act != "remove":
        left.insert(max(place - 1, 0) if act == "up" else place + 1, row)
    return left
