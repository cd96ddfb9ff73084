"""Style and script files, each under a name that changes with its content, so that a browser may
keep it for ever.

The style is written by parts of the page and served as one file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
STYLES = (
    "colours",
    "ground",
    "frame",
    "together",
    "lists",
    "case",
    "facts",
    "reports",
    "customers",
    "forms",
    "promises",
    "alone",
    "narrow",
    "staffing",
)
"""The parts of `console.css`, in their order: what stands later says more."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: the path it is served under, its type and its bytes."""

    path: str
    content_type: str
    content: bytes


def _read() -> dict[str, Asset]:
    here = files("graph.console")
    contents = {entry.name: entry.read_bytes() for entry in (here / "static").iterdir()}
    parts = (here / "styles" / f"{part}.css" for part in STYLES)
    contents["console.css"] = b"".join(part.read_bytes() for part in parts)
    found = {}
    for name, content in contents.items():
        stem, _, extension = name.rpartition(".")
        if extension in TYPES:
            digest = hashlib.sha256(content).hexdigest()[:12]
            path = f"/static/{stem}.{digest}.{extension}"
            found[name] = Asset(path, TYPES[extension], content)
    return found


ASSETS = _read()
_BY_PATH = {asset.path: asset for asset in ASSETS.values()}


def path_of(name: str) -> str:
    """Where the file of that name is served. Raises KeyError for a name we have not."""
    return ASSETS[name].path


def routes() -> list[Route]:
    """The files themselves; anybody may read them."""
    return [Route("/static/{name}", _serve)]


def _serve(request: Request) -> Response:
    asset = _BY_PATH.get(f"/static/{request.path_params['name']}")
    if asset is None:
        return PlainTextResponse("There is no such file.", 404)
    return Response(
        asset.content,
        headers={
            "content-type": asset.content_type,
            "cache-control": "public, max-age=31536000, immutable",
            "content-security-policy": "default-src 'none'; sandbox",
        },
    )
