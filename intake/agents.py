"""Who works here, and who may see and do what.

A `Principal` comes with every call: an agent, a token that acts for one, a customer who holds a
signed link, or the desk itself. There is no other way in than through one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError

SESSION_IDLE = timedelta(hours=12)
SESSION_LONGEST = timedelta(days=7)
SESSION_NOTED_EACH = timedelta(minutes=10)


class Role(StrEnum):
    """What an agent is trusted with; each includes the ones after it."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    AGENT = "agent"
    READ_ONLY = "read-only"


class Act(StrEnum):
    """The kinds of thing a principal may do."""

    READ = "read"
    WORK = "work"  # pick, reply, resolve …
    MANAGE = "manage"  # override, see every queue, retry quarantined mail
    ADMINISTER = "administer"  # agents, tokens, settings


MAY: dict[Role, frozenset[Act]] = {
    Role.ADMINISTRATOR: frozenset(Act),
    Role.MANAGER: frozenset({Act.READ, Act.WORK, Act.MANAGE}),
    Role.AGENT: frozenset({Act.READ, Act.WORK}),
    Role.READ_ONLY: frozenset({Act.READ}),
}


class NotAllowed(IntakeError):
    """This principal may not do that."""

    code = "not-allowed"


class AlreadyHere(IntakeError):
    """An address belongs to one agent only."""

    code = "already-here"


class Kind(StrEnum):
    """What sort of somebody a principal is."""

    AGENT = "agent"
    CUSTOMER = "customer"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Cause:
    """What made the desk act by itself, so that nothing sets itself off for ever."""

    chain: int
    """The event with which it began; 0 where time did."""
    depth: int
    """How many rules acted, one setting off the other."""
    rule: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `id` is the agent's or the contact's; None for the desk itself."""

    kind: Kind
    id: UUID | None = None
    name: str = ""
    acts: frozenset[Act] = field(default_factory=frozenset)
    via: str = ""
    """By which way the request came: console, graphql, slack, cli, clock, mail, automation."""
    cause: Cause | None = None
    """The rule because of which the desk acts."""

    def may(self, act: Act) -> bool:
        """Whether that kind of act is allowed at all; visibility of the record comes on top."""
        return act in self.acts

    def must(self, act: Act) -> None:
        """Raises NotAllowed unless `may(act)`."""
        if not self.may(act):
            raise NotAllowed(f"{self.name or self.kind} may not {act} here; ask an administrator")


SYSTEM = Principal(Kind.SYSTEM, name="Deskbell", acts=frozenset(Act), via="clock")
OPERATOR = replace(SYSTEM, name="command line", via="cli")
"""Whoever has the command line of the machine the desk runs on; no agent, yet an administrator."""


class HearsBy(StrEnum):
    """How an agent wants to be told of cases that they follow."""

    SLACK = "slack"  # or by mail, where they have no Slack user
    MAIL = "mail"
    NOTHING = "nothing"


class Agent(Base):
    """Somebody who works here."""

    __tablename__ = "agents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[Role] = mapped_column(one_of(Role), default=Role.AGENT)
    active: Mapped[bool] = mapped_column(default=True)
    slack_user: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The Slack user id (U…) that acts as this agent; nobody else may."""
    hears_by: Mapped[HearsBy] = mapped_column(one_of(HearsBy), default=HearsBy.SLACK)
    created_at: Mapped[datetime]

    @property
    def works(self) -> bool:
        """Whether they may be given cases: they are here, and may do more than read."""
        return self.active and Act.WORK in MAY[self.role]

    def principal(self, via: str) -> Principal:
        """This agent, asking by that way."""
        return Principal(Kind.AGENT, self.id, self.name, MAY[self.role], via)


class ApiToken(Base):
    """A secret that acts for an agent. Only its hash is kept; the secret is shown once."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), index=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    """The acts it may do; never more than its agent may at the time of use."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    agent: Mapped[Agent] = relationship(lazy="joined", innerjoin=True)


