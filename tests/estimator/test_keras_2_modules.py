"""Which modules see Keras 2 as `tf.keras`: whoever imports them first, and no others."""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tensorflow as tf

from tfx_estimators import errors, estimator
from tfx_estimators.components.user_module import UserModule

WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)
ROOT = pathlib.Path(__file__).parents[2]

# Settled before TensorFlow Transform is imported, which has TensorFlow take Keras 2 for what
# is not settled then.
OF_THE_PROCESS = tf.keras.layers.Layer

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(not WITHOUT_ESTIMATORS, reason="TensorFlow 2.15 has Keras 2 only"),
]

LIBRARY = {
    # The package itself does not import TensorFlow.
    "layers_of_2019/__init__.py": "from .scaling import Scale\nfrom . import lazily\n",
    "layers_of_2019/scaling.py": (
        "import tensorflow as tf\n"
        "import tensorflow.compat.v2 as tf2\n"
        "class Scale(tf.keras.layers.Layer):\n"
        "    pass\n"
        "Nested = tf2.compat.v1.keras.layers.Layer\n"
    ),
    "layers_of_2019/lazily.py": (
        "def layer():\n    import tensorflow as tf\n    return tf.keras.layers.Layer\n"
    ),
    "in_between.py": "import layers_of_2019\n",
}
MODEL = (
    "import importlib\n"
    "import tensorflow as tf\n"
    "import in_between\n"
    "from layers_of_2019 import Scale, lazily\n"
    "import keras_tuner, tensorflow_transform\n"
    "by_name = importlib.import_module('another_layer')\n"
    "def late():\n"
    "    from one_more_layer import Layer\n"
    "    return Layer\n"
    "def trainer_fn(fn_args, schema):\n"
    "    return tf.estimator.LinearClassifier\n"
)
LAYER = "import tensorflow as tf\nLayer = tf.keras.layers.Layer\n"


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A module, one for Keras 3 beside it, and a library in another folder."""
    files = {
        **{f"site/{name}": text for name, text in LIBRARY.items()},
        "site/another_layer.py": LAYER,
        "site/one_more_layer.py": LAYER,
        "project/model_of_2019.py": MODEL,
        "project/model_of_today.py": LAYER,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(tmp_path / "project"))
    before = set(sys.modules)
    yield tmp_path / "project"
    for name in set(sys.modules) - before:
        if not name.startswith(("tensorflow", "keras", "tf_keras")):
            del sys.modules[name]


def keras_of(layer: Any) -> str:
    return next(c.__module__ for c in layer.__mro__ if "keras" in c.__module__).partition(".")[0]


def nobody() -> None:
    return None


def somebody_else() -> Any:
    """What a module beside the pipeline's file may import, before any component runs."""
    modules = [importlib.import_module(n) for n in ("in_between", "another_layer")]
    return modules[0].layers_of_2019.Scale


def everything_first() -> Any:
    kept = somebody_else()
    importlib.import_module("model_of_2019")
    return kept


@pytest.mark.parametrize("first", [nobody, somebody_else, everything_first])
def test_what_the_module_imports_sees_keras_2(
    first: Callable[[], Any], project: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before_us:
        finders = [finder for finder in sys.meta_path if "tfx_estimators" not in str(finder)]
        before_us.setattr(sys, "meta_path", finders)
        kept = first()
    module = UserModule.find(str(project / "model_of_2019.py"), None).load()
    assert keras_of(module.tf.keras.layers.Layer) == "tf_keras"
    assert keras_of(module.Scale) == "tf_keras"
    assert keras_of(module.in_between.layers_of_2019.scaling.Nested) == "tf_keras"
    assert keras_of(module.lazily.layer()) == "tf_keras"
    assert keras_of(module.late()) == "tf_keras"
    assert sys.modules["layers_of_2019"].Scale is module.Scale
    if first is nobody:
        assert keras_of(module.by_name.Layer) == "tf_keras"
    else:
        assert kept is not module.Scale
        assert keras_of(kept) == "keras"


def test_the_stack_and_a_module_beside_it_keep_theirs(project: pathlib.Path) -> None:
    module = UserModule.find(str(project / "model_of_2019.py"), None).load()
    assert keras_of(importlib.import_module("model_of_today").Layer) == "keras"
    assert tf.keras.layers.Layer is OF_THE_PROCESS
    for kept in (module.keras_tuner, module.tensorflow_transform):
        assert vars(kept)["__builtins__"] is vars(tf)["__builtins__"]


def test_a_module_with_estimators_sees_keras_2_whoever_imports_it(project: pathlib.Path) -> None:
    """As stock Transform does, in the step's process or in one of Beam's workers."""
    estimator.activate()
    module = importlib.import_module("model_of_2019")
    assert keras_of(module.Scale) == "tf_keras"
    assert UserModule.find(str(project / "model_of_2019.py"), None).load() is module


def test_a_module_that_defines_flags_is_loaded_after_others_imported_it(
    project: pathlib.Path,
) -> None:
    text = "from absl import flags\nflags.DEFINE_integer('steps_of_2019', 3, 'Steps.')\n"
    (project / "flagged_2019.py").write_text(text)
    first = importlib.import_module("flagged_2019")
    module = UserModule.find(str(project / "flagged_2019.py"), None).load()
    assert module is not first
    assert module.flags.FLAGS["steps_of_2019"].default == 3


def test_keras_3_variables_are_refused_in_a_model_fn() -> None:
    estimator.activate()

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        logits = tf.keras.layers.Dense(1, name="last")(features["x"])
        raise AssertionError(logits)

    def read() -> Any:
        return tf.data.Dataset.from_tensors(({"x": [[1.0]]}, [[1.0]]))

    with pytest.raises(errors.EstimatorTypeError) as raised:
        tf.estimator.Estimator(model_fn).train(read)
    assert "of Dense in a model_fn" in str(raised.value)
    assert "activate(keras=2)" in str(raised.value)


SCRIPT = """
from tfx_estimators import estimator
estimator.activate({keras})
import tensorflow as tf
from tensorflow.keras import layers
assert layers.Layer is tf.keras.layers.Layer
import layers_of_2019

def model_fn(features, labels, mode):
    logits = tf.keras.layers.Dense(1)(features["x"])
    loss = tf.reduce_mean((logits - labels) ** 2)
    optimizer = tf.keras.optimizers.legacy.SGD(0.1)
    optimizer.iterations = tf.compat.v1.train.get_or_create_global_step()
    train_op = optimizer.get_updates(loss, tf.compat.v1.trainable_variables())[0]
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

read = lambda: tf.data.Dataset.from_tensors(({{"x": [[1.0]]}}, [[1.0]])).repeat(3)
made = tf.estimator.Estimator(model_fn)
assert made.train(read).evaluate(read)["global_step"] == 3
estimator.activate(keras=2)
print(layers_of_2019.Scale.__mro__[1].__module__)
"""


def run(program: str, folder: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "src"), str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path, **environment},
        check=False,
    )


@pytest.mark.parametrize(("keras", "switch"), [("keras=2", "0"), ("", "1")])
def test_a_script_gets_keras_2_when_it_says_so(
    keras: str, switch: str, project: pathlib.Path
) -> None:
    answer = run(SCRIPT.format(keras=keras), project.parent / "site", TF_USE_LEGACY_KERAS=switch)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert answer.stdout.strip().startswith("tf_keras.")


def test_keras_2_cannot_be_had_once_tensorflow_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    with pytest.raises(errors.UnsupportedOptionError, match="before the first import"):
        estimator.activate(keras=2)
