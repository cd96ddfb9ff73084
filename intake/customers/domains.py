"""Membership by mail domain: who writes from a company's own domain belongs to its account."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, Table, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake import events
from intake.agents import Act, Principal
from intake.db import Base, refers_to
from intake.errors import IntakeError, NotFound

# Whole domains at which anybody can have a mailbox …
PROVIDERS = """
    me.com mac.com web.de t-online.de freenet.de arcor.de proton.me pm.me mail.ru bk.ru inbox.ru
    list.ru orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it
    alice.it telefonica.net terra.es ya.com qq.com 163.com 126.com sina.com foxmail.com
    naver.com daum.net hanmail.net rediffmail.com btinternet.com ntlworld.com sky.com
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net bigpond.com
    rogers.com shaw.ca videotron.ca bluewin.ch skynet.be telenet.be ziggo.nl kpnmail.nl wp.pl
    o2.pl onet.pl interia.pl seznam.cz centrum.cz abv.bg ukr.net uol.com.br bol.com.br
    terra.com.br mail.com email.com usa.com fastmail.com fastmail.fm hey.com duck.com
    tutanota.com tuta.io tutamail.com mailbox.org posteo.de hushmail.com mailinator.com
    guerrillamail.com yopmail.com
"""
PUBLIC_MAIL = frozenset(PROVIDERS.split())
# … and names under which a provider has one in many countries: yahoo.co.uk, hotmail.fr.
FAMILIES = """
    gmail googlemail outlook hotmail live msn yahoo ymail rocketmail aol icloud gmx yandex
    protonmail zoho
"""
PUBLIC_NAMES = frozenset(FAMILIES.split())
COUNTRY = re.compile(r"(com?\.)?[a-z]{2}|com|net|org")
DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


class WrongDomain(IntakeError):
    """A domain that cannot stand for one account; the text says why."""

    code = "wrong-domain"


class AccountDomain(Base):
    """A mail domain whose senders belong to an account; never a public mail provider's."""

    __tablename__ = "account_domains"

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(refers_to("accounts.id"), index=True)


def domain_of(address: str) -> str:
    """The domain of a mail address, or ''."""
    return address.rpartition("@")[2] if "@" in address else ""


def is_public(domain: str) -> bool:
    """Whether anybody can have a mailbox at that domain."""
    name, _, rest = domain.partition(".")
    return domain in PUBLIC_MAIL or (name in PUBLIC_NAMES and bool(COUNTRY.fullmatch(rest)))


def normal(domain: str) -> str:
    """The domain as mail is compared with it. Raises WrongDomain."""
    found = domain.strip().lower().removeprefix("@").rstrip(".")
    try:
        found = found.encode("idna").decode()
    except UnicodeError:
        found = ""
    if not DOMAIN.fullmatch(found):
        raise WrongDomain(f"domain: {domain!r} is not a mail domain; write contoso.com")
    if is_public(found):
        raise WrongDomain(
            f"domain: anybody can have an address at {found}, so it makes nobody a member; "
            "attach the addresses of this customer's people one by one"
        )
    return found


def add_domain(
    session: Session, by: Principal, account_id: UUID, domain: str, *, at: datetime
) -> AccountDomain:
    """From now on, new people who write from that domain belong to the account.

    Raises WrongDomain for a public provider's, or one that another account has.
    """
    by.must(Act.WORK)
    found = normal(domain)
    if session.scalar(select(exists().where(_accounts().c.id == account_id))) is False:
        raise NotFound("there is no such account")
    held = session.get(AccountDomain, found, with_for_update=True)
    if held is not None and held.account_id != account_id:
        raise WrongDomain(f"domain: {found} belongs to another account; remove it there first")
    if held is None:
        held = AccountDomain(domain=found, account_id=account_id)
        session.add(held)
        session.flush()
        _record(session, "account.domain-added", held, by, at)
    return held


def _accounts() -> Table:
    return Base.metadata.tables["accounts"]  # of a module above this one


def remove_domain(session: Session, by: Principal, domain: str, *, at: datetime) -> AccountDomain:
    """New people who write from that domain belong nowhere; those known stay where they are."""
    by.must(Act.WORK)
    held = session.get(AccountDomain, domain.strip().lower(), with_for_update=True)
    if held is None:
        raise NotFound(f"no account has the domain {domain}")
    session.delete(held)
    _record(session, "account.domain-removed", held, by, at)
    return held


def _record(session: Session, kind: str, held: AccountDomain, by: Principal, at: datetime) -> None:
    account = str(held.account_id)
    events.record(session, kind, at=at, actor=by, account=account, domain=held.domain)
