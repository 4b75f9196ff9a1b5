"""The contract `feature_columns` + `estimator_fn`, in an order that reads downwards."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.examples_model import export_examples_model
from tfx_estimators.components.trainer.announcement import say
from tfx_estimators.components.trainer.contracts.row_record import write_rows
from tfx_estimators.components.trainer.contracts.settings import Settings, merge_params
from tfx_estimators.components.trainer.contracts.warm_start import warm_started
from tfx_estimators.components.trainer.request import TrainingRequest
from tfx_estimators.components.trainer.session.data_errors import explained_data_errors
from tfx_estimators.components.trainer.session.export import export_for_serving
from tfx_estimators.components.trainer.session.loop import check_estimator, train_and_evaluate
from tfx_estimators.components.trainer.session.random_state import seeded
from tfx_estimators.components.trainer.session.resumption import going_on
from tfx_estimators.components.trainer.session.role import Role
from tfx_estimators.errors import (
    EstimatorTypeError,
    FeatureNotFoundError,
    LabelError,
    UnsupportedOptionError,
)
from tfx_estimators.estimator.columns import read_columns
from tfx_estimators.estimator.columns.columns_file import load_plan
from tfx_estimators.estimator.columns.names import vocabulary_file
from tfx_estimators.estimator.columns.rows import rows_of
from tfx_estimators.estimator.distribution.strategies import make_strategy
from tfx_estimators.estimator.graphs import inputs_of
from tfx_estimators.estimator.input_fn import Batches, make_input_fn
from tfx_estimators.estimator.serving import make_serving_input_receiver_fn

__all__ = ["train"]


def train(module: Any, request: TrainingRequest, role: Role) -> None:
    """Trains the module's estimator and exports it.

    Args:
        module: the user's module, loaded.
        request: what the step was given.
        role: what this process does of it.

    Raises:
        EmptySplitError, CorruptRecordError, LabelError, FeatureNotFoundError,
        FeatureDtypeError: about the data.
        ColumnError: if the module's columns are not those the transform saw.
        EstimatorTypeError: if a function of the module returns something unusable.
        NanLossError, TrainingError: if training fails.
    """
    params = merge_params(request.custom_config, request.hyperparameters)
    settings = Settings.from_params(params)
    with seeded(settings.seed):
        _train(module, request, role, params, settings)


def _train(
    module: Any,
    request: TrainingRequest,
    role: Role,
    params: Mapping[str, Any],
    settings: Settings,
) -> None:
    assert request.transform_graph is not None, "checked before"
    assert request.columns_file is not None, "checked before"
    # Before TensorFlow does anything else in this process.
    strategy = _strategy(request, role)
    train_files, eval_files = request.train_files(), request.eval_files()
    facts = read_columns(request.columns_file)
    plan, learned = load_plan(module.feature_columns, request.columns_file)
    columns = plan.model_columns(learned)
    transform_output = tft.TFTransformOutput(request.transform_graph)
    data = _TransformedData.find(transform_output, columns, facts, request)
    rows = rows_of(
        plan,
        columns,
        learned,
        lambda name: transform_output.vocabulary_file_by_name(vocabulary_file(name)),
    )

    config = _run_config(request, settings, strategy)
    estimator = module.estimator_fn(columns, config, params)
    _check(estimator, request.model_run_dir)
    if request.base_model is not None:
        estimator = warm_started(estimator, request.base_model, rows)
    input_fn = getattr(module, "input_fn", None)
    done = request.training.start.own_steps
    if request.distribution is not None:
        done = request.distribution.batches_by(done)
    train_batches = Batches(
        settings.batch_size,
        repeat=request.train_steps is not None,
        shuffle=True,
        seed=settings.seed,
        sharding=getattr(request.distribution, "sharding", "disjoint"),
    )
    with explained_data_errors([*train_files, *eval_files], data.label_key), data.explained():
        train_and_evaluate(
            estimator,
            tf_estimator.TrainSpec(
                data.input_fn(train_files, train_batches, input_fn, done),
                max_steps=request.train_steps,
            ),
            tf_estimator.EvalSpec(
                data.input_fn(eval_files, Batches(settings.batch_size), input_fn),
                steps=request.eval_steps,
            ),
            request.training,
            settings.batch_size,
            role,
            request.distribution,
        )
    if role.exports:
        _export(module, request, data, estimator)
        write_rows(request.serving_dir, rows)


def _export(module: Any, request: TrainingRequest, data: _TransformedData, estimator: Any) -> None:
    receiver_fn = getattr(module, "serving_input_receiver_fn", None)
    own_receiver_fn = data.serving_input_receiver_fn(estimator)
    if receiver_fn is None:
        export_for_serving(estimator, own_receiver_fn, request.serving_dir)
    else:
        receiver_fn = functools.partial(receiver_fn, data.transform_output)
        export_for_serving(estimator, receiver_fn, request.serving_dir)
        export_examples_model(estimator, own_receiver_fn, request.serving_dir)


@dataclasses.dataclass(frozen=True)
class _TransformedData:
    """What the estimator reads of the transformed examples.

    Attributes:
        transform_output: the transform graph.
        feature_spec: how to parse them, the label included.
        label_key: the label.
        raw_inputs: raw features behind the columns.
        made: other features, of `preprocessing_fn` -> the raw features behind each.
        weights: features that only training and evaluation need.
    """

    transform_output: Any
    feature_spec: Mapping[str, Any]
    label_key: str
    raw_inputs: tuple[str, ...]
    made: Mapping[str, Sequence[str]]
    weights: tuple[str, ...]

    @classmethod
    def find(
        cls, transform_output: Any, columns: Any, facts: Mapping[str, Any], request: TrainingRequest
    ) -> _TransformedData:
        spec = transform_output.transformed_feature_spec()
        label_key = request.label_key or facts.get("label_key")
        if not label_key or label_key not in spec:
            raise LabelError(
                f"the label {label_key!r} is not among the transformed features",
                expected=f"one of {', '.join(sorted(spec))}",
                fix="pass label_key to the FeatureColumnTransform, or make it in preprocessing_fn",
            )
        wanted = set(tf.feature_column.make_parse_example_spec(list(_leaves(columns))))
        missing = sorted(wanted - set(spec))
        if missing:
            raise FeatureNotFoundError(
                f"columns read {', '.join(missing)}, which the transform does not make",
                expected=f"some of {', '.join(sorted(spec))}",
                fix="run the FeatureColumnTransform again over this module",
            )
        wanted.discard(label_key)
        made = {n: i for n, i in facts.get("made", {}).items() if n not in {*wanted, label_key}}
        weights = tuple(n for n in facts.get("weights", ()) if n not in {*wanted, *made, label_key})
        features = {name: spec[name] for name in [*sorted({*wanted, *made, *weights}), label_key]}
        return cls(transform_output, features, label_key, tuple(facts["inputs"]), made, weights)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what TensorFlow says of features and labels that do not fit into our errors.

        Raises:
            FeatureNotFoundError: if the estimator reads a feature that is not there.
            LabelError: if it cannot take the label.
        """
        try:
            yield
        except (KeyError, TypeError, ValueError, tf.errors.UnimplementedError) as error:
            _explain_missing(error, self.feature_spec, self.transform_output.raw_feature_spec())
            _explain_label(error, self.label_key, self.feature_spec[self.label_key])
            raise

    def input_fn(
        self,
        files: list[str],
        batches: Batches,
        override: Callable[..., Any] | None,
        batches_done: int = 0,
    ) -> Callable[[], Any]:
        if override is None:
            return make_input_fn(files, self.feature_spec, self.label_key, batches, batches_done)
        return going_on(
            lambda: override(files, dict(self.feature_spec), self.label_key, batches), batches_done
        )

    def serving_input_receiver_fn(self, estimator: Any) -> Callable[[], Any]:
        """From raw examples with what the estimator's predictions are made of, no more."""
        features = set(self.feature_spec) - {self.label_key, *self.made, *self.weights}
        inputs = set(self.raw_inputs)
        for name in self._predicted_from(estimator, features):
            features.add(name)
            inputs.update(self.made.get(name, [name]))
        raw = self.transform_output.raw_feature_spec()
        return make_serving_input_receiver_fn(
            {name: raw[name] for name in sorted(inputs)},
            self.transform_output.transform_raw_features,
            features,
        )

    def _predicted_from(self, estimator: Any, always: Collection[str]) -> list[str]:
        """Which of the other features the estimator's predictions depend on."""
        others = {*self.made, *self.weights}
        if not others:
            return []
        depends = self._predict(estimator, {*always, *others})
        needed = [name for name in depends if name in others]
        try:
            self._predict(estimator, {*always, *needed})
        except KeyError:
            # The model_fn looks at one that it has no use for here.
            return sorted(others)
        return needed

    def _predict(self, estimator: Any, names: Collection[str]) -> list[str]:
        """Builds the graph of predictions; returns the features that they depend on."""
        with tf.Graph().as_default():
            tf.compat.v1.train.get_or_create_global_step()
            records = tf.compat.v1.placeholder(tf.string, [None])
            features = tf.io.parse_example(records, {n: self.feature_spec[n] for n in names})
            spec = estimator.model_fn(
                features, None, tf_estimator.ModeKeys.PREDICT, estimator.config
            )
            return inputs_of(spec.predictions, features)


