"""A model that takes serialized tf.Examples, beside a served one that takes raw tensors.

A serving receiver for JSON clients takes the features themselves. Evaluating, predicting and
trying a model need one that takes examples: the trainer exports it a second time, with the
same variables, next to the serving model, which stays as the user's module wrote it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_estimators.components.saved_model import EXAMPLES_FOLDER, takes_examples
from tfx_estimators.errors import SavedModelError

__all__ = ["adopt_examples_model", "export_examples_model", "export_parsing"]

_VARIABLES = "variables/variables"


def export_examples_model(
    estimator: Any,
    receiver_fn: Callable[[], Any],
    serving_dir: str,
    checkpoint: str | None = None,
) -> None:
    """Exports the model beside `serving_dir`, if that one takes no examples.

    Args:
        estimator: the Estimator.
        receiver_fn: a serving_input_receiver_fn, or an eval_input_receiver_fn, that takes
            serialized tf.Examples.
        serving_dir: the SavedModel that is served.
        checkpoint: of the training; the latest where not given.

    Raises:
        SavedModelError: if the two do not have the same variables.
    """
    if takes_examples(serving_dir):
        return
    staging = f"{serving_dir}.examples"
    _publish(export_parsing(estimator, receiver_fn, staging, checkpoint), serving_dir)
    fileio.rmtree(staging)


def adopt_examples_model(folders: list[str], serving_dir: str) -> None:
    """Takes what `export_parsing` left under a folder, if `serving_dir` takes no examples.

    Args:
        folders: where to look, at any depth.
        serving_dir: the SavedModel that is served.

    Raises:
        SavedModelError: if the two do not have the same variables.
    """
    if not takes_examples(serving_dir) and (found := sorted(_left_under(folders))):
        _publish(found[-1], serving_dir)


def export_parsing(
    estimator: Any, receiver_fn: Callable[[], Any], base: str, checkpoint: str | None = None
) -> str:
    """Exports a model with what a receiver takes and makes of it; returns its folder."""
    from tfx_estimators import estimator as tf_estimator

    def serving_receiver_fn() -> Any:
        receiver = receiver_fn()
        # TFMA's own EvalInputReceiver, on TFX 1.15, also lists what is made of its input.
        fed = {
            name: tensor
            for name, tensor in receiver.receiver_tensors.items()
            if tensor.op.type.startswith("Placeholder")
        }
        return tf_estimator.export.ServingInputReceiver(receiver.features, fed)

    exported = estimator.export_saved_model(base, serving_receiver_fn, checkpoint_path=checkpoint)
    return os.fsdecode(exported)


def _publish(exported: str, serving_dir: str) -> None:
    import tensorflow as tf

    served, own = (
        {(name, tuple(shape)) for name, shape in tf.train.list_variables(f"{d}/{_VARIABLES}")}
        for d in (serving_dir, exported)
    )
    if served != own:
        different = sorted(served ^ own)
        raise SavedModelError(
            f"the model in {serving_dir} takes no tf.Examples, and an export that takes them "
            f"has other variables: {', '.join(name for name, _ in different[:5])}",
            expected="one training for both",
            fix="export the model with a parsing serving_input_receiver_fn",
        )
    target = f"{serving_dir.rpartition('/')[0]}/{EXAMPLES_FOLDER}"
    io_utils.copy_dir(exported, target)
    # An exporter may have chosen another checkpoint than the latest.
    fileio.rmtree(f"{target}/variables")
    io_utils.copy_dir(f"{serving_dir}/variables", f"{target}/variables")


def _left_under(folders: list[str]) -> Iterator[str]:
    import tensorflow as tf

    for folder in folders:
        for inside, _, names in tf.io.gfile.walk(folder):
            if "saved_model.pb" in names and f"/{EXAMPLES_FOLDER}/" in f"{inside}/":
                yield inside
