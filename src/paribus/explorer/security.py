"""Who may ask the server what: this machine's own pages alone, and nothing large.

A page of any other site may send requests to 127.0.0.1, and by rebinding its name (DNS rebinding) even read the
answers. So the names by which the server is addressed are checked, and where a request comes from.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paribus.base.errors import ParibusError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""Names by which a browser of this machine reaches the server."""
LARGEST_BODY = 8 << 20
"""Bytes of a request."""
_DRAINED = 8 * LARGEST_BODY
"""Bytes that are read of a larger one, and thrown away: a browser that is still sending sees no answer."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of each answer. Nothing but the server's own files runs in its pages, and no other site may show or read them."""


def refused(error: ParibusError, status: int = 400) -> JSONResponse:
    """An error's parts as the answer to a request."""
    parts = {name: getattr(error, name) for name in ("what", "where", "got", "expected", "fix")}
    return JSONResponse({name: None if part is None else str(part) for name, part in parts.items()}, status)


class OwnPagesOnly:
    """ASGI middleware that refuses requests of others' pages and large ones, in words, and adds `HEADERS`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = _foreign(Headers(scope=scope), scope["server"][1])
        if refusal is not None:
            await refused(refusal, 403)(scope, receive, send_with_headers)
            return
        content = await _body(receive)
        if content is None:
            most = f"at most {LARGEST_BODY >> 20} MB"
            error = ParibusError("The file is too large.", where="the request", expected=most)
            await refused(error, 413)(scope, receive, send_with_headers)
            return
        left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive_again() -> Message:
            return left.pop() if left else await receive()

        await self.app(scope, receive_again, send_with_headers)


def _foreign(headers: Headers, port: int) -> ParibusError | None:
    """Why a request is not one of the server's own pages, in words; None if it is."""
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    asked = headers.getlist("host")
    if len(asked) != 1 or asked[0].lower() not in hosts:
        what = "The server was addressed by a name that is not its own."
        return ParibusError(what, where="Host", expected=f"{HOST}:{port}")
    origins = {f"http://{host}" for host in hosts}
    if any(origin.lower() not in origins for origin in headers.getlist("origin")):
        return ParibusError("A page of another site asked.", where="Origin", expected=f"http://{HOST}:{port}")
    elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    if elsewhere and headers.get("sec-fetch-mode") != "navigate":  # a link to the page is welcome
        return ParibusError("A page of another site asked.", where="Sec-Fetch-Site", expected="same-origin")
    return None


async def _body(receive: Receive) -> bytes | None:
    """All of a request's body; None where it is larger than `LARGEST_BODY`."""
    content, length = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the visitor went away
            return bytes(content)
        part = message.get("body", b"")
        length += len(part)
        if length <= LARGEST_BODY:
            content += part
        if not message.get("more_body") or length > _DRAINED:
            return bytes(content) if length <= LARGEST_BODY else None
