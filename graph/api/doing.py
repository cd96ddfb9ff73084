"""An act in a transaction of its own, and its answer: what it became, or why it was not done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.problems import AnyProblem, problem
from intake.agents import Principal
from intake.errors import IntakeError

R = TypeVar("R")


def done(info: Info, act: Callable[[Session, Principal], R]) -> R | AnyProblem:
    """What `act` answers once it is durable, or the rule that was broken."""
    asking = info.context
    try:
        with asking.acting() as session:
            return act(session, asking.principal)
    except IntakeError as error:
        return problem(error)
