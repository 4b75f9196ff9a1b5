"""A lock for file systems without locks: whoever holds it keeps signing it.

A bucket has no lock that ends with its holder. The holder writes a new number into a
file every few seconds; who finds the file unchanged for longer than that takes it over.
No two clocks are compared.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator

from tfx_estimators.components.gfile import files_for
from tfx_estimators.json_text import dumps

__all__ = ["hold_lease"]

SECONDS_BETWEEN_SIGNATURES = 10.0
SECONDS_UNTIL_DEAD = 45.0

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def hold_lease(path: str, say: Callable[[str], None]) -> Iterator[None]:
    """Waits for a lease and holds it for the length of a block.

    Args:
        path: its file.
        say: told whom it waits for.
    """
    token = uuid.uuid4().hex
    _take(path, token, say)
    ended = threading.Event()
    signer = threading.Thread(target=_keep_signing, args=(path, token, ended), daemon=True)
    signer.start()
    try:
        yield
    finally:
        ended.set()
        signer.join()
        if (_read(path) or {}).get("token") == token:
            files_for(path).remove(path)


def _take(path: str, token: str, say: Callable[[str], None]) -> None:
    told = False
    while True:
        before = _read(path)
        if before is not None and not _is_dead(path, before):
            if not told:
                say(f"waiting for {before.get('holder')}, which does the same")
                told = True
            continue
        _sign(path, token, 0)
        # Of two that find it free at once, the one that wrote last has it.
        time.sleep(min(1.0, SECONDS_BETWEEN_SIGNATURES / 2))
        if (_read(path) or {}).get("token") == token:
            return


def _is_dead(path: str, before: dict[str, object]) -> bool:
    """Watches a lease until it is signed anew, given back, or nobody has signed it."""
    deadline = time.monotonic() + SECONDS_UNTIL_DEAD
    while time.monotonic() < deadline:
        time.sleep(min(1.0, SECONDS_BETWEEN_SIGNATURES / 2))
        now = _read(path)
        if now is None:
            return True
        if now != before:
            return False
    return True


def _keep_signing(path: str, token: str, ended: threading.Event) -> None:
    number = 0
    while not ended.wait(SECONDS_BETWEEN_SIGNATURES):
        number += 1
        try:
            _sign(path, token, number)
        except Exception as error:  # The next signature may succeed.
            _log.warning("cannot sign %s: %s", path, error)


def _sign(path: str, token: str, number: int) -> None:
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    with files_for(path).open(path, "w") as file:
        file.write(dumps({"token": token, "number": number, "holder": holder}))


def _read(path: str) -> dict[str, object] | None:
    files = files_for(path)
    try:
        if not files.exists(path):
            return None
        with files.open(path, "r") as file:
            content: dict[str, object] = json.loads(file.read())
            return content
    except Exception:  # Half-written, or removed since: the next look tells.
        return {}
