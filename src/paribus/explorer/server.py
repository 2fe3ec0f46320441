"""The server of Paribus's pages: one application for each page, bound to this machine alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Collection
from html import escape
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from paribus.base.errors import ParibusError
from paribus.base.processes import interrupt
from paribus.explorer.security import HOST, TOKEN, OwnPagesOnly, refused

STATIC = Path(__file__).parent / "static"
USUAL_PORT = 8321
HEAD_SECONDS = 10.0
"""After which a connection is to have sent the head of a request."""
OPENING_SECONDS = 60.0
"""How long a browser may take to open."""


def application(page: str, router: APIRouter, shown: object = None, host_names: Collection[str] = ()) -> OwnPagesOnly:
    """A page and what it asks for.

    Args:
        page: Name of the page in static/, without its ending; it is shown at /. What it needs lies under /static.
        router: Its requests; they are answered under /api. Those that compute are plain functions (`def`), which run
            in threads of their own, and tell a visitor's mistake by a ParibusError.
        shown: What they are about; they find it as `request.app.state.shown`.
        host_names: See `OwnPagesOnly`.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # the documentation's pages load from elsewhere
    app.state.shown = shown
    app.add_exception_handler(ParibusError, _mistaken)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_answered)
    app.add_exception_handler(Exception, _failed)
    app.include_router(router, prefix="/api")
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/")
    def first() -> FileResponse:
        return FileResponse(STATIC / f"{page}.html")

    return OwnPagesOnly(app, host_names)  # around everything, the answer to a failure too


def listening(port: int | None, announce: Callable[[str], None]) -> socket.socket:
    """A socket of this machine alone.

    Args:
        port: The one that was asked for; None for the usual one, or any that is free where that is taken.
        announce: Told of what the user did not ask for.

    Raises:
        ParibusError: The port that was asked for is unavailable.
    """
    # TCP by its name: only then asyncio turns off Nagle's algorithm, which holds each answer back by 40 ms
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # one that was closed a moment ago counts as free; on Windows one in use would, too
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, USUAL_PORT if port is None else port))
        found.listen()
    except OSError as error:
        found.close()
        if port is None:
            announce(f"port {USUAL_PORT} is taken: another one is used")
            return listening(0, announce)
        raise ParibusError(
            "The port is unavailable.",
            where=f"--port {port}",
            got=error.strerror,
            fix="choose another one, or leave --port out for one that is free",
        ) from error
    return found


def serve(app: OwnPagesOnly, port: int | None, *, browser: bool, announce: Callable[[str], None]) -> None:
    """Answers requests until Ctrl-C, which ends the process whatever is being computed.

    Args:
        app: What `application` made.
        port: See `listening`.
        browser: Open the page in the user's browser.
        announce: Told what the user has to know besides the address.

    Raises:
        ParibusError: The port is unavailable.
    """
    taken = listening(port, announce)
    address = f"http://{HOST}:{taken.getsockname()[1]}/?{TOKEN}={app.token}"
    print(address, flush=True)
    announce("Ctrl-C ends it")
    if browser:
        # in a thread, since some browsers take the terminal; the socket listens already, and the page waits
        threading.Thread(target=_show, args=(address,), daemon=True).start()
    # in a thread, so that Ctrl-C comes here and no request is waited for
    answering = threading.Thread(target=server(app).run, kwargs={"sockets": [taken]}, daemon=True)
    answering.start()
    signal.signal(signal.SIGINT, interrupt)  # a shell's background jobs begin without it
    try:
        while answering.is_alive():
            answering.join(1.0)  # on Windows Ctrl-C comes when it returns
    except KeyboardInterrupt:
        os._exit(0)  # the interpreter would wait for threads that compute; all that was printed is flushed


def _show(address: str) -> None:
    """Opens an address in the user's browser by way of a file that only the user can read.

    Every user of the machine sees what a program is started with, and the address has the token.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="paribus-", suffix=".html", delete=False) as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(address)}">')
    webbrowser.open(Path(file.name).as_uri())
    time.sleep(OPENING_SECONDS)
    Path(file.name).unlink(missing_ok=True)


class _Impatient(H11Protocol):
    """Ends a connection that has not sent the head of a request for `HEAD_SECONDS`."""

    _answered: object = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is self._answered:  # none has come since the last look
            self.transport.close()
            return
        self._answered = self.cycle if waits else None
        self.loop.call_later(HEAD_SECONDS, self._look)


def server(app: OwnPagesOnly) -> uvicorn.Server:
    """What answers requests, quiet, and not waiting for visitors when it ends."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Impatient,
            log_level="warning",
            access_log=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


async def _mistaken(request: Request, error: Exception) -> JSONResponse:
    """A visitor's mistake."""
    assert isinstance(error, ParibusError)
    return refused(error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    """A request that is not of the right form."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return refused(ParibusError("The request is malformed.", where=where, got=first["msg"]))


async def _not_answered(request: Request, error: Exception) -> JSONResponse:
    """What there is not."""
    assert isinstance(error, HTTPException)
    return refused(ParibusError(f"{error.detail}.", where=request.url.path), error.status_code)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours, of which the visitor learns nothing; its traceback is in the terminal."""
    return refused(ParibusError("The server failed.", fix="the terminal where it was started says more"), 500)
