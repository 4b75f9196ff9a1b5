"""Activation: when, where and how often one likes, and nothing else changes."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import types

import pytest
import tensorflow as tf

from tfx_estimators import errors, estimator
from tfx_estimators.estimator import tensorflow_version

WITHOUT_ESTIMATORS = tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)
ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.stacks

only_without_estimators = pytest.mark.skipif(
    not WITHOUT_ESTIMATORS, reason="this TensorFlow has estimators itself"
)


def run(program: str, **environment: str) -> str:
    """Runs a program in a process of its own and gives what it printed last."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path, **environment},
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.strip().rpartition("\n")[2]


TRAIN = """
import tempfile
def train():
    read = lambda: tf.data.Dataset.from_tensors(({"x": [[1.0], [2.0]]}, [0, 1])).repeat(3)
    column = tf.feature_column.numeric_column("x")
    made = tf.estimator.LinearClassifier([column], model_dir=tempfile.mkdtemp())
    return int(made.train(read).evaluate(read)["global_step"])
"""


def test_before_tensorflow_is_imported() -> None:
    program = (
        "from tfx_estimators import estimator\n"
        "estimator.activate()\n"
        "from tensorflow import estimator as tf_estimator\n"
        "import tensorflow as tf\n"
        "import tensorflow.compat.v1 as tf1\n"
        "from tensorflow.keras import estimator as keras_estimator\n"
        f"{TRAIN}\n"
        "assert callable(keras_estimator.model_to_estimator)\n"
        "assert callable(tf.keras.estimator.model_to_estimator)\n"
        "assert tf1.estimator.LinearClassifier is not tf_estimator.LinearClassifier\n"
        "print(train())"
    )
    assert run(program) == "3"


@only_without_estimators
@pytest.mark.parametrize("legacy", ["0", "1"])
def test_after_tensorflow_was_imported_and_used_and_a_failed_try(legacy: str) -> None:
    """Only names are added: everything of TensorFlow and its Keras stays what it was."""
    program = (
        "import tensorflow as tf\n"
        "import tensorflow.compat.v1, tensorflow.compat.v2\n"
        "try:\n"
        "    import tensorflow_estimator\n"
        "except ImportError:\n"
        "    pass\n"
        "tf.keras.layers\n"
        "modules = {'tf': tf, 'tf.keras': tf.keras, 'tf.keras.layers': tf.keras.layers}\n"
        "before = {name: dict(vars(module)) for name, module in modules.items()}\n"
        "from tfx_estimators import estimator\n"
        "estimator.activate()\n"
        "import tensorflow_estimator\n"
        f"{TRAIN}\n"
        "assert train() == 3\n"
        "assert callable(tf.keras.estimator.model_to_estimator)\n"
        "assert tf.compat.v1.estimator.tpu.RunConfig\n"
        "assert tf.compat.v2.estimator.RunConfig is tf.estimator.RunConfig\n"
        "added = []\n"
        "for name, module in modules.items():\n"
        "    now = vars(module)\n"
        "    # TensorFlow's lazy loaders put what they loaded in their own place.\n"
        "    assert all(now[key] is value or 'LazyLoader' in type(value).__name__\n"
        "               for key, value in before[name].items()), name\n"
        "    added += [f'{name}.{key}' for key in now.keys() - before[name].keys()]\n"
        "print(sorted(added), tf.keras.layers.Layer.__module__.partition('.')[0])"
    )
    added, _, keras = run(program, TF_USE_LEGACY_KERAS=legacy).rpartition(" ")
    if legacy == "1":
        # Keras 2 has model_to_estimator itself.
        assert (added, keras) == ("['tf.estimator']", "tf_keras")
    else:
        assert (added, keras) == ("['tf.estimator', 'tf.keras.estimator']", "keras")


def test_twice_and_from_many_threads() -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda _: estimator.activate(), range(32)):
            pass
    before = (tf.estimator, list(sys.meta_path))
    estimator.activate()
    assert (tf.estimator, sys.meta_path) == before


