"""What the columns learn, as they ask for it: from our one analysis, or from TF Transform.

Private name: `tensorflow_transform.annotators.track_object`, seen on TF Transform 1.15,
1.16 and 1.21; its public cousin `tft.make_and_track_object` insists on making the
object, and TensorFlow's columns make their own lookup tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import annotators

from tfx_estimators.components.transform.analysis import Analysis, vocabulary_path
from tfx_estimators.components.transform.distinct import too_large
from tfx_estimators.components.transform.summaries import (
    QUANTILES_ERROR,
    Numbers,
    Quantiles,
    Vocabulary,
)
from tfx_estimators.errors import ColumnError
from tfx_estimators.estimator.columns.names import vocabulary_file as _vocabulary_file
from tfx_estimators.json_text import dumps, finite

__all__ = ["FusedAnalyzers", "TransformAnalyzers", "read_facts"]

# The file, among the transform graph's assets, that holds what was learned.
_FACTS_FILE = "feature_column_facts.json"
# A lookup table of so many strings takes some 100 MB in each process of the Beam
# pipeline, of a training and of a server.
MOST_ENTRIES = 1_000_000


class TransformAnalyzers:
    """The `Analyzers` protocol of `estimator.columns`, by TF Transform.

    TF Transform builds the graph several times. Only the last time, when the analysis
    is done, are the results constants; then they are written to a file that becomes an
    asset of the transform graph.

    Args:
        folder: for that file; every process of the Beam pipeline can write there.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._facts: dict[str, dict[str, Any]] = {}
        # Analyses that columns share: TF Transform would run each as often as asked for.
        self._vocabularies: dict[str, Any] = {}
        self._analyses: dict[Any, Any] = {}

    def vocabulary_ids(
        self,
        values: Any,
        feature: str,
        name: str,
        *,
        top_k: int | None,
        frequency_threshold: int | None,
        num_oov_buckets: int,
        default_value: int,
    ) -> Any:
        """See `Analyzers`.

        Raises:
            ColumnError: once it is learned, if it has more than `MOST_ENTRIES` entries
                and no `top_k` allows them.
        """
        if name not in self._vocabularies:
            self._vocabularies[name] = tft.vocabulary(
                values,
                top_k=top_k,
                frequency_threshold=frequency_threshold,
                vocab_filename=_vocabulary_file(name),
            )
            if top_k is None:
                _check_size(self._vocabularies[name], name)
        return tft.apply_vocabulary(
            values,
            self._vocabularies[name],
            default_value=default_value,
            num_oov_buckets=num_oov_buckets,
        )

    def count(self, values: Any, feature: str) -> Any:
        """See `Analyzers`."""
        return self._once("count", values, lambda: tft.size(values))

    def mean_and_variance(self, values: Any, feature: str) -> tuple[Any, Any]:
        """See `Analyzers`."""
        made = self._once("moments", values, lambda: (tft.mean(values), tft.var(values)))
        return made[0], made[1]

    def minimum_and_maximum(self, values: Any, feature: str) -> tuple[Any, Any]:
        """See `Analyzers`."""
        # tft.min computes on what it learned, and then it is no constant to record.
        made = self._once("range", values, lambda: (_negative(tft.max(-values)), tft.max(values)))
        return made[0], made[1]

    def quantiles(self, values: Any, feature: str, num_buckets: int) -> Any:
        """See `Analyzers`."""

        def learn() -> Any:
            boundaries = tft.quantiles(values, num_buckets, QUANTILES_ERROR)
            known = tf.get_static_value(boundaries)
            # A constant has to stay one to be recorded.
            return tf.reshape(boundaries, [-1]) if known is None else tf.constant(known.ravel())

        return self._once(f"{num_buckets} quantiles", values, learn)

    def record(self, name: str, fact: str, value: Any) -> None:
        """See `Analyzers`."""
        self._facts.setdefault(name, {})[fact] = value

    def keep(self, resource: Any) -> None:
        """See `Analyzers`."""
        annotators.track_object(resource, name=None)

    def _once(self, analysis: str, values: Any, learn: Callable[[], Any]) -> Any:
        key = (analysis, values.ref())
        if key not in self._analyses:
            self._analyses[key] = learn()
        return self._analyses[key]

    def save_facts(self) -> None:
        """Writes what was recorded, if it is known yet."""
        values = {
            name: {fact: tf.get_static_value(value) for fact, value in facts.items()}
            for name, facts in self._facts.items()
        }
        known = [value is not None for facts in values.values() for value in facts.values()]
        if not known or not all(known):
            return
        values = {
            name: {fact: np.asarray(value).tolist() for fact, value in facts.items()}
            for name, facts in values.items()
        }
        path = f"{self._folder}/{_FACTS_FILE}"
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(dumps(finite(values), indent=2))
        with tf.init_scope():
            annotators.track_object(tf.saved_model.Asset(path), name=None)


