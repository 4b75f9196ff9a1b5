"""A stand-in for a Kubernetes API server: objects in memory, over HTTP.

It speaks as much of the API as training jobs and InferenceServices use, with the real
one's status codes: 404, 409 for what is there already, 403 for what is not permitted,
422 for a name that will not do. `kube_apiserver` runs the real one for the slow tests.
"""

from __future__ import annotations

import copy
import datetime
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
from typing import Any

_PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)/namespaces/(?P<namespace>[^/]+)"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>status|log))?)?$"
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class KubernetesServer:
    """Keeps objects by plural and name.

    Attributes:
        objects: (plural, name) -> object.
        forbidden: (verb, plural) that are answered with 403.
        logs: pod -> file with what it said.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.forbidden: set[tuple[str, str]] = set()
        self.logs: dict[str, pathlib.Path] = {}
        self._lock = threading.RLock()
        self._version = 0
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> KubernetesServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def api(self) -> Any:
        """A client's connection to it."""
        from kubernetes import client

        settings = client.Configuration()
        settings.host = f"http://127.0.0.1:{self._http.server_port}"
        settings.retries = False
        return client.ApiClient(settings)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """The object, the list or the text that a request is answered with."""
        match = _PATH.match(path)
        if match is None:
            raise Refused(404, f"the server could not find {path}")
        plural, name, sub = match["plural"], match["name"], match["sub"]
        with self._lock:
            verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(
                method, "get" if name else "list"
            )
            if (verb, plural) in self.forbidden:
                raise Refused(403, f'{plural} is forbidden: User "step" cannot {verb} resource')
            if method == "POST":
                return self._create(plural, body)
            if name is None:
                return self._list(plural, query)
            if (plural, name) not in self.objects:
                raise Refused(404, f'{plural} "{name}" not found')
            if sub == "log":
                return self._log(name, query)
            if method in ("PUT", "PATCH"):
                return self._change(plural, name, sub, body, merge=method == "PATCH")
            if method == "DELETE":
                return self._delete(plural, name, body or {}, query)
            return self.objects[plural, name]

    def _create(self, plural: str, body: Any) -> Any:
        name = body["metadata"]["name"]
        if not _NAME.fullmatch(name) or len(name) > 253:
            raise Refused(422, f'metadata.name: Invalid value: "{name}"')
        if (plural, name) in self.objects:
            raise Refused(409, f'{plural} "{name}" already exists')
        made = copy.deepcopy(body)
        made["metadata"] |= {"uid": f"uid-{plural}-{name}", "generation": 1}
        if plural == "pods":
            made["status"] = {"phase": "Pending"}
        self._store(plural, name, made)
        return made

    def _list(self, plural: str, query: dict[str, list[str]]) -> Any:
        wanted = [part.partition("=")[::2] for part in query.get("labelSelector", [])]
        items = [
            held
            for (kind, _), held in sorted(self.objects.items())
            if kind == plural
            and all((held["metadata"].get("labels") or {}).get(k) == v for k, v in wanted)
        ]
        return {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}

    def _change(self, plural: str, name: str, sub: str | None, body: Any, *, merge: bool) -> Any:
        held = copy.deepcopy(self.objects[plural, name])
        if merge:
            _merge(held, body)
        elif sub == "status":
            held["status"] = body.get("status", {})
        else:
            read = body["metadata"].get("resourceVersion")
            if read not in (None, held["metadata"]["resourceVersion"]):
                raise Refused(409, "the object has been modified")
            # As with a status that is a resource of its own.
            kept = {"status": held["status"]} if "status" in held else {}
            held = {**copy.deepcopy(body), **kept}
        if held["metadata"].get("deletionTimestamp") and not held["metadata"].get("finalizers"):
            del self.objects[plural, name]
            return held
        self._store(plural, name, held)
        return held

    def _delete(self, plural: str, name: str, body: Any, query: dict[str, list[str]]) -> Any:
        how = body.get("propagationPolicy") or query.get("propagationPolicy", [""])[0]
        held = self.objects[plural, name]
        if how == "Foreground":
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            held["metadata"] |= {"deletionTimestamp": now, "finalizers": ["foregroundDeletion"]}
        else:
            del self.objects[plural, name]
        return held

    def _log(self, name: str, query: dict[str, list[str]]) -> str:
        file = self.logs.get(name)
        text = file.read_text() if file is not None and file.exists() else ""
        if "tailLines" in query:
            return "".join(text.splitlines(keepends=True)[-int(query["tailLines"][0]) :])
        return text

    def _store(self, plural: str, name: str, held: dict[str, Any]) -> None:
        self._version += 1
        held["metadata"]["resourceVersion"] = str(self._version)
        self.objects[plural, name] = held


def _merge(held: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if value is None:
            held.pop(key, None)
        elif isinstance(value, dict) and isinstance(held.get(key), dict):
            _merge(held[key], value)
        else:
            held[key] = value


def _handler(server: KubernetesServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            path, _, query = self.path.partition("?")
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            code = 200
            try:
                answer = server.answer(self.command, path, urllib.parse.parse_qs(query), body)
            except Refused as refused:
                code = refused.code
                answer = {"kind": "Status", "status": "Failure", "message": str(refused)}
            text = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            kind = "text/plain" if isinstance(answer, str) else "application/json"
            self.send_response(code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    return Handler
