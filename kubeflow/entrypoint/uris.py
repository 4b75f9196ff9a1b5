"""Where the launcher of Kubeflow Pipelines keeps the local copy of what a URI names.

Before the step, the launcher copies every input there; after it, it copies what lies
there to the outputs' URIs (`LocalPathForURI` in the backend's launcher).
"""

from __future__ import annotations

__all__ = ["is_copied", "local_path"]

_FOLDERS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}


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
