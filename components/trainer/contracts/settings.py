"""What `custom_config` and the hyperparameters say about training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.trainer.checkpoints.retention import (
    DEFAULT,
    KeepEvery,
    KeepLast,
    Retention,
)
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = ["Settings", "check_custom_config", "default_retention", "merge_params"]

DEFAULT_BATCH_SIZE = 256

# Set by the trainer itself.
_RESERVED = ("model_dir", "tf_random_seed")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The parameters that the trainer itself reads.

    Attributes:
        batch_size: examples a batch, in training and evaluation.
        seed: for the weights and the order of the examples; None for a new one each run.
        run_config: further arguments of `RunConfig`.
    """

    batch_size: int = DEFAULT_BATCH_SIZE
    seed: int | None = None
    run_config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Settings:
        """Picks them out of `params`.

        Raises:
            UnsupportedOptionError: if one has a value that cannot be used.
        """
        fields = [field.name for field in dataclasses.fields(cls)]
        settings = cls(**{name: params[name] for name in fields if params.get(name) is not None})
        _check(
            "batch_size",
            settings.batch_size,
            "an integer of at least 1",
            _is_int(settings.batch_size, 1),
        )
        seed = settings.seed
        fits = seed is None or (_is_int(seed, 0) and seed < 2**31)
        _check("seed", seed, "an int from 0 to 2**31 - 1", fits)
        config = settings.run_config
        usable = isinstance(config, Mapping) and not set(config) & set(_RESERVED)
        _check("run_config", config, f"a dict of RunConfig arguments without {_RESERVED}", usable)
        return settings


def check_custom_config(custom_config: Mapping[str, Any]) -> None:
    """Checks that the values can be recorded and used.

    Raises:
        UnsupportedOptionError: if not.
    """
    try:
        dumps(dict(custom_config))
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"custom_config={custom_config!r} cannot be recorded: {error}",
            expected="a dict of JSON values",
            fix="pass finite numbers, strings, lists and dicts only",
        ) from error
    Settings.from_params(custom_config)


def default_retention(custom_config: Mapping[str, Any]) -> tuple[Retention, ...]:
    """As many checkpoints as the `run_config` in `custom_config` says, else the default."""
    count = (custom_config.get("run_config") or {}).get("keep_checkpoint_max")
    if count is None:
        return DEFAULT
    return (KeepLast(count),) if count else (KeepEvery(1),)


def merge_params(
    custom_config: Mapping[str, Any], hyperparameters: Mapping[str, Any] | None
) -> dict[str, Any]:
    """`custom_config` with the hyperparameters' values over it.

    Args:
        custom_config: as given to the component.
        hyperparameters: a plain dict of values, or KerasTuner's configuration, which
            has them under "values".
    """
    values = dict(hyperparameters or {})
    if "space" in values and isinstance(values.get("values"), Mapping):
        values = dict(values["values"])
    return {**custom_config, **values}


def _is_int(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(name: str, value: object, expected: str, usable: bool) -> None:
    if not usable:
        raise UnsupportedOptionError(
            f"custom_config[{name!r}] is {value!r}",
            expected=expected,
            fix="correct it, or leave it out for the default",
        )
