"""Calling a signature of a SavedModel on serialized tf.Examples.

Models are loaded as a server does it, into a graph and a session of TensorFlow 1, of which
only what the signature needs is run. `tf.saved_model.load` gives the same numbers, but
rebuilds every signature of an estimator's export first, which takes three times as long.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from tfx_estimators.components.gfile import files_for
from tfx_estimators.errors import CorruptRecordError, SavedModelError
from tfx_estimators.terminal import say

__all__ = [
    "EXAMPLES_FOLDER",
    "PREDICT",
    "Output",
    "SignatureCall",
    "examples_path",
    "find_signature",
    "read_saved_model",
    "serving_path",
    "takes_examples",
]

EXAMPLES_FOLDER = "Format-Examples"
"""Beside `Format-Serving`: the same model as one that takes tf.Examples; see `examples_model`."""

PREDICT = "predict"
"""What an estimator calls the signature with all its outputs."""

_DEFAULT = "serving_default"
_STRING = 7  # tensorflow.DataType.DT_STRING
_PARSERS = frozenset(
    {
        "DecodeProtoV2",
        "ParseExample",
        "ParseExampleV2",
        "ParseSequenceExample",
        "ParseSequenceExampleV2",
        "ParseSingleExample",
        "ParseSingleSequenceExample",
    }
)


@dataclasses.dataclass(frozen=True)
class Output:
    """What a signature's output is.

    Attributes:
        operation: type of the operation that makes it, e.g. "Softmax"; "" where the graph
            does not say, as in SavedModels of TensorFlow 2, which call functions.
        width: size of its last dimension; None where that is not known.
    """

    operation: str
    width: int | None


@dataclasses.dataclass(frozen=True)
class SignatureCall:
    """A signature that takes one batch of serialized tf.Examples; loaded on first use.

    It can be pickled at any time, and loads anew in the other process.

    Attributes:
        path: folder of the SavedModel.
        name: the signature's name.
        input_name: its only input, a 1-D string tensor.
        output_names: its outputs, in alphabetical order.
        outputs: what each of them is, in the same order.
    """

    path: str
    name: str
    input_name: str
    output_names: tuple[str, ...]
    outputs: tuple[Output, ...] = ()

    def load(self) -> Any:
        """Loads the model, once a process, and returns its session.

        Raises:
            SavedModelError: if TensorFlow cannot load it.
        """
        with _lock:
            return _load(self.path).session

    def tensors(self) -> tuple[str, dict[str, str]]:
        """Names of the input's tensor, and of each output's, in the session's graph."""
        with _lock:
            return _load(self.path).tensors(self.name, self.input_name)

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

        names = tuple(outputs or self.output_names)
        with _lock:
            call = _load(self.path).caller(self.name, self.input_name, names)
        try:
            return dict(zip(names, call(list(records)), strict=True))
        except tf.errors.InvalidArgumentError as error:
            raise CorruptRecordError(
                f"the model in {self.path} does not accept an example: {_first_line(error)}",
                expected="serialized tf.Examples with the features the model was trained on",
                fix="check the examples against the schema with ExampleValidator",
            ) from error
        except tf.errors.OpError as error:
            raise _unusable(self.path, _first_line(error)) from error


def serving_path(model: Artifact) -> str:
    """Folder of the serving SavedModel in a Model artifact."""
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def find_signature(path: str, name: str) -> SignatureCall:
    """Finds a signature that takes serialized tf.Examples, without loading the model.

    A Keras model's export has no "predict": "serving_default" is taken for it, and standard
    error says so.

    Args:
        path: folder of a SavedModel with the tag "serve".
        name: the wanted signature.

    Raises:
        SavedModelError: if there is no readable SavedModel, no such signature, or it
            takes something other than one string tensor.
    """
    graph = _meta_graph(path)
    signatures = _signatures(graph)
    if name == PREDICT and name not in signatures and _DEFAULT in signatures:
        say(f"{path}: there is no signature {name!r}; using {_DEFAULT!r}")
        name = _DEFAULT
    if name not in signatures:
        raise SavedModelError(
            f"the model in {path} has no signature {name!r}",
            expected=f"one of {', '.join(sorted(signatures)) or '(it has none)'}",
            fix="export the model with that signature, or name another one",
        )
    signature = signatures[name]
    if not _parses(graph, signature):
        raise SavedModelError(
            f"the signature {name!r} of the model in {path} takes raw tensors: "
            f"{', '.join(sorted(signature.inputs))}",
            expected="one string tensor of serialized tf.Examples",
            fix="export with a parsing serving_input_receiver_fn; or keep it, and train with "
            "EstimatorTrainer: by estimator_fn, or with an eval_input_receiver_fn in what "
            "trainer_fn returns",
        )
    names, input_name = tuple(sorted(signature.outputs)), next(iter(signature.inputs))
    return SignatureCall(path, name, input_name, names, _outputs(graph, signature, names))


