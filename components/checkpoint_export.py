"""A checkpoint as a SavedModel, made from the export of another one of the same training.

All checkpoints of a training belong to one graph, so the export of one of them lacks only
the others' variables. Neither the user's module nor the data is needed.
"""

from __future__ import annotations

import uuid

from tfx_estimators.components.model_digest import PUSH_RECORD
from tfx_estimators.components.tree import walk_files
from tfx_estimators.errors import SavedModelError, UnsupportedOptionError

__all__ = ["export_checkpoint"]

_VARIABLES = "variables/variables"
# Says which variables were exported, and these are others.
_LEFT_OUT = ("fingerprint.pb", PUSH_RECORD)


def export_checkpoint(saved_model: str, checkpoint: str, folder: str) -> None:
    """Writes a SavedModel that has a checkpoint's variables; seen as a whole or not at all.

    Args:
        saved_model: folder of an export of the same training.
        checkpoint: the checkpoint's prefix.
        folder: where to; it does not exist yet.

    Raises:
        UnsupportedOptionError: if the folder exists, or cannot be made.
        SavedModelError: if the checkpoint has not all of the export's variables.
    """
    import tensorflow as tf

    folder = folder.rstrip("/")
    if tf.io.gfile.exists(folder):
        raise UnsupportedOptionError(
            f"{folder} already exists",
            expected="a folder that does not exist yet",
            fix="pass another folder",
        )
    shapes = tf.train.load_checkpoint(f"{saved_model}/{_VARIABLES}").get_variable_to_shape_map()
    values = tf.train.load_checkpoint(checkpoint)
    known = values.get_variable_to_shape_map()
    if wrong := sorted(name for name, shape in shapes.items() if known.get(name) != shape):
        raise SavedModelError(
            f"the checkpoint {checkpoint} lacks {', '.join(wrong[:5])}, or their shapes differ "
            f"from those in the SavedModel in {saved_model}",
            expected="a checkpoint of the training that the SavedModel was exported from",
            fix="restore the checkpoint without --saved-model, and export it with the module",
        )
    staged = f"{folder}.{uuid.uuid4().hex}.tmp"
    try:
        tf.io.gfile.makedirs(staged)
    except tf.errors.OpError as error:
        raise UnsupportedOptionError(
            f"{folder} cannot be made: {error.message}",
            expected="a place where a folder can be created",
            fix="pass another folder",
        ) from error
    for name in walk_files(saved_model):
        if not name.startswith("variables/") and name not in _LEFT_OUT:
            target = f"{staged}/{name}"
            tf.io.gfile.makedirs(target.rpartition("/")[0])
            tf.io.gfile.copy(f"{saved_model}/{name}", target)
    tf.io.gfile.makedirs(f"{staged}/variables")
    tf.raw_ops.SaveV2(
        prefix=f"{staged}/{_VARIABLES}",
        tensor_names=sorted(shapes),
        shape_and_slices=[""] * len(shapes),
        tensors=[tf.constant(values.get_tensor(name)) for name in sorted(shapes)],
    )
    tf.io.gfile.rename(staged, folder)
