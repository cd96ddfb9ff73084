"""Whether a machine wrote a mail, so that no machine answers it.

Signs in order of weight: our own marks (a loop), a delivery report, the fields of RFC 3834 and of
vendors who came before it, list and bulk marks, and only then who it says it is from and what the
subject begins with. A wrong yes costs an acknowledgement; a wrong no may cost a mail storm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from channels.email.mime import Mail
from channels.email.words import as_text
from intake.messages import Address, Automatic

LOOP_FIELD = "x-deskbell-loop"

_BULK_FIELDS = (
    "list-id", "list-unsubscribe", "list-post", "list-help", "list-subscribe", "list-owner",
    "list-archive", "feedback-id", "x-mailing-list", "x-mailinglist", "mailing-list", "x-list-id",
    "x-campaign-id", "x-campaignid", "x-csa-complaints", "x-beenthere", "x-mailman-version",
)  # fmt: skip
_REPLY_FIELDS = (
    "x-autoreply", "x-auto-reply", "x-autorespond", "x-autoresponse", "x-autoreply-from",
    "x-auto-reply-from", "x-mail-autoreply", "x-autoresponder", "x-away-message", "x-vacation",
)  # fmt: skip
_OTHER_FIELDS = ("x-fc-machinegenerated", "x-cron-env")
_ANSWER_SUPPRESSED = re.compile(r"\b(?:all|dr|oof|autoreply)\b", re.I)
_BOUNCER = re.compile(r"(?:mailer[-_.]?daemon|mail[-_.]?daemon|mailerdaemon|mdaemon|mmdf)\b", re.I)
_POSTMASTER = re.compile(r"postmaster\b", re.I)
_MACHINE = re.compile(
    r"(?:no|do[-_.]?not|dont)[-_.]?repl(?:y|ies)|noreply.*|notifications?|nobody|root|daemon"
    r"|auto(?:matic)?[-_.]?(?:reply|responder|confirm)|bounces?",
    re.I,
)
_LIST_MACHINE = re.compile(
    r"owner-.+|.+-(?:request|bounces?|owner|admin|errors)|majordomo|listserv", re.I
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver(?:ed|able)|unzustellbar|nicht zugestellt|non remis|non[- ]?deliver"
    r"|unable to deliver|returned (?:mail|to sender)|failure notice"
    r"|(?:rejected|bounced|delayed) mail|\bdsn\b"
    r"|mail(?: system)? (?:error|failure|could not be|undeliver)"
    r"|mail delivery (?:fail|system|problem|status|err)"
    r"|delivery (?:status notif|fail|report|has fail|error|problem|of .{0,60}fail)"
    r"|(?:message|mail) (?:status - undeliver|not delivered|delivery fail)"
    r"|could not (?:be delivered|send message)|(?:error|failed) (?:sending|mail|delivery)"
    r"|warning: (?:could not send|message .{0,60}delayed)|there was an error sending",
    re.I,
)
_REPLY_SUBJECT = re.compile(
    r"\s*(?:\[?auto(?:mat(?:ic|ed))?[- ]?(?:reply|response|responder|antwort)?\]?\s*[:\]]"
    r"|auto(?:mat(?:ic|ed))?[- ]?(?:reply|response|respond)|automatische antwort"
    r"|réponse automatique|respuesta automática|risposta automatica|resposta automática"
    r"|automatisch antwoord|automatiskt svar|автоответ|автоматический ответ"
    r"|自動(?:返信|応答)|自动(?:回复|答复)|自動回覆|不在"
    r"|out of (?:the )?office|away from (?:my mail|the office)|on vacation|vacation reply"
    r"|abwesen(?:d|heit)|absence du bureau|fuera de (?:la )?oficina|fuori (?:sede|ufficio))",
    re.I,
)


def automatic(
    mail: Mail, sender: Address | None, subject: str, envelope: Mapping[str, Any]
) -> Automatic | None:
    """What kind of machine wrote the mail; None if a person may have."""
    fields = mail.root.fields
    if LOOP_FIELD in fields or _is_ours(sender, envelope):
        return Automatic.LOOP
    submitted = _word(mail, "auto-submitted")
    precedence = _word(mail, "precedence")
    replies = (
        submitted == "auto-replied"
        or precedence in ("auto_reply", "auto-reply")
        or any(name in fields for name in _REPLY_FIELDS)
        or "autoresponder" in as_text(mail.root.first("delivered-to")).lower()
        or bool(_REPLY_SUBJECT.match(subject))
        or ("x-ms-exchange-inbox-rules-loop" in fields and _suppresses_answers(mail))
    )
    if kind := _report(mail):
        return kind
    if _is_bounce(mail, sender, subject, envelope, replies=replies):
        return Automatic.BOUNCE
    if replies:
        return Automatic.AUTO_REPLY
    if precedence in ("bulk", "list", "junk") or any(name in fields for name in _BULK_FIELDS):
        return Automatic.BULK
    local = _local(sender)
    if _LIST_MACHINE.fullmatch(local):
        return Automatic.BULK
    if (
        (submitted and submitted != "no")
        or _suppresses_answers(mail)
        or any(name in fields for name in _OTHER_FIELDS)
        or _null_sender(mail, envelope)
        or _MACHINE.fullmatch(local)
        or _POSTMASTER.match(local)
    ):
        return Automatic.OTHER
    return None


def _is_ours(sender: Address | None, envelope: Mapping[str, Any]) -> bool:
    """Mail in our own name that comes in from outside: a loop, or a forgery as good as one."""
    own = {str(address).lower() for address in envelope.get("own_addresses") or ()}
    claimed = {sender.value if sender else "", str(envelope.get("mail_from") or "").lower()}
    return bool(own & (claimed - {""}))


def _report(mail: Mail) -> Automatic | None:
    """What a multipart/report reports (RFC 6522), even one whose parts were lost."""
    if not mail.root.first("content-type").lower().startswith(b"multipart/report"):
        return None
    kinds = {mail.root.parameters.get("report-type", "").lower()}
    kinds |= {part.content_type.removeprefix("message/") for part in mail.root.children}
    if kinds & {"feedback-report", "disposition-notification"}:
        return Automatic.OTHER
    return Automatic.BOUNCE if _fails(mail) else Automatic.OTHER


def _fails(mail: Mail) -> bool:
    """Whether a delivery report tells of a failure or a delay, not of success (RFC 3464)."""
    for part in mail.root.children:
        if part.content_type in ("message/delivery-status", "message/global-delivery-status"):
            actions = re.findall(rb"(?im)^action:[ \t]*+([a-z]+)", mail.content(part)[:65536])
            good = {b"delivered", b"relayed", b"expanded"}
            return not actions or not {action.lower() for action in actions} <= good
    return True


def _is_bounce(
    mail: Mail, sender: Address | None, subject: str, envelope: Mapping[str, Any], *, replies: bool
) -> bool:
    fields = mail.root.fields
    local = _local(sender)
    says_so = bool(_BOUNCE_SUBJECT.search(subject))
    if "x-failed-recipients" in fields:
        return True
    if _BOUNCER.match(local) or _BOUNCER.search(sender.name if sender else ""):
        return not replies or says_so
    if _POSTMASTER.match(local) or _null_sender(mail, envelope):
        return says_so
    return says_so and not subject.lower().startswith(("re:", "fwd:", "fw:")) and sender is None


def _null_sender(mail: Mail, envelope: Mapping[str, Any]) -> bool:
    """Nobody to answer, as RFC 5321 (4.5.5) asks of reports: `MAIL FROM:<>`."""
    if "mail_from" in envelope and envelope["mail_from"] in ("", "<>"):
        return True
    paths = mail.root.fields.get("return-path", ())
    return any(path.strip().lower() in (b"<>", b"<mailer-daemon>") for path in paths)


def _suppresses_answers(mail: Mail) -> bool:
    """Exchange's way to say that nobody wants a machine's answer."""
    value = as_text(mail.root.first("x-auto-response-suppress")[:200])
    return _ANSWER_SUPPRESSED.search(value) is not None


def _word(mail: Mail, name: str) -> str:
    """The first word of a field, lower-case: comments and parameters are left out."""
    value = as_text(mail.root.first(name)[:200]).lower()
    return re.split(r"[\s;(,]", value.strip(), maxsplit=1)[0]


def _local(sender: Address | None) -> str:
    return sender.value.rpartition("@")[0] if sender else ""
