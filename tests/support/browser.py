"""A headless Chromium, driven by its own DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import websocket

__all__ = ["Tab", "chromium", "open_browser"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 300
_COMPLAINTS = (
    "Log.entryAdded",
    "Network.loadingFailed",
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
)


class Tab:
    """The browser's page.

    Args:
        url: of its DevTools socket.

    Attributes:
        complaints: what the console, the log and failed requests said since the last `show`.
        requests: addresses that were asked for since then.
    """

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=_SECONDS, suppress_origin=True)
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                answer: dict[str, Any] = message["result"]
                return answer
            self._note(message)

    def show(
        self, page: pathlib.Path, *, width: int, height: int = 900, dark: bool = False
    ) -> None:
        """Opens a file in a window of a size, and waits until it is loaded."""
        self.complaints.clear()
        self.requests.clear()
        self._events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        loader = self.send("Page.navigate", url=page.resolve().as_uri())["loaderId"]
        # The empty page that was there may say only now that it is loaded.
        while not any(_is_loaded(event, loader) for event in self._events):
            self._note(json.loads(self._socket.recv()))

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Presses a key, such as "Tab"."""
        code = {"Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def spoken(self) -> list[tuple[str, str]]:
        """Role and name of all that a screen reader is told of."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored") and "role" in node
        ]

    def picture(self, file: pathlib.Path, clip: dict[str, float] | None = None) -> None:
        """Saves the whole page as a PNG, or a part: its x, y, width, height and scale."""
        part = {} if clip is None else {"clip": clip}
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=True, **part)
        file.write_bytes(base64.b64decode(answer["data"]))

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        method, parameters = event["method"], event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method in _COMPLAINTS:
            self.complaints.append(json.dumps(parameters))


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def open_browser() -> Iterator[Tab]:
    """A browser with one page, for the length of a block."""
    found = chromium()
    assert found is not None, "Chromium is not installed: apt-get install chromium"
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        # A pipe that nobody reads would stop it one day.
        tempfile.NamedTemporaryFile() as said,
    ):
        browser = subprocess.Popen(
            [
                found,
                "--headless=new",
                "--no-sandbox",  # CI runs as root, which Chromium refuses otherwise.
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            yield Tab(_page_of(pathlib.Path(said.name)))
        finally:
            browser.terminate()
            browser.wait(_SECONDS)


def _is_loaded(event: dict[str, Any], loader: str) -> bool:
    parameters = event.get("params", {})
    return (
        event["method"] == "Page.lifecycleEvent"
        and parameters["name"] == "load"
        and parameters["loaderId"] == loader
    )


def _page_of(said: pathlib.Path) -> str:
    """The address of the page's socket, once the browser has said where it listens."""
    import urllib.request

    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        text = said.read_text(errors="replace")
        if match := re.search(r"DevTools listening on ws://([^/]+)/", text):
            listed = f"http://{match[1]}/json/list"
            with urllib.request.urlopen(listed, timeout=_SECONDS) as answer:
                found = [one for one in json.load(answer) if one["type"] == "page"]
            # It answers before it has opened its page.
            if found:
                return str(found[0]["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise AssertionError(f"Chromium did not start: {said.read_text(errors='replace')[-3000:]}")
