"""The back office of a desk under test, asked by GraphQL as one of its agents."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import orjson
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from channels.sandbox import Sandbox
from graph import api
from graph.house import House, furnish
from intake import agents
from intake.agents import Act, Agent
from intake.settings import Settings
from tests.desk import NOON, DeskUnderTest
from tests.statements import statements_of


class Office:
    """GraphQL of a desk. Whoever asks has a token of their own."""

    def __init__(self, desk: DeskUnderTest, sandbox: Sandbox | None = None) -> None:
        self.desk = desk
        self.house: House = furnish(
            Settings(reserve_bytes=0), desk.db, desk.settings, sandbox or Sandbox()
        )
        self.client = TestClient(
            Starlette(routes=api.routes(self.house)), raise_server_exceptions=False
        )
        self._tokens: dict[Agent, str] = {}

    def token(self, agent: Agent, *, scopes: frozenset[Act] | None = None) -> str:
        """A fresh token of the agent."""
        with self.desk.transaction() as session:
            return agents.add_token(session, agent, name="test", at=NOON, scopes=scopes)

    def posts(self, content: Any, *, by: Agent | None = None, **headers: str) -> Response:
        """What the office says to this body: bytes as they are, anything else as JSON."""
        if by is not None:
            if by not in self._tokens:
                self._tokens[by] = self.token(by)
            headers.setdefault("Authorization", f"Bearer {self._tokens[by]}")
        headers.setdefault("Content-Type", "application/json")
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        return self.client.post("/graphql", content=body, headers=headers)

    def asks(self, query: str, *, by: Agent, **variables: Any) -> Any:
        """The data of the answer; there must be no errors."""
        response = self.posts({"query": query, "variables": variables}, by=by)
        answer = response.json()
        assert response.status_code == 200, answer
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def refuses(self, query: str, *, by: Agent, **variables: Any) -> str:
        """Why the query is refused before anything runs: its one message."""
        response = self.posts({"query": query, "variables": variables}, by=by)
        answer = response.json()
        assert response.status_code == 400, answer
        assert "data" not in answer
        message: str = answer["errors"][0]["message"]
        return message

    def counts_statements(self) -> AbstractContextManager[list[str]]:
        """The SQL that is executed meanwhile, transactions' own words aside."""
        return statements_of(self.desk.db)
