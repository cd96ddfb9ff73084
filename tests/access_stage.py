"""A desk with something of everything, and one case that only members of its queue may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import agents, agree, checklists, contracts, events, saved_views, work
from intake.agents import SYSTEM, Act, Principal, Role
from intake.automation import macros
from intake.automation import writing as automation
from intake.cases import Activity, ActivityKind, Case
from intake.customers import ContactPoint, merging
from intake.db import new_id
from intake.desk import Desk
from intake.endpoints import Endpoint
from intake.entitlements import Entitlement, EntitlementTemplate
from intake.feeds import HolidayFeed
from intake.inbound import Inbound, State
from intake.messages import Attachment
from intake.products import Product
from intake.routing import activation as routing
from intake.saved_views import Sharing, ViewTerms
from intake.skills import Skill
from intake.sla import ServiceCalendar, Sla
from intake.teams import Team
from intake.wording import templates
from kb.articles import Article
from kb.suggestions import Suggestion
from tests.access_matrix import CANARY
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office


@dataclass
class Stage:
    """A desk with one open case, and one hidden in a queue of members."""

    office: Office
    people: dict[str, str]
    ids: dict[str, str]

    def says(self, who: str, query: str) -> Any:
        for name, id in self.ids.items():
            query = query.replace("{" + name + "}", id)
        headers = {"Authorization": f"Bearer {self.people[who]}"} if who != "nobody" else {}
        return self.office.posts({"query": query}, **headers)


def staged(desk: DeskUnderTest) -> tuple[dict[str, str], dict[str, str]]:
    """The tokens of the people on the stage, and the ids of what is there."""
    linus, mara = desk.has_agent("Linus"), desk.has_agent("Mara", Role.MANAGER)
    hidden = desk.has_queue(f"{CANARY} queue", members=(linus,), address="secret@desk.example")
    desk.has_sla(hours={"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}})
    contact = desk.has_customer("ada@example.com", allotment=9)
    other = desk.has_queue("Other")
    crew = Team(id=new_id(), name="Crew", created_at=NOON)
    spanish = Skill(id=new_id(), name="Spanish")
    with desk.transaction() as session:
        session.add_all((crew, spanish))
        shared = ViewTerms("All", sharing=Sharing.EVERYONE)
        view = saved_views.save(session, mara.principal("test"), shared, at=NOON)
    file = Attachment(0, f"{CANARY}.png", "image/png", 12, "ab" * 32)
    desk.accepts(email("ada@example.com", "Open"))
    desk.accepts(
        email(
            "ada@example.com", f"{CANARY} subject", f"{CANARY} text",
            mailbox="secret@desk.example", at=NOON + timedelta(minutes=1), attachments=(file,),
        )
    )  # fmt: skip
    case = desk.case(1002)
    article = Article(number="KB-1", title="Printing", body="Paper.", updated_at=NOON)
    inbound = Inbound(
        channel="email", mailbox="x", content_key="k", raw=b"x", size_bytes=1, envelope={},
        received_at=NOON, state=State.QUARANTINED, case_id=case.id,
    )  # fmt: skip
    with desk.transaction() as session:
        session.add_all((article, inbound))
        session.flush()
        session.add(
            Suggestion(
                case_id=case.id, article_id=article.id, position=1, score=1, reason=CANARY, at=NOON
            )
        )
        work.note(session, linus.principal("test"), case.id, CANARY, at=NOON)
        planned = work.add_activity(
            session, linus.principal("test"), work.Regarding(case_id=case.id),
            work.Plan(ActivityKind.TASK, CANARY), at=NOON,
        )  # fmt: skip
        sold = Sold(session, by=mara.principal("test"), account_id=contact.account_id)
        agree.tie(
            session, linus.principal("test"), case.id, sold.contract.id,
            desk=desk.settings, at=datetime.now(UTC),
        )  # fmt: skip
        delivery = events.promise(
            session, "email", "reply", effect_key="x", at=NOON, target=CANARY, case_id=case.id
        )
    people_made_one = merged(desk)
    grace = desk.has_agent("Grace")
    roles = {
        "inside": linus,
        "outside": grace,
        "reader": desk.has_agent("Rita", Role.READ_ONLY),
        "manager": mara,
        "administrator": desk.has_agent("Ada", Role.ADMINISTRATOR),
    }
    with desk.transaction() as session:
        token = partial(agents.add_token, session, name="test", at=NOON)
        people = {name: token(agent) for name, agent in roles.items()}
        people["scoped"] = token(grace, scopes=frozenset({Act.READ}))
    [entitlement] = [e for e in desk.all(Entitlement) if e.name == "Support plan"]
    [sla] = desk.all(Sla)
    [calendar] = desk.all(ServiceCalendar)
    [said] = [row for row in desk.all(Activity) if row.subject == f"{CANARY} subject"]
    ids = {
        "account": contact.account_id, "contact": contact.id, "entitlement": entitlement.id,
        "agent": grace.id, "queue": other.id, "team": crew.id, "skill": spanish.id,
        "view": view.id,
        "activity": planned.id, "manager": mara.id,
        "delivery": delivery.id, "inbound": inbound.id,
        "case": case.id, "hidden": hidden.id, "sla": sla.id, "calendar": calendar.id,
        "contract": sold.contract.id, "line": sold.line.id, "product": sold.product.id,
        "contract template": sold.contract_template.id,
        "entitlement template": sold.entitlement_template.id, **people_made_one,
        "message": said.id, "unknown": new_id(),
        **laid_out(desk, case.id),
    }  # fmt: skip
    return people, {name: str(id) for name, id in ids.items()}


class Sold:
    """A contract that covers today, with what it is made of."""

    def __init__(self, session: Session, *, by: Principal, account_id: UUID | None) -> None:
        desk, at = Desk("Example Desk", b"a secret of the tests"), datetime.now(UTC)
        self.product = Product(id=new_id(), number="P-1", name="Printer")
        self.entitlement_template = EntitlementTemplate(id=new_id(), name="Silver", total=5)
        session.add_all((self.product, self.entitlement_template))
        self.contract_template = agree.template(session, by, name="Gold", abbreviation="G", at=at)
        terms = contracts.Terms(
            name="Gold", starts_on=date(2026, 1, 1), ends_on=date(2099, 12, 31), currency="EUR",
            account_id=account_id, template_id=self.contract_template.id, bill_to="Ada, Paris",
        )  # fmt: skip
        line = contracts.LineTerms("Cases", total=10, price=Decimal(900))
        self.contract = agree.draft(session, by, terms, line, desk=desk, at=at)
        [self.line] = self.contract.lines
        agree.invoice(session, by, self.contract.id, desk=desk, at=at)


def laid_out(desk: DeskUnderTest, case_id: UUID) -> dict[str, UUID]:
    """What an administrator laid out: rules, texts, a checklist; each does nothing yet."""
    high = [{"do": "set", "field": "priority", "value": "high"}]
    rule = automation.RuleTerms("Rule", {"events": ["case.opened"]}, high)
    with desk.transaction() as session:
        thanks = templates.write(session, SYSTEM, "Thanks", {"en": "Hello."}, at=NOON)
        checklist = checklists.write_checklist(
            session, SYSTEM, name="Before", items=["Ask"], at=NOON
        )
        [item] = checklists.put_on(session, session.get_one(Case, case_id), ["Ask"])
        endpoint = Endpoint(id=new_id(), url="https://x.example/", kinds=["*"], created_at=NOON)
        session.add(endpoint)
        calendar_id = session.scalars(select(ServiceCalendar.id)).one()
        feed = HolidayFeed(
            id=new_id(), calendar_id=calendar_id, url="https://x.example/b.ics", added_at=NOON,
            next_at=datetime.max.replace(tzinfo=UTC), days={}, offered={"2099-01-01": "x"},
        )  # fmt: skip
        session.add(feed)
        return {
            "feed": feed.id,
            "automation": automation.draft(session, SYSTEM, rule, at=NOON).id,
            "macro": macros.write(session, SYSTEM, "Macro", high, at=NOON).id,
            "reply template": thanks.id,
            "rule set": routing.draft(session, SYSTEM, "Rules", [], at=NOON).id,
            "checklist": checklist.id,
            "item": item.id,
            "webhook": endpoint.id,
        }


def merged(desk: DeskUnderTest) -> dict[str, UUID]:
    """A stranger, a way to reach them, and a merge of two others."""
    stranger, one, other = (
        desk.has_customer(f"{name}@elsewhere.example") for name in ("eve", "bob", "rob")
    )
    with desk.transaction() as session:
        point = select(ContactPoint.id).where(ContactPoint.contact_id == stranger.id)
        merge = merging.merge(session, SYSTEM, one.id, other.id, at=NOON)
        return {
            "stranger": stranger.id, "point": session.scalars(point).one(), "merge": merge.id,
        }  # fmt: skip
