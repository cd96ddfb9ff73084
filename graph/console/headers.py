"""What every answer says to the browser, and which requests are refused for where they come from.

Both are plain ASGI middleware, of use to any page of the desk.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# `{nonce}` differs in each answer, so that markup somebody smuggled in cannot name it. Trusted
# Types take away from scripts the places where text turns into markup; htmx alone gets a policy.
PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types deskbell"
)
YEAR_SECONDS = 31_536_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Adds the security headers that an answer does not set itself.

    The nonce of the policy is `request.state.nonce`.
    """

    def __init__(self, app: ASGIApp, *, https: bool, policy: str = PAGE_POLICY) -> None:
        self._app = app
        self._policy = policy
        self._always = {
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "cache-control": "no-store",
        }
        if https:
            self._always["strict-transport-security"] = f"max-age={YEAR_SECONDS}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self._policy.format(nonce=nonce))
                for name, value in self._always.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)


class SameOriginOnly:
    """Refuses requests that change something unless one of our own pages sent them.

    A browser says where a request comes from, and no page can make it lie: `Sec-Fetch-Site` where
    the connection is trusted, `Origin` everywhere. What says neither is no browser of ours.
    """

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        self._app = app
        self._ours = urlsplit(base_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        harmless = scope["type"] != "http" or scope["method"] in SAFE_METHODS
        if harmless or self._is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse("This form was sent from another site.", 403)
        await refusal(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            return False
        origin = headers.get("origin")
        if origin is None:
            return site is not None
        return urlsplit(origin).netloc.lower() in (self._ours, headers.get("host", "").lower())
