"""Names that Kubernetes accepts, made from names that TFX accepts.

A task's name becomes part of names of Argo templates and of pods: letters, digits and
dashes (RFC 1123, and https://argo-workflows.readthedocs.io/en/latest/fields/).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfx_estimators.errors import PackageError

__all__ = [
    "CHECKPOINT_STORES",
    "DATA_DIGEST",
    "ESCAPED",
    "EXECUTION",
    "NO_IMAGE",
    "OWN_STEPS",
    "REPORT_PAGE",
    "artifact_key",
    "executor_label",
    "is_image",
    "package_name",
    "task_names",
    "value_key",
]

NO_IMAGE = "none"
"""Stands where an image would in a package for this machine: TFX puts its own otherwise."""

DATA_DIGEST = "tfx_estimators_data_digest"
"""The parameter of a step that reads files: the digest of what an earlier step found there."""

EXECUTION = "tfx_estimators_execution"
"""The output parameter with which every step says which execution made its outputs."""

REPORT_PAGE = "html"
"""The output of the step that makes the report."""

CHECKPOINT_STORES = "checkpoint_stores"
"""Its parameter: folders of checkpoints that only the environment of their steps names, as JSON."""

ESCAPED = "escaped"
"""Says in a parameter's schema that its text is JSON, in which no $ is left."""

OWN_STEPS = "tfx_estimators.kubeflow.entrypoint."
"""Where the functions are that the steps run which compiling adds."""

_VALUE = "_value"
_DRIVER = "-driver"
_LONGEST_TASK = 128 - len(_DRIVER)
_PIPELINE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST_PIPELINE = 128
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"({_HOST}/)?{_PART}(/{_PART})*(:\w[\w.-]{{0,127}})?(@[a-z0-9]+:[0-9a-f]{{32,}})?", re.ASCII
)


def package_name(name: str) -> str:
    """A pipeline's name as the backend has it: with dashes for underscores.

    Lineage goes by the name that the pipeline has.

    Raises:
        PackageError: with a name that would do, if more than that is to be changed.
    """
    dashed = name.replace("_", "-")
    if _PIPELINE.fullmatch(dashed) and len(dashed) <= _LONGEST_PIPELINE:
        return dashed
    better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_PIPELINE] or "pipeline"
    raise PackageError(
        f"the pipeline's name {name!r} is not valid on Kubeflow",
        expected=f"lowercase letters and digits, with - and _ inside, at most {_LONGEST_PIPELINE}",
        fix=f"call it {better!r}",
    )


def task_names(ids: Sequence[str]) -> dict[str, str]:
    """A task's name for each node.

    Args:
        ids: of the nodes, e.g. "CsvExampleGen" or "Evaluator.slices".

    Returns:
        names by id: the id itself where it will do, else with dashes and cut; never two alike,
        and none the name of another's driver.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    # Ids that will do keep their names whatever the others are called.
    for id_ in sorted(ids, key=lambda id_: (_dashed(id_) != id_, len(id_))):
        name, number = _dashed(id_), 2
        while {name.lower(), f"{name}{_DRIVER}".lower()} & taken:
            end = f"-{number}"
            name, number = f"{_dashed(id_)[: _LONGEST_TASK - len(end)]}{end}", number + 1
        # The backend has two Argo tasks for each of ours, the other with this name.
        taken |= {name.lower(), f"{name}{_DRIVER}".lower()}
        names[id_] = name
    return names


def is_image(name: str) -> bool:
    """Whether a container runtime takes a name for an image's.

    https://github.com/distribution/reference/blob/main/reference.go
    """
    return _IMAGE.fullmatch(name) is not None


def value_key(key: str) -> str:
    """The key of an output parameter with the value of an artifact of this key."""
    return f"{key}{_VALUE}"


def artifact_key(key: str) -> str:
    """The other way round; TFX's own packages have one key for both."""
    return key.removesuffix(_VALUE)


def executor_label(task: str) -> str:
    """The key of a task's executor in the deployment spec."""
    return f"exec-{task}"


def _dashed(id_: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", id_).strip("-") or "step"
    return name[:_LONGEST_TASK].strip("-")
