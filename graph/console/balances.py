"""What is left of what was bought, as a page shows it: in words, as a bar, and how pressing."""

from __future__ import annotations

from dataclasses import dataclass

from intake.entitlements import Allocation, ChannelAllotment, Entitlement, State

LOW_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance: `percent` of the whole are left, None where nothing is counted."""

    words: str
    percent: float | None
    mood: str
    reserved: str = ""


def of_entitlement(entitlement: Entitlement) -> Balance:
    """The balance of the whole."""
    if not entitlement.total and not entitlement.restricted:
        used = entitlement.terms(-entitlement.remaining)
        return Balance(f"{used} so far, as many as they need", None, "fine")
    low = max(entitlement.thresholds, default=LOW_PERCENT)
    words = f"{entitlement.left(entitlement.remaining)} left"
    held = f"{entitlement.terms(entitlement.reserved)} held back" if entitlement.reserved else ""
    if entitlement.state is State.DRAFT and not entitlement.activations:
        return Balance(f"{entitlement.terms(entitlement.total)}, not granted yet", None, "none")
    return _balance(words, entitlement.remaining, entitlement.total, low, held)


def of_channel(entitlement: Entitlement, row: ChannelAllotment) -> Balance:
    """The balance that one channel has of its own."""
    if entitlement.state is State.DRAFT and not entitlement.activations:
        return Balance(entitlement.number(row.total), None, "none")
    words = f"{entitlement.number(row.remaining)} of {entitlement.number(row.total)} left"
    if not row.total:
        words = "closed" if entitlement.restricted else "draws on the whole"
    low = max(entitlement.thresholds, default=LOW_PERCENT)
    return _balance(words, row.remaining, row.total, low, "")


def signed(entitlement: Entitlement, units: int) -> str:
    """A change of a balance: "+3", "−1.5"; "" for none."""
    if not units:
        return ""
    number = entitlement.number(abs(units))
    unit = " h" if entitlement.allocation is Allocation.HOURS else ""
    return f"{'+' if units > 0 else '−'}{number}{unit}"


def _balance(words: str, left: int, total: int, low: int, held: str) -> Balance:
    percent = 100 * max(left, 0) / max(total, left, 1)
    mood = "late" if left <= 0 else "nearing" if percent <= low else "fine"
    return Balance(words, round(percent, 1), mood, held)
