"""Steps whose result depends on more than the backend's cache key holds.

The key is made of a step's input artifacts, its parameters and its container: see
`GenerateCacheKey` of Kubeflow Pipelines 2.17. What a step reads from a folder, a database
or a file that a parameter names is not in it, so such steps run every time.
"""

from __future__ import annotations

from typing import Any

from tfx_estimators.components.cache_key import user_functions
from tfx_estimators.kubeflow.resolution import is_resolver

__all__ = ["reads_outside"]

_DIGEST = "module_digest"


def reads_outside(node: Any) -> bool:
    """Whether a node reads what is no input of it.

    Args:
        node: of a pipeline, before lookups replace its Resolvers.
    """
    if is_resolver(node):
        return True  # What was blessed last changes from run to run.
    executor = getattr(node.executor_spec, "executor_class", None)
    bases = {base.__name__ for base in getattr(executor, "__mro__", ())}
    if any(name.endswith("ExampleGenExecutor") for name in bases):
        return True
    given = node.exec_properties
    # A module whose digest is a parameter too is in the key.
    has_module = _DIGEST not in given and (given.get("module_file") or any(user_functions(given)))
    return bool(given.get("schema_file") or has_module)
