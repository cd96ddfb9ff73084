"""What stands around a case that rules may ask for: who wrote first and what, whose it is, what
is left of what covers it. It is read when a rule asks, and costs nothing where none does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import object_session

from intake.cases import Activity, Case, Direction
from intake.conditions import Field, Kind
from intake.customers import Account, Contact
from intake.db import Base
from intake.entitlements import Entitlement

R = TypeVar("R", bound=Base)

FIELDS = (
    Field("sender_certain", Kind.YES_NO, label="sender certain"),
    Field("sender", Kind.TEXT, label="sender's address"),
    Field("said", Kind.TEXT, label="first message"),
    Field("account_name", Kind.TEXT, label="account's name"),
    Field("contact_name", Kind.TEXT, label="contact's name"),
    Field("language", Kind.CHOICE, label="contact's language"),
    Field("plan", Kind.TEXT, label="entitlement's name"),
    Field("remaining", Kind.NUMBER, label="terms left"),
)


@dataclass(frozen=True, slots=True)
class Opening:
    """The message that opened a case, as far as rules ask for it."""

    text: str = ""
    sender: str = ""
    certain: bool = True
    """Nothing speaks against the sender being who they say."""


def around(case: Case, opening: Opening | None = None) -> Mapping[str, Callable[[], Any]]:
    """How each of FIELDS is found for a case; its first message too, where it is not given."""

    @cache
    def first() -> Opening:
        return opening or _opening_of(case)

    def of(table: type[R], id: UUID | None, read: Callable[[R], Any]) -> Any:
        session = object_session(case)
        found = session.get(table, id) if session is not None and id is not None else None
        return read(found) if found is not None else None

    return {
        "said": lambda: first().text,
        "sender": lambda: first().sender,
        "sender_certain": lambda: first().certain,
        "account_name": lambda: of(Account, case.account_id, lambda account: account.name),
        "contact_name": lambda: of(Contact, case.contact_id, lambda contact: contact.name),
        "language": lambda: of(Contact, case.contact_id, lambda contact: contact.language or None),
        "plan": lambda: of(Entitlement, case.entitlement_id, lambda held: held.name),
        "remaining": lambda: of(Entitlement, case.entitlement_id, lambda held: held.remaining),
    }


def _opening_of(case: Case) -> Opening:
    session = object_session(case)
    first = (
        select(Activity.new_text, Activity.author_address, Activity.sender_doubt)
        .where(Activity.case_id == case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at, Activity.id)
        .limit(1)
    )
    row = session.execute(first).first() if session is not None else None
    return Opening(row.new_text, row.author_address, not row.sender_doubt) if row else Opening()
