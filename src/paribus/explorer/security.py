"""Who may ask the server what: the pages of whoever has its token, and nothing large or slow.

Every user of this machine reaches 127.0.0.1, so each request shows the token that is in the printed address, or the
cookie that the first page left for it. A page of any other site may send requests to 127.0.0.1, and by rebinding its
name (DNS rebinding) even read the answers. So the names by which the server is addressed are checked, and where a
request comes from.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paribus.base.errors import ParibusError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""Names by which a browser of this machine reaches the server."""
TOKEN = "token"
"""What the token is called in an address."""
BODY_SECONDS = 60.0
"""After which a request's body is to be here."""
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
    """ASGI middleware that refuses others' requests, large and slow ones, in words, and adds `HEADERS`.

    Args:
        app: What answers the rest.
        host_names: Names besides `NAMES` by which the server may be addressed, through a tunnel or a proxy; one without
            a port stands for all of them.

    Attributes:
        token: What every request has to show.
    """

    def __init__(self, app: ASGIApp, host_names: Collection[str] = ()) -> None:
        self.app = app
        self.host_names = frozenset(name.lower() for name in host_names)
        self.token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        port, in_address = scope["server"][1], _token_in_address(scope)
        refusal, content = self._refusal(scope, port, in_address), b""
        if refusal is None and in_address and (scope["method"], scope["path"]) == ("GET", "/"):
            await self._first_answer(port)(scope, receive, send_with_headers)
            return
        if refusal is None:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    content = await _body(receive)
            except TimeoutError:
                expected = f"all of it within {BODY_SECONDS:.0f} seconds"
                refusal = refused(ParibusError("The request is too slow.", where="the request", expected=expected), 408)
            except _TooLarge:
                most = f"at most {LARGEST_BODY >> 20} MB"
                refusal = refused(ParibusError("The file is too large.", where="the request", expected=most), 413)
        if refusal is not None:
            refusal.headers["Connection"] = "close"  # what is left of the request is not waited for
            await refusal(scope, receive, send_with_headers)
            return
        left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive_again() -> Message:
            return left.pop() if left else await receive()

        await self.app(scope, receive_again, send_with_headers)

    def _refusal(self, scope: Scope, port: int, in_address: list[str]) -> Response | None:
        """The answer to a request that is not of the server's own pages; None to one that is."""
        error = self._foreign(Headers(scope=scope), port)
        cookie = HTTPConnection(scope).cookies.get(_cookie_name(port), "")
        tokens = in_address or [cookie]
        if error is None and not all(secrets.compare_digest(one.encode(), self.token.encode()) for one in tokens):
            error = ParibusError(
                "The token is missing, or it is not this server's.",
                where="the address",
                expected=f"http://{HOST}:{port}/?{TOKEN}=...",
                fix="open the address that 'paribus explore' printed when it was started",
            )
        return None if error is None else refused(error, 403)

    def _first_answer(self, port: int) -> Response:
        """To the first page, whose address has the token: the same page, without it, and a cookie."""
        answer = RedirectResponse("/", 303)
        # lax: a strict one is left out where a link in another page led here
        answer.set_cookie(_cookie_name(port), self.token, httponly=True, samesite="lax")
        return answer

    def _foreign(self, headers: Headers, port: int) -> ParibusError | None:
        """Why a request comes from elsewhere, in words."""
        asked = headers.getlist("host")
        if len(asked) != 1 or not self._is_own(asked[0], port):
            return ParibusError(
                "The server was addressed by a name that is not its own.",
                where="Host",
                got=", ".join(asked),
                expected=f"{HOST}:{port}",
                fix="to reach it through a tunnel or a proxy, start it with --host-name NAME",
            )
        for origin in headers.getlist("origin"):
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not self._is_own(host, port):
                return ParibusError("A page of another site asked.", where="Origin", expected=f"http://{HOST}:{port}")
        elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":  # a link to the page is welcome
            return ParibusError("A page of another site asked.", where="Sec-Fetch-Site", expected="same-origin")
        return None

    def _is_own(self, host: str, port: int) -> bool:
        """Whether a name, with a port or without one, is one of the server's."""
        host = host.lower()
        own = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
        return host in own or not self.host_names.isdisjoint({host, re.sub(r":\d+$", "", host)})


def _token_in_address(scope: Scope) -> list[str]:
    """What a request's address gives as the token, which is taken out of it: no route knows it."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    tokens = [value for name, value in query if name == TOKEN]
    if tokens:
        rest = [(name, value) for name, value in query if name != TOKEN]
        scope["query_string"] = urlencode(rest, encoding="latin-1").encode()
    return tokens


def _cookie_name(port: int) -> str:
    """Cookies are shared by all ports of a host."""
    return f"paribus-{port}"


class _TooLarge(Exception):
    """A body is larger than `LARGEST_BODY`."""


async def _body(receive: Receive) -> bytes:
    """All of a request's body.

    Raises:
        _TooLarge: It is.
    """
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
            if length > LARGEST_BODY:
                raise _TooLarge
            return bytes(content)
