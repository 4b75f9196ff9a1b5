"""A runner in the sense of TFX: its `run` writes the package."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from tfx_estimators.components.resources import Resources
from tfx_estimators.kubeflow.package import Package, compile_pipeline

__all__ = ["KubeflowRunner"]


@dataclasses.dataclass(frozen=True)
class KubeflowRunner:
    """Stands where `LocalDagRunner()` or TFX's `KubeflowV2DagRunner` stands in a pipeline file.

        KubeflowRunner("taxi.yaml", image="registry/taxi:1").run(pipeline)

    What it writes is for `tfx-estimators submit`, or for the backend's own upload page.

    Attributes:
        output: the package's file; its name ends in .yaml.
        image: of every step that has none of its own in its `Resources`.
        root: where the backend puts artifacts; the pipeline's own root by default.
        every_step: what all steps need, such as a volume.
        report: whether a last step is to make the run's report.
    """

    output: str | os.PathLike[str]
    image: str | None = None
    root: str | None = None
    every_step: Resources | None = None
    report: bool = False

    def run(self, pipeline: Any) -> Package:
        """Compiles a `tfx.orchestration.pipeline.Pipeline` and writes the package.

        Raises:
            PackageError: if the backend would not run it, or the file cannot be written;
                nothing is written then.
        """
        package = compile_pipeline(
            pipeline,
            image=self.image,
            root=self.root,
            every_step=self.every_step,
            report=self.report,
        )
        package.write(pathlib.Path(self.output))
        return package
