"""Steps whose result depends on more than the backend's cache key holds.

The key is made of a step's input artifacts, its parameters and its container: see
`GenerateCacheKey` of Kubeflow Pipelines 2.17. What a step reads from a folder, a database
or a file that a parameter names is not in it. Where it is known which files a step reads,
their digest becomes a parameter; all other such steps run every time.
"""

from __future__ import annotations

from typing import Any

from tfx_estimators.components.cache_key import user_functions
from tfx_estimators.kubeflow.resolution import is_resolver

__all__ = ["files_parameters", "reads_outside"]

_DIGEST = "module_digest"
# Of other people's executors nobody knows what they read.
_KNOWN_EXECUTORS = ("tfx.components.", "tfx_estimators.components.")
_SCHEMA_FILE = ("schema_file",)
_INPUT_FILES = ("input_base", "input_config")
_RANGE = "range_config"


def reads_outside(node: Any) -> bool:
    """Whether a node reads what is no input of it.

    Args:
        node: of a pipeline, before lookups replace its Resolvers.
    """
    if is_resolver(node):
        return True  # What was blessed last changes from run to run.
    if _is_example_gen(node):
        return True
    given = node.exec_properties
    # A module whose digest is a parameter too is in the key.
    has_module = _DIGEST not in given and (given.get("module_file") or any(user_functions(given)))
    return bool(given.get("schema_file") or has_module)


def files_parameters(node: Any) -> tuple[str, ...]:
    """The parameters that name all the files which a node reads beside its inputs.

    Args:
        node: one that `reads_outside`.

    Returns:
        the parameters' names, as `entrypoint.data_digest` takes them; none if the node may
        read other things too, or it is not known what it reads.
    """
    path = getattr(node.executor_spec, "class_path", "")
    given = {name: value for name, value in node.exec_properties.items() if value}
    others = given.keys() & {"module_file", "custom_config"} or any(user_functions(given))
    if others or not path.startswith(_KNOWN_EXECUTORS):
        return ()
    if _is_example_gen(node) and given.keys() >= set(_INPUT_FILES):
        return (*_INPUT_FILES, _RANGE) if _RANGE in given else _INPUT_FILES
    return _SCHEMA_FILE if "schema_file" in given and not _is_example_gen(node) else ()


def _is_example_gen(node: Any) -> bool:
    executor = getattr(node.executor_spec, "executor_class", None)
    bases = {base.__name__ for base in getattr(executor, "__mro__", ())}
    return any(name.endswith("ExampleGenExecutor") for name in bases)
