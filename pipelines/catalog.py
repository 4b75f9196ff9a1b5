"""The pipelines that can be run by name, and users' own by file."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pathlib
import types
from collections.abc import Sequence
from typing import Any

from tfx_estimators.components.definition_modules import import_definition_modules
from tfx_estimators.components.exits import exits_raise
from tfx_estimators.components.user_code import describe, find_place
from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ModuleContractError, PipelineError, TfxEstimatorsError
from tfx_estimators.pipelines.parameters import declared_parameters, parse_settings

__all__ = ["build_pipeline", "load_pipeline_module", "names"]


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
        near = difflib.get_close_matches(pipeline, names(), n=1)
        raise PipelineError(
            f"there is no pipeline called {pipeline!r}",
            expected=f"one of {', '.join(names())}, or the path of a Python file",
            fix=f"did you mean {near[0]!r}?" if near else "tfx-estimators run --help",
        )
    module = UserModule.find(pipeline, None)
    module.require([["create_pipeline"]], of="tfx-estimators run")
    # Before the file imports TFX, which would import TensorFlow.
    import_definition_modules()
    # A definition only wires components; TensorFlow need not be there yet.
    return module.load(with_estimators=False)


def build_pipeline(
    module: types.ModuleType,
    root: pathlib.PurePath,
    data: pathlib.PurePath | None,
    settings: Sequence[str] = (),
) -> Any:
    """What a module's `create_pipeline(root, data)` returns.

    Args:
        module: from `load_pipeline_module`.
        root: where everything the run makes is put.
        data: the folder of input files; None where none was given.
        settings: parameters for this run, such as "trainer.train_steps=2000".

    Raises:
        ModuleContractError: if the function takes other arguments.
        UnsupportedOptionError: if it does not have a parameter, or not of that type.
        PipelineError: if it fails, with the last line of the user's files, or returns
            something other than a TFX Pipeline.
        TfxEstimatorsError: as a component raised it.
    """
    import_definition_modules()
    from tfx.orchestration.pipeline import Pipeline

    create = module.create_pipeline
    file = module.__file__
    try:
        inspect.signature(create).bind(root=root, data=data)
    except TypeError as error:
        raise ModuleContractError(
            f"{file}: create_pipeline{inspect.signature(create)} cannot be called: {error}",
            expected="create_pipeline(root, data), both given by name",
            fix="take `root`, the folder of the run, and `data`, the folder of --data or None",
        ) from error
    arguments = parse_settings(declared_parameters(create), settings) if settings else {}
    try:
        with exits_raise():
            pipeline = create(root=root, data=data, **arguments)
    except TfxEstimatorsError:
        raise
    except (Exception, SystemExit) as error:
        place = find_place(error)
        raise PipelineError(
            f"create_pipeline failed: {describe(error)}" + (f"\n  at: {place}" if place else ""),
            fix="correct the line named above"
            if data is not None
            else "pass --data, which was not given: `data` is None; or correct the line above",
        ) from error
    if not isinstance(pipeline, Pipeline):
        raise PipelineError(
            f"{file}: create_pipeline returned {pipeline!r}",
            expected="a tfx.orchestration.pipeline.Pipeline",
            fix="end the function with `return Pipeline(...)`",
        )
    return pipeline
