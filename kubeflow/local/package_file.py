"""A compiled package, read and looked over before anything is started."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from tfx_estimators.errors import PackageError
from tfx_estimators.kubeflow.conditions import asks_artifacts

__all__ = ["PackageFile"]

_COMPONENT = "comp-"
_COMPILE = "tfx-estimators compile PIPELINE -o FILE"


@dataclasses.dataclass(frozen=True)
class PackageFile:
    """A package.

    Attributes:
        path: the file.
        spec: its PipelineSpec, as JSON.
        platform: what only Kubernetes understands, as JSON; empty if there is nothing.
    """

    path: pathlib.Path
    spec: dict[str, Any]
    platform: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: pathlib.Path) -> PackageFile:
        """Reads a package, `.yaml` or `.json`.

        Raises:
            PackageError: if it cannot be read, is torn, or is none that `kfp.local` runs.
        """
        import yaml

        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PackageError(
                f"the package {path} cannot be read: {error}", fix=f"compile it: {_COMPILE}"
            ) from error
        try:
            # The second document, if any, is what only Kubernetes understands.
            documents: list[Any] = list(yaml.safe_load_all(text))
            spec, platform, *_ = [*documents, None, None]
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
            # Scalars that are no dates or numbers though they look it are other errors.
            raise PackageError(
                f"the package {path} is incomplete: {error}",
                expected="a complete package, as the compiler wrote it",
                fix=f"compile it again: {_COMPILE}",
            ) from error
        if isinstance(spec, dict) and isinstance(spec.get("pipelineSpec"), dict):
            spec = spec["pipelineSpec"]  # A PipelineJob around it, as TFX writes it.
        package = cls(path, *(one if isinstance(one, dict) else {} for one in (spec, platform)))
        try:
            package._check()
        except (AttributeError, KeyError, TypeError) as error:
            # A list or a text where there is an object in every package.
            raise PackageError(
                f"{path} is not a complete package: {type(error).__name__}: {error}",
                expected="a PipelineSpec of schema version 2.1",
                fix=f"compile it again: {_COMPILE}",
            ) from error
        return package

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.spec["pipelineInfo"]["name"])

    def containers(self) -> dict[str, dict[str, Any]]:
        """Executor label -> container, for every step that is a container."""
        executors = self.spec["deploymentSpec"]["executors"]
        return {
            label: executor["container"]
            for label, executor in executors.items()
            if executor.get("container")
        }

    def claims(self, label: str) -> list[str]:
        """The persistent volume claims that the step of an executor label mounts."""
        kubernetes = (self.platform.get("platforms") or {}).get("kubernetes") or {}
        executors = (kubernetes.get("deploymentSpec") or {}).get("executors") or {}
        mounts = (executors.get(label) or {}).get("pvcMount") or ()
        return [mount["constant"] for mount in mounts if "constant" in mount]

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task name -> task, of the pipeline and of the pipelines in it."""
        found = dict(self.spec["root"]["dag"]["tasks"])
        for component in self.spec["components"].values():
            found |= (component.get("dag") or {}).get("tasks") or {}
        return found

    def _check(self) -> None:
        spec = self.spec
        missing = [
            name
            for name in ("pipelineInfo", "root", "components", "deploymentSpec")
            if not isinstance(spec.get(name), dict)
        ]
        if missing:
            raise PackageError(
                f"{self.path} is not a complete package: it lacks {', '.join(missing)}",
                expected="a PipelineSpec of schema version 2.1",
                fix=f"compile it again: {_COMPILE}",
            )
        if not str(spec.get("schemaVersion")).startswith("2.1."):
            raise PackageError(
                f"{self.path} has schema version {spec.get('schemaVersion')}",
                expected="2.1: the only one that open-source Kubeflow Pipelines accepts",
                fix=f"compile it with {_COMPILE}",
            )
        if not (spec["root"].get("dag") or {}).get("tasks"):
            raise PackageError(f"{self.path} has no tasks", fix=f"compile it again: {_COMPILE}")
        components, executors = spec["components"], spec["deploymentSpec"].get("executors") or {}
        for name, task in self.tasks().items():
            referred = (task.get("componentRef") or {}).get("name")
            if referred not in components:
                raise PackageError(
                    f"{self.path}: the task {name} refers to {referred!r}, which is not there",
                    fix=f"compile it again: {_COMPILE}",
                )
            if asks_artifacts(task):
                raise PackageError(
                    f"{self.path}: {name} runs under a condition on an artifact, which "
                    "kfp.local does not evaluate: it would silently skip the step",
                    expected="steps without such conditions",
                    fix="run it on a cluster, or with tfx-estimators run PIPELINE --runner "
                    "local, which evaluate such conditions",
                )
        for name, component in components.items():
            label = component.get("executorLabel")
            if label is not None and label not in executors:
                raise PackageError(
                    f"{self.path}: {name} refers to the executor {label!r}, which is not there",
                    fix=f"compile it again: {_COMPILE}",
                )
            if not name.startswith(_COMPONENT):
                raise PackageError(
                    f"{self.path}: a component is called {name!r}",
                    expected=f"{_COMPONENT}...: kfp.local makes folder names from the rest",
                    fix=f"compile it with {_COMPILE}, not with TFX's own runner",
                )
