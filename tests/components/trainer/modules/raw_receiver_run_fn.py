"""`run_fn` that exports a model for raw tensors, and one to evaluate, by itself."""

import os

import tensorflow as tf
import tensorflow_model_analysis as tfma
from raw_receiver_trainer_fn import (
    eval_receiver_fn,
    input_fn,
    make_estimator,
    serving_receiver_fn,
)
from tfx.utils import path_utils


def run_fn(fn_args):
    estimator = make_estimator(fn_args.model_run_dir)
    estimator.train(lambda: input_fn(fn_args.train_files), steps=fn_args.train_steps)
    exported = estimator.export_saved_model(f"{fn_args.model_run_dir}/all", serving_receiver_fn)
    tf.io.gfile.makedirs(f"{fn_args.serving_model_dir}/..")
    tf.io.gfile.rename(os.fsdecode(exported), fn_args.serving_model_dir)
    tfma.export.export_eval_savedmodel(
        estimator, path_utils.eval_model_dir(fn_args.model_run_dir), eval_receiver_fn
    )
