"""Who we serve: accounts (companies) and contacts (people), and how each person is reached."""

from intake.customers import domains, merging, notes, points, preferences, registering
from intake.customers.domains import PUBLIC_MAIL, AccountDomain, domain_of
from intake.customers.people import (
    Account,
    Contact,
    ContactPoint,
    Identified,
    identify,
    survivor_of,
    verified,
    verify,
)

__all__ = [
    "PUBLIC_MAIL",
    "Account",
    "AccountDomain",
    "Contact",
    "ContactPoint",
    "Identified",
    "domain_of",
    "domains",
    "identify",
    "merging",
    "notes",
    "points",
    "preferences",
    "registering",
    "survivor_of",
    "verified",
    "verify",
]
