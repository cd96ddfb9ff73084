"""One operation: who asks, when, and the session it reads through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TypeAlias

import strawberry
from sqlalchemy.orm import Session

from graph.house import House
from intake.agents import Kind, Principal

NOBODY = Principal(Kind.CUSTOMER, name="somebody unnamed", via="graphql")


class Asking:
    """What every resolver of one operation shares. Used by one thread; closed when it answered."""

    def __init__(self, house: House, *, at: datetime) -> None:
        self.house = house
        self.at = at
        self.principal = NOBODY
        self._open = ExitStack()
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The reading session of this operation, opened when it is first needed."""
        if self._session is None:
            self._session = self._open.enter_context(self.house.db.reading())
        return self._session

    @contextmanager
    def acting(self) -> Iterator[Session]:
        """A transaction for one act; what is read afterwards is read anew and sees it."""
        self.close()
        with self.house.db.transaction() as session:
            yield session

    def close(self) -> None:
        """End the reading session."""
        self._session = None
        self._open.close()


Info: TypeAlias = strawberry.Info[Asking, None]
