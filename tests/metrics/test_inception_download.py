"""Where Inception's weights come from; downloads from a server on this machine, never from the internet."""

import hashlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from paribus.base.errors import ParibusError
from paribus.metrics import inception_weights
from paribus.metrics.inception_weights import weights_file

CONTENT = bytes(range(256)) * 4000
NAME = "weights.pth"


class Server(ThreadingHTTPServer):
    content, length, asked = CONTENT, len(CONTENT), 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.path != f"/{NAME}":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def _no_other_way(monkeypatch):
    for name in ("PARIBUS_INCEPTION", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(monkeypatch):
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(inception_weights, "URL", f"http://127.0.0.1:{server.server_port}/{NAME}")
        monkeypatch.setattr(inception_weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
        yield server
        server.shutdown()


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_published_file_is_pinned():
    name = inception_weights.URL.rpartition("/")[2]
    assert name == f"weights-inception-2015-12-05-{inception_weights.SHA256[:8]}.pth"
    assert len(inception_weights.SHA256) == 64


def test_a_download_is_kept_and_its_progress_told(server, tmp_path):
    seen = []
    path = weights_file(None, tmp_path, lambda done, total: seen.append((done, total)))
    assert path == tmp_path / "weights" / NAME and path.read_bytes() == CONTENT
    assert len(seen) > 2 and seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert weights_file(None, tmp_path) == path
    assert server.asked == 1
    assert files(tmp_path) == [NAME, f"{NAME}.lock"]


def test_who_ask_at_the_same_time_download_once(server, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: weights_file(None, tmp_path), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert server.asked == 1


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT[:1000]], ids=["another", "cut short"])
def test_what_does_not_fit_its_checksum_is_thrown_away(content, server, tmp_path):
    server.content, server.length = content, len(content)
    with pytest.raises(ParibusError) as error:
        weights_file(None, tmp_path)
    expected, got = (hashlib.sha256(part).hexdigest()[:16] for part in (CONTENT, content))
    assert str(error.value) == (
        "What was downloaded is not Inception's weights.\n"
        f"  where:    {inception_weights.URL}\n"
        f"  got:      {len(content):,} bytes with sha256 {got}..., not {expected}...\n"
        f"  expected: {NAME}, or a .safetensors file with its tensors\n"
        "  fix:      name the file with --inception-weights FILE (-o evaluation.inception_weights=FILE) or "
        f"PARIBUS_INCEPTION=FILE, or connect to the network once: it is then downloaded to {tmp_path / 'weights'}"
    )
    assert files(tmp_path) == [f"{NAME}.lock"]
    server.content, server.length = CONTENT, len(CONTENT)
    assert weights_file(None, tmp_path).read_bytes() == CONTENT


def test_a_connection_that_breaks_off(server, tmp_path):
    server.content = CONTENT[:100_000]  # fewer bytes than were announced
    with pytest.raises(ParibusError, match="Inception's weights"):
        weights_file(None, tmp_path)
    assert files(tmp_path) == [f"{NAME}.lock"]


def test_a_server_that_does_not_have_it(server, tmp_path, monkeypatch):
    monkeypatch.setattr(inception_weights, "URL", inception_weights.URL.replace(NAME, "gone.pth"))
    with pytest.raises(ParibusError, match=r"download of Inception's weights failed[\s\S]*404"):
        weights_file(None, tmp_path)


def test_without_a_network_all_three_ways_are_named(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setattr(inception_weights, "URL", f"http://127.0.0.1:{port}/{NAME}")
    with pytest.raises(ParibusError) as error:
        weights_file(None, tmp_path)
    text = str(error.value)
    assert text.startswith("Inception's weights are not on this machine, and cannot be downloaded.")
    assert all(way in text for way in ("--inception-weights FILE", "PARIBUS_INCEPTION=FILE", "downloaded to"))


def test_a_named_file_goes_before_the_environment_before_the_cache(server, tmp_path, monkeypatch):
    cached = weights_file(None, tmp_path)
    for name in ("given", "environment"):
        (tmp_path / name).touch()
    assert weights_file(None, tmp_path) == cached
    monkeypatch.setenv("PARIBUS_INCEPTION", str(tmp_path / "environment"))
    assert weights_file(None, tmp_path) == tmp_path / "environment"
    assert weights_file(tmp_path / "given", tmp_path) == tmp_path / "given"
    for given, where in (("missing", "evaluation.inception_weights"), (None, "PARIBUS_INCEPTION")):
        monkeypatch.setenv("PARIBUS_INCEPTION", str(tmp_path / "missing"))
        with pytest.raises(ParibusError, match=rf"is not there\.\n +where: +{where}\n +got: +\S*missing\n"):
            weights_file(given, tmp_path)
    assert server.asked == 1
