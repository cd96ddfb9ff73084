"""The public holidays of a country and its region as plain dates.

What is found is written into a calendar as its own list, so that a newer table of holidays never
moves a clock that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches

from intake.calendars.slots import BadCalendar


def of_country(country: str, region: str, years: range) -> dict[date, str]:
    """The public holidays of a country (ISO 3166, "ES") and, if given, a region of it ("MD").

    Raises BadCalendar, naming the field, for a place that is not known.
    """
    import holidays  # half a second, for the few who ask

    known = holidays.list_supported_countries()
    if country not in known:
        raise BadCalendar(f'country: unknown country "{country:.20}"{_near(country, known)}')
    if region and region not in known[country]:
        hint = _near(region, known[country]) or f"; say {', '.join(known[country]) or 'none'}"
        raise BadCalendar(f'region: unknown region "{region:.20}" of {country}{hint}')
    found = holidays.country_holidays(country, subdiv=region or None, years=years)
    return dict(sorted(found.items()))


def _near(word: str, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(word.upper(), list(known), 1)
    return f', did you mean "{near[0]}"?' if near else ""
