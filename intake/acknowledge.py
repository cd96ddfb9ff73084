"""The automatic answer to a new case: when we send one, and what it may say.

It goes out in our name to an address nobody has verified, so it holds no word the sender chose
(SECURITY rule 12), and it is counted before it is promised, so that nobody can make us a mail
bomb.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from intake import customers, events, threads, wording
from intake.cases import Case
from intake.desk import Desk
from intake.messages import ContactKind, Outgoing
from intake.nouns import noun
from intake.queues import Queue, Queues, WhenNotCovered
from intake.threads import Arrival
from intake.wording import Occasion

PER_STRANGER = (1, timedelta(days=1))
PER_VERIFIED = (3, timedelta(hours=1))
IN_ALL_PER = timedelta(hours=1)

WORDS = {
    "en": (
        "{Noun} {number}: we have your message",
        "Hello,\n\nwe received your message and opened {noun} {number} for it. You can answer this "
        "mail to add to it.\n\n{organisation}\n",
    ),
    "es": (
        "{Caso} {number}: hemos recibido su mensaje",
        "Hola:\n\nhemos recibido su mensaje y abierto {el_caso} {number}. Puede responder a este "
        "correo para añadir algo.\n\n{organisation}\n",
    ),
}

# Instead of it, where nothing the customer bought covers the case and the queue says so.
OFFERS = {
    "en": (
        WORDS["en"][0],
        "Hello,\n\nwe received your message and opened {noun} {number} for it. At present no "
        "support plan covers it: answer this mail to buy or renew one, or to have the work quoted. "
        "Nothing is charged without your word.\n\n{organisation}\n",
    ),
    "es": (
        WORDS["es"][0],
        "Hola:\n\nhemos recibido su mensaje y abierto {el_caso} {number}. Ahora mismo ningún plan "
        "de soporte lo cubre: responda a este correo para contratar o renovar uno, o para pedir un "
        "presupuesto. No se cobra nada sin su conformidad.\n\n{organisation}\n",
    ),
}


def promise(
    session: Session, opened: Sequence[tuple[Case, Arrival]], queues: Queues, desk: Desk
) -> None:
    """Promise an acknowledgement for each new case that may have one."""
    ours = set(queues.by_mailbox)
    wanted = [
        (case, arrival, sender.value)
        for case, arrival in opened
        if (sender := arrival.message.sender) is not None
        and sender.kind is ContactKind.EMAIL
        and _may(arrival)
        and sender.value not in ours
        and any(q.id == case.queue_id and (q.acknowledge or _offers(q, case)) for q in queues.every)
    ]
    if not wanted:
        return
    targets = [target for _case, _arrival, target in wanted]
    verified = customers.verified(session, targets)
    now = max(arrival.received_at for _case, arrival, _target in wanted)
    today = events.promised_to(session, "acknowledgement", targets, since=now - PER_STRANGER[1])
    hour = events.promised_to(session, "acknowledgement", targets, since=now - PER_VERIFIED[1])
    in_all = events.promised_in_all(session, "acknowledgement", since=now - IN_ALL_PER)
    standing, promised = wording.standing(session), list[tuple[UUID, str]]()
    for case, arrival, target in wanted:
        limit, count = (PER_VERIFIED[0], hour) if target in verified else (PER_STRANGER[0], today)
        if count.get(target, 0) >= limit or in_all >= desk.acknowledgements_per_hour:
            continue
        today[target] = today.get(target, 0) + 1
        hour[target] = hour.get(target, 0) + 1
        in_all += 1
        promised += _promise(session, case, arrival, target, desk, queues, standing)
    threads.remember(session, promised, ours=True)


def _may(arrival: Arrival) -> bool:
    message = arrival.message
    return not (message.automatic or message.sender_doubt or arrival.historic)


def _offers(queue: Queue, case: Case) -> bool:
    refused = case.decision.get("refusal") is not None
    return refused and queue.when_not_covered is WhenNotCovered.OFFER


def _promise(
    session: Session,
    case: Case,
    arrival: Arrival,
    target: str,
    desk: Desk,
    queues: Queues,
    standing: wording.Standing,
) -> list[tuple[UUID, str]]:
    """The case and the Message-ID of the mail that was promised; nothing where none can be."""
    queue = next(q for q in queues.every if q.id == case.queue_id)
    offered = _offers(queue, case)
    words, occasion = (OFFERS, Occasion.OFFER) if offered else (WORDS, Occasion.ACKNOWLEDGEMENT)
    language = wording.preferred(session, case) or arrival.message.language
    values = {
        "number": str(case.number), "queue": queue.name, "organisation": desk.organisation,
    }  # fmt: skip
    chosen = standing.text(occasion, values, language=language, queue_id=queue.id)
    subject, text = words.get((chosen[0] if chosen else language)[:2], words["en"])
    mailbox = case.mailbox if "@" in case.mailbox else queues.default.address or ""
    if not mailbox:
        return []
    fill = {"number": case.number, "organisation": desk.organisation, **noun.words}
    message_id = threads.new_message_id(mailbox)
    outgoing = Outgoing(
        message_id=message_id,
        from_address=mailbox,
        from_name=desk.organisation,
        to=(target,),
        reply_to=threads.reply_address(desk, mailbox, case),
        subject=subject.format(**fill),
        text=chosen[1] if chosen else text.format(**fill),
        in_reply_to=arrival.message.message_id,
        automatic=True,
    )
    events.promise(
        session,
        "email",
        "acknowledgement",
        effect_key=f"acknowledge:{case.id}",
        at=arrival.received_at,
        target=target,
        payload=outgoing.as_json(),
        case_id=case.id,
    )
    return [(case.id, message_id)]
