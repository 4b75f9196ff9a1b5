"""What the URIs of Kubeflow Pipelines say, and where its launcher keeps their local copies.

Before the step, the launcher copies every input there; after it, it copies what lies
there to the outputs' URIs (`LocalPathForURI` in the backend's launcher).
"""

from __future__ import annotations

import dataclasses
import os
import re

from tfx_estimators.environment_variables import LAUNCHER_COPIES

__all__ = ["TaskPlace", "is_copied", "local_path", "task_place"]

# Where a process on this machine stands for a pod, it has a folder of its own for "/".
_COPIES = os.environ.get(LAUNCHER_COPIES, "")
_FOLDERS = {
    "gs://": f"{_COPIES}/gcs/",
    "minio://": f"{_COPIES}/minio/",
    "s3://": f"{_COPIES}/s3/",
}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Where backends up to 2.14 have the executors of all tasks write their output.
_COMMON_FILE = "/tmp/kfp_outputs/output_metadata.json"


@dataclasses.dataclass(frozen=True)
class TaskPlace:
    """Where the outputs of one task lie.

    Attributes:
        root: the folder above the run's.
        pipeline: the name of that folder, which is the pipeline's in a backend.
        run: the run's id.
        task: the task's name.
    """

    root: str
    pipeline: str
    run: str
    task: str


def task_place(output: str) -> TaskPlace | None:
    """The place of an output, ROOT/PIPELINE/RUN/TASK/KEY.

    The backend puts a UUID of its own between TASK and KEY.

    Args:
        output: the URI of an output artifact, or the path of the executor's output file.

    Returns:
        None if there are not enough folders to tell.
    """
    if output.endswith(_COMMON_FILE):
        return None
    parts = output.rstrip("/").split("/")[:-1]
    if parts and _UUID.fullmatch(parts[-1]):
        parts = parts[:-1]
    if len(parts) < 3:
        return None
    return TaskPlace("/".join(parts[:-2]), *parts[-3:])


def local_path(uri: str) -> str:
    """The path to read or write; a URI that is not copied is its own path.

    Examples:
        "minio://mlpipeline/v2/x" -> "/minio/mlpipeline/v2/x"; "/data/x" -> "/data/x".
    """
    for scheme, folder in _FOLDERS.items():
        if uri.startswith(scheme):
            return folder + uri[len(scheme) :]
    return uri


def is_copied(place: str) -> bool:
    """Whether a URI or path is of the launcher's copies, which go when the step ends."""
    return place.startswith((*_FOLDERS, *_FOLDERS.values()))
