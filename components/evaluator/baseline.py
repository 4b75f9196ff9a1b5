"""Which model a new one is compared with: the newest blessed one but itself."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.common import resolver

__all__ = ["BaselineModelStrategy"]


class BaselineModelStrategy(resolver.ResolverStrategy):
    """Resolves the newest blessed Model that is not the candidate itself.

    TFX's LatestBlessedModelStrategy also finds the candidate, once that is blessed: a
    pipeline that is run again then compares the model with itself and pushes it twice.

        Resolver(
            strategy_class=BaselineModelStrategy,
            candidate=trainer.outputs["model"],
            model=Channel(type=Model),
            model_blessing=Channel(type=ModelBlessing),
        )

    The output `model` is empty where there is no such model yet.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[Any]]
    ) -> dict[str, list[Any]]:
        """Picks from what the channels hold.

        Args:
            store: ML Metadata, not asked.
            input_dict: artifacts on the keys `candidate`, `model` and `model_blessing`.

        Returns:
            at most one artifact each on `model` and `model_blessing`.
        """
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        # Of two blessings of one model the newer counts, as dicts keep the last.
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda one: one.id)
        }
        for model in sorted(input_dict["model"], key=lambda one: one.id, reverse=True):
            blessing = blessings.get(model.id)
            if model.id in candidates or blessing is None:
                continue
            if blessing.get_int_custom_property("blessed") == 1:
                return {**input_dict, "model": [model], "model_blessing": [blessing]}
        return {**input_dict, "model": [], "model_blessing": []}
