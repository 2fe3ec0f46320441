"""Whether another machine can be reached, found out quickly: libraries retry for half a minute before they say so."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import urllib.request
from urllib.parse import SplitResult, urlsplit

_TRUE = {"1", "ON", "YES", "TRUE"}
_PORTS = {"https": 443, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
"""Variables by which the Hub's libraries are told not to use the network."""


def is_reachable(url: str, seconds: float = 1.0) -> bool:
    """Whether the host of a URL, or the proxy that the environment names for it, takes a connection in that time."""
    target = proxy_of(url) or urlsplit(url)
    try:
        address = target.hostname or "", target.port or _PORTS.get(target.scheme, 80)
    except ValueError:  # a port that is no number
        return False
    answers: list[bool] = []

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=seconds):
            answers.append(True)

    # in a thread, because looking the name up knows no timeout and takes many seconds on some networks
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(seconds)
    return bool(answers)


def proxy_of(url: str) -> SplitResult | None:
    """The proxy for a URL by the usual variables: HTTPS_PROXY or HTTP_PROXY, else ALL_PROXY, but for NO_PROXY.

    In small letters or large; the small ones come first.
    """
    endpoint, known = urlsplit(url), urllib.request.getproxies_environment()
    proxy = known.get(endpoint.scheme) or known.get("all")
    if not proxy or urllib.request.proxy_bypass_environment(endpoint.netloc, known):  # type: ignore[attr-defined]
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def hub_is_reachable() -> bool:
    """Whether the Hub's host (HF_ENDPOINT), or a proxy, takes a connection within a second; not when set offline."""
    if any(os.environ.get(name, "").upper() in _TRUE for name in OFFLINE):
        return False
    return is_reachable(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
