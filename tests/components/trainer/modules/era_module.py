"""A module as TFX 1.14's documentation of the Estimator-based Trainer has it.

Only what that era offered is used; nothing in it knows of this package.
"""

import tensorflow as tf
import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
from tensorflow import estimator as tf_estimator
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.trainer.executor import TrainerFnArgs
from tfx.components.trainer.fn_args_utils import DataAccessor
from tfx_bsl.tfxio import dataset_options

LABEL = "y"
BATCH = 32


def transformed_name(key):
    return key + "_xf"


def _dense(values):
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(
            tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1])
        )
    return tf.reshape(values, [-1, 1])


def preprocessing_fn(inputs):
    """TFX Transform's part of the module."""
    return {
        transformed_name("x"): tft.scale_to_z_score(_dense(inputs["x"])),
        transformed_name("color"): tft.compute_and_apply_vocabulary(
            _dense(inputs["color"]), num_oov_buckets=1
        ),
        transformed_name(LABEL): _dense(inputs[LABEL]),
    }


def _raw_feature_spec(schema):
    return schema_utils.schema_as_feature_spec(schema).feature_spec


def _build_estimator(config, hidden_units, warm_start_from):
    x = tf.feature_column.numeric_column(transformed_name("x"))
    color = tf.feature_column.categorical_column_with_identity(
        transformed_name("color"), num_buckets=4, default_value=0
    )
    return tf_estimator.DNNLinearCombinedClassifier(
        config=config,
        linear_feature_columns=[color],
        dnn_feature_columns=[x],
        dnn_hidden_units=hidden_units,
        warm_start_from=warm_start_from,
    )


def _serving_receiver_fn(tf_transform_output, schema):
    raw_feature_spec = _raw_feature_spec(schema)
    raw_feature_spec.pop(LABEL)
    raw_input_fn = tf_estimator.export.build_parsing_serving_input_receiver_fn(
        raw_feature_spec, default_batch_size=None
    )
    receiver = raw_input_fn()
    transformed = tf_transform_output.transform_raw_features(receiver.features)
    return tf_estimator.export.ServingInputReceiver(transformed, receiver.receiver_tensors)


def _eval_receiver_fn(tf_transform_output, schema):
    raw_feature_spec = _raw_feature_spec(schema)
    serialized = tf.compat.v1.placeholder(tf.string, shape=[None], name="input_example_tensor")
    features = tf.io.parse_example(serialized=serialized, features=raw_feature_spec)
    transformed = tf_transform_output.transform_raw_features(features)
    features.update(transformed)
    return tfma.export.EvalInputReceiver(
        features=features,
        receiver_tensors={"examples": serialized},
        labels=transformed[transformed_name(LABEL)],
    )


def _input_fn(file_pattern, data_accessor: DataAccessor, tf_transform_output, batch_size):
    return data_accessor.tf_dataset_factory(
        file_pattern,
        dataset_options.TensorFlowDatasetOptions(
            batch_size=batch_size, label_key=transformed_name(LABEL)
        ),
        tf_transform_output.transformed_metadata.schema,
    )


def trainer_fn(trainer_fn_args: TrainerFnArgs, schema):
    """Returns what TFX's Estimator executor trained and exported."""
    tf_transform_output = tft.TFTransformOutput(trainer_fn_args.transform_output)

    def train_input_fn():
        return _input_fn(
            trainer_fn_args.train_files, trainer_fn_args.data_accessor, tf_transform_output, BATCH
        )

    def eval_input_fn():
        return _input_fn(
            trainer_fn_args.eval_files, trainer_fn_args.data_accessor, tf_transform_output, BATCH
        )

    train_spec = tf_estimator.TrainSpec(train_input_fn, max_steps=trainer_fn_args.train_steps)
    exporter = tf_estimator.FinalExporter(
        "points", lambda: _serving_receiver_fn(tf_transform_output, schema)
    )
    eval_spec = tf_estimator.EvalSpec(
        eval_input_fn, steps=trainer_fn_args.eval_steps, exporters=[exporter], name="points-eval"
    )
    run_config = tf_estimator.RunConfig(save_checkpoints_steps=999, keep_checkpoint_max=1)
    run_config = run_config.replace(model_dir=trainer_fn_args.serving_model_dir)
    return {
        "estimator": _build_estimator(
            run_config, hidden_units=[8, 4], warm_start_from=trainer_fn_args.base_model
        ),
        "train_spec": train_spec,
        "eval_spec": eval_spec,
        "eval_input_receiver_fn": lambda: _eval_receiver_fn(tf_transform_output, schema),
    }
