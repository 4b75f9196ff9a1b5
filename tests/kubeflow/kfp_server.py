"""A stand-in for a Kubeflow Pipelines server: the part of its v2beta1 API that a run needs.

It runs nothing: a run's states are told one after the other, as a list says.
"""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any


class KfpServer:
    """Keeps what it was sent.

    Args:
        states: of the run, one an answer; the last one stays.
        status: what to answer to the creation of a run instead of making it.
    """

    def __init__(self, states: tuple[str, ...] = ("SUCCEEDED",), status: int = 200) -> None:
        self.states, self.status = list(states), status
        self.runs: list[dict[str, Any]] = []
        self.experiments: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        kept = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kept.tokens.add(self.headers.get("authorization"))
                path = self.path.partition("?")[0].removeprefix("/apis/v2beta1/")
                if path == "healthz":
                    self.answer({"multi_user": False})
                elif path == "experiments":
                    self.answer({"experiments": kept.experiments})
                elif path == "runs":
                    self.answer({"runs": [{"run_id": "r1"}] if kept.runs else []})
                elif path == "runs/r2":
                    self.answer({"error": "Run r2 not found."}, 404)
                elif path.startswith("runs/"):
                    self.answer(kept.run())
                else:
                    self.answer({"error": path}, 404)

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.startswith("/apis/v2beta1/experiments"):
                    kept.experiments.append({**sent, "experiment_id": "e1"})
                    self.answer(kept.experiments[-1])
                elif kept.status != 200:
                    self.answer({"error": "not you"}, kept.status)
                else:
                    kept.runs.append({**sent, "run_id": "r1"})
                    self.answer(kept.runs[-1])

            def answer(self, content: Any, status: int = 200) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def run(self) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        task: dict[str, Any] = {
            "task_id": "t1", "display_name": "EstimatorTrainer", "state": state,
            "start_time": "2026-01-01T00:00:10Z", "end_time": "2026-01-01T00:00:12Z",
        }  # fmt: skip
        waiting = {
            "task_id": "t2", "display_name": "EstimatorPusher", "state": "PENDING",
            "start_time": "1970-01-01T00:00:00Z", "end_time": "1970-01-01T00:00:00Z",
        }  # fmt: skip
        driver = {"task_id": "t0", "display_name": "EstimatorTrainer-driver", "state": "SUCCEEDED"}
        if state == "FAILED":
            task["error"] = {"code": 1, "message": "no machine has a GPU"}
        return {
            "run_id": "r1",
            "state": state,
            "display_name": "small",
            "run_details": {"task_details": [driver, waiting, task]},
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
