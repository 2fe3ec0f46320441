"""The server of Paribus's pages: one application for each page, bound to this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from paribus.base.errors import ParibusError
from paribus.explorer.security import HOST, OwnPagesOnly, refused

STATIC = Path(__file__).parent / "static"
USUAL_PORT = 8321


def application(page: str, router: APIRouter, shown: object = None) -> ASGIApp:
    """A page and what it asks for.

    Args:
        page: Name of the page in static/, without its ending; it is shown at /. What it needs lies under /static.
        router: Its requests; they are answered under /api. Those that compute are plain functions (`def`), which run
            in threads of their own, and tell a visitor's mistake by a ParibusError.
        shown: What they are about; they find it as `request.app.state.shown`.
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

    return OwnPagesOnly(app)  # around everything, the answer to a failure too


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


def serve(app: ASGIApp, port: int | None, *, browser: bool, announce: Callable[[str], None]) -> None:
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
    address = f"http://{HOST}:{taken.getsockname()[1]}"
    print(address, flush=True)
    announce("Ctrl-C ends it")
    if browser:
        # in a thread, since some browsers take the terminal; the socket listens already, and the page waits
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    # in a thread, so that Ctrl-C comes here and no request is waited for
    answering = threading.Thread(target=server(app).run, kwargs={"sockets": [taken]}, daemon=True)
    answering.start()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
    try:
        while answering.is_alive():
            answering.join(1.0)  # on Windows Ctrl-C comes when it returns
    except KeyboardInterrupt:
        os._exit(0)  # the interpreter would wait for threads that compute; all that was printed is flushed


def server(app: ASGIApp) -> uvicorn.Server:
    """What answers requests, quiet, and not waiting for visitors when it ends."""
    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=1
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
    """A mistake of ours; its traceback is in the terminal."""
    return refused(ParibusError("The server failed.", got=str(error), fix="the terminal says more"), 500)
