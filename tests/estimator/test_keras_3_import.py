"""TensorFlow is imported without Keras 3, and `tf.keras` is what it is without us."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import tensorflow as tf

pytestmark = [
    pytest.mark.stacks,
    pytest.mark.skipif(
        tuple(map(int, tf.__version__.split(".")[:2])) < (2, 16), reason="it has Keras 2"
    ),
]

AWAIT = """
import os, sys
from tfx_estimators.estimator.activation import activate_with_tensorflow
activate_with_tensorflow()
"""


def run(program: str, **environment: str) -> None:
    told = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**told, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]


def test_libraries_that_ask_for_the_version_do_not_import_it() -> None:
    run(
        AWAIT
        + """
import tensorflow as tf
asked = tf.keras.version()
import tensorflow_transform, tensorflow_model_analysis
from tensorflow_transform import keras_lib
assert keras_lib.tf_keras.__version__.startswith("2.")
assert "keras" not in sys.modules
import keras
assert asked == keras.__version__ == tf.keras.version() == tf.keras.__version__
"""
    )


@pytest.mark.parametrize(
    "use",
    [
        "import tensorflow.keras.layers as layers",
        "from tensorflow.keras import layers",
        "import tensorflow as tf; layers = tf.keras.layers",
        "import tensorflow.compat.v2 as tf; layers = tf.keras.layers",
        "import tensorflow as tf; import keras; layers = keras.layers",
    ],
)
def test_keras_3_is_there_for_whoever_uses_it(use: str) -> None:
    run(
        AWAIT
        + f"""
import tensorflow
assert "keras" not in sys.modules
{use}
assert layers.Dense.__module__.startswith("keras.src."), layers.Dense
import keras
assert tensorflow.keras.layers.Dense is keras.layers.Dense is layers.Dense
made = tensorflow.keras.Sequential([layers.Dense(2)])
assert made(tensorflow.ones((3, 4))).shape == (3, 2)
assert tensorflow.optimizers.Adam is keras.optimizers.Adam
"""
    )


def test_the_variable_decides_when_tensorflow_is_imported() -> None:
    see = "\nimport tensorflow as tf\n{}\nassert tf.keras.layers.Dense.__module__.startswith({!r})"
    # TensorFlow Transform sets it, when it is imported.
    later = "os.environ['TF_USE_LEGACY_KERAS'] = '1'"
    run(AWAIT + see.format(later, "keras.src."))
    run(AWAIT + see.format("", "tf_keras.src."), TF_USE_LEGACY_KERAS="1")


def test_a_keras_that_was_imported_before_is_left_alone() -> None:
    run(
        AWAIT
        + """
import keras
import tensorflow as tf
assert tf.keras.version is keras.version and tf.keras.layers.Dense is keras.layers.Dense
"""
    )