class SignIn(Base):
    """An agent's session in the console, kept here so that it can be ended here."""

    __tablename__ = "sign_ins"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime] = mapped_column(index=True)
    agent: Mapped[Agent] = relationship(lazy="joined", innerjoin=True)

    def wants_noting(self, at: datetime) -> bool:
        """Whether its last noted use is so old that this one is worth writing down."""
        return self.used_at + SESSION_NOTED_EACH <= at

    def note_use(self, at: datetime) -> None:
        """Write down that it is in use, so that it does not idle out."""
        if self.wants_noting(at):
            self.used_at = at


class SignInLink(Base):
    """A link, used once and soon, that starts a session; there are no passwords."""

    __tablename__ = "sign_in_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(refers_to("agents.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    agent: Mapped[Agent] = relationship(lazy="joined", innerjoin=True)


def digest(secret: str) -> str:
    """How a secret of 32 random bytes is kept: one SHA-256 is enough for what cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def add_token(
    session: Session,
    agent: Agent,
    *,
    name: str,
    at: datetime,
    scopes: frozenset[Act] | None = None,
    lasts: timedelta | None = None,
) -> str:
    """A new token for the agent; the secret is returned and not kept. `staffing.add_token` puts it
    on the record."""
    secret = "dbt_" + secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            agent_id=agent.id,
            name=name,
            digest=digest(secret),
            scopes=sorted(scopes or MAY[agent.role]),
            created_at=at,
            expires_at=at + lasts if lasts else None,
        )
    )
    return secret


def by_token(session: Session, secret: str, *, via: str, at: datetime) -> Principal | None:
    """The principal a token acts as; None when it is wrong, expired, revoked or its agent left."""
    token = session.scalar(select(ApiToken).where(ApiToken.digest == digest(secret)))
    if token is None or token.revoked_at is not None or not token.agent.active:
        return None
    if token.expires_at is not None and token.expires_at <= at:
        return None
    acts = MAY[token.agent.role] & {Act(scope) for scope in token.scopes}
    return Principal(Kind.AGENT, token.agent.id, token.agent.name, acts, via)


def sign_in_link(session: Session, agent: Agent, *, at: datetime, lasts: timedelta) -> str:
    """A secret for a link that signs this agent in once."""
    secret = secrets.token_urlsafe(32)
    session.add(SignInLink(digest=digest(secret), agent_id=agent.id, expires_at=at + lasts))
    return secret


def sign_in(session: Session, link: str, *, at: datetime) -> str | None:
    """Use a link: the secret of a new session, or None when the link is used up, late or wrong."""
    found = session.scalar(
        select(SignInLink).where(SignInLink.digest == digest(link)).with_for_update(of=SignInLink)
    )
    if found is None or found.expires_at <= at or not found.agent.active:
        return None
    session.delete(found)
    secret = secrets.token_urlsafe(32)
    session.add(SignIn(digest=digest(secret), agent_id=found.agent_id, created_at=at, used_at=at))
    return secret


def by_session(session: Session, secret: str, *, at: datetime) -> Principal | None:
    """The agent of a console session; None when it ended, idled out or the agent left."""
    found = console_session(session, secret, at=at)
    return found.agent.principal("console") if found else None


def console_session(session: Session, secret: str, *, at: datetime) -> SignIn | None:
    """The console session of that secret, with its agent; None as in `by_session`."""
    found = session.get(SignIn, digest(secret))
    if found is None or not found.agent.active:
        return None
    if found.used_at + SESSION_IDLE <= at or found.created_at + SESSION_LONGEST <= at:
        return None
    return found


def sign_out(session: Session, secret: str) -> None:
    """End that session, if there is one."""
    if found := session.get(SignIn, digest(secret)):
        session.delete(found)


def by_slack_user(session: Session, slack_user: str) -> Principal | None:
    """The active agent a Slack user acts as, or None."""
    agent = session.scalar(select(Agent).where(Agent.slack_user == slack_user))
    return agent.principal("slack") if agent and agent.active else None


def by_email(session: Session, email: str) -> Agent | None:
    """The active agent with that address, or None."""
    return session.scalar(select(Agent).where(Agent.email == email.lower(), Agent.active.is_(True)))


def at_work(session: Session) -> Sequence[Agent]:
    """Everybody who works here, by name."""
    return session.scalars(select(Agent).where(Agent.active).order_by(Agent.name)).all()


def who_work(session: Session) -> Sequence[Agent]:
    """Those of them who may be given cases."""
    return [agent for agent in at_work(session) if agent.works]
