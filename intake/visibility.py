"""Who may see which cases. Every reader starts from `visible_to`; there is no second path."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Exists, Select, exists, or_, select
from sqlalchemy.orm import Session

from intake import teams
from intake.agents import Act, Agent, Kind, Principal
from intake.cases import Activity, Case
from intake.customers import Account, Contact
from intake.errors import NotFound
from intake.nouns import noun
from intake.queues import Queue, QueueMember


def visible_to(principal: Principal) -> Select[Case]:
    """The cases this principal may see: the one query every reader starts from."""
    statement = select(Case)
    if principal.kind is Kind.SYSTEM or principal.may(Act.MANAGE):
        return statement
    if principal.kind is Kind.CUSTOMER:
        return statement.where(or_(Case.contact_id == principal.id, _shared_with(principal)))
    if not principal.may(Act.READ):
        return statement.where(Case.id.is_(None))
    member = exists().where(
        QueueMember.queue_id == Case.queue_id, QueueMember.agent_id == principal.id
    )
    everyone = exists().where(Queue.id == Case.queue_id, Queue.members_only.is_(False))
    colleagues = Case.team_id.in_(teams.of_agent(principal.id))
    return statement.where(or_(everyone, member, Case.owner_id == principal.id, colleagues))


def activities_visible_to(principal: Principal) -> Select[Activity]:
    """The activities this principal may see: those of the cases they may see, and what is about an
    account, a contact or a contract, which everybody who reads here sees."""
    statement = select(Activity)
    if principal.kind is Kind.SYSTEM or principal.may(Act.MANAGE):
        return statement
    of_case = visible_to(principal).where(Case.id == Activity.case_id).exists()
    if principal.kind is Kind.CUSTOMER or not principal.may(Act.READ):
        return statement.where(of_case)
    return statement.where(or_(Activity.case_id.is_(None), of_case))


def queues_visible_to(principal: Principal) -> Select[Queue]:
    """The queues whose cases this principal may all see, by name."""
    statement = select(Queue).order_by(Queue.name)
    if principal.kind is Kind.SYSTEM or principal.may(Act.MANAGE):
        return statement
    if principal.kind is Kind.CUSTOMER or not principal.may(Act.READ):
        return statement.where(Queue.id.is_(None))
    return statement.where(or_(Queue.members_only.is_(False), _has_member(principal)))


def queues_listed_for(principal: Principal) -> Select[Queue]:
    """The queues in use that this principal has in their lists, by name: a private one is its
    members' own, and managers'."""
    statement = queues_visible_to(principal).where(Queue.archived_at.is_(None))
    if principal.kind is Kind.SYSTEM or principal.may(Act.MANAGE):
        return statement
    return statement.where(or_(Queue.private.is_(False), _has_member(principal)))


def _has_member(principal: Principal) -> Exists:
    return exists().where(QueueMember.queue_id == Queue.id, QueueMember.agent_id == principal.id)


def one_visible(
    session: Session, principal: Principal, case_id: UUID, *, lock: bool = False
) -> Case:
    """That case. Raises NotFound when there is none or this principal may not see it."""
    statement = visible_to(principal).where(Case.id == case_id)
    if lock:
        statement = statement.with_for_update(of=Case, key_share=True).execution_options(
            populate_existing=True
        )
    case = session.scalar(statement)
    if case is None:
        raise NotFound(f"there is no such {noun}")
    return case


def sees(session: Session, agent: Agent, case_id: UUID) -> bool:
    """Whether that agent may see a case, before they are told anything of it."""
    seen = visible_to(agent.principal("clock")).with_only_columns(Case.id)
    return session.scalar(seen.where(Case.id == case_id)) is not None


def by_number(session: Session, principal: Principal, number: int) -> Case:
    """The case of that number. Raises NotFound like `one_visible`."""
    case = session.scalar(visible_to(principal).where(Case.number == number))
    if case is None:
        raise NotFound(f"there is no {noun} {number}")
    return case


def _shared_with(contact: Principal) -> Exists:
    """Whether the case is of the contact's own account, whose people see each other's cases."""
    return exists().where(
        Contact.id == contact.id,
        Contact.account_id == Case.account_id,
        Account.id == Contact.account_id,
        Account.shares_cases,
    )
