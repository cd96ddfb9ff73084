"""What stands around a case that rules may ask for: who wrote first and what, whose it is, what
is left of what covers it. It is read when a rule asks, and costs nothing where none does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import object_session

from intake.cases import Activity, Case, Direction
from intake.conditions import Field, Kind
from intake.customers import Account, Contact
from intake.db import Base
from intake.entitlements import Entitlement

R = TypeVar("R", bound=Base)

# A column of text is compared folded, and is kept so where much is searched in it: of a subject.
FIELDS = (
    Field("sender_certain", Kind.YES_NO, label="sender certain"),
    Field(
        "sender", Kind.TEXT, label="sender's address",
        unsearchable="addresses are not kept in the form that is compared; ask for the contact",
    ),
    Field(
        "said", Kind.TEXT, label="first message",
        unsearchable="messages are not kept in the form that is compared; the search finds words",
    ),
    Field(
        "account_name", Kind.TEXT, label="account's name",
        unsearchable="names are not kept in the form that is compared; ask for the account",
    ),
    Field(
        "contact_name", Kind.TEXT, label="contact's name",
        unsearchable="names are not kept in the form that is compared; ask for the contact",
    ),
    Field("language", Kind.CHOICE, label="contact's language"),
    Field(
        "plan", Kind.TEXT, label="entitlement's name",
        unsearchable="names are not kept in the form that is compared; ask for the entitlement",
    ),
    Field("remaining", Kind.NUMBER, label="terms left"),
)  # fmt: skip


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


def column(name: str) -> ColumnElement[Any]:
    """Where SQL finds one of FIELDS, in a statement that selects from `cases`. Raises KeyError for
    those of which the database keeps no such column."""
    return _COLUMNS[name]()


def _language() -> ColumnElement[Any]:
    held = select(func.nullif(Contact.language, "")).where(Contact.id == Case.contact_id)
    return held.correlate(Case).scalar_subquery()


def _remaining() -> ColumnElement[Any]:
    held = select(Entitlement.remaining).where(Entitlement.id == Case.entitlement_id)
    return held.correlate(Case).scalar_subquery()


def _sender_certain() -> ColumnElement[Any]:
    first = (
        select(Activity.sender_doubt == "")
        .where(Activity.case_id == Case.id, Activity.direction == Direction.INCOMING)
        .order_by(Activity.at, Activity.id)
        .limit(1)
    )
    # Nobody's message opened it, so nothing speaks against anybody.
    return func.coalesce(first.correlate(Case).scalar_subquery(), true())


_COLUMNS: Mapping[str, Callable[[], ColumnElement[Any]]] = {
    "language": _language,
    "remaining": _remaining,
    "sender_certain": _sender_certain,
}
SEARCHABLE = frozenset(_COLUMNS)
"""Those of FIELDS that a list can be asked for."""


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
