"""One request to the console: who asks, when, and what they filled in.

Each page is a plain function of a `Visit`. Reading pages see one state of the database; acting
pages run in one transaction, which ends before the answer leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from graph.console import rendering
from graph.house import House
from intake import agents
from intake.agents import NotAllowed, Principal
from intake.db import Busy
from intake.errors import IntakeError, NotFound

FIELDS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody we know, in a transaction."""

    house: House
    request: Request
    session: Session
    by: Principal
    at: datetime
    form: Mapping[str, str]

    def asked(self, name: str) -> str:
        """What the address says about that, or ''."""
        return clean(self.request.query_params.get(name, ""))

    def said(self, name: str) -> str:
        """What the form says about that, or ''."""
        return self.form.get(name, "")

    @property
    def version(self) -> int | None:
        """The version that they saw, as the form says; None where it says none."""
        typed = self.said("version")
        return int(typed) if typed.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Afterwards:
    """An answer whose making takes long: it is made when the transaction has ended."""

    make: Callable[[], Response]


Page = Callable[[Visit], Response | Afterwards]
Mend = Callable[[Visit, IntakeError], Response]
Beyond = type[IntakeError] | tuple[type[IntakeError], ...]
"""What no form can mend."""


def read(house: House, page: Page) -> Callable[[Request], Response]:
    """An endpoint that shows a page to an agent, and sends anybody else to the sign-in."""

    def endpoint(request: Request) -> Response:
        return guarded(house, request, lambda: _read(house, request, page, {}))

    return endpoint


def act(
    house: House,
    page: Page,
    mend: Mend | None = None,
    *,
    names_others: bool = False,
    most_fields: int = FIELDS_AT_MOST,
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that changes something for an agent.

    When a rule says no, nothing has changed, and `mend` shows the form again with the reason;
    but not to those who may not do it, nor where the thing itself is not there. A form that
    `names_others` is also shown again when what it names is not there.
    """
    beyond = NotAllowed if names_others else (NotAllowed, NotFound)

    async def endpoint(request: Request) -> Response:
        form = filled_in(await request.form(max_files=0, max_fields=most_fields))
        return await run_in_threadpool(
            guarded, house, request, lambda: _act(house, request, page, mend, beyond, form)
        )

    return endpoint


def filled_in(form: FormData) -> dict[str, str]:
    """A form's fields as text, with line ends as we keep them and without NULs."""
    return {name: clean(value) for name, value in form.items() if isinstance(value, str)}


def clean(text: str) -> str:
    """Text as a database can keep it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode()


def secret_of(house: House, request: Request) -> str:
    """The secret of the browser's session, or ''."""
    return request.cookies.get(cookie_name(house), "")


def cookie_name(house: House) -> str:
    """`__Host-` ties a cookie to this very host, which a browser grants over https only."""
    return "__Host-sid" if house.settings.base_url.startswith("https://") else "sid"


def _read(house: House, request: Request, page: Page, form: Mapping[str, str]) -> Response:
    at, secret = datetime.now(UTC), secret_of(house, request)
    with house.db.reading() as session:
        signed_in = agents.console_session(session, secret, at=at)
        if signed_in is None:
            return _to_sign_in(request)
        by = signed_in.agent.principal("console")
        answer = page(Visit(house, request, session, by, at, form))
    # A page that fetches itself again does not mean that somebody is there.
    if signed_in.wants_noting(at) and "hx-request" not in request.headers:
        with house.db.transaction() as session:
            if still_there := agents.console_session(session, secret, at=at):
                still_there.note_use(at)
    return answer.make() if isinstance(answer, Afterwards) else answer


def _act(
    house: House,
    request: Request,
    page: Page,
    mend: Mend | None,
    beyond: Beyond,
    form: Mapping[str, str],
) -> Response:
    at, secret = datetime.now(UTC), secret_of(house, request)
    # Asked first without the turn to write, of which strangers shall take none.
    with house.db.reading() as session:
        if agents.console_session(session, secret, at=at) is None:
            return _to_sign_in(request)
    try:
        with house.db.transaction() as session:
            signed_in = agents.console_session(session, secret, at=at)
            if signed_in is None:
                return _to_sign_in(request)
            # What a page does by itself does not mean that somebody is there.
            if "hx-request" not in request.headers:
                signed_in.note_use(at)
            by = signed_in.agent.principal("console")
            answer = page(Visit(house, request, session, by, at, form))
        return answer.make() if isinstance(answer, Afterwards) else answer
    except IntakeError as error:
        if mend is None or isinstance(error, beyond):
            raise
        # Bound here: Python forgets `error` at the end of this block.
        reason, show = error, mend
        return _read(house, request, lambda visit: show(visit, reason), form)


def guarded(house: House, request: Request, answer: Callable[[], Response]) -> Response:
    """The answer; or in words the rule that was broken, or that the database is away."""
    try:
        return answer()
    except IntakeError as error:
        return rendering.refusal(house, request, error)
    except (Busy, OperationalError, NoConnection):
        return rendering.away(house, request)


def _to_sign_in(request: Request) -> Response:
    where = "/sign-in"
    if request.method == "GET" and request.url.path != "/":
        where += "?" + urlencode({"next": request.url.path})
    if "hx-request" in request.headers:
        # Swapping the sign-in into half a page helps nobody: the whole page goes there.
        return Response(status_code=204, headers={"hx-redirect": where})
    return RedirectResponse(where, 303)


def chosen(text: str, what: str) -> UUID:
    """The record that a form names by its id. Raises IntakeError, which asks for one."""
    try:
        return UUID(text)
    except ValueError as error:
        raise IntakeError(f"choose {what} first") from error
