"""Defining a pipeline takes none of the libraries that run it, and changes nothing for them."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.stacks


def test_a_pipeline_is_defined_without_the_libraries_which_are_whole_afterwards(
    tmp_path: pathlib.Path, taxi_folder: pathlib.Path
) -> None:
    program = """
        import pathlib, pickle, sys
        from tfx_estimators.pipelines import catalog

        root, data = map(pathlib.Path, sys.argv[1:])
        catalog.build_pipeline(catalog.load_pipeline_module("taxi"), root, data)
        libraries = {
            "apache_beam", "tensorflow", "tensorflow_data_validation",
            "tensorflow_model_analysis", "tensorflow_transform",
        }
        assert not libraries & {name.partition(".")[0] for name in sys.modules}
        ours_and_tfxs = [name for name in sys.modules if name.startswith("tfx")]
        assert not [name for name in ours_and_tfxs if name.endswith(".executor")]

        # What was imported of them is what they have.
        from tfx.components.example_gen import utils
        import tensorflow_model_analysis as tfma
        from tfx.components import Trainer, example_gen
        import tfx.components.example_gen.driver
        from tfx.components.example_gen.component import FileBasedExampleGen
        from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
        from tfx.orchestration.portable import beam_executor_operator, launcher
        from tfx.proto.orchestration import executable_spec_pb2
        import tensorflow as tf
        from tensorflow.core.example import example_pb2
        from tensorflow.tools.docs import doc_controls
        from tfx.dsl.io.plugins import tensorflow_gfile

        assert tf.executing_eagerly() and tf.constant([1]).numpy() == 1
        assert tensorflow_gfile.tf is tf and type(tf) is type(sys)
        assert tfma.sdk.EvalConfig is tfma.proto.config_pb2.EvalConfig
        assert tfx.components.Trainer is Trainer and tfx.components.example_gen is example_gen
        executor = FileBasedExampleGen.EXECUTOR_SPEC
        assert executor.executor_class is BaseBeamExecutor
        assert executor.class_path == f"{BaseBeamExecutor.__module__}.BaseBeamExecutor"
        assert launcher.beam_executor_operator is beam_executor_operator
        make = launcher.DEFAULT_EXECUTOR_OPERATORS[executable_spec_pb2.BeamExecutableSpec]
        spec = executable_spec_pb2.BeamExecutableSpec()
        spec.python_executor_spec.class_path = executor.class_path
        operator = make(spec)
        assert type(operator) is beam_executor_operator.BeamExecutorOperator
        assert utils.example_pb2 is example_pb2 and example_pb2.Example is tf.train.Example
        assert isinstance(pickle.loads(pickle.dumps(tf.train.Example())), tf.train.Example)
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), str(taxi_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
