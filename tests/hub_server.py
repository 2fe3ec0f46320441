"""A stand-in for the Hugging Face Hub: a server on this machine with the few endpoints that the library asks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_for_tests"
LICENCES = {"apache-2.0", "mit", "cc-by-4.0", "unknown"}


class Hub(ThreadingHTTPServer):
    """What is on the Hub: by repository its commits, newest last, each a name and its files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.private: set[str] = set()
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository: str, files: dict[str, bytes]) -> str:
        """Adds files, and gives the commit's name."""
        commits = self.repositories.setdefault(repository, [])
        whole = (commits[-1][1] if commits else {}) | files
        name = hashlib.sha1(repr(sorted(whole.items())).encode() + bytes([len(commits)])).hexdigest()
        commits.append((name, whole))
        return name


@contextmanager
def running_hub() -> Iterator[Hub]:
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        hub.shutdown()


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.body = self._read()
        self.server.requests.append(f"{self.command} {path}")
        for method, pattern, answer in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                return answer(self, *found.groups())
        return self._send(404, {"error": f"no such endpoint: {path}"})

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, content: Any, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def _allowed(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _found(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        hub = self.server
        if repository not in hub.repositories or (repository in hub.private and not self._allowed):
            self._send(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
            return None
        commits = hub.repositories[repository]
        for name, files in reversed(commits):
            if revision in ("main", name):
                return name, files
        self._send(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
        return None

    def information(self, repository: str, revision: str | None = None) -> None:
        if found := self._found(repository, revision or "main"):
            name, files = found
            siblings = [{"rfilename": path} for path in files]
            self._send(200, {"id": repository, "modelId": repository, "sha": name, "siblings": siblings})

    def tree(self, repository: str, revision: str) -> None:
        if found := self._found(repository, revision):
            entries = [
                {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for path, content in found[1].items()
            ]
            self._send(200, entries)

    def content(self, repository: str, revision: str, path: str) -> None:
        if found := self._found(repository, revision):
            name, files = found
            if path not in files:
                return self._send(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound", X_Repo_Commit=name)
            tag = f'"{hashlib.sha1(files[path]).hexdigest()}"'
            self._send(200, files[path], X_Repo_Commit=name, ETag=tag)
        return None

    def create(self) -> None:
        if not self._allowed:
            return self._send(401, {"error": "Invalid username or password."})
        asked = json.loads(self.body)
        repository = f"{asked['organization']}/{asked['name']}"
        address = {"url": f"{self.server.url}/{repository}"}
        if repository in self.server.repositories:
            return self._send(409, {"error": "You already created this model repo", **address})
        self.server.repositories[repository] = [("0" * 40, {})]
        if asked.get("visibility") == "private":
            self.server.private.add(repository)
        return self._send(200, address)

    def validate(self) -> None:
        card = json.loads(self.body)["content"]
        header = yaml.safe_load(card.split("---\n")[1])
        if header.get("license") not in LICENCES:
            errors = [{"message": f'"license" must be one of {sorted(LICENCES)}'}]
            return self._send(400, {"errors": errors, "warnings": []})
        return self._send(200, {"errors": [], "warnings": []})

    def modes(self, repository: str, revision: str) -> None:
        files = json.loads(self.body)["files"]
        large = (".safetensors", ".png")
        answers = [
            {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(large) else "regular", "shouldIgnore": False}
            for f in files
        ]
        self._send(200, {"files": answers})

    def batch(self, repository: str) -> None:
        objects = json.loads(self.body)["objects"]
        for entry in objects:
            entry["actions"] = {"upload": {"href": f"{self.server.url}/objects/{entry['oid']}"}}
        self._send(200, {"transfer": "basic", "objects": objects})

    def put(self, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.server.objects[oid] = self.body
        self._send(200, {})

    def add(self, repository: str, revision: str) -> None:
        if not self._allowed:
            return self._send(403, {"error": "You have no write access."})
        files = {}
        for entry in map(json.loads, self.body.splitlines()):
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
        name = self.server.commit(repository, files)
        address = f"{self.server.url}/{repository}/commit/{name}"
        return self._send(200, {"success": True, "commitOid": name, "commitUrl": address})


ID = r"([\w.-]+/[\w.-]+)"
ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate),
    ("POST", f"/api/models/{ID}/preupload/(.+)", Handler.modes),
    ("POST", f"/{ID}.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", "/objects/([0-9a-f]+)", Handler.put),
    ("POST", f"/api/models/{ID}/commit/(.+)", Handler.add),
    ("GET", f"/api/models/{ID}/revision/(.+)", Handler.information),
    ("GET", f"/api/models/{ID}/tree/(.+)", Handler.tree),
    ("GET", f"/api/models/{ID}", Handler.information),
    ("GET HEAD", f"/{ID}/resolve/([^/]+)/(.+)", Handler.content),
]
