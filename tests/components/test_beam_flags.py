"""Flags of Beam steps, as TFX takes them."""

from __future__ import annotations

import pytest
from tfx.utils import dependency_utils

from tfx_estimators.components.beam_flags import spare_packaging

pytestmark = pytest.mark.stacks


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
