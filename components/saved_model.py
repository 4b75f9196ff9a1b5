"""Calling a signature of a SavedModel on serialized tf.Examples.

Estimator exports are TF1 SavedModels and Keras ones TF2's; `tf.saved_model.load`
gives both the same face, on every stack and without any library of the model's own.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from tfx_estimators.errors import CorruptRecordError, SavedModelError

__all__ = ["SignatureCall", "find_signature", "serving_path"]


@dataclasses.dataclass(frozen=True)
class SignatureCall:
    """A signature that takes one batch of serialized tf.Examples; loaded on first use.

    It can be pickled at any time, and loads anew in the other process.

    Attributes:
        path: folder of the SavedModel.
        name: the signature's name.
        input_name: its only input, a 1-D string tensor.
        output_names: its outputs, in alphabetical order.
    """

    path: str
    name: str
    input_name: str
    output_names: tuple[str, ...]

    def load(self) -> Any:
        """Loads the model, once a process, and returns the signature's function.

        Raises:
            SavedModelError: if TensorFlow cannot load it.
        """
        with _lock:
            return _load(self.path).signatures[self.name]

    def __call__(
        self, records: Sequence[bytes], outputs: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Runs the signature.

        Args:
            records: serialized tf.Examples.
            outputs: names of the outputs to return; all of them where not given.

        Returns:
            output name -> `np.ndarray` of shape [len(records), ...].

        Raises:
            CorruptRecordError: if the model cannot parse the records.
            SavedModelError: if it fails otherwise.
        """
        import tensorflow as tf

        function = self.load()
        try:
            results = function(**{self.input_name: tf.constant(list(records), dtype=tf.string)})
        except tf.errors.InvalidArgumentError as error:
            raise CorruptRecordError(
                f"the model in {self.path} does not accept an example: {error.message}",
                expected="serialized tf.Examples with the features the model was trained on",
                fix="check the examples against the schema with ExampleValidator",
            ) from error
        except tf.errors.OpError as error:
            raise _unusable(self.path, error.message) from error
        return {name: results[name].numpy() for name in (outputs or self.output_names)}


def serving_path(model: Artifact) -> str:
    """Folder of the serving SavedModel in a Model artifact."""
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def find_signature(path: str, name: str) -> SignatureCall:
    """Finds a signature that takes serialized tf.Examples, without loading the model.

    Args:
        path: folder of a SavedModel with the tag "serve".
        name: the wanted signature.

    Raises:
        SavedModelError: if there is no readable SavedModel, no such signature, or it
            takes something other than one string tensor.
    """
    signatures = _signatures(path)
    if name not in signatures:
        raise SavedModelError(
            f"the model in {path} has no signature {name!r}",
            expected=f"one of {', '.join(sorted(signatures)) or '(it has none)'}",
            fix="export the model with that signature, or name another one",
        )
    signature = signatures[name]
    inputs = {key: info.dtype for key, info in signature.inputs.items()}
    string = 7  # tensorflow.DataType.DT_STRING
    if list(inputs.values()) != [string]:
        raise SavedModelError(
            f"the signature {name!r} of the model in {path} takes {', '.join(sorted(inputs))}",
            expected="one string tensor of serialized tf.Examples",
            fix="export with a parsing serving_input_receiver_fn, not a raw one",
        )
    return SignatureCall(path, name, next(iter(inputs)), tuple(sorted(signature.outputs)))


_lock = threading.Lock()


# A step uses a candidate and a baseline; one more pair for what ran before.
@functools.lru_cache(maxsize=4)
def _load(path: str) -> Any:
    import tensorflow as tf

    try:
        return tf.saved_model.load(path, tags=[tf.saved_model.SERVING])
    except Exception as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error


def _signatures(path: str) -> Mapping[str, Any]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    try:
        with tf.io.gfile.GFile(f"{path}/saved_model.pb", "rb") as file:
            proto.ParseFromString(file.read())
    except tf.errors.NotFoundError as error:
        raise _unusable(path, "there is no saved_model.pb") from error
    except DecodeError as error:
        raise _unusable(path, "saved_model.pb cannot be parsed") from error
    for graph in proto.meta_graphs:
        if tf.saved_model.SERVING in graph.meta_info_def.tags:
            hidden = ("__saved_model_init_op", "__saved_model_train_op")
            return {k: s for k, s in graph.signature_def.items() if k not in hidden}
    raise _unusable(path, "it has no graph with the tag 'serve'")


def _unusable(path: str, why: str) -> SavedModelError:
    return SavedModelError(
        f"the SavedModel in {path} cannot be used: {why}",
        expected="a complete SavedModel with the tag 'serve'",
        fix=f"inspect it: saved_model_cli show --all --dir {path}",
    )
