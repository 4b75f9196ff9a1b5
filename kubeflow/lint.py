"""What the open-source backend would refuse of a pipeline, said before anything is compiled."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from typing import Any

from tfx_estimators.components.resources import resources_of
from tfx_estimators.errors import PackageError
from tfx_estimators.kubeflow.kubernetes_names import is_image
from tfx_estimators.kubeflow.resolution import is_lookup, is_resolver, strategy_of
from tfx_estimators.kubeflow.wiring import ON_LOCAL, wiring_problems

__all__ = ["Finding", "check", "lint"]

_REMOTE = "://"
_BUCKETS = ("minio", "s3", "gs")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A reason why a package would not run.

    Attributes:
        node: id of the node; None for the pipeline as a whole.
        problem: what is wrong.
        instead: what to do.
    """

    node: str | None
    problem: str
    instead: str

    def __str__(self) -> str:
        return f"{self.node or 'the pipeline'}: {self.problem}; {self.instead}"


def lint(
    pipeline: Any, *, cluster: bool = True, root: str | None = None, image: str | None = None
) -> list[Finding]:
    """Looks at every node.

    Args:
        pipeline: a TFX pipeline.
        cluster: whether it is to run on a cluster, which sees no files of this machine and
            needs images.
        root: the pipeline's root on the cluster, if another than the pipeline's own.
        image: of steps that name none themselves.
    """
    registry = pipeline.dsl_context_registry
    findings = [
        finding for node in pipeline.components for finding in _of_node(node, cluster, registry)
    ]
    findings += [*_of_flags(pipeline), *_of_parameters(pipeline)]
    if cluster:
        findings += _of_root(root or pipeline.pipeline_info.pipeline_root or "")
        findings += _of_images(pipeline, image)
    return findings


def check(
    pipeline: Any, *, cluster: bool = True, root: str | None = None, image: str | None = None
) -> None:
    """Raises if `lint`, which takes the same, finds anything.

    Raises:
        PackageError: with every finding.
    """
    findings = lint(pipeline, cluster=cluster, root=root, image=image)
    if findings:
        listed = "\n".join(f"    {finding}" for finding in findings)
        name = pipeline.pipeline_info.pipeline_name
        raise PackageError(
            f"Kubeflow Pipelines would not run {name}:\n{listed}",
            expected="a bucket for artifacts, and nodes that run in their own container",
            fix="change what is named above",
        )


def _of_root(root: str) -> Iterator[Finding]:
    scheme, remote, _ = root.partition(_REMOTE)
    if not remote:
        yield Finding(
            None,
            f"its root {root!r} is a path on this machine",
            "pass --pipeline-root with a bucket: minio://, s3:// or gs://",
        )
    elif scheme not in _BUCKETS:
        near = difflib.get_close_matches(scheme, _BUCKETS, n=1)
        yield Finding(
            None,
            f"its root {root!r} is not in a kind of bucket that the backend knows",
            f"did you mean {near[0]}://?" if near else "use minio://, s3:// or gs://",
        )


def _of_flags(pipeline: Any) -> Iterator[Finding]:
    for flag in pipeline.beam_pipeline_args:
        if not isinstance(flag, str):
            yield Finding(
                None,
                f"its beam_pipeline_args have {type(flag).__name__}, {ON_LOCAL}",
                "write flags as text, or set a variable with Resources(environment=...)",
            )


def _of_parameters(pipeline: Any) -> Iterator[Finding]:
    """A run has one value for each name."""
    from tfx.orchestration.data_types import RuntimeParameter

    known: dict[str, Any] = {}
    for node in pipeline.components:
        for value in node.exec_properties.values():
            if not isinstance(value, RuntimeParameter):
                continue
            first = known.setdefault(value.name, value)
            if (first.ptype, first.default) != (value.ptype, value.default):
                yield Finding(
                    None,
                    f"its RuntimeParameter {value.name!r} is {_described(first)} in one node, "
                    f"and {_described(value)} in {node.id}",
                    "use one RuntimeParameter for both, or two names",
                )


def _described(parameter: Any) -> str:
    kind = getattr(parameter.ptype, "__name__", "str")
    return f"{kind} with the default {parameter.default!r}"


def _of_images(pipeline: Any, image: str | None) -> Iterator[Finding]:
    from tfx.dsl.components.base.base_component import BaseComponent

    without = []
    named = {image} if image else set()
    for node in pipeline.components:
        if not isinstance(node, BaseComponent) and not is_resolver(node):
            continue
        resources = resources_of(node)
        if resources is not None and resources.image:
            named.add(resources.image)
        elif not image:
            without.append(node.id)
    if without:
        yield Finding(
            None,
            f"no image for {', '.join(without)}",
            "pass --image registry/name:tag, built by `tfx-estimators image DIR`, or "
            "Resources(image=...) for each step",
        )
    for name in sorted(named):
        if not is_image(name):
            yield Finding(
                None,
                f"{name!r} is not the name of an image",
                "write it as registry/name:tag, in lowercase",
            )


def _of_node(node: Any, cluster: bool, registry: Any) -> Iterator[Finding]:
    from tfx.dsl.components.base.base_component import BaseComponent
    from tfx.dsl.components.common.importer import Importer

    kind = type(node).__name__
    if is_resolver(node):
        if not is_lookup(node):
            yield Finding(
                node.id,
                f"a Resolver with {strategy_of(node)}, which the backend refuses",
                "use an Importer with the artifact's uri, or a step of your own that finds it",
            )
        return
    if kind == "InfraValidator":
        yield Finding(
            node.id,
            "InfraValidator starts containers, which a step cannot do",
            "let EstimatorPusher try the model: pass it examples=",
        )
        return
    if not isinstance(node, BaseComponent | Importer):
        yield Finding(node.id, f"a {kind}, which has no container", "leave it out")
        return
    for problem, instead in wiring_problems(node, registry):
        yield Finding(node.id, problem, instead)
    if cluster:
        yield from _files(node)
        if isinstance(node, Importer):
            yield from _imported(node)


def _imported(node: Any) -> Iterator[Finding]:
    from tfx.dsl.components.common.importer import SOURCE_URI_KEY
    from tfx.orchestration.data_types import RuntimeParameter

    uri = node.exec_properties[SOURCE_URI_KEY]
    if isinstance(uri, RuntimeParameter):
        if uri.default is None:
            return
        uri = uri.default
    scheme, remote, _ = str(uri).partition(_REMOTE)
    if not remote or scheme not in _BUCKETS:
        yield Finding(
            node.id,
            f"it imports {uri!r}, which is in no bucket that the backend knows",
            "use a URI of minio://, s3:// or gs://; a step of your own reads a folder on a volume",
        )


def _files(node: Any) -> Iterator[Finding]:
    file = node.exec_properties.get("module_file")
    if isinstance(file, str) and file and _REMOTE not in file:
        yield Finding(
            node.id,
            f"module_file={file!r} is a file on this machine",
            "install the module in the image and pass module_path='package.module'",
        )
