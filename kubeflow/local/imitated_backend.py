"""What the driver and the launcher of Kubeflow Pipelines make of a step, imitated here.

`kfp.local` hands a step more than the backend does, and other places. What is imitated,
and what is not, stands in docs/kubeflow-local.md. Read from the backend's 2.5, 2.14 and
2.17. The standard library only, as `orchestrator`, which uses it.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_estimators.kubeflow.local.launcher_copies import LauncherCopies
else:
    from launcher_copies import LauncherCopies  # See `orchestrator`.

__all__ = ["VERSIONS", "Cache", "ProvisionedTask", "Version", "executor_input", "expanded"]

LOGS = "executor-logs"
"""The output that the driver adds where logs are published, as by default from 2.5 on."""

_UNTYPED = {"instanceSchema": ""}
_STORE = '{"Provider":"minio","Params":{"fromEnv":"true"}}'


@dataclasses.dataclass(frozen=True)
class Version:
    """In what the backend's versions differ for a step.

    Attributes:
        common_answer: whether the executors of all tasks answer in one file below /tmp.
        names_outputs: whether an output artifact has its key as its name.
        numbers_logs: whether each attempt has a log of its own.
        keys_claims: whether the cache key has the names of mounted claims.
    """

    common_answer: bool
    names_outputs: bool
    numbers_logs: bool
    keys_claims: bool


_OLDER = Version(
    common_answer=True, names_outputs=False, numbers_logs=False, keys_claims=False
)  # fmt: skip
VERSIONS = {
    "2.5": _OLDER,
    "2.14": _OLDER,
    "2.17": Version(
        common_answer=False, names_outputs=True, numbers_logs=True, keys_claims=True
    ),
}  # fmt: skip


class ProvisionedTask:
    """A task as the driver provisions it: ROOT/RUN/TASK/UUID/KEY.

    Args:
        command: of the step, with the ExecutorInput that kfp put in place of {{$}}.
        given: that ExecutorInput.
        version: of the backend.
        common: stands for "/tmp", where the version has one file for all answers.
        copies: of the pod, where artifacts are in a bucket.

    Attributes:
        folder: of the task.
        told: the file in it where `kfp.local` looks for the answer.
    """

    def __init__(
        self,
        command: list[str],
        given: dict[str, Any],
        version: Version,
        common: pathlib.Path,
        copies: LauncherCopies | None = None,
    ) -> None:
        self.told = pathlib.Path(given["outputs"]["outputFile"])
        self.folder = self.told.parent
        self._command, self._given = command, given
        self._version, self._copies = version, copies
        self._place = self.folder / str(uuid.uuid4())
        own = common / "kfp_outputs" if version.common_answer else self._seen(self._place)
        self._answer = own / "output_metadata.json"

    def begin(self, log: pathlib.Path, attempt: int) -> list[str]:
        """Makes what a pod begins with; the launcher opens its log file before anything else.

        Args:
            log: what the step says is in this file, and in the launcher's as well.
            attempt: counted from 1.

        Returns:
            the command to run.
        """
        shutil.rmtree(self._place, ignore_errors=True)
        self._answer.unlink(missing_ok=True)
        if self._copies is not None:
            self._copies.begin()
            for held in ((self._given.get("inputs") or {}).get("artifacts") or {}).values():
                for artifact in held.get("artifacts") or ():
                    self._copies.download(artifact["uri"])
        for place in (self.folder, self._seen(self._place), self._answer.parent):
            place.mkdir(parents=True, exist_ok=True)
        name = f"{LOGS}-{attempt - 1}" if self._version.numbers_logs else LOGS
        log.touch()
        os.link(log, self._seen(self._place / name))
        text = json.dumps(self._provisioned(name), allow_nan=False)
        return [
            text
            if _read(part) == self._given
            else part.replace(f"{self.folder}/", f"{self._seen(self._place)}/")
            for part in self._command
        ]

    def end(self) -> None:
        """Tells `kfp.local` what the step answered, and leaves its outputs to be found."""
        if self._answer.exists():
            shutil.copyfile(self._answer, self.told)
        keys = self._given["outputs"].get("artifacts") or {}
        if self._copies is not None:
            for key in keys:
                self._copies.upload(self._uri(self._place / key))
            self._copies.end()
        for key in keys:
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

    def _provisioned(self, log: str) -> dict[str, Any]:
        """The ExecutorInput as the driver writes it."""
        changed = copy.deepcopy(self._given)
        for key, held in (changed.get("inputs") or {}).get("artifacts", {}).items():
            for artifact in held.get("artifacts") or ():
                artifact["type"] = dict(_UNTYPED)
                # What the launcher notes of every artifact that a step makes.
                noted = {"display_name": key, "store_session_info": _STORE}
                artifact["metadata"] = {**noted, **(artifact.get("metadata") or {})}
        outputs = changed["outputs"]
        artifacts = outputs.setdefault("artifacts", {})
        artifacts[LOGS] = {"artifacts": [{"type": {"schemaTitle": "system.Artifact"}}]}
        for key, held in artifacts.items():
            for artifact in held.get("artifacts") or ():
                artifact.pop("name", None)
                if self._version.names_outputs:
                    artifact["name"] = key
                artifact["uri"] = self._uri(self._place / (log if key == LOGS else key))
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

    def key(
        self, container: Mapping[str, Any], given: Mapping[str, Any], claims: Sequence[str]
    ) -> str:
        """Of inputs by identity, parameters, the outputs' types, and the container.

        Args:
            container: as the package has it.
            given: the step's ExecutorInput.
            claims: names of those that the step mounts, as far as the version heeds them.
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
            "claims": sorted(claims),
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


def expanded(part: str, variables: Mapping[str, str]) -> str:
    """What Kubernetes makes of a part of a command line: $(NAME) is a variable, $$ is $."""

    def one(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^()]*)\)", one, part)


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
