"""The console of a desk under test, as a browser without scripts meets it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import lxml.html
from httpx2 import Response
from lxml.html import HtmlElement
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from graph import console
from graph.house import House, furnish
from intake import agents
from intake.agents import Agent
from intake.cases import Case
from intake.settings import Settings
from tests.desk import DeskUnderTest
from tests.statements import statements_of

BASE = "http://desk.example"
OURS = {"Origin": BASE}


class Console:
    """The pages of a desk, and a browser for each agent."""

    def __init__(self, desk: DeskUnderTest, sandbox: Sandbox, base_url: str = BASE) -> None:
        self.desk = desk
        self.base_url = base_url
        self.house: House = furnish(
            Settings(base_url=base_url, reserve_bytes=0), desk.db, desk.settings, sandbox
        )
        self.app = Starlette(routes=console.routes(self.house))

    def stranger(self) -> TestClient:
        """A browser that nobody signed in with. It says where its forms come from."""
        return TestClient(
            self.app, base_url=self.base_url, headers={"Origin": self.base_url},
            follow_redirects=False,
        )  # fmt: skip

    def session(self, agent: Agent) -> str:
        """The secret of a new session of the agent."""
        at = datetime.now(UTC)
        with self.desk.transaction() as session:
            found = session.get_one(Agent, agent.id)
            link = agents.sign_in_link(session, found, at=at, lasts=timedelta(minutes=15))
            session.flush()
            secret = agents.sign_in(session, link, at=at)
        assert secret is not None
        return secret

    def browser(self, agent: Agent) -> TestClient:
        """A browser in which the agent is signed in."""
        browser = self.stranger()
        browser.cookies.set("sid", self.session(agent))
        return browser

    def changed(self, case: Case) -> Case:
        """The case as it is now."""
        with self.desk.db.reading() as session:
            return session.scalars(select(Case).where(Case.id == case.id)).one()

    def counts_statements(self) -> AbstractContextManager[list[str]]:
        """The SQL that is executed meanwhile, transactions' own words aside."""
        return statements_of(self.desk.db)


def tree(response: Response) -> HtmlElement:
    """The page as a browser understands it."""
    return lxml.html.document_fromstring(response.text)


def words(response: Response) -> str:
    """The text of the page in one line."""
    return " ".join(" ".join(tree(response).itertext()).split())


def filled_in(response: Response, act: str) -> dict[str, str]:
    """The fields of the page's last form for that act, as they stand."""
    form = [f for f in tree(response).forms if f.action and f.action.endswith(f"/{act}")][-1]
    return {name: str(value) for name, value in form.form_values()}
