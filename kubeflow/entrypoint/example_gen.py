"""What TFX's driver does before a file-based ExampleGen runs.

TFX compiles the driver as a pre-cache hook, which open-source Kubeflow Pipelines never
runs; without it the executor does not know which span of the data to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["is_file_based", "of_newest_span", "prepare"]

_OLD_INPUT_BASE = "input_base_uri"


def is_file_based(executor: type[Any], properties: Mapping[str, Any]) -> bool:
    """Whether the step is an ExampleGen that reads files."""
    bases = {base.__name__ for base in executor.__mro__}
    return "BaseExampleGenExecutor" in bases and (
        "input_base" in properties or _OLD_INPUT_BASE in properties
    )


def prepare(properties: Mapping[str, Any], outputs: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Finds the span, version and fingerprint of the data.

    Args:
        properties: the step's execution properties.
        outputs: the `examples` artifact in here is told what was found.

    Returns:
        see `of_newest_span`.
    """
    from tfx.components.example_gen import driver
    from tfx.types import standard_component_specs as keys

    found = of_newest_span(properties)
    (examples,) = outputs[keys.EXAMPLES_KEY]
    driver.update_output_artifact(exec_properties=found, output_artifact=examples.mlmd_artifact)
    return found


def of_newest_span(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with the patterns of the newest span, or of the one that was asked for.

    Args:
        properties: an ExampleGen's execution properties.

    Returns:
        the properties, with `span`, `version` and `input_fingerprint` besides.
    """
    from tfx.components.example_gen import input_processor, utils
    from tfx.proto import example_gen_pb2, range_config_pb2
    from tfx.types import standard_component_specs as keys
    from tfx.utils import proto_utils

    found = dict(properties)
    if _OLD_INPUT_BASE in found:
        found[keys.INPUT_BASE_KEY] = found.pop(_OLD_INPUT_BASE)
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(found[keys.INPUT_CONFIG_KEY], config)
    wanted = None
    if found.get(keys.RANGE_CONFIG_KEY):
        wanted = range_config_pb2.RangeConfig()
        proto_utils.json_to_proto(found[keys.RANGE_CONFIG_KEY], wanted)
    processor = input_processor.FileBasedInputProcessor(
        found[keys.INPUT_BASE_KEY], config.splits, wanted
    )
    span, version = processor.resolve_span_and_version()
    found[utils.SPAN_PROPERTY_NAME] = span
    found[utils.VERSION_PROPERTY_NAME] = version
    found[utils.FINGERPRINT_PROPERTY_NAME] = processor.get_input_fingerprint(span, version)
    for split in config.splits:
        split.pattern = processor.get_pattern_for_span_version(split.pattern, span, version)
    found[keys.INPUT_CONFIG_KEY] = proto_utils.proto_to_json(config)
    return found
