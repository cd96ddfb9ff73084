"""Who is told that an entitlement runs low or ends, and in which words: its owner, its customer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from intake import notices, wording
from intake.agents import Agent
from intake.customers import Account, Contact
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.wording import Occasion

WORDS = {
    "en": {
        "low": ("{name}: {left} left", "of your support plan {name}, {left} are left."),
        "before": ("{name} ends on {end}", "your support plan {name} ends on {end}."),
        "after": ("{name} ended on {end}", "your support plan {name} ended on {end}."),
        "letter": "Hello,\n\n{news}\n\nTo renew it, answer this mail.\n\n{organisation}\n",
    },
    "es": {
        "low": ("{name}: quedan {left}", "de su plan de soporte {name} quedan {left}."),
        "before": ("{name} termina el {end}", "su plan de soporte {name} termina el {end}."),
        "after": ("{name} terminó el {end}", "su plan de soporte {name} terminó el {end}."),
        "letter": "Hola:\n\n{news}\n\nPara renovarlo, responda a este correo.\n\n{organisation}\n",
    },
}


def tell_owner(
    session: Session, entitlement: Entitlement, desk: Desk, news: str, key: str, at: datetime
) -> None:
    """Tell the agent who answers for it; nothing when nobody does."""
    owner = session.get(Agent, entitlement.owner_id) if entitlement.owner_id else None
    if owner is not None and owner.active:
        page = f"/entitlements/{entitlement.id}"
        notices.tell(session, owner, news, desk=desk, key=f"owner:{key}", at=at, page=page)


def tell_customer(
    session: Session, entitlement: Entitlement, news: str, desk: Desk, key: str, at: datetime
) -> None:
    """Write to the address it names, in the customer's language; nothing when it names none."""
    if not entitlement.email:
        return
    contact = session.get(Contact, entitlement.contact_id) if entitlement.contact_id else None
    account = session.get(Account, entitlement.account_id) if entitlement.account_id else None
    wanted = contact.language if contact else ""
    values = {
        **wording.of_plan(entitlement),
        "account": account.name if account else "",
        "organisation": desk.organisation,
    }
    chosen = wording.standing(session).text(Occasion(news), values, language=wanted)
    language = (chosen[0] if chosen else wanted)[:2]
    language = language if language in WORDS else "en"
    subject, said = say(language, news, entitlement)
    ours = str(WORDS[language]["letter"]).format(news=said, organisation=desk.organisation)
    text = chosen[1] if chosen else ours
    notices.mail(session, entitlement.email, subject, text, desk=desk, key=f"customer:{key}", at=at)


def say(language: str, news: str, entitlement: Entitlement) -> tuple[str, str]:
    """A subject, and the sentence of a letter, in that language."""
    subject, said = WORDS[language][news]
    fill = {
        "name": entitlement.name,
        "left": entitlement.left(max(0, entitlement.remaining)),
        "end": f"{entitlement.ends_on:%Y-%m-%d}",
    }
    return subject.format(**fill), said.format(**fill)
