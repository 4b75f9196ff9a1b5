"""Data that every test may use."""

from __future__ import annotations

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import hypothesis
import pytest

from tfx_estimators.collector import collect_seldom
from tfx_estimators.errors import DataError

# As in the processes that the command starts: imports and graphs take a fifth less time.
collect_seldom()

# Several threads may round the last bit of a sum now so, now so. TensorFlow reads this once,
# when it is first used.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# The same examples in every run, however slow the machine is.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")

ROOT = pathlib.Path(__file__).resolve().parent.parent

pytest_plugins = ["conformance"]

# Minutes each, and few tests: begun last, such a file would run while other processes idle.
LONG_FILES = (
    "integration/test_moving.py",
    "kubeflow/local/test_pipelines.py",
    "integration/test_faults.py",
    "components/test_engines.py",
    "integration/test_libraries.py",
    "integration/test_own_project.py",
    "components/trainer/test_interruptions.py",
    "components/trainer/test_distribution.py",
    "components/trainer/test_serving_outside_python.py",
    "components/trainer/test_training_job.py",
    "integration/test_field.py",
    "pipelines/test_titanic.py",
    "pipelines/test_digits.py",
    # Not beside the other one: a cluster each.
    "components/transform/test_engines.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order in which processes are to take them: long ones, then large ones."""
    sizes = collections.Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[int, int]:
        name = item.path.relative_to(ROOT / "tests").as_posix()
        return (*LONG_FILES, name).index(name), -sizes[item.path]

    items.sort(key=place)
    for item in items:
        if item.get_closest_marker("faults"):
            # What is lost once in two times is lost.
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.fixture(scope="session")
def taxi_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the 10,000 taxi trips as `data.csv`, and nothing else.

    TFX's wheel carries them from 1.16 on; for TFX 1.15 they are taken out of the 1.16
    wheel, fetched once.
    """
    from tfx_estimators.pipelines.taxi.data import find_trips

    folder = tmp_path_factory.mktemp("trips")
    try:
        packaged, name = find_trips(None)
    except DataError:
        kept = ROOT / ".stacks" / "trips"
        if not (kept / "data.csv").is_file():
            _fetch_trips(kept)
        packaged, name = kept, "data.csv"
    (folder / "data.csv").write_bytes((packaged / name).read_bytes())
    return folder


def _fetch_trips(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # In a folder of its own: several test processes may fetch at the same time.
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--dest", scratch, "tfx==1.16.0"],
            check=True,
        )  # fmt: skip
        (wheel,) = pathlib.Path(scratch).glob("tfx-*.whl")
        with zipfile.ZipFile(wheel) as held:
            data = held.read("tfx/components/testdata/external/csv/data.csv")
        fresh = pathlib.Path(scratch, "data.csv")
        fresh.write_bytes(data)
        fresh.replace(folder / "data.csv")
