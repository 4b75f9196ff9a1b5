"""What is said of code from the TFX 1.x era, and whether it is true."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import pathlib
import re
import types

import pytest
from click.testing import CliRunner, Result

from tfx_estimators.cli import main
from tfx_estimators.components.doctor import Verdict, diagnose
from tfx_estimators.components.doctor.removed_names import removed_names
from tfx_estimators.components.doctor.rules import RULES
from tfx_estimators.components.user_module import UserModule

# What a module of the era needs of the first is put back; of the others empty packages are left.
LEFT_IN_PART = (
    *(
        f"tensorflow_model_analysis.{name}"
        for name in ("export", "eval_saved_model", "eval_metrics_graph", "post_export_metrics")
    ),
    "tfx.components.common_nodes",
)
MODULES = pathlib.Path(__file__).parent / "trainer" / "modules"


def found_in(tmp_path: pathlib.Path, code: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    (tmp_path / "code.py").write_text(code)
    return {one.name: (one.verdict, one.lines) for one in diagnose(tmp_path / "code.py")}


def doctor(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)])


def _exists(name: str) -> bool:
    parts = name.split(".")
    found: object = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], start=2):
        try:
            found = getattr(found, part)
        except AttributeError:
            if not isinstance(found, types.ModuleType):
                return False
            try:
                found = importlib.import_module(".".join(parts[:number]))
            except ImportError:
                return False
    return True


def _is_removed_here(why: str) -> bool:
    """Whether the installed packages are among those that lack a name."""
    if "in TensorFlow 2.0" in why:
        return True
    here = [int(part) for part in importlib.metadata.version("tfx").split(".")[:2]]
    said = re.search(r"removed in TFX (\d+)\.(\d+)", why.replace("from TFMA", "in TFX 1.16"))
    return said is not None and here >= [int(part) for part in said.groups()]


@pytest.mark.stacks
def test_what_works_is_there_and_what_is_gone_is_not() -> None:
    from tfx_estimators.components.trainer.contracts import legacy_tfma
    from tfx_estimators.estimator import activate

    activate()
    legacy_tfma.install()
    for name, rule in RULES.items():
        if rule.verdict is Verdict.WORKS:
            plain = name.partition("(")[0]
            assert _exists(plain) or _exists(plain.replace("tfx.", "tfx.v1.", 1)), name
        elif "(" not in name and _is_removed_here(rule.why) and name not in LEFT_IN_PART:
            assert not _exists(name), name


@pytest.mark.stacks
def test_what_is_said_to_replace_a_removed_name_is_there(tmp_path: pathlib.Path) -> None:
    """As a user's module sees it, in which Keras is Keras 2."""
    (tmp_path / "theirs.py").write_text("import tensorflow as tf\n")
    tf = UserModule.find(str(tmp_path / "theirs.py"), None).load().tf

    def is_there(name: str) -> bool:
        found = tf
        for part in name.split(".")[1:]:
            found = getattr(found, part, None)
        return found is not None

    removed = removed_names()
    assert len(removed) > 900
    assert "tensorflow.is_nan" in removed
    assert [n for n in removed if is_there(n.replace("tensorflow", "tf", 1))] == []
    assert [n for n, instead in removed.items() if not is_there(instead)] == []


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("import tensorflow as tf\ntf.is_nan(1)", "gone"),
        ("import tensorflow as tf\ntf.train.SessionRunHook", "gone"),
        ("import tensorflow as tf\ntf.app.run()", "gone"),
        ("import tensorflow as tf\ntf.losses.sigmoid_cross_entropy()", "gone"),
        ("import tensorflow.compat.v1 as tf\ntf.placeholder(tf.float32)", None),
        ("import tensorflow as tf\ntf.math.is_nan(tf.where(tf.metrics.AUC()))", None),
        ("import tensorflow as tf\ntf.data.Dataset.range(3).map(f).make_one_shot_iterator()",
         "change"),
        ("import tensorflow as tf\ntf.compat.v1.data.make_one_shot_iterator(d)", None),
        ("import tensorflow_model_analysis as tfma\ntfma.ModelSpec(signature_name='eval')",
         "change"),
        ("from tensorflow_model_analysis.proto import config_pb2\n"
         "config_pb2.ModelSpec(signature_name='eval')", "change"),
        ("from tensorflow_model_analysis.proto import config_pb2\n"
         "config_pb2.ModelSpec(signature_name='predict')", None),
        ("import tensorflow_model_analysis as tfma\n"
         "tfma.ModelSpec(signature_name='serving_default')", "change"),
        ("from tfx.components.trainer import executor\n"
         "def trainer_fn(args: executor.TrainerFnArgs, schema): ...", "works"),
        ("import tfx.components.trainer.executor as ex\nex.TrainerFnArgs", "works"),
        ("from tfx.components.trainer.executor import GenericExecutor", "change"),
        ("from tfx.dsl.experimental import latest_blessed_model_resolver", "works"),
        ("from tfx import v1 as tfx\ntfx.dsl.experimental.LatestBlessedModelStrategy", "works"),
        ("import tensorflow.compat.v1 as tf\ntf.estimator.tpu.TPUEstimator(use_tpu=False)",
         "works"),
        ("import tensorflow.compat.v1 as tf\ntf.estimator.tpu.TPUEstimator(f, c)", "change"),
        ("import tensorflow.compat.v1 as tf\ntf.estimator.tpu.TPUConfig()", "works"),
        ("import tensorflow.compat.v1 as tf\ntf.tpu.experimental.AdamParameters(0.1)", "gone"),
        ("flags = ['--direct_running_mode=multi_processing']", "change"),
        ("flags = ['--direct_running_mode=multi_processing',\n"
         "         '--beam_plugin=tfx_estimators.estimator.beam_plugin']", None),
        ("from tfx.orchestration.beam.beam_runner import BeamRunner", "gone"),
        ("from tfx.orchestration.beam import beam_dag_runner", "works"),
        ("from tfx.components.base import executor_spec\nexecutor_spec.ExecutorClassSpec", "works"),
        ("from tfx import v1 as tfx\ntfx.orchestration.experimental.KubeflowDagRunnerConfig()",
         "change"),
        ("from tfx.components.trainer.rewriting import converters", "gone"),
        ("import tensorflow_model_analysis as tfma\ntfma.exporter.LatestExporter()", "gone"),
        ("from tensorflow_model_analysis.addons.fairness.view import widget_view", "gone"),
        ("from tensorflow_transform.saved import input_fn_maker", "gone"),
    ],
)  # fmt: skip
def test_a_line_gets_its_verdict(code: str, verdict: str | None, tmp_path: pathlib.Path) -> None:
    found = {verdict for verdict, _ in found_in(tmp_path, code + "\n").values()}
    assert found == ({verdict} if verdict else set())


