"""What TensorFlow says about bad records, as errors that name the file, the record or the label."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfx_estimators.components.examples import read_batches
from tfx_estimators.errors import (
    CorruptRecordError,
    FeatureDtypeError,
    FeatureNotFoundError,
    LabelError,
)

__all__ = ["explained_data_errors"]


@contextlib.contextmanager
def explained_data_errors(files: Sequence[str], label_key: str | None) -> Iterator[None]:
    """Turns what TensorFlow says about bad records into errors of ours.

    Args:
        files: the files being read, searched for the bad record.
        label_key: the label, to tell a missing label from another missing feature.

    Raises:
        CorruptRecordError: naming file and record where reading fails.
        FeatureDtypeError: if a feature's values have another type than expected.
        FeatureNotFoundError: if an example lacks a feature.
        LabelError: if it lacks the label, or the label is out of the estimator's range.
    """
    try:
        yield
    except tf.errors.DataLossError as error:
        for _ in read_batches(files):
            pass  # raises with the file's name at the bad record
        raise CorruptRecordError(
            f"a record cannot be read: {error.message}",
            expected="complete TFRecord files",
            fix="write the files again by re-running the step that made them",
        ) from error
    except UnicodeDecodeError as error:
        # TensorFlow quotes the bad record in its message, which then is no text.
        _raise_at_bad_example(files, error)
        raise
    except tf.errors.InvalidArgumentError as error:
        if "Could not parse example" in error.message:
            _raise_at_bad_example(files, error)
        _explain(error, label_key)
        raise


def _raise_at_bad_example(files: Sequence[str], cause: Exception) -> None:
    for file in files:
        records = (record for batch in read_batches([file]) for record in batch)
        for number, record in enumerate(records, start=1):
            try:
                tf.train.Example.FromString(record)
            except DecodeError:
                raise CorruptRecordError(
                    f"{file}: record {number} is not a tf.Example",
                    expected="serialized tf.Example protocol buffers",
                    fix="write the file again by re-running the step that made it",
                ) from cause


def _explain(error: Any, label_key: str | None) -> None:
    text = error.message
    if "Data types don't match" in text:
        raise FeatureDtypeError(
            f"a feature does not have the type that the model expects: {text}",
            expected="the types in the transform graph or the schema",
            fix="run the transform again over these examples",
        ) from error
    if "is required but could not be found" in text:
        missing: type[LabelError] | type[FeatureNotFoundError] = FeatureNotFoundError
        if label_key is not None and f"Feature: {label_key} " in text:
            missing = LabelError
        raise missing(
            f"an example lacks a feature: {text}",
            expected="every example to have every required feature and the label",
            fix="give the feature a default value, or filter such examples out",
        ) from error
    if "Labels must" in text or "labels must" in text or "Label IDs must" in text:
        raise LabelError(
            f"the label {label_key or ''} is of no use to the estimator: {text}",
            expected="class ids from 0 to n_classes - 1, or the estimator's label_vocabulary",
            fix="set n_classes or label_vocabulary in estimator_fn, or make the label in "
            "preprocessing_fn",
        ) from error
