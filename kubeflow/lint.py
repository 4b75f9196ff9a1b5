"""What the open-source backend would refuse of a pipeline, said before anything is compiled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfx_estimators.errors import PackageError
from tfx_estimators.kubeflow.resolution import is_lookup, is_resolver, strategy_of

__all__ = ["Finding", "check", "lint"]

_REMOTE = "://"


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


def lint(pipeline: Any, *, cluster: bool = True) -> list[Finding]:
    """Looks at every node.

    Args:
        pipeline: a TFX pipeline.
        cluster: whether it is to run on a cluster, which sees no files of this machine.
    """
    findings = [finding for node in pipeline.components for finding in _of_node(node, cluster)]
    root = pipeline.pipeline_info.pipeline_root or ""
    if cluster and _REMOTE not in root:
        findings.append(
            Finding(
                None,
                f"its root {root!r} is a path of this machine",
                "pass --pipeline-root with a bucket: minio://, s3:// or gs://",
            )
        )
    return findings


def check(pipeline: Any, *, cluster: bool = True, root: str | None = None) -> None:
    """Raises if `lint` finds anything.

    Args:
        pipeline: a TFX pipeline.
        cluster: see `lint`.
        root: the pipeline's root on the cluster, if another than the pipeline's own.

    Raises:
        PackageError: with every finding.
    """
    findings = lint(pipeline, cluster=cluster)
    if root is not None and _REMOTE in root:
        findings = [finding for finding in findings if finding.node is not None]
    if findings:
        listed = "\n".join(f"    {finding}" for finding in findings)
        name = pipeline.pipeline_info.pipeline_name
        raise PackageError(
            f"Kubeflow Pipelines would not run {name}:\n{listed}",
            expected="nodes that run in a container of their own",
            fix="change what is named above",
        )


def _of_node(node: Any, cluster: bool) -> Iterator[Finding]:
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
            "InfraValidator starts containers, which a step may not",
            "let EstimatorPusher try the model: pass it examples=",
        )
        return
    if not isinstance(node, BaseComponent | Importer):
        yield Finding(node.id, f"a {kind}, which has no container", "leave it out")
        return
    if cluster:
        yield from _files(node)


def _files(node: Any) -> Iterator[Finding]:
    file = node.exec_properties.get("module_file")
    if isinstance(file, str) and file and _REMOTE not in file:
        yield Finding(
            node.id,
            f"module_file={file!r} is a file of this machine",
            "install the module in the image and pass module_path='package.module'",
        )
