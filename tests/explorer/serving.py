"""The explorer's server as it runs for a user, on a free port, in a thread of this process."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paribus.explorer.exhibits import exhibits
from paribus.explorer.routes import router
from paribus.explorer.security import OwnPagesOnly
from paribus.explorer.server import application, listening, server


class Answer:
    """What the server answered."""

    def __init__(self, status: int, headers: Any, content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Site:
    """A running server.

    Attributes:
        first: The address that is printed for the user, with the token.
        cookie: What a browser sends once it was there.
    """

    def __init__(self, port: int, token: str) -> None:
        self.port, self.address, self.token = port, f"http://127.0.0.1:{port}", token
        self.first, self.cookie = f"{self.address}/?token={token}", f"paribus-{port}={token}"

    def ask(self, path: str, sent: object = None, *, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """GET, or POST of an object as JSON or of a body as it is, with the cookie unless another one is given."""
        given = {"Cookie": self.cookie} | (headers or {})
        if sent is not None:
            body = json.dumps(sent).encode()
            given["Content-Type"] = "application/json"
        request = urllib.request.Request(self.address + path, data=body, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@contextmanager
def answering(app: OwnPagesOnly) -> Iterator[Site]:
    """The server of any page."""
    running = server(app)
    taken = listening(0, print)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [taken]})
    thread.start()  # the socket listens already: requests wait until they are answered
    try:
        yield Site(taken.getsockname()[1], app.token)
    finally:
        running.should_exit = True
        thread.join()


@contextmanager
def serving(*sources: Path) -> Iterator[Site]:
    """The explorer of some runs."""
    with answering(application("explorer", router, exhibits([str(source) for source in sources]))) as site:
        yield site
