"""Handing a mail to this desk by SMTP, so that nobody needs a mail client to try it."""

from __future__ import annotations

import smtplib
from email import message_from_bytes, policy
from email.utils import formatdate, getaddresses, make_msgid

from intake.settings import Settings


class NotTaken(Exception):
    """The desk did not take the mail; the text says why."""


def post(settings: Settings, raw: bytes, to: str = "") -> str:
    """Deliver the mail to whom it names (or to `to`); what the desk answered. Raises NotTaken."""
    head = message_from_bytes(raw, policy=policy.compat32)
    sender = (getaddresses([str(head.get("From", ""))]) or [("", "")])[0][1]
    named = [a for _, a in getaddresses([str(v) for v in head.get_all("To", [])]) if a]
    recipients = [to] if to else named
    if not recipients:
        raise NotTaken("the mail names nobody in To; say --to support@…")
    for name, value in (("Date", formatdate()), ("Message-ID", make_msgid(domain="mail.example"))):
        if head.get(name) is None:  # a mail client would have written it
            raw = f"{name}: {value}\r\n".encode() + raw
    host, port = settings.smtp_host, settings.smtp_port
    try:
        with smtplib.SMTP(host, port, timeout=30) as smtp:
            smtp.ehlo_or_helo_if_needed()
            refused = smtp.sendmail(sender, recipients, raw, mail_options=_options(smtp))
    except smtplib.SMTPRecipientsRefused as error:
        raise NotTaken(_words(error.recipients)) from error
    except smtplib.SMTPResponseException as error:
        raise NotTaken(f"{error.smtp_code} {error.smtp_error!r}") from error
    except OSError as error:
        raise NotTaken(f"nobody answers at {host}:{port}; is the desk up?") from error
    taken = [address for address in recipients if address not in refused]
    return f"250, kept for {', '.join(taken)}" + (f"; {_words(refused)}" if refused else "")


def _options(smtp: smtplib.SMTP) -> list[str]:
    return ["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else []


def _words(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{a}: {code} {text.decode()}" for a, (code, text) in refused.items())
