"""What can be chosen for the fields of a case that are ids, or choices of a desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.agents import Agent
from intake.cases import OwnReason
from intake.customers import Account
from intake.fields import CaseType, topics
from intake.fields.custom import custom_fields
from intake.products import Product
from intake.queues import Queue

MOST_CHOICES = 500
Choices = Mapping[str, Sequence[tuple[str, str]]]
"""By the name of a field of ids: what can be chosen for it, each id with its name."""


def case_choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen for those fields of a case that are ids or choices of a desk, by name."""
    chosen = {
        field.name: [(choice, choice) for choice in field.choices]
        for field in custom_fields(session)
        if field.choices
    }
    chosen["topic"] = [(str(each.topic.id), each.path) for each in topics.tree(session)]
    return chosen | {
        field: [
            (str(id), name)
            for id, name in session.execute(
                select(row.id, row.name).order_by(row.name).limit(MOST_CHOICES)
            )
        ]
        for field, row in (
            ("queue", Queue),
            ("owner", Agent),
            ("product", Product),
            ("account", Account),
            ("type", CaseType),
            ("own_reason", OwnReason),
        )
    }


def names_in(choices: Choices) -> dict[str, str]:
    """What ids stand for, as `Condition.in_words` wants it."""
    return {id: name for some in choices.values() for id, name in some}
