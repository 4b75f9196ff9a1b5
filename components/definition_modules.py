"""TFX's modules that define and launch pipelines, without the libraries that run steps.

Each of them imports TensorFlow, TensorFlow Data Validation and TensorFlow Model Analysis:
for a decorator of the documentation, for messages, and for files in buckets. Neither a
definition nor a cached step uses anything of that.

Private names relied on, seen on TFX 1.15.1, 1.16.0 and 1.21.0: what `_NEED_NOTHING` says.
"""

from __future__ import annotations

import functools
import importlib

from tfx_estimators.components.deferred_packages import deferred_packages

__all__ = ["import_definition_modules"]

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
    "tfx.components": ("tfx.components",),
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


@functools.cache
def import_definition_modules() -> None:
    """Imports what our components, pipelines and the local runner need of TFX.

    To be called before anything else imports a module of TFX. What has been imported before
    stays as it is.
    """
    with deferred_packages(_NEED_NOTHING):
        for module in _MODULES:
            importlib.import_module(module)
        from tfx_estimators.components.local_files import handle_local_files
    handle_local_files()
