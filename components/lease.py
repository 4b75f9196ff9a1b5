"""A lock for file systems without locks: whoever holds it keeps signing it.

A bucket has no lock that ends with its holder. The holder writes a new number into a
file every few seconds; who finds the file unchanged for longer than that takes it over.
No two clocks are compared.

A holder that stood still for so long has lost its lease without noticing. It looks before
it signs, and has to look, by `Lease.check`, before whatever others must see from the
holder alone. Between the look and the deed it may stand still once more: who relies on a
lease takes care that such a deed does no harm.
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
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.json_text import dumps

__all__ = ["Lease", "hold_lease", "now_and_then"]

SECONDS_BETWEEN_SIGNATURES = 10.0
SECONDS_UNTIL_DEAD = 45.0
# A file that is just being written cannot be read.
_LOOKS, _SECONDS_BETWEEN_LOOKS = 6, 0.5

_log = logging.getLogger(__name__)


class Lease:
    """A lease that this process has taken, and may have lost since.

    Args:
        path: its file.
        token: what only this holder writes into it.
        error: what is raised once it is lost.
    """

    def __init__(self, path: str, token: str, error: type[TfxEstimatorsError]) -> None:
        self._path = path
        self._token = token
        self._error = error
        self._lost_to: str | None = None
        # One thread signs, others look.
        self._lock = threading.Lock()

    def check(self) -> None:
        """Looks whether the lease is still this process's.

        Raises:
            TfxEstimatorsError: of the class that was asked for, if somebody else has taken
                it over, or it cannot be read. Once lost it stays lost.
        """
        with self._lock:
            self._look()

    def sign(self, number: int) -> None:
        """Looks, then writes a new number, which shows others that the holder lives.

        Raises:
            TfxEstimatorsError: as `check` does.
        """
        with self._lock:
            self._look()
            _sign(self._path, self._token, number)

    def give_back(self) -> None:
        """Lets others take it at once; what is no longer held is left alone."""
        with self._lock:
            if self._lost_to is None and (_read(self._path) or {}).get("token") == self._token:
                files_for(self._path).remove(self._path)

    def _look(self) -> None:
        if self._lost_to is None:
            found = _read(self._path)
            for _ in range(_LOOKS - 1):
                if found != {}:
                    break
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                found = _read(self._path)
            if found == {}:
                raise self._error(
                    f"{self._path} cannot be read",
                    expected="the lease that this process renews",
                    fix="try again when the bucket can be reached",
                )
            if found is not None and found.get("token") == self._token:
                return
            self._lost_to = str(found.get("holder")) if found else "a process that has ended"
        raise self._error(
            f"this process was stopped for too long: {self._lost_to} has taken over {self._path}",
            expected=f"a holder that renews its lease at least every {SECONDS_UNTIL_DEAD:.0f} s",
            fix="run it again",
        )


def now_and_then(check: Callable[[], None]) -> Callable[[], None]:
    """A check for loops that run several times a second: a look into a bucket is a request.

    Args:
        check: `Lease.check`, or whatever else tells whether the holder still holds.
    """
    looked = time.monotonic()

    def look() -> None:
        nonlocal looked
        if time.monotonic() - looked > SECONDS_BETWEEN_SIGNATURES:
            looked = time.monotonic()
            check()

    return look


@contextlib.contextmanager
def hold_lease(
    path: str, say: Callable[[str], None], error: type[TfxEstimatorsError] = TfxEstimatorsError
) -> Iterator[Lease]:
    """Waits for a lease and holds it for the length of a block.

    Args:
        path: its file.
        say: told whom it waits for.
        error: what `Lease.check` raises once the lease is lost.
    """
    token = uuid.uuid4().hex
    _take(path, token, say)
    lease = Lease(path, token, error)
    ended = threading.Event()
    signer = threading.Thread(target=_keep_signing, args=(lease, ended), daemon=True)
    signer.start()
    try:
        yield lease
    finally:
        ended.set()
        signer.join()
        try:
            lease.give_back()
        except Exception as problem:  # The work is done; others wait a little longer.
            _log.warning("cannot remove %s: %s", path, problem)


def _take(path: str, token: str, say: Callable[[str], None]) -> None:
    told = False
    while True:
        before = _read(path)
        if before is not None and not _is_dead(path, before):
            if not told:
                say(f"waiting for {before.get('holder')}, which is already doing this")
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


def _keep_signing(lease: Lease, ended: threading.Event) -> None:
    number = 0
    while not ended.wait(SECONDS_BETWEEN_SIGNATURES):
        number += 1
        try:
            lease.sign(number)
        except TfxEstimatorsError as error:
            # If it is lost the holder's next look says so too, and nothing is signed again.
            _log.warning("%s", error)
        except Exception as error:  # The next signature may succeed.
            _log.warning("cannot renew the lease: %s", error)


def _sign(path: str, token: str, number: int) -> None:
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    with files_for(path).open(path, "w") as file:
        file.write(dumps({"token": token, "number": number, "holder": holder}))


def _read(path: str) -> dict[str, object] | None:
    """What a lease says; {} while it cannot be read, None if there is none."""
    files = files_for(path)
    try:
        if not files.exists(path):
            return None
        with files.open(path, "r") as file:
            content = json.loads(file.read())
            return content if isinstance(content, dict) else {}
    except Exception:  # Half-written, or removed since: the next look tells.
        return {}
