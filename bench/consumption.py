"""What processes cost, as Linux accounts for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes and of all that came of them, living or dead."""
    ticks = 0
    for pid in _with_offspring(pids):
        own, system, of_dead, system_of_dead = _stat(pid)[11:15]
        ticks += int(own) + int(system) + int(of_dead) + int(system_of_dead)
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory that these processes and their children hold now."""
    pages = sum(int(_stat(pid)[21]) for pid in _with_offspring(pids))
    return pages * os.sysconf("SC_PAGE_SIZE")


def _with_offspring(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            yield from _with_offspring(map(int, children.read_text().split()))


def _stat(pid: int) -> list[str]:
    # proc(5): the name, in parentheses, may hold anything; what follows is fields 3 and on.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
