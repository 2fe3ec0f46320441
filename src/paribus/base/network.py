"""Whether another machine can be reached, found out quickly: libraries retry for half a minute before they say so."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from urllib.parse import urlsplit

_TRUE = {"1", "ON", "YES", "TRUE"}


def is_reachable(url: str, seconds: float = 1.0) -> bool:
    """Whether the host of a URL, or the proxy that the environment names for it, takes a connection in that time."""
    endpoint = urlsplit(url)
    proxy = os.environ.get(f"{endpoint.scheme}_proxy") or os.environ.get(f"{endpoint.scheme}_proxy".upper())
    target = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else endpoint
    address = (target.hostname or "", target.port or (443 if target.scheme == "https" else 80))
    answers: list[bool] = []

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=seconds):
            answers.append(True)

    # in a thread, because looking the name up knows no timeout and takes many seconds on some networks
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(seconds)
    return bool(answers)


def hub_is_reachable() -> bool:
    """Whether the Hub's host (HF_ENDPOINT), or a proxy, takes a connection within a second; not when set offline."""
    if any(os.environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")):
        return False
    return is_reachable(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