def test_arguments_in_a_dictionary_are_found(tmp_path: pathlib.Path) -> None:
    """As TFX's taxi template passes them."""
    found = found_in(
        tmp_path,
        "from tfx import v1 as tfx\n"
        "def create_pipeline():\n"
        "    arguments = {'run_fn': 'model.run_fn'}\n"
        "    arguments['transformed_examples'] = 1\n"
        "    tfx.components.Trainer(**arguments)\n",
    )
    assert found["tfx.components.Trainer(run_fn)"] == ("change", (3,))
    assert found["tfx.components.Trainer(transformed_examples)"] == ("change", (4,))


def test_what_the_evaluator_refuses_of_a_model_is_known() -> None:
    from tfx_estimators.components.evaluator.eval_config import _REFUSED_MODEL_OPTIONS

    for option in _REFUSED_MODEL_OPTIONS:
        for name in ("tensorflow_model_analysis.", "tensorflow_model_analysis.proto.config_pb2."):
            assert RULES[f"{name}ModelSpec({option})"].verdict is Verdict.CHANGE


def test_names_are_found_whatever_they_are_called(tmp_path: pathlib.Path) -> None:
    found = found_in(
        tmp_path,
        "import tensorflow as tf\n"
        "import tensorflow.compat.v1 as tf1\n"
        "from tensorflow import estimator as est\n"
        "from tfx import v1 as tfx\n"
        "from tfx.components.trainer import executor as ex\n"
        "\n"
        "a = est.DNNClassifier\n"
        "b = tf.compat.v1.estimator.LinearRegressor\n"
        "c = tf1.estimator.tpu.TPUEstimator\n"
        "d = tfx.components.Trainer(custom_executor_spec=ex.GenericExecutor, run_fn='m.run_fn')\n"
        "e = tf.compat.v2.estimator.RunConfig(\n"
        "    train_distribute=tf.distribute.experimental.ParameterServerStrategy())\n"
        "f = tf.placeholder(tf.float32)\n"
        "def g(est): return est.anything\n"
        "def h():\n"
        "    est = make()\n"
        "    est.train(steps=3)\n",
    )
    assert found["tensorflow.estimator"] == ("works", (3, 7, 11))
    assert found["tensorflow.compat.v1.estimator"] == ("works", (8,))
    assert found["tensorflow.compat.v1.estimator.tpu.TPUEstimator"] == ("change", (9,))
    assert found["tfx.components.Trainer"] == ("change", (10,))
    assert found["tfx.components.Trainer(custom_executor_spec)"] == ("change", (10,))
    assert found["tfx.components.Trainer(run_fn)"] == ("change", (10,))
    assert found["tfx.components.trainer.executor"][0] == "change"
    assert found["tensorflow.distribute.experimental.ParameterServerStrategy"] == ("change", (12,))
    assert found["tensorflow.placeholder"] == ("gone", (13,))


