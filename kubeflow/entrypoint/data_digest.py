"""The digest of the files that a step reads, for the backend's cache key.

The key holds the values of a step's parameters, and nothing of the files that they name.
So an earlier step, which is never cached, makes a digest of the files' contents, and the
step that reads them gets it as a parameter. See `kubeflow.data_digests`.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_estimators.errors import StepInputError
from tfx_estimators.kubeflow.entrypoint.invocation import Invocation
from tfx_estimators.kubeflow.kubernetes_names import DATA_DIGEST

__all__ = ["check_unchanged", "data_digest", "tell_digest"]

_BLOCK = 1 << 23


def tell_digest(invocation: Invocation) -> dict[str, str]:
    """The output of the earlier step.

    Args:
        invocation: its parameters are those of the step that reads the files.
    """
    return {DATA_DIGEST: data_digest(invocation.parameters, invocation.flags)}


def check_unchanged(invocation: Invocation) -> None:
    """Raises if the files are no longer those that the step is cached for.

    Args:
        invocation: the step, after it has read them.

    Raises:
        StepInputError: if they have changed since the digest was made.
    """
    if invocation.data_digest is None:
        return
    if data_digest(invocation.parameters, invocation.flags) != invocation.data_digest:
        raise StepInputError(
            f"the files that {invocation.node} reads have changed during the run",
            expected="files that stay the same from the start of the run until they are read",
            fix="run again when nothing writes there, or give the step Resources(cache=False)",
        )


def data_digest(parameters: Mapping[str, Any], flags: Sequence[str] = ()) -> str:
    """SHA-256 of the names and contents of the files that a step's parameters name.

    Args:
        parameters: `schema_file`; or `input_base` and `input_config`, and `range_config`
            where there is one, as an ExampleGen has them.
        flags: Beam's, some of which say how buckets are reached.

    Returns:
        64 hexadecimal digits. It also covers the span and the version of the data.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(flags)))
    total = hashlib.sha256()
    for name, patterns in _patterns(parameters):
        # Beam's readers and TensorFlow's match alike, but for ** and escaped folders.
        results = FileSystems.match(patterns)
        paths = sorted({found.path for result in results for found in result.metadata_list})
        total.update(f"{name}\n{len(paths)}\n".encode())
        for path in paths:
            content = hashlib.sha256()
            with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                while block := file.read(_BLOCK):
                    content.update(block)
            total.update(f"{path}\n{content.hexdigest()}\n".encode())
    return total.hexdigest()


def _patterns(parameters: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Names, which go into the digest, with the patterns of files."""
    if file := parameters.get("schema_file"):
        yield "schema_file", [glob.escape(file)]
        return
    config = json.loads(parameters["input_config"])
    if any("{" in split.get("pattern", "") for split in config.get("splits", ())):
        # Imports all of TFX's components.
        from tfx_estimators.kubeflow.entrypoint.example_gen import of_newest_span

        found = of_newest_span(parameters)
        config = json.loads(found["input_config"])
        yield f"span {found['span']}, version {found['version']}", []
    base = parameters["input_base"].rstrip("/")
    for split in config.get("splits", ()):
        pattern = split.get("pattern", "")
        bases = dict.fromkeys((base, glob.escape(base)))
        yield f"{split.get('name', '')}: {pattern}", [f"{one}/{pattern}" for one in bases]
