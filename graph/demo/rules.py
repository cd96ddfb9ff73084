"""What Contoso's desk does by itself, and what its agents do in one act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intake import wording
from intake.agents import Agent
from intake.automation import RuleTerms, macros, writing
from intake.queues import Queue
from intake.routing import RuleForm, activation
from intake.wording import Occasion

TEMPLATES = {
    "Ask for details": {
        "en": "Hello {contact},\n\nthank you for writing to us about case {number}. To go on we "
        "need the serial number of the device and what its display shows.",
        "es": "Hola, {contact}:\n\ngracias por escribirnos sobre el caso {number}. Para seguir "
        "necesitamos el número de serie del equipo y lo que muestra su pantalla.",
    },
    "We are on it": {
        "en": "Hello,\n\ncase {number} is with {queue} now. You hear from us today.",
        "es": "Hola:\n\nel caso {number} está ya en {queue}. Le respondemos hoy mismo.",
    },
}
SIGNATURE = {
    "en": "{agent}\n{organisation}, {queue}",
    "es": "Un saludo,\n{agent}\n{organisation}, {queue}",
}


def plant(
    session: Session, agents: Mapping[str, Agent], queues: Mapping[str, Queue], *, at: datetime
) -> None:
    """Templates, a signature, routing rules in force and a draft, automation and macros."""
    root = agents["Ada"].principal("console")
    templates = {
        name: wording.write(session, root, name, texts, at=at) for name, texts in TEMPLATES.items()
    }
    wording.sign_with(session, root, queues["Support"].id, SIGNATURE, at=at)
    on_it = templates["We are on it"].id
    wording.choose(
        session, root, Occasion.ACKNOWLEDGEMENT, on_it, queue_id=queues["Support"].id, at=at
    )
    _routing(session, agents, queues, at)
    for terms in (
        RuleTerms(
            "Refunds are pressing",
            {"events": ["case.opened"]},
            [{"do": "set", "field": "priority", "value": "high"}, {"do": "tag", "tags": ["money"]}],
            _says("subject", "refund", "charged", "factura"),
        ),
        RuleTerms(
            "Nobody answered for a day",
            {"after": "opened", "minutes": 24 * 60},
            [
                {"do": "follow", "agent": str(agents["Marta"].id)},
                {"do": "note", "text": "Nobody answered this for a day. Marta follows it."},
            ],
            {"field": "answered", "op": "is", "value": False},
        ),
    ):
        rule = writing.draft(session, root, terms, at=at)
        writing.activate(session, root, rule.id, at=at)
    take = [{"do": "assign", "agent": "me"}]
    ask = {"do": "reply", "template": str(templates["Ask for details"].id)}
    hold = {"do": "hold", "reason": "waiting for details"}
    macros.write(session, root, "Take it and ask for details", [*take, ask, hold], at=at)
    macros.write(
        session, root, "Security incident",
        [
            {"do": "set", "field": "priority", "value": "high"},
            {"do": "tag", "tags": ["security"]},
            # Last, for only the members of Security see it there.
            {"do": "route", "queue": str(queues["Security"].id)},
        ],
        at=at,
    )  # fmt: skip


def _routing(
    session: Session, agents: Mapping[str, Agent], queues: Mapping[str, Queue], at: datetime
) -> None:
    root = agents["Ada"].principal("console")
    security = RuleForm(
        "Security first",
        _says("subject", "phishing", "hacked", "breach", "stolen"),
        queues["Security"].id,
    )
    money = RuleForm(
        "Money", _says("subject", "invoice", "refund", "charged", "factura"), queues["Billing"].id
    )
    in_force = activation.draft(session, root, "Contoso's rules", [security, money], at=at)
    activation.activate(session, root, in_force.id, at=at)
    worded = RuleForm(
        "Money, by what they write",
        {"any": [money.condition, _says("said", "invoice", "payment", "price")]},
        queues["Billing"].id,
    )
    printers = RuleForm(
        "Printers to Luis", _says("subject", "printer", "paper"), agent_id=agents["Luis"].id
    )
    forms = [security, worded, printers]
    activation.draft(session, root, "With words and printers", forms, at=at)


def _says(field: str, *words: str) -> dict[str, Any]:
    return {"field": field, "op": "contains any of", "value": [*words]}
