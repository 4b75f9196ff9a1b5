"""How the values of the next trial are chosen: small values that stand for KerasTuner's oracles.

The oracles are described at https://keras.io/keras_tuner/api/oracles; Hyperband in Li et al.,
"Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR 18, 2018).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.tuner.objective import Objective
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.json_text import dumps

__all__ = [
    "BayesianSearch",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
    "Search",
    "from_json",
    "make_oracle",
    "steps_of",
    "to_json",
]


def _check_integer(search: object, name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UnsupportedOptionError(
            f"{type(search).__name__}: {name}={value!r}",
            expected=f"an integer of at least {least}",
            fix=f"correct {name}",
        )


@dataclasses.dataclass(frozen=True)
class RandomSearch:
    """Draws each trial's values at random.

    Attributes:
        max_trials: how many trials.
        seed: of the draws; the same one tries the same values.
    """

    max_trials: int = 10
    seed: int = 1

    def __post_init__(self) -> None:
        _check_integer(self, "max_trials", self.max_trials, 1)
        _check_integer(self, "seed", self.seed, 1)


@dataclasses.dataclass(frozen=True)
class BayesianSearch(RandomSearch):
    """Draws a few trials at random, then goes where a Gaussian process expects the best."""


@dataclasses.dataclass(frozen=True)
class GridSearch:
    """Tries the combinations of all values, one after the other.

    Attributes:
        max_trials: how many at most; None for all.
    """

    max_trials: int | None = None

    def __post_init__(self) -> None:
        if self.max_trials is not None:
            _check_integer(self, "max_trials", self.max_trials, 1)


@dataclasses.dataclass(frozen=True)
class Hyperband:
    """Starts many trials with few steps, and goes on with the best from their checkpoints.

    Attributes:
        rounds: how often the best of the trials go on. A trial of the first round trains
            `train_args.num_steps / factor**(rounds - 1)` steps, one of the last all of them.
        factor: one trial out of so many goes on, and trains so many times longer.
        seed: of the values, which are drawn at random.
    """

    rounds: int = 3
    factor: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        _check_integer(self, "rounds", self.rounds, 1)
        _check_integer(self, "factor", self.factor, 2)
        _check_integer(self, "seed", self.seed, 1)

    @property
    def units(self) -> int:
        """The steps of a whole training, counted in those of the first round."""
        return int(self.factor ** (self.rounds - 1))


Search = RandomSearch | BayesianSearch | GridSearch | Hyperband

_KINDS: Mapping[str, type[Any]] = {
    "random": RandomSearch,
    "bayesian": BayesianSearch,
    "grid": GridSearch,
    "hyperband": Hyperband,
}


def to_json(search: Search) -> str:
    """The search as JSON text.

    Raises:
        UnsupportedOptionError: if it is none.
    """
    names = {kind: name for name, kind in _KINDS.items()}
    if type(search) not in names:
        raise UnsupportedOptionError(
            f"search={search!r}",
            expected="RandomSearch, BayesianSearch, GridSearch or Hyperband",
            fix="search=RandomSearch(max_trials=10)",
        )
    return dumps({"search": names[type(search)], **dataclasses.asdict(search)}, sort_keys=True)


def from_json(text: str) -> Search:
    """Reads what `to_json` wrote."""
    fields = json.loads(text)
    found: Search = _KINDS[fields.pop("search")](**fields)
    return found


def make_oracle(search: Search, objective: Objective, space: Any) -> Any:
    """KerasTuner's oracle of a search.

    Args:
        search: how to choose.
        objective: what is measured.
        space: the `keras_tuner.HyperParameters` to choose from.

    Returns:
        a `keras_tuner.Oracle` over that space, which no trial extends. A trial that fails
        is not repeated; after three failures in a row it raises a RuntimeError.
    """
    import keras_tuner
    from keras_tuner import oracles

    common = {
        "objective": keras_tuner.Objective(objective.metric, objective.direction),
        "hyperparameters": space,
        "allow_new_entries": False,
        "tune_new_entries": True,
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": 3,
    }
    if isinstance(search, Hyperband):
        return oracles.HyperbandOracle(
            max_epochs=search.units, factor=search.factor, seed=search.seed, **common
        )
    if isinstance(search, GridSearch):
        return oracles.GridSearchOracle(max_trials=search.max_trials, seed=1, **common)
    kind = oracles.RandomSearchOracle
    if isinstance(search, BayesianSearch):
        kind = oracles.BayesianOptimizationOracle
    return kind(max_trials=search.max_trials, seed=search.seed, **common)


def steps_of(search: Search, values: Mapping[str, Any], train_steps: int | None) -> int | None:
    """The global step up to which a trial trains; None for one pass over the data.

    Args:
        search: how the values were chosen.
        values: a trial's, with the oracle's own beside those of the space.
        train_steps: of a whole training.
    """
    if not isinstance(search, Hyperband) or train_steps is None:
        return train_steps
    return math.ceil(train_steps * int(values["tuner/epochs"]) / search.units)