def takes_examples(path: str) -> bool:
    """Whether any signature of a SavedModel takes serialized tf.Examples.

    Raises:
        SavedModelError: if there is no readable SavedModel.
    """
    graph = _meta_graph(path)
    return any(_parses(graph, signature) for signature in _signatures(graph).values())


def examples_path(model: Artifact) -> str:
    """Folder of the SavedModel in a Model artifact that takes tf.Examples.

    That is the serving model, unless `EstimatorTrainer` has left another beside it, as it
    does where the signatures of the one that is served take raw tensors.
    """
    beside = f"{model.uri}/{EXAMPLES_FOLDER}"
    if files_for(beside).exists(f"{beside}/saved_model.pb"):
        return beside
    return serving_path(model)


_lock = threading.Lock()


class _Loaded:
    """A model in a session of its own."""

    def __init__(self, session: Any, signatures: Mapping[str, Any]) -> None:
        self.session = session
        self._signatures = signatures
        self._callers: dict[tuple[Any, ...], Any] = {}

    def caller(self, name: str, input_name: str, outputs: tuple[str, ...]) -> Any:
        """A function of a batch that returns the outputs in order."""
        key = (name, input_name, outputs)
        if key not in self._callers:
            fed, found = self.tensors(name, input_name)
            self._callers[key] = self.session.make_callable(
                [found[output] for output in outputs], feed_list=[fed]
            )
        return self._callers[key]

    def tensors(self, name: str, input_name: str) -> tuple[str, dict[str, str]]:
        """Names of a signature's input tensor, and of each output's."""
        signature = self._signatures[name]
        found = {output: str(info.name) for output, info in signature.outputs.items()}
        return str(signature.inputs[input_name].name), found


# A step uses a candidate and a baseline; one more pair for what ran before.
@functools.lru_cache(maxsize=4)
def _load(path: str) -> _Loaded:
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    try:
        with session.graph.as_default():
            graph = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], path)
    except Exception as error:
        session.close()
        raise _unusable(path, f"{type(error).__name__}: {error}") from error
    return _Loaded(session, graph.signature_def)


def _parses(graph: Any, signature: Any) -> bool:
    """Whether a signature has one input, and that is parsed: a text may be a string, too."""
    if [info.dtype for info in signature.inputs.values()] != [_STRING]:
        return False
    functions = graph.graph_def.library.function
    nodes = [*graph.graph_def.node, *(node for one in functions for node in one.node_def)]
    return any(node.op in _PARSERS for node in nodes)


def _outputs(graph: Any, signature: Any, names: Sequence[str]) -> tuple[Output, ...]:
    nodes: dict[str, Any] = {node.name: node for node in graph.graph_def.node}
    found = []
    for name in names:
        info = signature.outputs[name]
        node: Any = nodes.get(info.name.partition(":")[0])
        while node is not None and node.op == "Identity":
            node = nodes.get(node.input[0].partition(":")[0])
        sizes = [dim.size for dim in info.tensor_shape.dim]
        calls = node is None or node.op.endswith("PartitionedCall")
        width = sizes[-1] if len(sizes) > 1 and sizes[-1] > 0 else None
        found.append(Output("" if calls else node.op, width))
    return tuple(found)


def read_saved_model(path: str) -> Any:
    """The message `SavedModel` in a model's folder, which is not loaded.

    Raises:
        SavedModelError: if there is none, or it cannot be parsed.
    """
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
    return proto


def _meta_graph(path: str) -> Any:
    import tensorflow as tf

    for graph in read_saved_model(path).meta_graphs:
        if tf.saved_model.SERVING in graph.meta_info_def.tags:
            return graph
    raise _unusable(path, "it has no graph with the tag 'serve'")


def _signatures(graph: Any) -> Mapping[str, Any]:
    hidden = ("__saved_model_init_op", "__saved_model_train_op")
    return {k: s for k, s in graph.signature_def.items() if k not in hidden}


def _first_line(error: Any) -> str:
    """Without the graph's own trace, which TensorFlow adds in a session."""
    return str(error.message).partition("\n")[0]


def _unusable(path: str, why: str) -> SavedModelError:
    return SavedModelError(
        f"the SavedModel in {path} cannot be used: {why}",
        expected="a complete SavedModel with the tag 'serve'",
        fix=f"inspect it: saved_model_cli show --all --dir {path}",
    )
