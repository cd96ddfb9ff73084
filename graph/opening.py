"""Opening a desk: its database checked and brought up to date, its secret read, its log set up."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import structlog

from intake import migrations
from intake.db import Database
from intake.desk import Desk
from intake.settings import Settings

DISTRIBUTION = "deskbell-desk"
PACKAGES = ("intake", "kb", "channels", "graph")
_ADDRESS = re.compile(r"[^\s<>()\"',;:=]+@[^\s<>()\"',;:]+")


class NotStarted(Exception):
    """The desk cannot start; the text is one line that says why and what to do."""


def open_database(settings: Settings, *, upgrade: bool | None = None) -> Database:
    """The database, at the schema this program needs.

    The embedded default is migrated here; any other must be at the head already, unless
    `upgrade` says otherwise. Raises Unsafe or WrongSchema.
    """
    refuse_foreign_packages()
    db = Database(settings.database, unsafe=settings.unsafe_durability)
    if upgrade if upgrade is not None else db.dialect == "sqlite":
        migrations.upgrade(db)
    else:
        migrations.check(db)
    return db


def desk_of(settings: Settings) -> Desk:
    """The desk's values for its rules; its secret is made and kept at the first start."""
    return Desk(
        organisation=settings.organisation,
        secret=_secret(settings),
        zone=settings.time_zone,
        base_url=settings.base_url,
        slack=settings.slack,
        acknowledgements_per_hour=settings.acknowledgements_per_hour,
        child_inherits=settings.child_inherits,
        children_close=settings.children_close,
        children_most=settings.children_most,
        apply_entitlement_on_creation=settings.apply_entitlement_on_creation,
        apply_entitlement_on_change=settings.apply_entitlement_on_change,
        contract_prefix=settings.contract_prefix,
        webhook_hosts=settings.webhook_hosts,
        keep_filtered_days=settings.keep_filtered_days,
        keep_closed_mail_days=settings.keep_closed_mail_days,
        keep_sent_days=settings.keep_sent_days,
        keep_calls_days=settings.keep_calls_days,
    )


def refuse_foreign_packages() -> None:
    """Raises NotStarted when another distribution owns one of our import names.

    Installed side by side, either would silently overwrite files of the other.
    """
    owners = packages_distributions()
    for package in PACKAGES:
        others = [name for name in owners.get(package, []) if name != DISTRIBUTION]
        if others:
            raise NotStarted(
                f"the package {others[0]!r} also owns the import name {package!r}: install "
                "Deskbell into a virtual environment of its own"
            )


def set_up_log(settings: Settings) -> None:
    """One line per event on standard error: for people, or as JSON."""
    json = settings.log_format == "json"
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        structlog.processors.format_exc_info,
        _without_addresses,
        structlog.processors.JSONRenderer()
        if json
        # The pretty traceback would print the values of variables: what customers wrote.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _StandardError(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


def _without_addresses(_logger: Any, _method: str, event: Any) -> Any:
    # PostgreSQL names the values that broke a rule: Key (kind, value)=(email, ada@example.com).
    if exception := event.get("exception"):
        event["exception"] = _ADDRESS.sub("…@…", exception)
    return event


class _StandardError:
    """Prints a line to standard error, as it is now. A log that cannot be written stops nothing:
    its pipe may be closed, its disk full, and mail is to be taken all the same."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _secret(settings: Settings) -> bytes:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    file: Path = settings.data_dir / "secret"
    try:
        return _read_secret(file)
    except FileNotFoundError:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written aside and linked, so that two processes starting at once agree on one.
        aside = file.with_name(f"secret.{os.getpid()}")
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(48))
        try:
            os.link(aside, file)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        return _read_secret(file)


def _read_secret(file: Path) -> bytes:
    content = file.read_bytes()
    if file.stat().st_mode & 0o077:
        raise NotStarted(f"others can read {file}: run chmod 600 on it")
    return content
