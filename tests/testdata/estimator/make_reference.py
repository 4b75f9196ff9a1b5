"""The Estimator API's names and figures, as this process's TensorFlow has them.

`names.txt` and `figures.json` beside this file come from TensorFlow 2.15's own
`tf.estimator`. To make them again, with the legacy stack's Python:

    PYTHONPATH=src:tests/support python tests/testdata/estimator/make_reference.py
"""

from __future__ import annotations

import json
import logging
import pathlib
import types
from collections.abc import Iterator
from typing import Any

import custom
import input_kinds
import keras_models
import premade
import tensorflow as tf
import titanic_guide

HERE = pathlib.Path(__file__).parent


def names(module: Any, prefix: str) -> Iterator[str]:
    """Every public name below an API module, dotted, with its prefix."""
    for name in sorted(dir(module)):
        if name.startswith("_"):
            continue
        full_name = f"{prefix}.{name}"
        value = getattr(module, name)
        yield full_name
        if isinstance(value, types.ModuleType):
            yield from names(value, full_name)


def figures() -> dict[str, dict[str, dict[str, float]]]:
    """Metrics by row of the conformance table and by model."""
    models = premade.estimators().items()
    return {
        "pre-made": {name: premade.metrics(*both) for name, both in models},
        "SDCA": {
            name: premade.metrics(*premade.sdca(name), steps=50)
            for name in ("LinearClassifier", "LinearRegressor")
        },
        "input functions": input_kinds.figures(),
        "custom": custom.figures(),
        "Keras": keras_models.figures(),
        "titanic": titanic_guide.figures(),
    }


def main() -> None:
    """Writes the reference files from TensorFlow's own estimators."""
    tf.get_logger().setLevel(logging.ERROR)
    spaces = {"tf.estimator": tf.estimator, "tf.compat.v1.estimator": tf.compat.v1.estimator}
    every = [name for prefix, module in spaces.items() for name in names(module, prefix)]
    (HERE / "names.txt").write_text("\n".join(every) + "\n")
    reference = {"tensorflow": tf.__version__, "figures": figures()}
    (HERE / "figures.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
