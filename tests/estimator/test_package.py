"""Loading the estimator package: either set of its files, and modules that use it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from tfx_estimators import estimator
from tfx_estimators.estimator import loading

WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)
ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.stacks

# How tensorflow-estimator 2.15 and tf-estimator-nightly 2.16 write the same things.
SPELLINGS = [
    (r"tf\.compat\.v1\.layers\.", "tf_keras_v1.__internal__.legacy.layers."),
    (r"tf\.compat\.v1\.keras\.", "tf_keras_v1."),
    (r"tf\.compat\.v2\.keras\.", "tf_keras_v2."),
    (r"tf\.keras\.", "tf_keras."),
]
IMPORTS = (
    "from tensorflow_estimator.python.estimator.util import tf_keras, tf_keras_v1, tf_keras_v2\n"
)


def write_as_release(code: str) -> str:
    code = re.sub(r"^from \S+\.util import tf_keras.*\n", "", code, flags=re.MULTILINE)
    for release, nightly in SPELLINGS:
        code = re.sub(rf"(?<![\w.]){re.escape(nightly)}", release.replace("\\", ""), code)
    return code


def write_as_nightly(code: str) -> str:
    code = write_as_release(code)
    for release, nightly in SPELLINGS:
        code = re.sub(rf"(?<![\w.]){release}", nightly, code)
    return code.replace("import tensorflow as tf\n", f"import tensorflow as tf\n{IMPORTS}", 1)


@pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 loads its own")
@pytest.mark.parametrize("write", [write_as_release, write_as_nightly])
def test_both_sets_of_files_train(write: object, tmp_path: pathlib.Path) -> None:
    spec = importlib.util.find_spec("tensorflow_estimator")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(
        pathlib.Path(spec.origin).parent,
        tmp_path / "tensorflow_estimator",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    estimators = tmp_path / "tensorflow_estimator" / "python" / "estimator"
    for file in estimators.rglob("*.py"):
        # `util` is where the nightly gets Keras 2 from; the release's has no Keras at all.
        if file != estimators / "util.py":
            file.write_text(write(file.read_text()))  # type: ignore[operator]
    linear = (estimators / "canned" / "linear.py").read_text()
    assert ("class LinearModel(tf_keras.Model)" in linear) == (write is write_as_nightly)
    program = (
        "import tensorflow as tf\n"
        "from tfx_estimators import estimator\n"
        "read = lambda: tf.data.Dataset.from_tensors(({'x': [[1.0], [2.0]]}, [0, 1])).repeat(3)\n"
        "column = tf.feature_column.numeric_column('x')\n"
        "for api in estimator, estimator.v1:\n"
        "    made = api.DNNClassifier([2], [column], batch_norm=True)\n"
        "    assert made.train(read).evaluate(read)['global_step'] == 3\n"
        "import tensorflow_estimator, tf_keras\n"
        "from tensorflow.python.autograph.impl import conversion\n"
        "from tfx_estimators.estimator.input_fn import make_input_fn\n"
        "for alone in (tf_keras.layers.Layer.__call__, make_input_fn):\n"
        "    assert conversion.is_allowlisted(alone), 'rewritten'\n"
        "print(tensorflow_estimator.__file__)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")]),
        },
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert str(tmp_path) in answer.stdout


USER_MODULE = """
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.layers import Dense
import tensorflow.keras.optimizers as optimizers

def model_fn(features, labels, mode):
    hidden = tf1.layers.dense(features["x"], 2)
    logits = Dense(2)(layers.Dense(2)(hidden))
    loss = tf1.losses.sparse_softmax_cross_entropy(labels, logits)
    optimizer = tf.keras.optimizers.legacy.Adam()
    optimizer.iterations = tf1.train.get_or_create_global_step()
    train_op = optimizer.get_updates(loss, tf1.trainable_variables())[0]
    auc = tf.keras.metrics.AUC()
    auc.update_state(labels, tf.nn.softmax(logits)[:, 1])
    return tf.estimator.EstimatorSpec(
        mode, loss=loss, train_op=train_op, eval_metric_ops={"auc": auc}
    )

def read():
    return tf.data.Dataset.from_tensors(({"x": [[1.0], [2.0]]}, [0, 1])).repeat(3)
"""


def test_a_module_that_makes_estimators_sees_keras_2(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "written_for_keras_2.py").write_text(USER_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    estimator.activate()
    keras = tf.keras
    loading.give_keras_2(folder=str(tmp_path))
    module = importlib.import_module("written_for_keras_2")
    metrics = estimator.Estimator(module.model_fn).train(module.read).evaluate(module.read)
    assert metrics["global_step"] == 3
    assert 0 <= metrics["auc"] <= 1
    assert module.keras.layers.Dense is module.Dense
    if WITHOUT_ESTIMATORS:
        assert tf.keras is keras
        assert module.Dense.__module__.startswith("tf_keras.")
        assert not tf.keras.layers.Dense.__module__.startswith("tf_keras.")
