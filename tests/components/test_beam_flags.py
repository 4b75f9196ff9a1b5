"""Flags of Beam steps, as TFX takes them."""

from __future__ import annotations

import importlib
import os
import pathlib
import sys

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.utils import dependency_utils

from tfx_estimators.components.beam_flags import PLUGIN, spare_packaging, with_plugin
from tfx_estimators.estimator import activate

pytestmark = pytest.mark.stacks

USERS_MODULES = pathlib.Path(__file__).parents[1] / "testdata" / "keras_2"


@pytest.mark.parametrize(
    "flags",
    [
        ["--direct_num_workers=0", "--direct_running_mode=multi_processing"],
        ["--runner=DirectRunner"],
        ["--runner", "directrunner"],
        ["--runner=apache_beam.runners.direct.direct_runner.DirectRunner"],
    ],
)
def test_tfx_does_not_package_itself_for_workers_here(flags: list[str]) -> None:
    passed = dependency_utils.make_beam_dependency_flags(spare_packaging(flags))
    assert passed[: len(flags)] == flags
    assert not [flag for flag in passed if flag.startswith("--extra_package")]


def test_workers_elsewhere_get_what_they_got() -> None:
    for flags in (["--runner=PortableRunner", "--job_endpoint=h:1"], ["--runner=DataflowRunner"]):
        assert spare_packaging(flags) == flags


def test_no_flags_stay_none() -> None:
    assert spare_packaging([]) == []
    assert with_plugin([]) == []


def test_the_plugin_is_added_once() -> None:
    assert with_plugin(with_plugin(["--runner=DirectRunner"])) == ["--runner=DirectRunner", PLUGIN]


@pytest.mark.slow
def test_workers_import_a_module_that_uses_estimators(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(USERS_MODULES))
    paths = [str(USERS_MODULES), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    activate()
    module = importlib.import_module("module_of_2019")
    flags = ["--direct_running_mode=multi_processing", "--direct_num_workers=1"]
    with beam.Pipeline(options=PipelineOptions(with_plugin(flags))) as pipeline:
        found = pipeline | beam.Create([1]) | beam.Map(module.keras_of_the_layer)
        _ = found | beam.io.WriteToText(str(tmp_path / "keras"), shard_name_template="")
    assert ".engine." in (tmp_path / "keras").read_text()  # where Keras 2 has its layers
    for name in ("module_of_2019", "layers_of_2019"):
        sys.modules.pop(name)
