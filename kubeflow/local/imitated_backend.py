"""What the driver and the launcher of Kubeflow Pipelines make of a step, imitated here.

`kfp.local` hands a step more than the backend does, and other places. What is imitated,
and what is not, stands in docs/kubeflow-local.md. Read from the backend's 2.5, 2.14 and
2.17. The standard library only, as `orchestrator`, which uses it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pathlib
import shutil
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.kubeflow.local.launcher_copies import LauncherCopies
else:
    from launcher_copies import LauncherCopies  # See `orchestrator`.

__all__ = ["Cache", "ProvisionedTask", "executor_input"]

LOGS = "executor-logs"
"""The output that the driver adds where logs are published, as by default from 2.5 on."""

_UNTYPED = {"instanceSchema": ""}


class ProvisionedTask:
    """A task as the driver provisions it: ROOT/RUN/TASK/UUID/KEY.

    Args:
        command: of the step, with the ExecutorInput that kfp put in place of {{$}}.
        given: that ExecutorInput.
        copies: of the pod, where artifacts are in a bucket.

    Attributes:
        folder: of the task.
        told: the file in it where `kfp.local` looks for the answer.
        command: to run instead.
    """

    def __init__(
        self, command: list[str], given: dict[str, Any], copies: LauncherCopies | None = None
    ) -> None:
        self.told = pathlib.Path(given["outputs"]["outputFile"])
        self.folder = self.told.parent
        self._copies = copies
        self._place = self.folder / str(uuid.uuid4())
        self._answer = self._seen(self._place / "output_metadata.json")
        # Not beside the outputs: what an attempt finds there is its own.
        self._logs = self.folder / str(uuid.uuid4()) / LOGS
        self._given = self._provisioned(given)
        text = json.dumps(self._given, allow_nan=False)
        self.command = [
            text
            if _read(part) == given
            else part.replace(f"{self.folder}/", f"{self._seen(self._place)}/")
            for part in command
        ]

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The output artifacts as the driver provisions them."""
        found: Mapping[str, Any] = self._given["outputs"]["artifacts"]
        return found

    def begin(self, log: pathlib.Path) -> None:
        """Makes what a pod begins with; the launcher opens its log file before anything else.

        Args:
            log: what the step says is in this file, and in the launcher's as well.
        """
        for place in (self._place, self._logs.parent):
            shutil.rmtree(place, ignore_errors=True)
        if self._copies is not None:
            self._copies.begin()
            for held in ((self._given.get("inputs") or {}).get("artifacts") or {}).values():
                for artifact in held.get("artifacts") or ():
                    self._copies.download(artifact["uri"])
            for place in (self.folder, self._seen(self._place)):
                place.mkdir(parents=True, exist_ok=True)
        logs = self._seen(self._logs)
        logs.parent.mkdir(parents=True)
        log.touch()
        os.link(log, logs)

    def end(self) -> None:
        """Tells `kfp.local` what the step answered, and leaves its outputs to be found."""
        if self._answer.exists():
            shutil.copyfile(self._answer, self.told)
        if self._copies is not None:
            for held in self.outputs.values():
                for artifact in held["artifacts"]:
                    self._copies.upload(artifact["uri"])
            self._copies.end()
        for key in self.outputs:
            if (self._place / key).exists():
                (self.folder / key).symlink_to(pathlib.Path(self._place.name, key))

    def clear(self) -> None:
        """Removes all that is there of the task."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._copies is not None:
            self._copies.end()

    def _uri(self, place: pathlib.Path) -> str:
        return str(place) if self._copies is None else self._copies.uri(place)

    def _seen(self, place: pathlib.Path) -> pathlib.Path:
        """Where the step sees it."""
        return place if self._copies is None else self._copies.local(self._copies.uri(place))

    def _provisioned(self, given: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(given)
        for held in (changed.get("inputs") or {}).get("artifacts", {}).values():
            for artifact in held.get("artifacts") or ():
                artifact["type"] = dict(_UNTYPED)
        outputs = changed["outputs"]
        artifacts = outputs.setdefault("artifacts", {})
        for key, held in artifacts.items():
            for artifact in held.get("artifacts") or ():
                artifact |= {"name": key, "uri": self._uri(self._place / key)}
        logs = {"name": LOGS, "uri": self._uri(self._logs), "metadata": {}}
        artifacts[LOGS] = {"artifacts": [{**logs, "type": {"schemaTitle": "system.Artifact"}}]}
        outputs["outputFile"] = str(self._answer)
        return changed


class Cache:
    """What steps answered before, by what the backend's cache key is made of.

    Args:
        folder: of the entries; made when there is one.
        copies: of any pod, where artifacts are in a bucket.
    """

    def __init__(self, folder: pathlib.Path, copies: LauncherCopies | None = None) -> None:
        self._folder, self._copies = folder, copies

    def key(self, container: Mapping[str, Any], given: Mapping[str, Any]) -> str:
        """Of inputs by identity, parameters, the outputs' types, and the container.

        Args:
            container: as the package has it.
            given: the step's ExecutorInput.
        """
        inputs, outputs = given.get("inputs") or {}, given["outputs"]
        said = {
            # An artifact's name is its id in the backend's store; here no two have one URI.
            "inputs": {
                key: [one.get("uri") for one in held.get("artifacts") or ()]
                for key, held in (inputs.get("artifacts") or {}).items()
            },
            "parameters": inputs.get("parameterValues") or {},
            "outputs": {
                key: [[one.get("type"), one.get("metadata")] for one in held["artifacts"]]
                for key, held in (outputs.get("artifacts") or {}).items()
            },
            "output_parameters": sorted(outputs.get("parameters") or ()),
            "container": container,
        }
        return hashlib.sha256(
            json.dumps(said, sort_keys=True, allow_nan=False).encode()
        ).hexdigest()

    def find(self, key: str) -> str | None:
        """The answer, as JSON; None if there is none, or one that is damaged, or what it tells
        of is gone."""
        kept = pathlib.Path if self._copies is None else self._copies.kept
        try:
            text = (self._folder / f"{key}.json").read_text(encoding="utf-8")
            places = [
                kept(one["uri"])
                for held in json.loads(text).get("artifacts", {}).values()
                for one in held.get("artifacts") or ()
            ]
            return text if all(place.exists() for place in places) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def keep(self, key: str, answer: pathlib.Path) -> None:
        """Keeps an answer."""
        self._folder.mkdir(parents=True, exist_ok=True)
        staged = self._folder / f".{key}.tmp"
        shutil.copyfile(answer, staged)
        staged.replace(self._folder / f"{key}.json")


def executor_input(command: list[str]) -> dict[str, Any] | None:
    """The ExecutorInput that kfp has put in place of {{$}}; None if there is none."""
    for part in command:
        read = _read(part)
        if read is not None:
            return read
    return None


def _read(part: str) -> dict[str, Any] | None:
    if not part.startswith("{"):
        return None
    try:
        read = json.loads(part)
    except ValueError:
        return None
    if isinstance(read, dict) and "outputFile" in (read.get("outputs") or {}):
        return read
    return None