@only_without_estimators
def test_many_threads_at_once_in_a_new_process() -> None:
    program = (
        "import concurrent.futures, sys\n"
        "from tfx_estimators import estimator\n"
        "threads = concurrent.futures.ThreadPoolExecutor(8)\n"
        "list(threads.map(lambda _: estimator.activate(), range(16)))\n"
        "# Whoever looks through all modules loads no estimators.\n"
        "for module in list(sys.modules.values()):\n"
        "    getattr(module, '__warningregistry__', None), getattr(module, '__file__', None)\n"
        "assert not [name for name in sys.modules if name.startswith('tensorflow_estimator')]\n"
        "import tensorflow as tf\n"
        "use = lambda _: (tf.estimator.RunConfig, tf.compat.v1.estimator.DNNClassifier)\n"
        "print(len(set(threads.map(use, range(16)))))"
    )
    assert run(program) == "1"


def test_spawned_processes_unpickle_what_estimators_are_made_of(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(
        "import multiprocessing\n"
        "from tfx_estimators import estimator\n"
        "def steps(config, name):\n"
        "    from tensorflow_estimator.python.estimator.run_config import RunConfig\n"
        "    assert isinstance(config, RunConfig)\n"
        "    return config.save_checkpoints_steps, getattr(estimator, name).__name__\n"
        "if __name__ == '__main__':\n"
        "    config = estimator.RunConfig(save_checkpoints_steps=5)\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(steps, (config, 'BestExporter')))\n"
    )
    answer = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT / "src")},
    )
    assert answer.stdout.strip().endswith("(5, 'BestExporter')"), answer.stderr[-2000:]


@pytest.mark.parametrize("version", ["2.14.1", "2.22.0", "1.15.5", "3.0.0"])
def test_another_tensorflow_is_refused_by_its_version(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf, "__version__", version)
    with pytest.raises(errors.TensorFlowVersionError) as raised:
        estimator.activate()
    message = str(raised.value)
    assert version in message
    assert ">=2.15,<2.22" in message
    assert "pip install 'tensorflow" in message


def test_no_tensorflow_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(errors.TensorFlowVersionError, match="pip install 'tensorflow"):
        tensorflow_version.supported_tensorflow()


@only_without_estimators
@pytest.mark.parametrize("package", ["tensorflow_estimator", "tf_keras"])
def test_a_missing_package_is_named_with_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, package, raising=False)
    find = tensorflow_version.importlib.util.find_spec
    monkeypatch.setattr(
        tensorflow_version.importlib.util,
        "find_spec",
        lambda name: None if name == package else find(name),
    )
    with pytest.raises(errors.MissingDependencyError, match=r"(?s)not installed.*pip install"):
        tensorflow_version.supported_tensorflow()


@pytest.mark.skipif(WITHOUT_ESTIMATORS, reason="this TensorFlow has no estimators")
def test_nothing_happens_where_tensorflow_has_estimators() -> None:
    before = {name: dict(vars(module)) for name, module in (("tf", tf), ("v1", tf.compat.v1))}
    estimator.activate()
    assert {"tf": dict(vars(tf)), "v1": dict(vars(tf.compat.v1))} == before
    assert isinstance(tf.estimator, types.ModuleType)


def test_private_modules_are_found_under_their_old_names() -> None:
    """What TensorFlow 2.15 has as stubs: a module of the estimator package by another name."""
    names = [
        "estimator.estimator",
        "estimator.run_config",
        "estimator.canned.dnn",
        "estimator.canned.head",
        "estimator.export.export_output",
        "estimator.inputs.queues.feeding_functions",
        "estimator.keras",
        "distribute.estimator_training",
        "tpu.tpu_config",
        "tpu.tpu_estimator",
        "tpu.tpu_embedding",
        "tpu.session_support",
    ]
    program = (
        "import importlib\n"
        "import tensorflow.python.keras.layers\n"
        "from tfx_estimators import estimator\n"
        "estimator.activate()\n"
        f"for name in {names}:\n"
        "    importlib.import_module(f'tensorflow.python.{name}')\n"
        "from tensorflow.python.distribute import estimator_training\n"
        "from tensorflow.python.estimator.canned import dnn\n"
        "import tensorflow as tf\n"
        "assert dnn.DNNClassifierV2 is tf.estimator.DNNClassifier\n"
        "assert not estimator_training.should_run_distribute_coordinator("
        "tf.estimator.RunConfig())\n"
        "from tensorflow_estimator.python.estimator import training\n"
        "assert training.__spec__.name == training.__name__\n"
        # Gone from TensorFlow 2.15 already.
        f"{'from tensorflow.python.keras.layers import GRU, LSTM' if WITHOUT_ESTIMATORS else ''}\n"
        "print('found')"
    )
    assert run(program) == "found"
