"""Runners by name: ours, and those that other packages bring by an entry point."""

from __future__ import annotations

import difflib
import importlib
from importlib import metadata
from typing import Any

from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.pipelines.runners.interface import Runner

__all__ = ["DEFAULT", "GROUP", "check_options", "find_runner", "runners"]

GROUP = "tfx_estimators.runners"
DEFAULT = "local"

# By path: a room further up is not imported from here, and only what is used is.
_OURS = {
    "local": "tfx_estimators.pipelines.runners.local:RUNNER",
    "beam": "tfx_estimators.pipelines.runners.beam:RUNNER",
    "kubeflow-local": "tfx_estimators.kubeflow.local.runner:RUNNER",
}


def runners() -> list[Runner]:
    """All runners, ours first."""
    return [find_runner(name) for name in _paths()]


def find_runner(name: str) -> Runner:
    """The runner of a name.

    Raises:
        UnsupportedOptionError: if there is none, or what another package brings under the
            name cannot be imported or is not a runner.
    """
    paths = _paths()
    if name not in paths:
        near = difflib.get_close_matches(name, paths, n=1)
        raise UnsupportedOptionError(
            f"there is no runner {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            expected=f"one of {', '.join(paths)}",
            fix="tfx-estimators run --help",
        )
    module, _, attribute = paths[name].partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UnsupportedOptionError(
            f"the runner {name!r} cannot be imported: {error}",
            expected=f"{paths[name]}, as its package declares",
            fix="reinstall the package that brings it",
        ) from error
    if not isinstance(found, Runner):
        raise UnsupportedOptionError(
            f"{paths[name]}, declared as the runner {name!r}, is a {type(found).__name__}",
            expected="an object with name, summary, options, check() and run()",
            fix="see tfx_estimators.pipelines.runners.interface",
        )
    return found


def check_options(runner: Runner, given: dict[str, Any]) -> None:
    """Refuses options that the runner would ignore, and those that do not go together.

    Args:
        runner: the one that is to run.
        given: the options that were given, by name.

    Raises:
        UnsupportedOptionError: with the runners that take the option.
    """
    own = {option.name for option in runner.options}
    for name in given:
        if name not in own:
            takers = [r.name for r in runners() if name in {o.name for o in r.options}]
            flag = "--" + name.replace("_", "-")
            raise UnsupportedOptionError(
                f"{flag}: the runner {runner.name} does not accept it",
                expected=" or ".join(f"--runner {taker}" for taker in takers),
                fix=f"add it, or leave {flag} out",
            )
    runner.check(**given)


def _paths() -> dict[str, str]:
    others = {point.name: point.value for point in metadata.entry_points(group=GROUP)}
    return {**_OURS, **{name: path for name, path in others.items() if name not in _OURS}}
