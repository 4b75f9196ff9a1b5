"""The requests and answers that docs/pushing.md shows: built, parsed, sent and compared."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import pathlib
import re
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tf_examples import make_example
from tfx.types.artifact import Artifact

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "pushing.md"
X = (1.0, 2.0)


def blocks(language: str) -> list[str]:
    """What the page shows under "Asking a server" in a language."""
    section = PAGE.read_text().partition("\n## Asking a server\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


@pytest.fixture(scope="module")
def examples() -> list[bytes]:
    return [make_example(x=float(x)) for x in X]


def test_the_rest_request_and_its_answer(examples: list[bytes], model: Artifact) -> None:
    request, answer = map(json.loads, blocks("json"))
    sent = [base64.b64decode(one["b64"]) for one in request["inputs"]["examples"]]
    assert sent == examples
    signature = tf.saved_model.load(f"{model.uri}/Format-Serving").signatures[
        request["signature_name"]
    ]
    given = signature(**{name: tf.constant(sent) for name in request["inputs"]})
    assert set(given) == set(answer["outputs"])
    for name, shown in answer["outputs"].items():
        values = given[name].numpy()
        assert np.shape(shown) == values.shape, name
        assert {"f": float, "i": int, "O": str}[values.dtype.kind] is type(shown[0][0]), name
    probabilities = np.array(answer["outputs"]["probabilities"])
    logits = np.array(answer["outputs"]["logits"])
    np.testing.assert_allclose(answer["outputs"]["logistic"], 1 / (1 + np.exp(-logits)), atol=1e-7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-7)
    assert probabilities.argmax(axis=1).tolist() == [
        row[0] for row in answer["outputs"]["class_ids"]
    ]


def test_the_grpc_request_and_its_answer(examples: list[bytes]) -> None:
    shown_request, shown_answer = blocks("textproto")
    request = text_format.Parse(shown_request, predict_pb2.PredictRequest())
    answer = text_format.Parse(shown_answer, predict_pb2.PredictResponse())
    assert list(tf.make_ndarray(request.inputs["examples"])) == examples
    assert list(answer.outputs) == list(request.output_filter)
    assert answer.model_spec == request.model_spec
    rest = json.loads(blocks("json")[1])["outputs"]["probabilities"]
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probabilities"]), rest, rtol=1e-6)

    asked: list[Any] = []

    class Server(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:
            asked.append(request)
            return answer

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Server(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    (code,) = blocks("python")
    values: dict[str, Any] = {"examples": examples}
    try:
        exec(code.replace("localhost:8500", f"localhost:{port}"), values)
    finally:
        server.stop(None).wait()
    np.testing.assert_allclose(values["probabilities"], rest, rtol=1e-6)
    (got,) = asked
    assert got.model_spec.name == request.model_spec.name
    assert got.model_spec.signature_name == request.model_spec.signature_name
    assert list(tf.make_ndarray(got.inputs["examples"])) == examples
