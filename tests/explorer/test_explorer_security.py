from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import zlib
from pathlib import Path

import pytest

import paribus.report
from paribus.base.errors import ParibusError
from paribus.explorer.pictures import MOST_PIXELS
from paribus.explorer.security import LARGEST_BODY
from paribus.explorer.server import STATIC, USUAL_PORT, listening
from tests.explorer.serving import Site


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
    connection.request("POST", "/api/models/1/image", body=iter([bytes(1 << 20)] * 9), encode_chunked=True)
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
