"""Who sent a mail, and why that may not be so.

The From field is only a claim. Here it is read; whether it is true is for the checks of DKIM, SPF
and DMARC. What can be said here is when it cannot even be read with certainty: then the sender is
doubted in words, and left out when two addresses have an equal claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.email.addresses import Mailbox, mailboxes
from channels.email.mime import Mail
from channels.email.words import as_text
from intake.messages import Address


def sender_of(
    mail: Mail, envelope: Mapping[str, Any], hint: str = ""
) -> tuple[Address | None, str]:
    """The sender, or None, and the reason to doubt it or ""."""
    fields = [as_text(value, hint) for value in mail.root.fields.get("from", [])]
    found = [mailbox for value in fields[:10] for mailbox in mailboxes(value)]
    if not found:
        return None, "the From field names no address" if fields else "there is no From field"
    doubts = list(mail.oddities)
    if len(fields) > 1:
        doubts.append("there are several From fields")
    doubts += [f"From has {mailbox.fault}" for mailbox in found if mailbox.fault]
    if "\0" in fields[0]:
        doubts.append("From has a NUL character")
    if not _plausible(str(envelope.get("mail_from") or "")):
        doubts.append("the envelope sender is not well formed")
    sender, doubt = _chosen(found, several_fields=len(fields) > 1, mail=mail, hint=hint)
    return sender, "; ".join(dict.fromkeys([*doubts, *doubt]))


def _chosen(
    found: list[Mailbox], *, several_fields: bool, mail: Mail, hint: str
) -> tuple[Address | None, list[str]]:
    first = found[0]
    claims = {mailbox.address for mailbox in found} | set(first.rivals)
    if len(claims) == 1:
        return Address(first.address, first.name), []
    if several_fields or any(mailbox.rivals for mailbox in found):
        return None, ["several addresses claim to be the sender"]
    # Several authors are allowed if Sender says which of them sent it (RFC 5322, 3.6.2).
    senders = mailboxes(as_text(mail.root.first("sender"), hint))
    for mailbox in found:
        if senders and mailbox.address == senders[0].address:
            return Address(mailbox.address, mailbox.name), ["From names several people"]
    return Address(first.address, first.name), ["From names several people"]


def _plausible(mail_from: str) -> bool:
    """Whether an envelope sender is empty or one plain address."""
    address = mail_from.removeprefix("<").removesuffix(">")
    if not address:
        return True
    boxes = mailboxes(address)
    return len(boxes) == 1 and not boxes[0].fault and boxes[0].address == address.lower()
