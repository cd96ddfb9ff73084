"""Contoso: a desk to try out, with customers, what they bought, articles and a few mails."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from importlib.resources import files
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.demo import laid_out, offered, rules, sold, staff
from graph.demo.articles import ARTICLES, LATER
from graph.demo.stories import PEOPLE
from intake import entitlements
from intake.agents import SYSTEM, Agent, Role
from intake.customers import Account, AccountDomain, Contact, ContactPoint
from intake.db import new_id
from intake.entitlements import ChannelAllotment, Entitlement, Unlisted
from intake.messages import ContactKind
from intake.queues import Continuity, Queue, QueueMember, WhenNotCovered
from intake.sla import Kpi, ServiceCalendar, Sla, SlaItem, SlaState, activation
from kb import publishing
from kb.articles import Article
from kb.articles import State as ArticleState

ADMINISTRATOR = "ada@contoso.example"
SUPPORT = "support@contoso.example"
FIRST_ARTICLE = 1001


def plant(session: Session, *, at: datetime) -> bool:
    """Plant Contoso in an empty desk; False, changing nothing, in one that has queues."""
    if session.scalar(select(Queue.id).limit(1)) is not None:
        return False
    slas = _slas(session)
    session.flush()
    _draft(session, slas["Standard"], at)
    agents = _agents(session, at)
    queues = _queues(session, agents)
    staff.plant(session, agents, queues, at=at)
    _customers(session, slas, at)
    offered.plant(session, at=at)
    laid_out.plant(session, at=at)
    sold.plant(session, agents, at=at)
    for number, (title, keywords, body) in enumerate(ARTICLES, start=FIRST_ARTICLE):
        session.add(
            Article(
                number=f"KB-{number}",
                title=title,
                keywords=keywords.split(", "),
                body=body,
                updated_at=at,
            )
        )
    session.flush()
    _plan(session, at)
    rules.plant(session, agents, queues, at=at)
    return True


def _plan(session: Session, at: datetime) -> None:
    """One article expires in a month, and one that is written is published next week."""
    first = f"KB-{FIRST_ARTICLE}"
    publishing.schedule(
        session, SYSTEM, first, publish_at=None, expire_at=at + timedelta(days=30), at=at
    )
    title, keywords, body = LATER
    number = f"KB-{FIRST_ARTICLE + len(ARTICLES)}"
    session.add(
        Article(
            number=number, title=title, keywords=keywords.split(", "), body=body,
            state=ArticleState.DRAFT, updated_at=at,
        )
    )  # fmt: skip
    session.flush()
    publishing.schedule(
        session, SYSTEM, number, publish_at=at + timedelta(days=7), expire_at=None, at=at
    )


def mails() -> list[bytes]:
    """The mails of `deskbell demo mail`, in the order a customer would write them."""
    folder = files("graph.demo") / "mails"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".eml"))
    return [(folder / name).read_bytes() for name in names]


def _slas(session: Session) -> dict[str, UUID]:
    hours = ServiceCalendar(
        id=new_id(),
        name="Office hours, Madrid",
        hours={
            "zone": "Europe/Madrid",
            "weekly": {
                day: [["09:00", "14:00"], ["15:00", "18:00"]]
                for day in ("mon", "tue", "wed", "thu", "fri")
            },
            "holidays": {
                "2026-12-08": "Immaculate Conception",
                "2026-12-25": "Christmas",
                "2027-01-01": "New Year",
                "2027-01-06": "Epiphany",
            },
            "exceptions": {"2026-12-24": [["09:00", "12:00"]]},
            "changes": [
                {
                    "from": "2027-07-01",
                    "weekly": {
                        day: [["08:00", "15:00"]] for day in ("mon", "tue", "wed", "thu", "fri")
                    },
                }
            ],
        },
    )
    session.add(hours)
    found = {}
    for name, default, first, resolve, calendar_id in (
        ("Standard", True, 4 * 60, 16 * 60, hours.id),
        ("Premium", False, 60, 8 * 60, None),
    ):
        sla = Sla(id=new_id(), name=name, state=SlaState.ACTIVE, is_default=default)
        session.add(sla)
        for position, (kpi, minutes) in enumerate(
            ((Kpi.FIRST_RESPONSE, first), (Kpi.RESOLVE_BY, resolve)), start=1
        ):
            session.add(
                SlaItem(
                    sla_id=sla.id,
                    position=position,
                    kpi=kpi,
                    fail_after_minutes=minutes,
                    warn_after_minutes=minutes * 3 // 4,
                    calendar_id=calendar_id,
                )
            )
        found[name] = sla.id
    return found


def _draft(session: Session, sla_id: UUID, at: datetime) -> None:
    """A stricter version of an SLA, to be tried on past cases before anybody is bound by it."""
    draft = activation.revise(session, SYSTEM, sla_id, at=at)
    first, resolve = (activation.copy_of(item) for item in draft.items)
    first.fail_after_minutes, first.warn_after_minutes = 60, 40
    pressing = activation.copy_of(resolve)
    pressing.fail_after_minutes, pressing.warn_after_minutes = 4 * 60, 3 * 60
    pressing.applicable_when = {"all": [{"field": "priority", "op": "is", "value": "high"}]}
    pressing.actions = [
        {
            "on": "warning", "do": "mail", "to": ["agent"], "in_hours": True,
            "subject": "Case {number} is due {due}", "text": "{subject}\n{customer}\n{url}",
        },
        {"on": "failure", "do": "change", "escalated": True},
    ]  # fmt: skip
    activation.rewrite(session, SYSTEM, draft.id, [first, pressing, resolve], at=at)


def _agents(session: Session, at: datetime) -> dict[str, Agent]:
    people = {}
    for name, email, role in (
        ("Ada Administrator", ADMINISTRATOR, Role.ADMINISTRATOR),
        ("Marta Manager", "marta@contoso.example", Role.MANAGER),
        ("Grace Agent", "grace@contoso.example", Role.AGENT),
        ("Luis Agent", "luis@contoso.example", Role.AGENT),
        ("Rita Reader", "rita@contoso.example", Role.READ_ONLY),
    ):
        agent = Agent(id=new_id(), name=name, email=email, role=role, created_at=at)
        session.add(agent)
        people[name.split()[0]] = agent
    return people


def _queues(session: Session, agents: dict[str, Agent]) -> dict[str, Queue]:
    found = {}
    for name, address, default, members in (
        ("Support", SUPPORT, True, ()),
        ("Billing", "billing@contoso.example", False, ()),
        ("Security", "security@contoso.example", False, ("Luis",)),
        ("Review", None, False, ()),
    ):
        queue = Queue(
            id=new_id(),
            name=name,
            address=address,
            is_default=default,
            members_only=bool(members),
            is_review=name == "Review",
            when_not_covered=WhenNotCovered.ACCEPT,
            continuity=Continuity.PROPOSE,
        )
        session.add(queue)
        found[name] = queue
        for member in members:
            session.add(QueueMember(queue_id=queue.id, agent_id=agents[member].id))
    return found


def _customers(session: Session, slas: dict[str, UUID], at: datetime) -> None:
    for name, domain, people, tier in (
        ("Northwind Traders", "northwind.example", ("Nora Field", "Nils Berg"), "premium"),
        ("Fabrikam", "fabrikam.example", ("Fabio Rossi",), "standard"),
        ("Tailspin Toys", "tailspin.example", ("Tara Lane", "Tomas Gil"), "starter"),
        ("Wingtip", "wingtip.example", ("Wim Tip",), "starter"),
        ("Adventure Works", "adventure.example", ("Alba Ruiz",), None),
    ):
        account = Account(id=new_id(), name=name, created_at=at)
        session.add(account)
        session.add(AccountDomain(domain=domain, account_id=account.id))
        for person in people:
            _contact(session, person, account, domain, at)
        session.flush()
        if tier:
            _entitlement(session, tier, account, slas, at)


def _contact(session: Session, name: str, account: Account, domain: str, at: datetime) -> None:
    contact = Contact(id=new_id(), name=name, account_id=account.id, created_at=at)
    session.add(contact)
    address = f"{name.split()[0].lower()}@{domain}"
    ways = [(ContactKind.EMAIL, address)]
    phone = next((phone for _name, mail, phone, _to in PEOPLE if mail == address and phone), "")
    if phone:
        ways.append((ContactKind.PHONE, phone))
    for kind, value in ways:
        session.add(ContactPoint(contact_id=contact.id, kind=kind, value=value, verified=True))


# The two tiers of the worked example: premium 200 cases over four channels; standard 100 cases,
# 50 by phone and 50 by email, none by social media.
TIERS = {
    "premium": (200, {"phone": 200, "email": 200, "web": 200, "facebook": 200, "twitter": 200}),
    "standard": (100, {"phone": 50, "email": 50}),
    "starter": (24, {"phone": 6, "email": 18, "web": 6}),
}


def _entitlement(
    session: Session, tier: str, account: Account, slas: dict[str, UUID], at: datetime
) -> None:
    total, by_channel = TIERS[tier]
    today = at.date()
    entitlement = Entitlement(
        id=new_id(),
        name=f"{account.name} {tier}",
        state=entitlements.State.DRAFT,
        account_id=account.id,
        starts_on=date(today.year, 1, 1),
        ends_on=date(today.year + 1, 12, 31),
        total=total,
        remaining=0,
        unlisted=Unlisted.DENY,
        is_default=True,
        sla_id=slas["Premium"] if tier == "premium" else None,
        created_at=at,
        channels=[
            ChannelAllotment(channel=channel, total=terms, remaining=0)
            for channel, terms in by_channel.items()
        ],
        contacts=[],
        products=[],
    )
    session.add(entitlement)
    entitlements.activate(session, entitlement, on=today, at=at)