def test_names_that_were_assigned_and_names_that_are_in_no_estimator(
    tmp_path: pathlib.Path,
) -> None:
    found = found_in(
        tmp_path,
        "import tensorflow as tf\n"
        "tf_estimator = tf.estimator\n"
        "a = tf_estimator.BoostedTreesClassifier\n"
        "b = tf_estimator.inputs.pandas_input_fn\n"
        "c = tf_estimator.NoSuchEstimator\n"
        "d = tf.compat.v1.estimator.inputs.numpy_input_fn\n"
        "tf = tf.compat.v1\n"
        "e = tf_estimator.export.ServingInputReceiver\n",
    )
    assert found["tensorflow.estimator.BoostedTreesClassifier"] == ("gone", (3,))
    assert found["tensorflow.estimator.inputs"] == ("change", (4,))
    assert found["tensorflow.estimator.NoSuchEstimator"] == ("gone", (5,))
    assert 8 in found["tensorflow.estimator"][1]


def test_a_module_of_the_era_needs_nothing() -> None:
    answer = doctor(MODULES / "era_module.py", "--json")
    assert answer.exit_code == 0
    found = json.loads(answer.output)
    assert {one["verdict"] for one in found} == {"works"}
    assert any(one["name"].endswith("TrainerFnArgs") for one in found)


def test_what_needs_a_change_comes_first_and_fails(tmp_path: pathlib.Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pipeline.py").write_text(
        "import tensorflow as tf\nfrom tfx.components import ModelValidator, Trainer\n"
        "x = tf.estimator.RunConfig()\n"
    )
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "other.py").write_text("import keras\n")
    answer = doctor(tmp_path)
    assert answer.exit_code == 1
    lines = answer.output.splitlines()
    assert lines[0] == "inner/pipeline.py:2  gone  tfx.components.ModelValidator"
    # What to write instead is never cut.
    assert "EstimatorTrainer(...).with_id('Trainer'), with the same module" in answer.output
    assert lines[2].startswith("inner/pipeline.py:2")
    assert lines[-1] == "1 work as they are, 2 need a change"
    assert "keras" not in answer.output


def test_nothing_is_run(tmp_path: pathlib.Path) -> None:
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nimport tfx_missing\n")
    assert "no estimators or TFX" in doctor(tmp_path).output
    assert not (tmp_path / "ran").exists()


def test_files_that_cannot_be_parsed_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old.py").write_text("print 'hello'\n")
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: utf-8 -*-\nx = '\xe9'\n")
    answer = doctor(tmp_path)
    assert answer.exit_code == 1
    assert "old.py:1" in answer.output
    assert "latin.py:" in answer.output


def test_nothing_to_read(tmp_path: pathlib.Path) -> None:
    assert "there is no" in doctor(tmp_path / "missing").output
    assert "is not a Python file" in doctor(tmp_path).output
    assert doctor(tmp_path).exit_code != 0


@pytest.mark.parametrize("template", ["taxi", "penguin"])
def test_templates_of_tfx_need_what_has_to_be_edited_and_no_more(template: str) -> None:
    spec = importlib.util.find_spec("tfx")
    assert spec is not None
    assert spec.origin is not None
    folder = pathlib.Path(spec.origin).parent / "experimental" / "templates" / template
    parts = [folder / "pipeline", folder / "models", folder / "local_runner.py"]
    found = [one for part in parts for one in diagnose(part)]
    needed = {one.name for one in found if one.verdict != "works"}
    assert {name for name in needed if "tensorflow_model_analysis" not in name} == {
        "tfx.components.Trainer",
        "tfx.components.Trainer(run_fn)",
        "tfx.components.Evaluator",
        "tfx.components.Pusher",
    }
    assert {name for name in needed if name.endswith(")") and "ModelSpec" in name} == {
        "tensorflow_model_analysis.ModelSpec(preprocessing_function_names)",
        "tensorflow_model_analysis.ModelSpec(signature_name='serving_default')",
    }
