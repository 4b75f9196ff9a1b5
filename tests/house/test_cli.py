"""The command: help without heavy imports, and errors as messages."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tfx_estimators.cli import main

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAVY = ["tensorflow", "tfx", "apache_beam", "ml_metadata"]


def test_help_teaches_and_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom tfx_estimators.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "tfx-estimators run taxi" in answer.stdout
    assert answer.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "taxis"], ["'taxis'", "taxi", "fix:"]),
        (["run", "nowhere/pipeline.py"], ["nowhere/pipeline.py", "does not exist"]),
        (["run", "taxi", "--data", "nowhere"], ["nowhere", "no CSV files"]),
        (["run", "taxi", "--runner", "airflow"], ["airflow", "local", "beam"]),
        (["run", "tax"], ["there is no pipeline called 'tax'", "did you mean 'taxi'?"]),
        (["rum", "taxi"], ["'rum'", "Did you mean 'run'?"]),
    ],
)
def test_bad_input_is_answered_with_what_came_and_what_to_do(
    arguments: list[str],
    words: list[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert all(word in result.output for word in words), result.output


def test_a_root_that_cannot_be_written_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = CliRunner().invoke(main, ["run", "taxi", "--root", str(tmp_path / "file" / "root")])
    assert result.exit_code != 0
    assert "cannot write to" in result.output
    assert "--root" in result.output


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def create_pipeline(root, data): return None", ["returned None", "Pipeline"]),
        ("def create_pipeline(root): return 1", ["create_pipeline(root)", "(root, data)"]),
        ("def create_pipeline(root, data):\n    return data / 'x'",
         ["TypeError", "mine.py, line 2, in create_pipeline", "--data, which was not given"]),
        ("import json\njson.loads('')\ndef create_pipeline(root, data): ...",
         ["JSONDecodeError", "mine.py, line 2"]),
        ("import sys\nsys.exit(0)\ndef create_pipeline(root, data): ...", ["SystemExit: 0"]),
        ("def create_pipeline(root, data):\n    import os; os._exit(0)",
         ["create_pipeline failed: SystemExit: 0", "mine.py, line 2"]),
        ("class Mute(Exception):\n    def __str__(self): raise OSError\n"
         "def create_pipeline(root, data):\n    raise Mute", ["Mute", "line 4, in create_"]),
    ],
)  # fmt: skip
def test_a_pipeline_that_cannot_be_built_says_where_and_leaves_no_folder(
    code: str, words: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(code + "\n")
    result = CliRunner().invoke(main, ["run", "mine.py"])
    assert result.exit_code == 1
    assert all(word in result.output for word in words), result.output
    assert not (tmp_path / "runs").exists()


def test_an_error_in_a_step_names_the_users_line_and_the_log_has_the_whole_trace(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FAILING)
    result = CliRunner().invoke(main, ["run", "mine.py"])
    assert result.exit_code == 1
    assert "eu/speak failed: JSONDecodeError" in result.output
    assert f"at: {tmp_path / 'mine.py'}, line 9, in Speak" in result.output
    assert "(the whole trace: runs/mine/log.txt)" in result.output
    # The cause first, then the user's line, then where the rest is.
    words = ["failed: JSONDecodeError", "mine.py, line 9", "fix:", "eu%2Fspeak.txt", "log.txt"]
    places = [result.output.index(word) for word in words]
    assert places == sorted(places)
    of_step = (tmp_path / "runs" / "mine" / "logs" / "eu%2Fspeak.txt").read_text()
    assert f'File "{tmp_path / "mine.py"}", line 9, in Speak' in of_step
    log = (tmp_path / "runs" / "mine" / "log.txt").read_text()
    assert "json/decoder.py" in log
    assert f'File "{tmp_path / "mine.py"}", line 9, in Speak' in log


FAILING = """
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import String

@component
def Speak(speech: OutputArtifact[String]) -> None:
    import json
    json.loads("{")

def create_pipeline(root, data):
    from tfx.orchestration import metadata
    from tfx.orchestration.pipeline import Pipeline
    store = metadata.sqlite_metadata_connection_config(str(root / "metadata" / "metadata.sqlite"))
    return Pipeline("mine", str(root / "a"), components=[Speak().with_id("eu/speak")],
                    metadata_connection_config=store)
"""


def _typed(*arguments: str | bytes, cwd: pathlib.Path, shell: str = "") -> str:
    """What a command that fails says; a traceback is nothing that a user can do with."""
    command = [sys.executable, "-m", "tfx_estimators.cli", *arguments]
    if shell:
        command = ["sh", "-c", f'{shell} "$@"', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=300)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return said


def test_commands_end_with_a_message_whatever_happens(tmp_path: pathlib.Path) -> None:
    assert "No space left" in _typed("--help", cwd=tmp_path, shell="exec >/dev/full;")
    (tmp_path / "gone").mkdir()
    gone = f"cd {tmp_path}/gone; rmdir {tmp_path}/gone;"
    assert "the working folder is gone" in _typed("runs", cwd=tmp_path, shell=gone)
    number = "1" * 5000
    assert "there is no store" in _typed("models", number, "--metadata", "x", cwd=tmp_path)
    assert "\\udcff" in _typed("runs", "--metadata", b"\xff", cwd=tmp_path)
    assert "Error" in _typed("runs", "--metadata", "mysql://[", cwd=tmp_path)
    (tmp_path / "gone/\x1b[2J.record.json").parent.mkdir()
    (tmp_path / "gone/\x1b[2J.record.json").touch()
    said = _typed("import", "gone", "--metadata", "m.sqlite", cwd=tmp_path)
    assert "skipped: gone/\\x1b[2J.record.json is damaged" in said
    assert "Error" in _typed("diff", b"\xff", "b", "--metadata", "http://[", cwd=tmp_path)
