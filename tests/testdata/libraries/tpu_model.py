"""A TPUEstimator that says `use_tpu=False`, as research code of 2018 to 2021 is run."""

import small_examples
import tensorflow.compat.v1 as tf

tpu = tf.estimator.tpu


def model_fn(features, labels, mode, params):
    x = tf.reshape(features["x"], [-1, 1])
    logits = tf.layers.dense(x, 1, name="logits")
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tpu.TPUEstimatorSpec(mode, predictions={"probability": tf.sigmoid(logits)})
    labels = tf.cast(labels, tf.float32)
    loss = tf.losses.sigmoid_cross_entropy(labels, logits)
    if mode == tf.estimator.ModeKeys.EVAL:

        def metric_fn(labels, logits):
            return {"accuracy": tf.metrics.accuracy(labels, tf.cast(logits > 0, tf.float32))}

        return tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=(metric_fn, [labels, logits]))
    optimizer = tf.train.AdamOptimizer(0.1)
    train_op = optimizer.minimize(loss, tf.train.get_global_step())

    def host_call(loss):
        return tf.summary.scalar("loss_of_the_host_call", loss[0])

    return tpu.TPUEstimatorSpec(
        mode, loss=loss, train_op=train_op, host_call=(host_call, [tf.reshape(loss, [1])])
    )


def trainer_fn(fn_args, schema):
    estimator = tpu.TPUEstimator(
        model_fn,
        config=tpu.RunConfig(
            model_dir=fn_args.model_run_dir or fn_args.serving_model_dir,
            tpu_config=tpu.TPUConfig(iterations_per_loop=10),
        ),
        use_tpu=False,
        train_batch_size=10,
        eval_batch_size=10,
        params={"pattern": fn_args.train_files},
    )

    def read(params):
        return small_examples.read(params["pattern"], params["batch_size"])

    specs = small_examples.specs(estimator, fn_args)
    exporters = specs["eval_spec"].exporters
    specs["train_spec"] = tf.estimator.TrainSpec(read, max_steps=fn_args.train_steps)
    specs["eval_spec"] = tf.estimator.EvalSpec(read, steps=2, exporters=exporters)
    return specs
