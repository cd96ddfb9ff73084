"""A text written beforehand, as it reads for one case and who answers it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from intake.agents import Kind, Principal
from intake.cases import Case
from intake.customers import Account, Contact
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.products import Product
from intake.queues import Queue
from intake.wording.languages import Text, base_of, in_language
from intake.wording.placeholders import fill, used_in
from intake.wording.signatures import signatures_of
from intake.wording.templates import ReplyTemplate


@dataclass(frozen=True, slots=True)
class Filled:
    """A text to be read before it is sent."""

    text: str
    language: str
    instead_of: str = ""
    """The language that the customer prefers, where the text is not there in it."""
    missing: tuple[str, ...] = ()
    """Placeholders for which nothing is known, left empty in the text."""

    @property
    def note(self) -> str:
        """What whoever sends it should look at, or ''."""
        said = []
        if self.instead_of:
            said.append(f"it is in {self.language}, for there is none in {self.instead_of}")
        if self.missing:
            said.append(f"nothing is known of the {' and the '.join(self.missing)}")
        return "; ".join(said)


def filled(
    session: Session,
    template: ReplyTemplate,
    case: Case,
    by: Principal,
    desk: Desk,
    *,
    language: str = "",
) -> Filled:
    """The template as it reads for this case: in the language asked for, the contact's, or its
    first."""
    wanted = language or preferred(session, case)
    chosen = in_language(template.texts, wanted)
    return _filled(session, chosen, wanted, case, by, desk)


def signed(session: Session, text: str, case: Case, by: Principal, desk: Desk) -> str:
    """The answer with the signature of its queue below, if that has one."""
    signatures = signatures_of(session, case.queue_id)
    if not signatures:
        return text
    wanted = preferred(session, case)
    below = _filled(session, in_language(signatures, wanted), wanted, case, by, desk)
    return f"{text.rstrip()}\n\n{below.text}"


def _filled(
    session: Session, chosen: Text, wanted: str, case: Case, by: Principal, desk: Desk
) -> Filled:
    values = _values(session, case, by, desk)
    differs = bool(wanted) and base_of(wanted) != base_of(chosen.language)
    missing = tuple(sorted(name for name in used_in(chosen.text) if not values.get(name)))
    text = fill(chosen.text, values)
    return Filled(text, chosen.language, wanted if differs else "", missing)


def of_plan(plan: Entitlement) -> dict[str, str]:
    """What a text may say of an entitlement."""
    return {
        "plan": plan.name,
        "left": plan.left(max(0, plan.remaining)),
        "ends": f"{plan.ends_on:%Y-%m-%d}",
    }


def preferred(session: Session, case: Case) -> str:
    """The language that the customer of a case prefers, or ''."""
    contact = session.get(Contact, case.contact_id) if case.contact_id else None
    return contact.language if contact is not None else ""


def _values(session: Session, case: Case, by: Principal, desk: Desk) -> dict[str, str]:
    contact = session.get(Contact, case.contact_id) if case.contact_id else None
    account = session.get(Account, case.account_id) if case.account_id else None
    product = session.get(Product, case.product_id) if case.product_id else None
    plan = session.get(Entitlement, case.entitlement_id) if case.entitlement_id else None
    return {
        **(of_plan(plan) if plan else {}),
        "number": str(case.number),
        "subject": case.subject,
        "contact": contact.name if contact else "",
        "account": account.name if account else "",
        "product": product.name if product else "",
        "queue": session.get_one(Queue, case.queue_id).name,
        "agent": by.name if by.kind is Kind.AGENT else desk.organisation,
        "organisation": desk.organisation,
    }
