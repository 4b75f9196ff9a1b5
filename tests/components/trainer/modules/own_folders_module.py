"""`run_fn` and `trainer_fn` that keep their checkpoints where CASE says."""

import os
import sys

import tensorflow as tf

from tfx_estimators import estimator as tf_estimator


def leave(where):
    """Ends the process, as if all were well, if CASE says so."""
    if os.environ.get("CASE") == f"exit in {where}":
        sys.exit(0)
    if os.environ.get("CASE") == f"_exit in {where}":
        os._exit(0)


class Exporter(tf_estimator.FinalExporter):
    def export(self, *args, **kwargs):
        leave("exporter")
        return super().export(*args, **kwargs)


class Fault(tf.compat.v1.train.SessionRunHook):
    def after_run(self, context, values):
        leave("hook")
        step = int(context.session.run(tf.compat.v1.train.get_global_step()))
        if step == int(os.environ.get("RAISE_AT", "-1")):
            raise ValueError("as told")


def rows():
    leave("rows")
    yield 1


def metrics(labels, predictions):
    leave("metrics")
    return {}


def data():
    if os.environ.get("CASE") == "exit in rows":
        return tf.data.Dataset.from_generator(rows, tf.int64).map(
            lambda row: ({"x": [[tf.cast(row, tf.float32)]]}, [[row]])
        )
    return tf.data.Dataset.from_tensors(({"x": [[0.1], [0.9]]}, [[0], [1]])).repeat()


def serving():
    leave("serving")
    raw = tf.compat.v1.placeholder(tf.string, [None])
    features = tf.io.parse_example(raw, {"x": tf.io.FixedLenFeature([1], tf.float32)})
    return tf_estimator.export.ServingInputReceiver(features, {"examples": raw})


def _made(folder, steps):
    leave("contract")
    config = tf_estimator.RunConfig(model_dir=folder, save_checkpoints_steps=10, tf_random_seed=1)
    estimator = tf_estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x")], config=config
    )
    exporters = [] if os.environ.get("CASE") == "no exporters" else [
        Exporter("serving", serving)
    ]  # fmt: skip
    return {
        "estimator": tf_estimator.add_metrics(estimator, metrics),
        "train_spec": tf_estimator.TrainSpec(data, max_steps=steps, hooks=[Fault()]),
        "eval_spec": tf_estimator.EvalSpec(data, steps=1, exporters=exporters),
    }


def trainer_fn(arguments, schema):
    return _made(os.environ.get("MODEL_DIR"), arguments.train_steps)


def in_serving_model_dir(fn_args):
    """As the estimator's module of TFX's taxi template has it."""
    made = _made(fn_args.serving_model_dir, fn_args.train_steps)
    tf_estimator.train_and_evaluate(made["estimator"], made["train_spec"], made["eval_spec"])
