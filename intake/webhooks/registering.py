"""What an administrator does to endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import endpoints, events
from intake.agents import Act, Principal
from intake.db import new_id
from intake.desk import Desk
from intake.endpoints import Endpoint, WrongEndpoint
from intake.errors import IntakeError, NotFound
from intake.webhooks.signing import secrets_of

LONGEST_DESCRIPTION = 200


class EndpointChanged(IntakeError):
    """Somebody changed the endpoint since it was read."""

    code: ClassVar[str] = "stale-version"


def register(
    session: Session,
    by: Principal,
    *,
    url: str,
    kinds: Sequence[str],
    description: str = "",
    desk: Desk,
    at: datetime,
) -> Endpoint:
    """Promise it, from now on, every event of these kinds. Raises WrongEndpoint."""
    by.must(Act.ADMINISTER)
    made = Endpoint(
        id=new_id(),
        url=endpoints.callable_url(url, desk.webhook_hosts),
        kinds=endpoints.patterns(kinds),
        description=_description(description),
        created_at=at,
        secret_number=1,
    )
    session.add(made)
    return _done(session, by, made, "registered", at, kinds=made.kinds)


def change(
    session: Session,
    by: Principal,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    kinds: Sequence[str] | None = None,
    description: str | None = None,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Endpoint:
    """Say anew what is given. What was promised already goes to the new URL. Raises WrongEndpoint
    or EndpointChanged."""
    found = _locked(session, by, endpoint_id, version)
    if url is not None:
        found.url = endpoints.callable_url(url, desk.webhook_hosts)
    if kinds is not None:
        found.kinds = endpoints.patterns(kinds)
    if description is not None:
        found.description = _description(description)
    found.quiet_until = None
    return _done(session, by, found, "changed", at, kinds=found.kinds)


def rotate(
    session: Session,
    by: Principal,
    endpoint_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> tuple[Endpoint, str]:
    """Give it a new secret, which is returned; the old one is good for a day more."""
    found = _locked(session, by, endpoint_id, version)
    found.secret_number += 1
    found.rotated_at = at
    _done(session, by, found, "secret-changed", at)
    return found, secrets_of(found, desk, at=at)[0]


def pause(
    session: Session,
    by: Principal,
    endpoint_id: UUID,
    *,
    at: datetime,
    version: int | None = None,
    why: str = "",
) -> Endpoint:
    """Promise it nothing until it is resumed; what waits to be sent is given up."""
    found = _locked(session, by, endpoint_id, version)
    found.active, found.paused_why = False, why or f"paused by {by.name}"
    return _done(session, by, found, "paused", at, why=found.paused_why)


def resume(
    session: Session, by: Principal, endpoint_id: UUID, *, at: datetime, version: int | None = None
) -> Endpoint:
    """Promise it events again from now on; what it missed can be sent again."""
    found = _locked(session, by, endpoint_id, version)
    found.active, found.paused_why = True, ""
    found.failures, found.quiet_until, found.failing_since = 0, None, None
    return _done(session, by, found, "resumed", at)


def remove(
    session: Session, by: Principal, endpoint_id: UUID, *, at: datetime, version: int | None = None
) -> None:
    """Forget the endpoint; what was sent to it stays on record."""
    found = _locked(session, by, endpoint_id, version)
    session.delete(found)
    endpoints.changed(session)
    _record(session, by, found, "removed", at)


def every(session: Session, by: Principal) -> list[Endpoint]:
    """All endpoints, the oldest first; for administrators."""
    by.must(Act.ADMINISTER)
    return list(session.scalars(select(Endpoint).order_by(Endpoint.created_at, Endpoint.id)))


def endpoint_of(session: Session, by: Principal, endpoint_id: UUID) -> Endpoint:
    """The endpoint; for administrators. Raises NotFound."""
    by.must(Act.ADMINISTER)
    found = session.get(Endpoint, endpoint_id)
    if found is None:
        raise NotFound("there is no such endpoint")
    return found


def _locked(session: Session, by: Principal, endpoint_id: UUID, version: int | None) -> Endpoint:
    by.must(Act.ADMINISTER)
    found = session.scalar(
        select(Endpoint)
        .where(Endpoint.id == endpoint_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("there is no such endpoint")
    if version is not None and version != found.version:
        raise EndpointChanged("the endpoint changed since you read it: look again")
    return found


def _done(
    session: Session, by: Principal, endpoint: Endpoint, what: str, at: datetime, **data: Any
) -> Endpoint:
    endpoint.version = (endpoint.version or 0) + 1
    endpoints.changed(session)
    _record(session, by, endpoint, what, at, **data)
    return endpoint


def _record(
    session: Session, by: Principal, endpoint: Endpoint, what: str, at: datetime, **data: Any
) -> None:
    events.record(
        session, f"webhook.{what}", at=at, actor=by,
        webhook=str(endpoint.id), host=endpoint.host, **data,
    )  # fmt: skip


def _description(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > LONGEST_DESCRIPTION:
        raise WrongEndpoint(f"description: {LONGEST_DESCRIPTION} characters at most")
    return text
