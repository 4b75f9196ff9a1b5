"""Trains the same model with every strategy of one machine: `FOLDER`; prints JSON."""

import json
import pathlib
import sys

import small_model
import tensorflow as tf
from small_model import GLOBAL_BATCH, STEPS

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.collector import collect_seldom
from tfx_estimators.estimator.distribution import Accelerators, CentralStorage, Mirrored
from tfx_estimators.estimator.distribution.strategies import make_strategy


def main(folder):
    collect_seldom()
    said = []
    # Before anything else is done: this divides the CPU.
    mirrored = make_strategy(
        Mirrored(("/cpu:0", "/cpu:1"), accelerators=Accelerators(count=2)), say=said.append
    )
    central = make_strategy(CentralStorage())
    small_model.write_examples(folder / "examples")
    found = {"said": said, "replicas": mirrored.num_replicas_in_sync}

    def custom(name, replicas, train, evaluate):
        config = tf_estimator.RunConfig(
            str(folder / name), train_distribute=train, eval_distribute=evaluate
        )
        return fit(name, replicas, tf_estimator.Estimator(small_model.model_fn, config=config))

    def premade(name, replicas, train, evaluate):
        config = tf_estimator.RunConfig(
            str(folder / name), train_distribute=train, eval_distribute=evaluate
        )
        columns = [tf.feature_column.numeric_column("x", 2)]
        made = tf_estimator.LinearRegressor(columns, optimizer="SGD", config=config)
        return fit(name, replicas, made)

    def fit(name, replicas, estimator):
        reads = small_model.Input(folder / "examples", GLOBAL_BATCH // replicas)
        once = small_model.Input(folder / "examples", GLOBAL_BATCH, repeat=False)
        estimator.train(reads, steps=STEPS)
        metrics = estimator.evaluate(once)
        found[name] = {
            "weights": small_model.weights_of(estimator),
            "metrics": {key: float(value) for key, value in metrics.items()},
            "calls": reads.calls,
        }

    for name, train in (("custom", custom), ("premade", premade)):
        train(f"{name}, alone", 1, None, None)
        train(f"{name}, mirrored", 2, mirrored, mirrored)
    custom("custom, evaluated alone", 2, mirrored, None)
    custom("custom, trained alone", 1, None, mirrored)
    custom("custom, central", 1, central, None)
    print(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
