"""What is wrong with an entitlement before it is put in force, said of the field it is wrong in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from intake.entitlements.bought import Allocation, DecreaseOn, Entitlement, Unlisted
from intake.errors import IntakeError

# The ways a case may come (DOMAIN's origins and ours). An allotment for another is a slip.
ORIGINS = frozenset(
    {
        "phone",
        "letter",
        "email",
        "web",
        "chat",
        "slack",
        "facebook",
        "twitter",
        "instagram",
        "iot",
    }
)
MOST = 10_000_000
TEN_YEARS_DAYS = 3_653
ADDRESS_LENGTH = 320


class BadEntitlement(IntakeError):
    """An entitlement that cannot be put in force; `field` names where it is wrong."""

    code = "entitlement-invalid"

    def __init__(self, field: str, words: str) -> None:
        super().__init__(f"{field}: {words}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one field; a warning unless it `refuses`."""

    field: str
    words: str
    refuses: bool = True


def check(entitlement: Entitlement, origins: Iterable[str] = ORIGINS) -> list[Problem]:
    """Everything wrong or doubtful, by field."""
    return [
        *_customer(entitlement),
        *_dates(entitlement),
        *_terms(entitlement),
        *_periods(entitlement),
        *_channels(entitlement, frozenset(origins)),
        *_reminders(entitlement),
    ]


def must_be_valid(entitlement: Entitlement, origins: Iterable[str] = ORIGINS) -> list[Problem]:
    """The warnings. Raises BadEntitlement for the first thing that refuses."""
    problems = check(entitlement, origins)
    for problem in problems:
        if problem.refuses:
            raise BadEntitlement(problem.field, problem.words)
    return problems


def _customer(entitlement: Entitlement) -> Iterator[Problem]:
    if not entitlement.name.strip():
        yield Problem("name", "give it a name")
    if (entitlement.account_id is None) == (entitlement.contact_id is None):
        yield Problem("customer", "it belongs to one account or to one contact")


def _dates(entitlement: Entitlement) -> Iterator[Problem]:
    if entitlement.ends_on < entitlement.starts_on:
        yield Problem(
            "ends_on", f"{entitlement.ends_on} is before its start, {entitlement.starts_on}"
        )


def _terms(entitlement: Entitlement) -> Iterator[Problem]:
    if entitlement.total < 0:
        yield Problem("total", f"{entitlement.total} is below zero")
    if entitlement.total > MOST:
        yield Problem("total", f"{entitlement.total} is more than {MOST}")
    if entitlement.reserve < 0:
        yield Problem("reserve", f"{entitlement.reserve} is below zero")
    by_time = entitlement.allocation is Allocation.HOURS
    if by_time and entitlement.decrease_on is DecreaseOn.CREATION:
        yield Problem("decrease_on", "hours can only be taken on resolution")


def _periods(entitlement: Entitlement) -> Iterator[Problem]:
    if entitlement.period_months is not None and not 1 <= entitlement.period_months <= 120:
        yield Problem("period_months", "a period lasts from one month to ten years")
    if entitlement.carry_over < 0:
        yield Problem("carry_over", f"{entitlement.carry_over} is below zero")
    days = entitlement.carry_over_days
    if days is not None and not 1 <= days <= TEN_YEARS_DAYS:
        yield Problem("carry_over_days", "carried units last from one day to ten years")


def _channels(entitlement: Entitlement, origins: frozenset[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for row in entitlement.channels:
        field = f"channels.{row.channel}"
        if row.channel not in origins:
            known = ", ".join(sorted(origins))
            yield Problem(field, f"there is no channel {row.channel!r}; there are {known}")
        if row.channel in seen:
            yield Problem(field, "is listed twice")
        seen.add(row.channel)
        if row.total < 0:
            yield Problem(field, f"{row.total} is below zero")
        elif row.total > entitlement.total:
            words = f"{row.total} can never be used up: the whole is {entitlement.total}"
            yield Problem(field, words, refuses=False)
    if not entitlement.channels and entitlement.unlisted is Unlisted.DENY:
        words = "none is listed, and those that are not listed are not covered: it covers nothing"
        yield Problem("channels", words, refuses=False)
    together = sum(row.total for row in entitlement.channels)
    if together > entitlement.total:
        words = f"they add up to {together}, the whole is {entitlement.total}"
        yield Problem("channels", words, refuses=False)


def _reminders(entitlement: Entitlement) -> Iterator[Problem]:
    for percent in entitlement.thresholds:
        if not 0 <= percent < 100:
            yield Problem("thresholds", f"{percent} is no percentage from 0 to 99")
    if any(abs(days) > TEN_YEARS_DAYS for days in entitlement.renewal_days):
        yield Problem("renewal_days", "reminders go out within ten years of the end")
    email = entitlement.email or ""  # none yet, before it is kept for the first time
    if len(email) > ADDRESS_LENGTH:
        yield Problem("email", f"an address has at most {ADDRESS_LENGTH} characters")
    if entitlement.renewal_days and "@" not in email:
        yield Problem("email", "reminders need an address to go to")
