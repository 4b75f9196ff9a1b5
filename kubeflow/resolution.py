"""Resolver nodes, for which open-source Kubeflow Pipelines has no place.

Those that look for the latest blessed model become an ordinary step with the same id and
outputs; all others are refused by `lint`.
"""

from __future__ import annotations

import copy
from typing import Any

from tfx_estimators.components.resources import resources_of, with_resources
from tfx_estimators.kubeflow.blessed_model import BlessedModelLookup

__all__ = ["is_lookup", "is_resolver", "strategy_of", "with_lookups"]

_BLESSED = ("LatestBlessedModelStrategy", "BaselineModelStrategy")


def is_resolver(node: Any) -> bool:
    """Whether a node is a Resolver."""
    from tfx.dsl.components.common.resolver import Resolver

    return isinstance(node, Resolver)


def is_lookup(node: Any) -> bool:
    """Whether a Resolver looks for the latest blessed model."""
    return strategy_of(node) in _BLESSED


def strategy_of(node: Any) -> str:
    """The name of a Resolver's strategy."""
    from tfx.dsl.components.common.resolver import RESOLVER_STRATEGY_CLASS

    strategy = node.exec_properties.get(RESOLVER_STRATEGY_CLASS)
    return str(getattr(strategy, "__name__", strategy))


def with_lookups(pipeline: Any) -> Any:
    """A copy of a pipeline in which those Resolvers are ordinary steps.

    Private TFX names: `Pipeline._components` and `_dsl_context_registry`, seen on TFX
    1.15.1, 1.16.0 and 1.21.0.

    Args:
        pipeline: a TFX pipeline; its components stay as they are.
    """
    changed = copy.copy(pipeline)
    changed._components = [
        _lookup(node, pipeline) if is_resolver(node) and is_lookup(node) else node
        for node in pipeline.components
    ]
    return changed


def _lookup(node: Any, pipeline: Any) -> Any:
    candidate = node.raw_inputs.get("candidate")
    lookup = BlessedModelLookup(
        pipeline_name=pipeline.pipeline_info.pipeline_name, candidate=candidate
    ).with_id(node.id)
    for upstream in node.upstream_nodes:
        if candidate is not None and upstream.id == candidate.producer_component_id:
            lookup.add_upstream_node(upstream)
    # The compiler asks the registry in which conditions a node stands.
    with pipeline._dsl_context_registry.temporary_mutable():
        pipeline._dsl_context_registry.put_node(lookup)
    if (resources := resources_of(node)) is not None:
        with_resources(lookup, resources)
    return lookup
