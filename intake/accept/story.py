"""What a message becomes in the story of its case."""

from __future__ import annotations

from sqlalchemy.orm import Session

from intake.cases import (
    Activity,
    ActivityKind,
    Attachment,
    Case,
    Direction,
)
from intake.customers import Contact
from intake.db import new_id
from intake.threads import Arrival

KINDS = {
    "email": ActivityKind.EMAIL,
    "phone": ActivityKind.PHONE_CALL,
    "web": ActivityKind.WEB_FORM,
    "chat": ActivityKind.CHAT,
    "slack": ActivityKind.SLACK,
}


def settled_long_ago(arrival: Arrival) -> dict[str, bool]:
    """What the event says of a message from an archive, so that no rule answers it."""
    return {"historic": True} if arrival.historic else {}


def log(
    session: Session, case: Case, arrival: Arrival, matched_by: str, contact: Contact | None
) -> Activity:
    """Write a message down in the story of its case, with its files."""
    message = arrival.message
    sender = message.sender
    activity = Activity(
        id=new_id(),
        case_id=case.id,
        kind=KINDS.get(message.channel, ActivityKind.SOCIAL),
        direction=Direction.INCOMING,
        at=arrival.received_at,
        author_name=sender.name if sender else "",
        author_address=sender.value if sender else "",
        contact_id=contact.id if contact else None,
        subject=message.subject,
        text=message.text,
        new_text=message.new_text or message.text,
        html=message.html,
        inbound_id=arrival.inbound_id,
        message_id=message.message_id[:998],
        recipients=[address.value for address in (*message.to, *message.cc)][:100],
        matched_by=matched_by,
        sender_doubt=message.sender_doubt,
        automatic=message.automatic or "",
        duration_minutes=message.duration_minutes,
        notes=list(message.notes),
    )
    session.add(activity)
    for file in message.attachments:
        session.add(
            Attachment(
                activity_id=activity.id,
                part=file.part,
                name=file.name[:255],
                content_type=file.content_type[:120],
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                content_id=file.content_id[:255],
                inline=file.inline,
            )
        )
    return activity
