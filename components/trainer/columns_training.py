"""The contract `feature_columns` + `estimator_fn`, in an order that reads downwards."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from tfx_estimators import estimator as tf_estimator
from tfx_estimators.components.trainer.export import export_for_serving
from tfx_estimators.components.trainer.job import TrainingJob
from tfx_estimators.components.trainer.resumption import going_on
from tfx_estimators.components.trainer.role import Part, Role
from tfx_estimators.components.trainer.row_record import write_rows
from tfx_estimators.components.trainer.settings import Settings, merge_params
from tfx_estimators.components.trainer.training import (
    check_estimator,
    explained_data_errors,
    train_and_evaluate,
)
from tfx_estimators.components.trainer.warm_start import warm_started
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
from tfx_estimators.estimator.input_fn import Batches, make_input_fn
from tfx_estimators.estimator.serving import make_serving_input_receiver_fn

__all__ = ["train"]


def train(module: Any, job: TrainingJob, role: Role) -> None:
    """Trains the module's estimator and exports it.

    Args:
        module: the user's module, loaded.
        job: what the step was given.
        role: what this process does of it.

    Raises:
        EmptySplitError, CorruptRecordError, LabelError, FeatureNotFoundError,
        FeatureDtypeError: about the data.
        ColumnError: if the module's columns are not those the transform saw.
        EstimatorTypeError: if a function of the module returns something unusable.
        NanLossError, TrainingError: if training fails.
    """
    assert job.transform_graph is not None, "checked before"
    assert job.columns_file is not None, "checked before"
    params = merge_params(job.custom_config, job.hyperparameters)
    settings = Settings.from_params(params)
    # Before TensorFlow does anything else in this process.
    strategy = _strategy(job, role)
    train_files, eval_files = job.train_files(), job.eval_files()
    facts = read_columns(job.columns_file)
    plan, learned = load_plan(module.feature_columns, job.columns_file)
    columns = plan.model_columns(learned)
    transform_output = tft.TFTransformOutput(job.transform_graph)
    data = _TransformedData.find(transform_output, columns, facts, job)
    rows = rows_of(
        plan,
        columns,
        learned,
        lambda name: transform_output.vocabulary_file_by_name(vocabulary_file(name)),
    )

    config = _run_config(job, settings, strategy)
    estimator = module.estimator_fn(columns, config, params)
    _check(estimator, job.model_run_dir)
    if job.base_model is not None:
        estimator = warm_started(estimator, job.base_model, rows)
    input_fn = getattr(module, "input_fn", None)
    done = job.training.start.step
    if job.distribution is not None:
        done = job.distribution.batches_by(done)
    train_batches = Batches(
        settings.batch_size,
        repeat=job.train_steps is not None,
        shuffle=True,
        seed=settings.seed,
        sharding=getattr(job.distribution, "sharding", "disjoint"),
    )
    with explained_data_errors([*train_files, *eval_files], data.label_key):
        train_and_evaluate(
            estimator,
            tf_estimator.TrainSpec(
                data.input_fn(train_files, train_batches, input_fn, done),
                max_steps=job.train_steps,
            ),
            tf_estimator.EvalSpec(
                data.input_fn(eval_files, Batches(settings.batch_size), input_fn),
                steps=job.eval_steps,
            ),
            job.training,
            settings.batch_size,
            role,
            job.distribution,
        )
    if role.part is Part.MEMBER:
        return  # Exporting is for the process that comes after all members.
    receiver_fn = getattr(module, "serving_input_receiver_fn", None)
    export_for_serving(estimator, data.serving_input_receiver_fn(receiver_fn), job.serving_dir)
    write_rows(job.serving_dir, rows)


@dataclasses.dataclass(frozen=True)
class _TransformedData:
    """What the estimator reads of the transformed examples."""

    transform_output: Any
    feature_spec: Mapping[str, Any]
    label_key: str
    raw_inputs: tuple[str, ...]

    @classmethod
    def find(
        cls, transform_output: Any, columns: Any, facts: Mapping[str, Any], job: TrainingJob
    ) -> _TransformedData:
        spec = transform_output.transformed_feature_spec()
        label_key = job.label_key or facts.get("label_key")
        if not label_key or label_key not in spec:
            raise LabelError(
                f"the label {label_key!r} is not among the transformed features",
                expected=f"one of {', '.join(sorted(spec))}",
                fix="pass label_key to the FeatureColumnTransform, or make it in preprocessing_fn",
            )
        wanted = tf.feature_column.make_parse_example_spec(list(_leaves(columns)))
        missing = sorted(set(wanted) - set(spec))
        if missing:
            raise FeatureNotFoundError(
                f"columns read {', '.join(missing)}, which the transform does not make",
                expected=f"some of {', '.join(sorted(spec))}",
                fix="run the FeatureColumnTransform again over this module",
            )
        features = {name: spec[name] for name in [*sorted(wanted), label_key]}
        return cls(transform_output, features, label_key, tuple(facts["inputs"]))

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

    def serving_input_receiver_fn(self, override: Callable[..., Any] | None) -> Callable[[], Any]:
        if override is not None:
            return lambda: override(self.transform_output)
        raw = self.transform_output.raw_feature_spec()
        return make_serving_input_receiver_fn(
            {name: raw[name] for name in self.raw_inputs},
            self.transform_output.transform_raw_features,
            set(self.feature_spec) - {self.label_key},
        )


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


def _strategy(job: TrainingJob, role: Role) -> Any:
    """What distributes the training in this process; None where nothing does."""
    if job.distribution is None or role.part is Part.FINISH:
        return None
    return make_strategy(job.distribution, say=_say)


def _say(line: str) -> None:
    print(f"EstimatorTrainer: {line}", file=sys.stderr, flush=True)


def _run_config(job: TrainingJob, settings: Settings, strategy: Any) -> Any:
    arguments = dict(settings.run_config)
    if strategy is not None:
        arguments["train_distribute"] = strategy
    if job.training.retention is not None:
        arguments["keep_checkpoint_max"] = 0  # The policies remove checkpoints, not TensorFlow.
    try:
        return tf_estimator.RunConfig(
            model_dir=job.model_run_dir, tf_random_seed=settings.seed, **arguments
        )
    except (TypeError, ValueError) as error:
        raise UnsupportedOptionError(
            f"custom_config['run_config'] is {dict(settings.run_config)!r}: {error}",
            expected="arguments of RunConfig",
            fix="correct or remove the one that is named",
        ) from error


def _check(estimator: Any, model_run_dir: str) -> None:
    check_estimator(estimator, function="estimator_fn", expected="a tf.estimator.Estimator")
    if estimator.model_dir != model_run_dir:
        raise EstimatorTypeError(
            f"estimator_fn returned an estimator whose model_dir is {estimator.model_dir}",
            expected=f"{model_run_dir}, which the argument `config` holds",
            fix="pass config=config to the estimator, and no model_dir",
        )
