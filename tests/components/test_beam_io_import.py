"""Beam has its I/O on Google Cloud for whoever asks for it, and is imported without."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.stacks

IMPORT = """
import sys
from tfx_estimators.components.beam_io_import import postpone_google_io

postpone_google_io()
postpone_google_io()
import apache_beam as beam

assert "apache_beam.io.gcp.bigquery" not in sys.modules
assert beam.io.WriteToText and not hasattr(beam.io, "__wrapped__")
written = beam.io.WriteToText
assert "apache_beam.io.gcp.bigquery" not in sys.modules
"""
USES = {
    "a name": "reads = beam.io.ReadFromBigQuery; beam.io.ReadFromPubSub",
    "a module": "reads = beam.io.gcsio; reads = beam.io.ReadFromBigQuery",
    "everything": "from apache_beam.io import *; reads = ReadFromBigQuery",
    "its own module": "from apache_beam.io.gcp.bigquery import ReadFromBigQuery as reads",
    "a name that is missing": "reads = getattr(beam.io, 'nothing', beam.io.ReadFromBigQuery)",
}


def run(tmp_path: pathlib.Path, program: str) -> str:
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(program))
    answer = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


@pytest.mark.parametrize("use", USES)
def test_it_is_there_for_whoever_asks(use: str, tmp_path: pathlib.Path) -> None:
    run(
        tmp_path,
        f"""{IMPORT}
{USES[use]}
assert reads.__module__ == "apache_beam.io.gcp.bigquery"
assert beam.io.ReadFromBigQuery is reads and beam.io.WriteToText is written
assert not hasattr(beam.io, "nothing")
""",
    )


def test_everything_is_what_it_is_without_us(tmp_path: pathlib.Path) -> None:
    show = "\nbeam.io.ReadFromBigQuery; print(sorted(set(dir(beam.io)) - {'__getattr__'}))"
    assert run(tmp_path, IMPORT + show) == run(tmp_path, "import apache_beam as beam" + show)


def test_a_beam_that_was_imported_before_is_left_alone(tmp_path: pathlib.Path) -> None:
    run(
        tmp_path,
        """
        import sys
        import apache_beam as beam
        from tfx_estimators.components.beam_io_import import postpone_google_io

        before = list(sys.meta_path)
        postpone_google_io()
        assert sys.meta_path == before and beam.io.ReadFromBigQuery
        """,
    )