def _explain_missing(error: Exception, spec: Mapping[str, Any], raw: Collection[str]) -> None:
    said = re.search(r"Feature (.+) is not in features dictionary", str(error))
    key = said[1] if said else (error.args or [None])[0] if isinstance(error, KeyError) else None
    if isinstance(key, str) and key not in spec and (said or key in raw):
        raise FeatureNotFoundError(
            f"the estimator reads the feature {key!r}, which is not among those that the "
            "transform made",
            expected=f"one of {', '.join(sorted(spec))}",
            fix=f"return {key!r} from preprocessing_fn, or write weight_column={key!r} in the "
            "module if it is the weight, and run the FeatureColumnTransform again",
        ) from error


def _explain_label(error: Exception, label_key: str, spec: Any) -> None:
    text = str(error).splitlines()[0] if str(error) else ""
    # Without TensorFlow's hundred lines of trace: the cause is known.
    if spec.dtype == tf.string and re.search(
        r"Cast string to|dtype should be integer|type string|dtype: 'string'", str(error)
    ):
        raise LabelError(
            f"the label {label_key!r} is a string, which the estimator does not take: {text}",
            expected="class ids from 0 to n_classes - 1, or a label_vocabulary",
            fix="pass label_vocabulary=[...] to the estimator, or make the label a number in "
            "preprocessing_fn",
        ) from None
    if isinstance(spec, tf.io.VarLenFeature) and "SparseTensor" in str(error):
        raise LabelError(
            f"the label {label_key!r} has no fixed number of values in each example, which "
            f"the estimator does not accept: {text}",
            expected="a shape or a value_count of the label in the schema",
            fix="infer the schema with SchemaGen(infer_feature_shape=True), or make the label in "
            "preprocessing_fn",
        ) from None
    if "ismatched label shape" in str(error):
        raise LabelError(
            f"the label {label_key!r} does not have the number of values that the estimator's head "
            f"takes: {text}",
            expected="label_dimension values for a regression, or one for a classification",
            fix="set label_dimension or n_classes in estimator_fn, or make the label in "
            "preprocessing_fn",
        ) from None


