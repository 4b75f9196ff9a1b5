"""The pipelines that can be run by name, and users' own by file."""

from __future__ import annotations

import importlib
import pathlib
import types

from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import PipelineError

__all__ = ["load_pipeline_module", "names"]


def names() -> list[str]:
    """The ready pipelines: every folder of this package with a `pipeline.py`."""
    here = pathlib.Path(__file__).parent
    return sorted(path.parent.name for path in here.glob("*/pipeline.py"))


def load_pipeline_module(pipeline: str) -> types.ModuleType:
    """The module that builds a pipeline.

    Args:
        pipeline: one of `names()`, or the path of a Python file that defines
            `create_pipeline(root, data)`.

    Raises:
        PipelineError: if there is no such pipeline.
        ModuleContractError: if the file defines no `create_pipeline`.
    """
    if pipeline in names():
        return importlib.import_module(f"tfx_estimators.pipelines.{pipeline}.pipeline")
    if not pipeline.endswith(".py"):
        raise PipelineError(
            f"there is no pipeline called {pipeline!r}",
            expected=f"one of {', '.join(names())}, or the path of a Python file",
            fix="tfx-estimators run --help",
        )
    module = UserModule.find(pipeline, None)
    module.require([["create_pipeline"]], of="tfx-estimators run")
    # A definition only wires components; TensorFlow need not be there yet.
    return module.load(with_estimators=False)
