"""TFX's modules that define and launch pipelines, without the libraries that run steps.

Some of them import TensorFlow, TensorFlow Data Validation, TensorFlow Model Analysis and Beam:
for a decorator of the documentation, for messages, for files in buckets, and for Beam's
executors. Neither a definition nor a cached step uses anything of that.

Private names relied on, seen on TFX 1.15.1, 1.16.0 and 1.21.0: what `_NEED_NOTHING` says; that
the launcher makes an operator by its class and asks nothing else of the class; and that TFX's
two bases of ExampleGens name an executor for others to replace.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from tfx_estimators.components.deferred_packages import deferred_packages
from tfx_estimators.components.lean_imports import import_less

__all__ = ["import_definition_modules"]

_BEAM_EXECUTOR = "tfx.dsl.components.base.base_beam_executor"
_BEAM_OPERATOR = "tfx.orchestration.portable.beam_executor_operator"

# By package, the modules that need nothing of its own code: messages, and a decorator.
_NEED_NOTHING = {
    "tensorflow": ("tensorflow.core.example", "tensorflow.tools.docs"),
    "tensorflow_data_validation": ("tensorflow_data_validation.anomalies.proto",),
    "tensorflow_model_analysis": (
        "tensorflow_model_analysis.constants",
        "tensorflow_model_analysis.proto",
        "tensorflow_model_analysis.sdk",
        "tensorflow_model_analysis.version",
    ),
    _BEAM_EXECUTOR: (),
    _BEAM_OPERATOR: (),
}

_MODULES = (
    "tfx.dsl.components.base.base_beam_component",
    "tfx.dsl.components.common.importer",
    "tfx.dsl.components.common.resolver",
    "tfx.orchestration.local.local_dag_runner",
    "tfx.orchestration.pipeline",
    "tfx.orchestration.portable.launcher",
    "tfx.types.standard_component_specs",
    "tfx_estimators.components.evaluator.eval_config_messages",
    "tfx_estimators.components.example_gen.component",
)


def _beam_operator(*given: Any, **named: Any) -> Any:
    """Makes the operator of a Beam step."""
    return importlib.import_module(_BEAM_OPERATOR).BeamExecutorOperator(*given, **named)


_GIVEN: dict[str, dict[str, Any]] = {
    _BEAM_EXECUTOR: {"BaseBeamExecutor": object},
    _BEAM_OPERATOR: {"BeamExecutorOperator": _beam_operator},
}


@functools.cache
def import_definition_modules() -> None:
    """Imports what our components, pipelines and the local runner need of TFX.

    To be called before anything else imports a module of TFX. What has been imported before
    stays as it is.
    """
    import_less()
    with deferred_packages(_NEED_NOTHING, _GIVEN):
        for module in _MODULES:
            importlib.import_module(module)
        from tfx_estimators.components.local_files import handle_local_files
    _name_beam_executors()
    handle_local_files()


def _name_beam_executors() -> None:
    """Names the executor that TFX's bases of ExampleGens have, where they took a stand-in."""
    from tfx.components.example_gen import component

    from tfx_estimators.components.executor_specs import LazyBeamExecutorSpec

    for base in (component.FileBasedExampleGen, component.QueryBasedExampleGen):
        if base.EXECUTOR_SPEC.executor_class is object:
            base.EXECUTOR_SPEC = LazyBeamExecutorSpec(f"{_BEAM_EXECUTOR}.BaseBeamExecutor")
