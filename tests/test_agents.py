"""Who works here, and who may do what, on both databases."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from intake import agents, staffing
from intake.agents import OPERATOR, Act, AlreadyHere, ApiToken, NotAllowed, Role
from intake.events import Event
from intake.staffing import AgentTerms, WrongAgent
from tests.desk import NOON, DeskUnderTest

DAY = timedelta(days=1)


def test_a_token_acts_for_its_agent_until_it_expires(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace")
    with desk.transaction() as session:
        secret = agents.add_token(session, grace, name="script", at=NOON, lasts=DAY)

    with desk.db.reading() as session:
        now = agents.by_token(session, secret, via="graphql", at=NOON)
        later = agents.by_token(session, secret, via="graphql", at=NOON + DAY)

    assert now is not None
    assert (now.id, now.may(Act.WORK), now.may(Act.MANAGE)) == (grace.id, True, False)
    assert later is None


def test_only_the_hash_of_a_token_is_kept(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace")
    with desk.transaction() as session:
        secret = agents.add_token(session, grace, name="x", at=NOON)

    [token] = desk.all(ApiToken)
    kept = " ".join(str(getattr(token, column.name)) for column in ApiToken.__table__.columns)
    assert secret not in kept
    assert len(token.digest) == 64


@pytest.mark.parametrize("end", ["revoked", "agent left", "role lost"])
def test_a_token_is_never_worth_more_than_its_agent_is_now(desk: DeskUnderTest, end: str) -> None:
    boss = desk.has_agent("Boss", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        secret = agents.add_token(session, boss, name="x", at=NOON)
    with desk.transaction() as session:
        token = session.scalars(select(ApiToken)).one()
        if end == "revoked":
            token.revoked_at = NOON
        elif end == "agent left":
            token.agent.active = False
        else:
            token.agent.role = Role.READ_ONLY

    with desk.db.reading() as session:
        found = agents.by_token(session, secret, via="graphql", at=NOON)

    assert found is None or found.acts == {Act.READ}
    assert (found is not None) == (end == "role lost")


@pytest.mark.parametrize("wrong", ["", "dbt_", "dbt_wrong", "x" * 5000, "dbt_\N{SNOWMAN}"])
def test_a_wrong_token_is_nobody(desk: DeskUnderTest, wrong: str) -> None:
    with desk.db.reading() as session:
        assert agents.by_token(session, wrong, via="graphql", at=NOON) is None


def test_a_sign_in_link_works_once_and_soon(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace")
    with desk.transaction() as session:
        link = agents.sign_in_link(session, grace, at=NOON, lasts=timedelta(minutes=15))
        late = agents.sign_in_link(session, grace, at=NOON - DAY, lasts=timedelta(minutes=15))

    with desk.transaction() as session:
        first = agents.sign_in(session, link, at=NOON)
        second = agents.sign_in(session, link, at=NOON)
        third = agents.sign_in(session, late, at=NOON)

    assert first is not None
    assert (second, third) == (None, None)
    with desk.db.reading() as session:
        found = agents.by_session(session, first, at=NOON)
    assert found is not None
    assert found.id == grace.id


def test_a_session_ends_when_idle_when_old_and_when_its_agent_leaves(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace")
    with desk.transaction() as session:
        link = agents.sign_in_link(session, grace, at=NOON, lasts=DAY)
        secret = agents.sign_in(session, link, at=NOON)
    assert secret is not None

    with desk.db.reading() as session:
        fresh = agents.by_session(session, secret, at=NOON + timedelta(hours=11))
        idle = agents.by_session(session, secret, at=NOON + timedelta(hours=12))
    with desk.transaction() as session:
        session.get_one(agents.Agent, grace.id).active = False
    with desk.db.reading() as session:
        left = agents.by_session(session, secret, at=NOON)

    assert fresh is not None
    assert (idle, left) == (None, None)


def test_an_address_and_a_slack_user_are_one_agents(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace", slack_user="U1")
    terms = AgentTerms(slack_user="U1")

    with pytest.raises(AlreadyHere, match="already works here"), desk.transaction() as session:
        staffing.add_agent(session, OPERATOR, "Other", " GRACE@desk.example", terms, at=NOON)
    with pytest.raises(WrongAgent, match="slack_user: U1 is Grace"), desk.transaction() as session:
        staffing.add_agent(session, OPERATOR, "Ana", "ana@desk.example", terms, at=NOON)

    assert [agent.id for agent in desk.all(agents.Agent)] == [grace.id]


def test_permissions_change_on_the_record(desk: DeskUnderTest) -> None:
    grace = desk.has_agent("Grace")

    with desk.transaction() as session:
        ana = staffing.add_agent(
            session, OPERATOR, "Ana", "ana@desk.example", AgentTerms(Role.READ_ONLY), at=NOON
        )
        more = AgentTerms(Role.MANAGER, slack_user="U1")
        for _ in range(2):
            staffing.change_agent(session, OPERATOR, ana.id, more, at=NOON)
        secret = staffing.add_token(session, OPERATOR, ana, name="script", at=NOON, lasts=DAY)
    with pytest.raises(NotAllowed), desk.transaction() as session:
        staffing.change_agent(
            session, grace.principal("test"), grace.id, AgentTerms(Role.ADMINISTRATOR), at=NOON
        )

    added, changed, token = desk.all(Event)
    assert [fact.kind for fact in (added, changed, token)] == [
        "agent.added", "agent.changed", "agent.token_added",
    ]  # fmt: skip
    assert (added.data["role"], added.actor_name, added.via) == ("read-only", "command line", "cli")
    assert changed.data["changes"] == {
        "role": ["read-only", "manager"], "slack_user": [None, "U1"]
    }  # fmt: skip
    assert (token.data["agent"], token.data["token"]) == (str(ana.id), "script")
    assert secret not in str([fact.data for fact in (added, changed, token)])


def test_each_role_may_what_the_lesser_ones_may() -> None:
    allowed = [agents.MAY[role] for role in reversed(Role)]

    assert all(less < more for less, more in pairwise(allowed))


def test_what_may_not_be_done_is_told_in_words(desk: DeskUnderTest) -> None:
    rita = desk.principal("Rita", Role.READ_ONLY)

    with pytest.raises(NotAllowed, match="Rita may not manage here"):
        rita.must(Act.MANAGE)
