"""What a stranger, or a page of another site, may ask the explorer's server."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from pathlib import Path
from urllib.parse import quote

from tests.torture.harness import Ending, Outcome, Surface, command

ANY_PATHS = ("/", "/static/explorer.js", "/static/common.css", "/api/models", "/nothing", "*", "/docs", "/openapi.json")
READ = ("", "/axes", "/map", "/codes", "/round")
SENT = ("/picture", "/strips", "/stages", "/way", "/latent", "/image", "/nearest")
UP = ("../", "..%2f", "%2e%2e/", "..\\", "%2e%2e%5c", "....//", "/", "%00", "%ff", "\u202e", ";", "//evil.example/")
VALUES = (0, -1, 1.5, 2**63, 10**400, "nan", "", "x" * 5000, None, True, [], [[]], {}, "\x00", "\udcff", "\u202e")
TOKENS = ("", "x", "%00", "a" * 5000, "\xff", "; paribus=1")
HOSTS = (
    "evil.example",
    "127.0.0.1",
    "localhost:1",
    "127.0.0.1:{port}.evil.example",
    "",
    "[::1]:{port}",
    "\xff",
    "a" * 5000,
)
ORIGINS = ("http://evil.example", "null", "file://", "http://127.0.0.1:1", "https://evil.example:{port}", "http://")
CANARY = "a secret beside the server's files"


class Requests(Surface):
    name = "requests"
    promise = "the explorer answers nobody without its token, tells nothing else and stays up"

    def prepare(self, folder: Path) -> None:
        from paribus.explorer import security, server
        from paribus.explorer.exhibits import exhibits
        from paribus.explorer.routes import router

        made = command("train", "vae", "--data", "digits", "--budget", "64img", "--no-score", "--out", "run")
        assert made.ending is Ending.DONE, made.what
        (folder / "secret.txt").write_text(CANARY)
        security.BODY_SECONDS = server.HEAD_SECONDS = 0.3
        shown = exhibits(["run"])
        self.latents = shown[0].subject.model.objective.latent_dim
        app = server.application("explorer", router, shown)
        taken = server.listening(0, lambda text: None)
        self.port, self.token = taken.getsockname()[1], app.token
        running = server.server(app)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        threading.Thread(target=running.run, kwargs={"sockets": [taken]}, daemon=True).start()
        assert self._ask("GET /api/models", self._own())[:12] == b"HTTP/1.1 200"

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        if draw.random() < 0.1:
            content = draw.randbytes(draw.randrange(300)) + draw.choice((b"", b"\r\n\r\n"))
            return self._judged(content, self._exchanged(content), may=False)
        heads, may = self._own(), True
        if draw.random() < 0.3:  # by somebody else
            may, wrong = False, draw.choice(("host", "origin", "token", "site"))
            if wrong == "host":
                heads["Host"] = draw.choice(HOSTS).format(port=self.port)
            elif wrong == "origin":
                heads["Origin"] = draw.choice(ORIGINS).format(port=self.port)
            elif wrong == "site":
                heads |= {"Sec-Fetch-Site": draw.choice(("cross-site", "same-site", "x")), "Sec-Fetch-Mode": "cors"}
            else:
                heads["Cookie"] = draw.choice(("", f"paribus-{self.port}=")) + draw.choice(TOKENS)
        path, body = self._asked(draw)
        if body is not None:
            heads["Content-Type"] = draw.choice(("application/json",) * 9 + ("text/plain", "multipart/form-data", ""))
        method = "POST" if body is not None else draw.choice(("GET", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "X"))
        heads["Content-Length"] = str(len(body or b"") + draw.choice((0,) * 20 + (9, -1)))
        if draw.random() < 0.05:
            heads |= {f"X-{k}": "x" * 500 for k in range(draw.choice((5, 100)))}
        text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        content = (text + "\r\n").encode("latin-1", "replace") + (body or b"")
        if draw.random() < 0.05:
            content = content[: draw.randrange(len(content))]
        return self._judged(content, self._exchanged(content), may)

    def _own(self) -> dict[str, str]:
        cookie = f"paribus-{self.port}={self.token}"
        return {"Host": f"127.0.0.1:{self.port}", "Cookie": cookie, "Connection": "close"}

    def _asked(self, draw: random.Random) -> tuple[str, bytes | None]:
        """A path and, perhaps, a body."""
        model = draw.choice(("0",) * 12 + ("1", "-1", "x", "9" * 400, "1e9", quote("\u0660")))
        kind = draw.choice((0, 1, 1, 2, 3, 3, 3, 3))
        if kind == 0:
            up = "".join(draw.choice(UP) for _ in range(draw.randrange(1, 8)))
            path = (
                draw.choice(("/static/", "/", "/api/models/"))
                + up
                + draw.choice(("secret.txt", "server.py", "etc/passwd"))
            )
            return path.encode("utf-8", "replace").decode("latin-1"), None
        queries = ("label", "snapshot", "seed", "count", "space", "x", "token")
        query = "&".join(f"{draw.choice(queries)}={quote(str(draw.choice(VALUES)), errors='replace')}"
                         for _ in range(draw.choice((0, 0, 0, 0, 1, 3))))  # fmt: skip
        if kind == 1:
            return draw.choice((*ANY_PATHS, *(f"/api/models/{model}{path}" for path in READ))) + f"?{query}" * bool(
                query
            ), None
        path = f"/api/models/{model}{draw.choice(SENT)}" + f"?{query}" * bool(query)
        if kind == 2:
            deep = draw.choice((10, 100_000))
            return path, draw.choice(
                (
                    b"",
                    b"{",
                    b"\xff",
                    b"[" * deep,
                    b'{"a":' * deep,
                    b"\x89PNG\r\n\x1a\n" + draw.randbytes(99),
                    b"1" * 9999,
                )
            )
        z = [draw.gauss(0, 1) for _ in range(self.latents)]
        starts: tuple[dict[str, object], ...] = (
            {"kind": "drawn", "seed": draw.randrange(9)},
            {"kind": "given", "latent": z},
            {"kind": "map", "x": 1, "y": -1},
            {"kind": "between", "first": z, "second": z, "share": 0.5},
        )
        start = draw.choice(starts)
        point: dict[str, object] = {"first": z, "second": z} if path.endswith("/way") else {"start": start}
        if draw.random() < 0.5:
            names = ("kind", "seed", "temperature", "latent", "x", "y", "first", "second", "share")
            start[draw.choice(names)] = draw.choice((*VALUES, [1e308] * self.latents))
        if draw.random() < 0.5:
            point[draw.choice(("moves", "label", "snapshot", "first", "more"))] = draw.choice(
                (*VALUES, [1e308] * 8, [0] * 5000)
            )
        return path, json.dumps(point).encode()

    def _ask(self, first: str, heads: dict[str, str]) -> bytes:
        text = f"{first} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        return self._exchanged((text + "\r\n").encode())

    def _exchanged(self, content: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as visitor:
            received = b""
            try:
                visitor.sendall(content)
                while part := visitor.recv(1 << 16):
                    received += part
            except (ConnectionError, BrokenPipeError):  # it may refuse before all is sent
                pass
            return received

    def _judged(self, content: bytes, received: bytes, may: bool) -> Outcome:
        words = f"{content[:300]!r}\n{received[:300]!r}"
        status = received[9:12].decode("latin-1")
        if CANARY.encode() in received or b"root:" in received or b"def application" in received:
            return Outcome(Ending.FAULT, f"a file was told\n{words}")
        if status.startswith("5") or b"Traceback" in received:
            return Outcome(Ending.FAULT, f"it failed\n{words}")
        if status.startswith(("2", "3")) and not may:
            return Outcome(Ending.FAULT, f"a stranger was answered\n{words}")
        began = time.monotonic()
        if self._ask("GET /api/models", self._own())[:12] != b"HTTP/1.1 200" or time.monotonic() - began > 5:
            return Outcome(Ending.FAULT, f"it is down\n{words}")
        return Outcome(Ending.DONE if status.startswith(("2", "3")) else Ending.REFUSED, words)