def _leaves(columns: Any) -> Iterator[Any]:
    if isinstance(columns, Mapping):
        for value in columns.values():
            yield from _leaves(value)
    elif isinstance(columns, list) or (
        # Feature columns are named tuples themselves.
        isinstance(columns, tuple) and not hasattr(columns, "_fields")
    ):
        for value in columns:
            yield from _leaves(value)
    else:
        yield columns


def _strategy(request: TrainingRequest, role: Role) -> Any:
    """What distributes the training in this process; None where nothing does."""
    if request.distribution is None or not role.trains:
        return None
    return make_strategy(request.distribution, say=say)


def _run_config(request: TrainingRequest, settings: Settings, strategy: Any) -> Any:
    arguments = dict(settings.run_config)
    if strategy is not None:
        arguments["train_distribute"] = strategy
    if request.training.retention is not None:
        arguments["keep_checkpoint_max"] = 0  # The policies remove checkpoints, not TensorFlow.
    try:
        return tf_estimator.RunConfig(
            model_dir=request.model_run_dir, tf_random_seed=settings.seed, **arguments
        )
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"custom_config['run_config'] is {dict(settings.run_config)!r}: {error}",
            expected="arguments that RunConfig accepts",
            fix="correct or remove the argument named above",
        ) from error


def _check(estimator: Any, model_run_dir: str) -> None:
    check_estimator(estimator, function="estimator_fn", expected="a tf.estimator.Estimator")
    if estimator.model_dir != model_run_dir:
        raise EstimatorTypeError(
            f"estimator_fn returned an estimator whose model_dir is {estimator.model_dir}",
            expected=f"{model_run_dir}, which the argument `config` holds",
            fix="pass config=config to the estimator, and no model_dir",
        )
