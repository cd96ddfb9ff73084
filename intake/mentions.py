"""Who is named in a note: `@Grace`, `@Luis Agent`, or by the address, `@luis.agent`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy.orm import Session

from intake import agents
from intake.agents import Agent

# An address of somebody is no mention: before the sign stands nothing that an address holds.
_SIGN = re.compile(r"(?<![\w.+-])@(?=\w)")
_WORD = re.compile(r"[\w.+-]*\w")


def named_in(session: Session, text: str) -> list[Agent]:
    """The agents who work here and are named in a text, each once, in the order of the text."""
    signs = [found.end() for found in _SIGN.finditer(text)]
    if not signs:
        return []
    active = agents.at_work(session)
    found = (_named_at(text[place:].casefold(), active) for place in signs)
    return list(dict.fromkeys(agent for agent in found if agent is not None))


def _named_at(rest: str, active: Sequence[Agent]) -> Agent | None:
    """By the whole name, the longest first; else by the address; else by a first name alone."""
    whole = [agent for agent in active if _begins(rest, agent.name.casefold())]
    if whole:
        return max(whole, key=lambda agent: len(agent.name))
    word = _WORD.match(rest)
    if word is None:
        return None
    by_address = [a for a in active if word[0] == a.email.partition("@")[0].casefold()]
    by_first_name = [a for a in active if word[0] == a.name.casefold().partition(" ")[0]]
    for some in (by_address, by_first_name):
        if len(some) == 1:
            return some[0]
    return None


def _begins(rest: str, name: str) -> bool:
    return rest.startswith(name) and not rest[len(name) : len(name) + 1].isalnum()
