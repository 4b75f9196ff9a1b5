#!/usr/bin/env python3
"""Installs a pinned stack into .stacks/<name> and makes it the active one.

Usage: setup_stack.py [legacy|default|current]

Without a name the newest stack that this machine can run is chosen. Nothing is
done when the stack is already there and its pins have not changed. Needs only a
Python with the venv module; no root.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import platform
import runpy
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STACKS = ROOT / ".stacks"
UV = "uv==0.13.9"

STACKS_BY_NAME = runpy.run_path(str(ROOT / "src" / "tfx_estimators" / "supported.py"))["STACKS"]


def glibc() -> tuple[int, int]:
    """This machine's glibc version, (0, 0) where there is none."""
    name, version = platform.libc_ver()
    if name != "glibc":
        return (0, 0)
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def interpreter(versions: tuple[str, ...]) -> str | None:
    """A working interpreter of one of the versions: on PATH, else from pyenv."""
    candidates = [sys.executable]
    for version in versions:
        candidates.append(f"python{version}")
        pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
        found = sorted(pyenv.glob(f"versions/{version}*/bin/python{version}"))
        candidates += [str(path) for path in found]
    for version in versions:
        for candidate in candidates:
            code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
            try:
                answer = subprocess.run(
                    [candidate, "-c", code], capture_output=True, text=True, check=False
                )
            except OSError:
                continue
            if answer.returncode == 0 and answer.stdout.strip() == version:
                return candidate
    return None


def choose(wanted: str | None) -> tuple[str, str]:
    """The stack to install and the interpreter to install it with."""
    if wanted is not None and wanted not in STACKS_BY_NAME:
        sys.exit(f"no stack is called {wanted!r}; there are: {', '.join(STACKS_BY_NAME)}")
    have = glibc()
    reasons = []
    for name, stack in STACKS_BY_NAME.items():
        versions, floor = stack.pythons, stack.glibc
        if wanted not in (None, name):
            continue
        if have < floor:
            reasons.append(f"{name} wants glibc {floor[0]}.{floor[1]}, here is {have[0]}.{have[1]}")
            continue
        python = interpreter(versions)
        if python is None:
            reasons.append(f"{name} wants Python {' or '.join(versions)} with venv, none was found")
            continue
        why = "; ".join(reasons) or ("asked for" if wanted else "the newest supported")
        print(f"stack {name}: {why} (glibc {have[0]}.{have[1]}, {python})")
        return name, python
    sys.exit(
        "no stack can be installed here:\n  "
        + "\n  ".join(reasons)
        + "\ninstall one of those Pythons (for example: pyenv install 3.10) and run this again"
        + ("" if platform.system() == "Linux" else "\nTFX publishes wheels for Linux only")
    )


def stamp(name: str) -> str:
    """What decides whether an installed stack is still the right one."""
    digest = hashlib.sha256(UV.encode())
    for path in (ROOT / "requirements" / f"{name}.txt", ROOT / "setup.py"):
        digest.update(path.read_bytes())
    digest.update(str(ROOT).encode())
    return digest.hexdigest()


def install(name: str, python: str) -> None:
    """Makes the stack's environment from its pins."""
    folder = STACKS / name
    started = time.monotonic()
    if folder.exists():
        shutil.rmtree(folder)
    run(python, "-m", "venv", str(folder))
    inside = str(folder / "bin" / "python")
    fetch(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
    uv = str(folder / "bin" / "uv")
    # The pins are complete; resolving them again could only change them. Bytecode is
    # compiled once here because importing TFX without it takes twice as long.
    pins = str(ROOT / "requirements" / f"{name}.txt")
    print(f"installing {pins} (one to three minutes) ...", flush=True)
    fetch(uv, "pip", "install", "--quiet", "--compile-bytecode", "--no-deps",
        "--python", inside, "-r", pins)  # fmt: skip
    run(uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--python", inside, "-e", str(ROOT))  # fmt: skip
    (folder / "stamp").write_text(stamp(name))
    print(f"stack {name} is ready after {time.monotonic() - started:.0f} s")


def fetch(*command: str) -> None:
    """Runs a command that asks a network, again after a hiccup."""
    run(str(ROOT / "scripts" / "again.sh"), *command)


def run(*command: str) -> None:
    """Runs a command and ends with its message where it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    answer = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if answer.returncode:
        sys.exit(f"failed with exit code {answer.returncode}: {' '.join(command)}")


def activate(name: str) -> None:
    """Points .stacks/active at the stack, in one step."""
    link = STACKS / "active"
    fresh = STACKS / f".active.{os.getpid()}"
    fresh.symlink_to(name)
    fresh.replace(link)


def main() -> None:
    """Installs the stack named on the command line, or the best one."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    if wanted in ("-h", "--help"):
        print(__doc__)
        return
    STACKS.mkdir(exist_ok=True)
    active = STACKS / "active"
    known = wanted or (str(active.readlink()) if active.is_symlink() else None)
    mark = STACKS / known / "stamp" if known else None
    if mark and mark.is_file() and mark.read_text() == stamp(known):
        if wanted is None or not active.is_symlink():
            activate(known)
        return
    name, python = choose(wanted)
    mark = STACKS / name / "stamp"
    if not (mark.is_file() and mark.read_text() == stamp(name)):
        install(name, python)
    if wanted is None or not active.is_symlink():
        activate(name)


if __name__ == "__main__":
    main()
