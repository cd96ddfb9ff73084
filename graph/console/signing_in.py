"""Signing in without a password: a link by mail, used once, that starts a session.

A mail gateway that opens each link must not use it up, so opening it shows a button and only the
button signs in. Whoever asks for a link hears the same, whether the address is an agent's or not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import structlog
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.visit import cookie_name, filled_in, guarded, secret_of
from graph.house import House
from intake import agents, events, queues, threads
from intake.agents import SESSION_LONGEST, Agent, SignInLink
from intake.messages import Outgoing

log = structlog.get_logger()

LINK_LASTS = timedelta(minutes=15)
# Whoever is refused a fourth link has three that still work.
LINKS_AT_ONCE = 3
_OUR_PLACES = re.compile(r"/cases/\d{1,12}|/inbound")
_LONGEST_ADDRESS = 254
_MAIL = (
    "Hello {name},\n\nopen this link to sign in to {organisation}. It works once, for 15 "
    "minutes.\n\n{link}\n\n"
    "If you did not ask for it, ignore this mail: without the link nobody gets in.\n"
)

Answer = Callable[[House, Request, dict[str, str]], Response]


def routes(house: House) -> list[Route]:
    """Sign-in and sign-out: the only pages that need no session."""
    return [
        Route("/sign-in", lambda request: _shown(house, request), name="sign-in"),
        Route("/sign-in", _posted(house, _sign_in), methods=["POST"]),
        Route("/sign-in/link", _posted(house, _send_link), methods=["POST"]),
        Route("/sign-out", _posted(house, _sign_out), methods=["POST"]),
    ]


def _posted(house: House, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        form = filled_in(await request.form(max_files=0, max_fields=5))
        return await run_in_threadpool(
            guarded, house, request, lambda: answer(house, request, form)
        )

    return endpoint


def _shown(house: House, request: Request) -> Response:
    link = request.query_params.get("link", "")
    onward = _onward(request.query_params.get("next", ""))
    return _page(house, request, "link" if link else "ask", link=link, onward=onward)


def _sign_in(house: House, request: Request, form: dict[str, str]) -> Response:
    secret = _new_session(house, form.get("link", ""), secret_of(house, request))
    if secret is None:
        log.info("sign-in link refused")
        return _page(house, request, "refused", 403)
    log.info("signed in")
    response = RedirectResponse(_onward(form.get("next", "")) or "/", 303)
    response.set_cookie(
        cookie_name(house), secret, max_age=int(SESSION_LONGEST.total_seconds()), path="/",
        secure=house.settings.base_url.startswith("https://"), httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def _new_session(house: House, link: str, before: str) -> str | None:
    """The secret of a session that this link starts; the one before ends. None for a bad link."""
    at = datetime.now(UTC)
    # Asked first without the turn to write, of which strangers shall take none.
    with house.db.reading() as session:
        if session.get(SignInLink, agents.digest(link)) is None:
            return None
    with house.db.transaction() as session:
        secret = agents.sign_in(session, link, at=at)
        if secret is not None:
            agents.sign_out(session, before)
        return secret


def _send_link(house: House, request: Request, form: dict[str, str]) -> Response:
    at = datetime.now(UTC)
    address = form.get("address", "").strip().lower()[:_LONGEST_ADDRESS]
    with house.db.reading() as session:
        known = agents.by_email(session, address) is not None
    if known:
        with house.db.transaction() as session:
            agent = agents.by_email(session, address)
            if agent is not None and _may_have_another(session, agent, at):
                _promise_link(session, house, agent, _onward(form.get("next", "")), at)
    return _page(house, request, "sent")


def _sign_out(house: House, request: Request, form: dict[str, str]) -> Response:
    with house.db.transaction() as session:
        agents.sign_out(session, secret_of(house, request))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(
        cookie_name(house), path="/", secure=house.settings.base_url.startswith("https://"),
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def _may_have_another(session: Session, agent: Agent, at: datetime) -> bool:
    counted = events.promised_to(session, "sign-in", [agent.email], since=at - LINK_LASTS)
    return counted.get(agent.email, 0) < LINKS_AT_ONCE


def _promise_link(session: Session, house: House, agent: Agent, onward: str, at: datetime) -> None:
    secret = agents.sign_in_link(session, agent, at=at, lasts=LINK_LASTS)
    query = urlencode({"link": secret, **({"next": onward} if onward else {})})
    mailbox = _from_address(session, house)
    organisation = house.settings.organisation
    outgoing = Outgoing(
        message_id=threads.new_message_id(mailbox),
        from_address=mailbox,
        from_name=organisation,
        to=(agent.email,),
        subject=f"Sign in to {organisation}",
        text=_MAIL.format(
            name=agent.name,
            organisation=organisation,
            link=f"{house.settings.base_url}/sign-in?{query}",
        ),
        automatic=True,
    )
    events.promise(
        session, "email", "sign-in", effect_key=f"sign-in:{agents.digest(secret)}", at=at,
        target=agent.email, payload=outgoing.as_json(),
    )  # fmt: skip


def _from_address(session: Session, house: House) -> str:
    every = queues.every(session)
    if every.every and every.default.address:
        return every.default.address
    return f"deskbell@{urlsplit(house.settings.base_url).hostname or 'localhost'}"


def _onward(path: str) -> str:
    """Where to go after signing in, if it is one of our own pages; else ''."""
    return path if _OUR_PLACES.fullmatch(path) else ""


def _page(
    house: House,
    request: Request,
    step: str,
    status: int = 200,
    *,
    link: str = "",
    onward: str = "",
) -> Response:
    return rendering.stranger(
        house, request, "sign_in.html", status, step=step, link=link, onward=onward
    )
