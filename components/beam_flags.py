"""Beam flags that a step gets besides the user's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfx_estimators.components.beam_overhead import lower_beam_overhead
from tfx_estimators.components.beam_processes import watch_workers

__all__ = ["PLUGIN", "set_flags", "spare_packaging", "with_plugin"]

PLUGIN = "--beam_plugin=tfx_estimators.estimator.beam_plugin"
"""Has every worker process ready for modules that use `tf.estimator`."""

# With one of these flags TFX takes workers to have its code (1.15 to 1.21,
# tfx/utils/dependency_utils.py); the direct runner does not look at this one.
_NO_PACKAGE = "--sdk_container_image=none"


def set_flags(context: Any, *, plugin: bool) -> Any:
    """Adds this package's flags to those in an executor's context, and readies Beam.

    Args:
        context: TFX's, or None.
        plugin: whether workers import modules of the user.

    Returns:
        the context.
    """
    lower_beam_overhead()
    if context is not None:
        flags = spare_packaging(context.beam_pipeline_args or ())
        watch_workers(flags)
        context.beam_pipeline_args = with_plugin(flags) if plugin else flags
    return context


def with_plugin(flags: Iterable[Any]) -> list[Any]:
    """The flags, with the Beam plugin of this package.

    Workers that import a user's module, of a stock component too, then find the Estimator
    API in TensorFlow. Without flags, where Beam works within the step's process, none is
    added.

    Args:
        flags: `beam_pipeline_args`, of which some may be placeholders.
    """
    flags = list(flags)
    return flags if not flags or PLUGIN in flags else [*flags, PLUGIN]


def spare_packaging(flags: Iterable[Any]) -> list[Any]:
    """The flags, with a word to TFX not to package itself where Beam runs in place.

    For each Beam step that has flags, TFX builds a source distribution of itself for workers
    on other machines: five seconds, and 49 MB that stay in the temporary folder. Workers of
    the direct runner, threads and processes alike, have the step's own environment.

    Args:
        flags: `beam_pipeline_args`, of which those that are placeholders are not looked at.
    """
    flags = list(flags)
    if not flags:
        return flags
    from apache_beam.options import pipeline_options as beam_options

    said = beam_options.PipelineOptions([flag for flag in flags if isinstance(flag, str)])
    runner = said.view_as(beam_options.StandardOptions).runner or "DirectRunner"
    if runner.rpartition(".")[2].lower() != "directrunner":
        return flags
    return [*flags, _NO_PACKAGE]
