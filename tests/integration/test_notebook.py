"""The notebook of the documentation, run from its first cell to its last in a kernel of its own."""

from __future__ import annotations

import collections
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "taxi.ipynb"

pytestmark = pytest.mark.slow


def test_the_notebook_runs_and_prints_nothing_twice(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="TFX brings it up to 1.16")
    nbclient = pytest.importorskip("nbclient", reason="TFX brings it up to 1.16")
    # The kernel writes there what Jupyter and IPython keep of their users.
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    path = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
    (tmp_path / "work").mkdir()
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        startup_timeout=600,
        resources={"metadata": {"path": str(tmp_path / "work")}},
    )
    client.execute()

    for cell in notebook.cells:
        printed = [one.text for one in cell.get("outputs", ()) if one.output_type == "stream"]
        lines = [line for line in "".join(printed).splitlines() if line.strip()]
        repeated = [line for line, times in collections.Counter(lines).items() if times > 1]
        assert repeated == []
    (shown,) = notebook.cells[-1].outputs
    page = shown.data["text/html"]
    assert page.startswith("<iframe ")
    for part in ("FeatureColumnTransform", "EstimatorTrainer", "taxi_notebook"):
        assert part in page
    assert "This could not be read" not in page