class FusedAnalyzers(TransformAnalyzers):
    """The `Analyzers` protocol by an `Analysis`; by TF Transform what that has no features for.

    As long as an answer is not known, something of its dtype and shape stands for it.

    Args:
        analysis: the questions and answers.
        folder: as `TransformAnalyzers` has it.
    """

    def __init__(self, analysis: Analysis, folder: str) -> None:
        super().__init__(folder)
        self._analysis = analysis

    def vocabulary_ids(
        self,
        values: Any,
        feature: str,
        name: str,
        *,
        top_k: int | None,
        frequency_threshold: int | None,
        num_oov_buckets: int,
        default_value: int,
    ) -> Any:
        """See `Analyzers`.

        Raises:
            ColumnError: once it is known, if it is empty, or if it has more than
                `MOST_ENTRIES` entries and no `top_k` allows them.
        """
        if feature not in self._analysis.features:
            return super().vocabulary_ids(
                values,
                feature,
                name,
                top_k=top_k,
                frequency_threshold=frequency_threshold,
                num_oov_buckets=num_oov_buckets,
                default_value=default_value,
            )
        tft.annotate_asset(_vocabulary_file(name), _vocabulary_file(name))
        question = Vocabulary(feature, name, top_k, frequency_threshold)
        answer = self._analysis.ask(question)
        if answer is None:
            return values.with_values(tf.zeros_like(values.values, tf.int64))
        if not answer["size"]:
            raise _empty(name)
        if top_k is None and answer["size"] > MOST_ENTRIES:
            raise too_large(name, str(answer["size"]), MOST_ENTRIES)
        # An eager tensor: beside a vocabulary that TF Transform learns itself, of a feature that
        # `preprocessing_fn` makes, it takes no plain path.
        with tf.init_scope():
            path = tf.constant(vocabulary_path(self._analysis.folder, question))
        return tft.apply_vocabulary(
            values,
            path,
            default_value=default_value,
            num_oov_buckets=num_oov_buckets,
        )

    def count(self, values: Any, feature: str) -> Any:
        """See `Analyzers`."""
        if feature not in self._analysis.features:
            return super().count(values, feature)
        return tf.constant(self._numbers(feature, "count")[0], tf.int64)

    def mean_and_variance(self, values: Any, feature: str) -> tuple[Any, Any]:
        """See `Analyzers`."""
        if feature not in self._analysis.features:
            return super().mean_and_variance(values, feature)
        mean, variance = self._numbers(feature, "mean", "variance")
        return tf.constant(mean, tf.float32), tf.constant(variance, tf.float32)

    def minimum_and_maximum(self, values: Any, feature: str) -> tuple[Any, Any]:
        """See `Analyzers`."""
        if feature not in self._analysis.features:
            return super().minimum_and_maximum(values, feature)
        minimum, maximum = self._numbers(feature, "minimum", "maximum")
        return tf.constant(minimum, tf.float32), tf.constant(maximum, tf.float32)

    def quantiles(self, values: Any, feature: str, num_buckets: int) -> Any:
        """See `Analyzers`."""
        if feature not in self._analysis.features:
            return super().quantiles(values, feature, num_buckets)
        answer = self._analysis.ask(Quantiles(feature, num_buckets))
        boundaries = [0.0] * (num_buckets - 1) if answer is None else answer["boundaries"]
        return tf.constant(boundaries, tf.float32)

    def _numbers(self, feature: str, *names: str) -> list[Any]:
        answer = self._analysis.ask(Numbers(feature))
        return [0 if answer is None else answer[name] for name in names]


def read_facts(output: Any, vocabularies: list[str]) -> dict[str, dict[str, Any]]:
    """Reads what was learned from a transform graph.

    Args:
        output: its `tft.TFTransformOutput`.
        vocabularies: names of the columns that learned a vocabulary.

    Returns:
        name of the column -> fact -> number or list of numbers.

    Raises:
        ColumnError: if a vocabulary is empty, or a feature had no values.
    """
    path = f"{output.transform_savedmodel_dir}/assets/{_FACTS_FILE}"
    facts: dict[str, dict[str, Any]] = {}
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path) as file:
            facts = json.load(file)
    for name, learned in facts.items():
        # What was no finite number is null, here as a float NaN.
        known = all(np.isfinite(np.array(v, np.float64)).all() for v in learned.values())
        if not known or not learned["count"]:
            raise ColumnError(
                f"column {name!r} learned {learned}",
                expected="finite numbers, from at least one value",
                fix="check the feature's values in the analysed splits: are there any, "
                "and are there NaN or infinity?",
            )
    for name in vocabularies:
        facts[name] = {"vocabulary_size": _vocabulary_size(output, name)}
    return facts


def _vocabulary_size(output: Any, name: str) -> int:
    size = int(output.vocabulary_size_by_name(_vocabulary_file(name)))
    # TF Transform writes one made-up entry into a vocabulary that came out empty.
    if not size or (size == 1 and output.vocabulary_by_name(_vocabulary_file(name))[0] in _MADE_UP):
        raise _empty(name)
    return size


def _empty(name: str) -> ColumnError:
    return ColumnError(
        f"the vocabulary that column {name!r} learned is empty",
        expected="at least one value in the analysed splits",
        fix="lower frequency_threshold, or check the feature's values",
    )


def _check_size(vocabulary: Any, name: str) -> None:
    known = tf.get_static_value(getattr(vocabulary, "asset_path", vocabulary))
    # It is unknown, or of a file with a made-up entry, until the analysis is done.
    if known is None:
        return
    path = np.asarray(known).item()
    if not tf.io.gfile.exists(path):
        return
    with tf.io.gfile.GFile(path, "rb") as file:
        entries = sum(1 for _ in file)
    if entries > MOST_ENTRIES:
        raise too_large(name, str(entries), MOST_ENTRIES)


def _negative(value: Any) -> Any:
    known = tf.get_static_value(value)
    return -value if known is None else tf.constant(-known)


_MADE_UP = (b"49d0cd50-04bb-48c0-bc6f-5b575dce351a", b"-1")
