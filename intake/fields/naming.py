"""Names of what is laid out: words on one line, said once."""

from __future__ import annotations

from collections.abc import Iterable

from intake.conditions import folded
from intake.errors import IntakeError


class WrongField(IntakeError):
    """A field cannot be so; the text begins with its name."""

    code = "wrong-field"


def name_of(typed: str, others: Iterable[str], *, longest: int, field: str = "name") -> str:
    """The name on one line. Raises WrongField for one that is empty, too long or taken."""
    name = " ".join(typed.split())
    if not folded(name).strip() or len(name) > longest:
        raise WrongField(f"{field}: write 1 to {longest} characters")
    if taken := next((other for other in others if folded(other) == folded(name)), None):
        raise WrongField(f"{field}: “{taken}” is there already")
    return name
