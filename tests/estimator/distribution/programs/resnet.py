"""Trains Keras's ResNet50 on tiny images: `FOLDER TASK POLICY`; writes weights down."""

import pathlib
import sys

import numpy as np

from tfx_estimators.collector import collect_seldom
from tfx_estimators.estimator.distribution import from_json
from tfx_estimators.estimator.distribution.processes import end_with_parent

SIZE, CLASSES, STEPS = 32, 4, 3


def main(folder, task, policy):
    end_with_parent()
    collect_seldom()
    import keras_models
    import tensorflow as tf
    from small_model import Weights

    from tfx_estimators import estimator as tf_estimator
    from tfx_estimators.estimator.distribution.strategies import make_strategy

    strategy = make_strategy(policy)
    tf_estimator.activate()
    keras = keras_models.keras_2()
    keras.utils.set_random_seed(1)
    model = keras.applications.ResNet50(weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    model.compile(keras.optimizers.legacy.SGD(0.01), loss="sparse_categorical_crossentropy")

    def input_fn(input_context=None):
        context = input_context or tf.distribute.InputContext()
        chance = np.random.default_rng(1)
        images = chance.normal(size=(8, SIZE, SIZE, 3)).astype(np.float32)
        labels = chance.integers(CLASSES, size=(8, 1))
        examples = tf.data.Dataset.from_tensor_slices(({model.input_names[0]: images}, labels))
        mine = examples.shard(context.num_input_pipelines, context.input_pipeline_id)
        return mine.repeat().batch(2)

    config = tf_estimator.RunConfig(
        str(folder / task), save_checkpoints_steps=100, train_distribute=strategy
    )
    # Batch normalization's averages are not saved by object in a replica: see docs/distribution.md.
    made = tf.keras.estimator.model_to_estimator(model, config=config, checkpoint_format="saver")
    tf_estimator.train_and_evaluate(
        made,
        tf_estimator.TrainSpec(
            input_fn, max_steps=STEPS, hooks=[Weights(folder / f"{task}.weights")]
        ),
        tf_estimator.EvalSpec(input_fn, steps=1),
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], from_json(sys.argv[3]))
