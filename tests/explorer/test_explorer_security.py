from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import zlib
from pathlib import Path

import pytest
from fastapi import APIRouter

import paribus.report
from paribus.base.errors import ParibusError
from paribus.explorer import security
from paribus.explorer import server as server_module
from paribus.explorer.laboratory import router as laboratory_routes
from paribus.explorer.pictures import MOST_PIXELS
from paribus.explorer.routes import router as explorer_routes
from paribus.explorer.security import LARGEST_BODY
from paribus.explorer.server import STATIC, USUAL_PORT, application, listening
from tests.explorer.serving import Site, answering


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes whose pixels are `side` x `side`, all black."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + -(-side // 8))  # one bit a pixel
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_pages_own_names_are_answered(site: Site, name: str) -> None:
    own = f"{name}:{site.port}"
    assert site.ask("/api/models", headers={"Host": own, "Origin": f"http://{own}"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},  # a name that was bound to 127.0.0.1 after the page was loaded
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
@pytest.mark.parametrize("path", ["/api/models", "/api/models/0/picture", "/"])
def test_other_sites_are_refused_in_words(site: Site, headers: dict[str, str], path: str) -> None:
    headers = {name: value.format(port=site.port) for name, value in headers.items()}
    answer = site.ask(path, {} if path.endswith("picture") else None, headers=headers)
    assert answer.status == 403
    assert answer.json["what"] in (
        "The server was addressed by a name that is not its own.",
        "A page of another site asked.",
    )


ROUTES = [route.path for route in [*explorer_routes.routes, *laboratory_routes.routes]]
ROUTES = ["/", "/static/common.js", "/static/nothing", "/nothing", *(f"/api{path}" for path in ROUTES)]


@pytest.mark.parametrize("path", [path.replace("{number}", "0") for path in ROUTES])
def test_nothing_is_answered_without_the_token(site: Site, path: str) -> None:
    """Every user of a machine reaches 127.0.0.1, and /nearest shows training images."""
    cookie, token = site.cookie.split("=")
    for shown in ("", f"{cookie}=", f"{cookie}={token[:-1]}", f"{cookie}={token}x", f"paribus-1={token}"):
        answer = site.ask(path, headers={"Cookie": shown})
        assert (answer.status, answer.json["what"]) == (403, "The token is missing, or it is not this server's.")
        assert "open the address that 'paribus explore' printed" in answer.json["fix"]
        assert token not in str(answer.json)
    for query in ("?token=", "?token=x", f"?token={token}&token=x", f"?Token={token}"):
        assert site.ask(path + query, headers={"Cookie": ""}).status == 403
    assert site.ask(f"{path}?token=x").status == 403, "the token in the address counts where there is one"


def test_the_token_in_the_address_becomes_a_cookie(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    connection.request("GET", site.first.removeprefix(site.address))
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"], answer.read()) == (303, "/", b"")
    cookie, *attributes = (part.strip().lower() for part in answer.headers["Set-Cookie"].split(";"))
    assert cookie == site.cookie.lower()
    assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
    connection.close()
    assert site.ask(f"/api/models/0/axes?token={site.token}", headers={"Cookie": ""}).status == 200


def test_each_server_has_a_token_of_its_own() -> None:
    tokens = {application("explorer", APIRouter()).token for _ in range(10)}
    assert len(tokens) == 10 and all(len(token) >= 32 for token in tokens)


def test_the_browser_is_not_started_with_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every user of a machine sees the arguments of every process."""
    seen: list[tuple[str, int, str]] = []

    def opened(address: str) -> None:
        file = Path(address.removeprefix("file://"))
        seen.append((address, file.stat().st_mode & 0o777, file.read_text()))

    monkeypatch.setattr("webbrowser.open", opened)
    monkeypatch.setattr(server_module, "OPENING_SECONDS", 0.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server_module._show("http://127.0.0.1:1/?token=secret")
    [(address, mode, content)] = seen
    assert "secret" not in address and mode == 0o600 and "url=http://127.0.0.1:1/?token=secret" in content
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("own", ["notebooks.example", "notebooks.example:8443", "NOTEBOOKS.example"])
def test_a_name_of_a_tunnel_or_a_proxy_is_answered_once_it_is_given(own: str) -> None:
    with answering(application("explorer", APIRouter(), host_names=["Notebooks.example", "other:9000"])) as site:
        for origin in ("http", "https"):
            assert site.ask("/", headers={"Host": own, "Origin": f"{origin}://{own}"}).status == 200
        assert site.ask("/", headers={"Host": "other:9000"}).status == 200
        for foreign in ("other", "other:9001", "evil.example", f"x{own}", "evil.example/notebooks.example"):
            refusal = site.ask("/", headers={"Host": foreign})
            assert refusal.status == 403 and "--host-name NAME" in refusal.json["fix"]
            assert site.ask("/", headers={"Origin": f"http://{foreign}"}).status == 403
        assert site.ask("/", headers={"Host": own, "Cookie": ""}).status == 403, "the token is asked for there, too"


@pytest.mark.parametrize("sent", ["", "GET / HTTP/1.1\r\nHost: 127.0.0.1", "GET / HTTP/1.1\r\n"])
def test_who_sends_no_whole_head_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.2)
    with answering(application("explorer", APIRouter())) as site:
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as slow:
            slow.sendall(sent.encode())
            assert slow.recv(1000) == b""
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as slow:  # after a request, too
            whole = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nCookie: {site.cookie}\r\n\r\n"
            slow.sendall((whole + sent).encode())
            received = b"".join(iter(lambda: slow.recv(1 << 16), b""))
            assert received.startswith(b"HTTP/1.1 200")


def test_who_sends_no_whole_body_is_told_so_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.2)
    with answering(application("explorer", APIRouter())) as site:
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nCookie: {site.cookie}\r\nContent-Length: 9\r\n\r\n"
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as slow:
            slow.sendall(head.encode() + b"1")
            received = b"".join(iter(lambda: slow.recv(1 << 16), b""))
    assert received.startswith(b"HTTP/1.1 408") and b"The request is too slow." in received


def test_a_mistake_of_ours_tells_nothing_but_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    broken = APIRouter()

    @broken.get("/broken")
    def fail() -> None:
        raise RuntimeError("/home/somebody/private")

    with answering(application("explorer", broken)) as site:
        answer = site.ask("/api/broken")
    assert answer.status == 500 and "private" not in answer.content.decode()
    assert answer.json["what"] == "The server failed." and "terminal" in answer.json["fix"]
    assert "/home/somebody/private" in capsys.readouterr().err


def test_a_request_with_two_hosts_is_refused(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as open_socket:
        own = f"127.0.0.1:{site.port}"
        open_socket.sendall(f"GET /api/models HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n".encode())
        assert open_socket.recv(100).split()[1] in (b"400", b"403")


def test_a_link_from_elsewhere_opens_the_page(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert site.ask("/", headers=headers).status == 200


@pytest.mark.parametrize("path", ["/", "/static/common.js", "/api/models", "/api/nothing", "/api/models/0/picture"])
def test_every_answer_forbids_what_is_not_its_own(site: Site, path: str) -> None:
    policy = site.ask(path).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"


def test_nothing_but_the_pages_files_is_served(site: Site) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/docs", "/openapi.json", "/redoc"):
        assert site.ask(path).status == 404, path


def test_large_uploads_are_refused_in_words(site: Site) -> None:
    answer = site.ask("/api/models/1/image", body=bytes(LARGEST_BODY + 1))
    assert (answer.status, answer.json["what"]) == (413, "The file is too large.")
    assert answer.json["expected"] == "at most 8 MB"


def test_large_uploads_of_unknown_length_are_refused_too(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    headers, body = {"Cookie": site.cookie}, iter([bytes(1 << 20)] * 9)
    connection.request("POST", "/api/models/1/image", body=body, headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["what"] == "The file is too large."
    connection.close()


def test_images_of_too_many_pixels_are_refused_before_they_are_decoded(site: Site) -> None:
    content = bomb(8000)
    assert len(content) < 20_000
    answer = site.ask("/api/models/1/image", body=content)
    assert (answer.status, answer.json["got"]) == (400, "64,000,000 pixels")
    assert answer.json["expected"] == f"at most {MOST_PIXELS:,}"
    assert site.ask("/api/models/1/image", body=bomb(1000)).status == 200


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", bomb(64)[:50]])
def test_what_is_no_image_is_refused_in_words(site: Site, content: bytes) -> None:
    answer = site.ask("/api/models/1/image", body=content)
    assert (answer.status, answer.json["what"]) == (400, "The image cannot be read.")


def test_a_port_that_is_taken_is_told_and_without_a_wish_another_is_used() -> None:
    told: list[str] = []
    with listening(0, told.append) as taken:
        port = taken.getsockname()[1]
        assert taken.getsockname()[0] == "127.0.0.1"
        assert taken.proto == socket.IPPROTO_TCP  # asyncio sends answers at once on no others
        with pytest.raises(ParibusError, match="The port is unavailable") as caught:
            listening(port, told.append)
    assert f"--port {port}" in str(caught.value)
    with listening(None, told.append) as first, listening(None, told.append) as second:
        assert first.getsockname() != second.getsockname()
        assert any(str(USUAL_PORT) in line for line in told)


def test_the_pages_have_the_reports_colours() -> None:
    """The report's stylesheet is a template that is filled into one file, so that the colours stand in both."""
    template = (Path(paribus.report.__file__).parent / "templates" / "report.css").read_text()
    style = (STATIC / "common.css").read_text()
    dark, light = (dict(re.findall(r"--(\w+):([^;]+);", part)) for part in template.split("{% endset %}")[:2])
    own_light, own_dark = (
        {name: value.replace(" ", "") for name, value in re.findall(r"--(\w+): ([^;]+);", part)}
        for part in style.split("@media (prefers-color-scheme: dark)")[:2]
    )
    assert {name: value.replace(" ", "") for name, value in dark.items()} == {name: own_dark[name] for name in dark}
    assert {name: value.replace(" ", "") for name, value in light.items()} == {name: own_light[name] for name in light}
