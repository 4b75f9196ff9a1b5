"""`tensorflow_model_analysis.export` for modules written when there was one.

TFMA lost it with EvalSavedModel in 0.47. What modules import of it is put back where it
is missing: receivers are plain records, and exporting one writes that record, because no
TFMA reads an EvalSavedModel any more.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfx_estimators.components.examples_model import export_parsing
from tfx_estimators.components.saved_model import EXAMPLES_FOLDER
from tfx_estimators.components.trainer.checkpoints.eval_receiver import record_eval_receiver

__all__ = ["EvalInputReceiver", "export_eval_savedmodel", "install"]

_PACKAGE = "tensorflow_model_analysis"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalInputReceiver:
    """Features and labels made from serialized examples, for evaluation.

    Attributes:
        features: name -> tensor.
        labels: a tensor or name -> tensor; None for a model without labels.
        receiver_tensors: {"examples": string tensor of shape [batch]}.
        input_refs: which example each row came from.
        iterator_initializer: name of an iterator's initializer.
    """

    features: Any
    labels: Any
    receiver_tensors: Mapping[str, Any]
    input_refs: Any = None
    iterator_initializer: str | None = None

    def __post_init__(self) -> None:
        if list(self.receiver_tensors) != ["examples"]:
            raise ValueError(
                "receiver_tensors must have the one key 'examples', not "
                f"{', '.join(self.receiver_tensors)}"
            )


def build_parsing_eval_input_receiver_fn(
    feature_spec: Mapping[str, Any], label_key: str | None
) -> Callable[[], EvalInputReceiver]:
    """A receiver function that parses features and label from tf.Examples."""

    def eval_input_receiver_fn() -> EvalInputReceiver:
        records = tf.compat.v1.placeholder(tf.string, shape=[None], name="input_example_tensor")
        features = tf.io.parse_example(records, dict(feature_spec))
        labels = None if label_key is None else features[label_key]
        return EvalInputReceiver(
            features=features, labels=labels, receiver_tensors={"examples": records}
        )

    return eval_input_receiver_fn


def export_eval_savedmodel(
    estimator: Any,
    export_dir_base: str,
    eval_input_receiver_fn: Callable[[], Any],
    serving_input_receiver_fn: Callable[[], Any] | None = None,
    assets_extra: Mapping[str, str] | None = None,
    checkpoint_path: str | None = None,
) -> bytes:
    """Records the receiver under `export_dir_base`/<time stamp>.

    Beside the record lies the model with the receiver's input, for when the one that is
    served takes no examples.

    Returns:
        The folder, as bytes, as exports of the Estimator API return it.
    """
    warnings.warn(
        "an EvalSavedModel cannot be evaluated by any supported TFMA and is not written; "
        "EstimatorEvaluator evaluates the SavedModel's predict signature",
        stacklevel=2,
    )
    folder = f"{export_dir_base}/{int(time.time())}"
    record_eval_receiver(eval_input_receiver_fn, folder)
    if hasattr(estimator, "export_saved_model"):
        base = f"{folder}/{EXAMPLES_FOLDER}"
        export_parsing(estimator, eval_input_receiver_fn, base, checkpoint_path)
    return folder.encode()


def install() -> None:
    """Puts `export` into TFMA, if that is installed and lacks it."""
    try:
        import tensorflow_model_analysis as tfma
    except ImportError:
        return  # the module cannot import it either
    if hasattr(tfma, "export"):
        return
    export: Any = types.ModuleType(f"{_PACKAGE}.export", __doc__)
    export.EvalInputReceiver = EvalInputReceiver
    export.build_parsing_eval_input_receiver_fn = build_parsing_eval_input_receiver_fn
    export.export_eval_savedmodel = export_eval_savedmodel
    tfma.export = export
    sys.modules[export.__name__] = export
