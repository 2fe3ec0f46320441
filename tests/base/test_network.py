import socket
import time

import pytest

from paribus.base.network import is_reachable


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_host_that_answers_and_one_that_does_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/some/file"
        assert is_reachable(url)
    assert not is_reachable(url)


def test_a_proxy_stands_for_the_host(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.getsockname()[1]}")
        assert is_reachable("http://nowhere.invalid/")


def test_looking_up_a_name_takes_no_longer_than_allowed(monkeypatch):
    def slow(*_, **__):
        time.sleep(2)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "create_connection", slow)
    start = time.perf_counter()
    assert not is_reachable("http://nowhere.invalid/", seconds=0.2)
    assert time.perf_counter() - start < 1.5


def test_the_usual_variables_of_proxies(monkeypatch):
    from paribus.base.network import proxy_of

    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_of("https://huggingface.co") is None
    monkeypatch.setenv("ALL_PROXY", "socks5://far:1080")
    assert proxy_of("https://huggingface.co").hostname == "far"
    monkeypatch.setenv("HTTPS_PROXY", "http://near:3128")
    assert proxy_of("https://huggingface.co").port == 3128
    monkeypatch.setenv("NO_PROXY", "huggingface.co")
    assert proxy_of("https://huggingface.co") is None
