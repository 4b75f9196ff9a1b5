"""What processes say is passed on once, in order, whatever the looks fall on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfx_estimators.kubeflow.jobs.interface import Job
from tfx_estimators.kubeflow.jobs.log_stream import LogStream

JOB = Job(name="train", replicas={"worker": 2}, command=[], pod={}, labels={})


class Logs:
    """A job whose processes have said so much by now; the rest of `Jobs` is not asked."""

    def __init__(self) -> None:
        self.text = {"worker-0": "", "worker-1": ""}

    def log(self, name: str, replica: str, lines: int | None = None) -> str:
        assert lines is not None
        return "".join(self.text[replica].splitlines(keepends=True)[-lines:])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(looks=st.lists(st.lists(st.sampled_from(["a", "b", "\n", "\n"]), max_size=60), max_size=8))
def test_every_line_once(looks: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    # Numbered: which of two equal lines was passed on nobody can tell.
    logs: Any = Logs()
    stream = LogStream(logs, JOB, seconds=0.0)
    capsys.readouterr()
    for number, said in enumerate(looks):
        logs.text["worker-1"] += "".join(said).replace("\n", f" {number}\n")
        stream.look(["worker-0", "worker-1"], last=number == len(looks) - 1)
    expected = logs.text["worker-1"].splitlines()
    told = capsys.readouterr().err.splitlines()
    assert told == [f"worker-1 | {line}" for line in expected]


def test_what_was_too_much_is_said_to_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs: Any = Logs()
    stream = LogStream(logs, JOB, seconds=0.0)
    logs.text["worker-0"] = "first\n"
    stream.look(["worker-0"])
    logs.text["worker-0"] += "".join(f"{number}\n" for number in range(1000))
    stream.look(["worker-0"])
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["worker-0 | first", "worker-0 | ..."]
    assert told[2:] == [f"worker-0 | {number}" for number in range(800, 1000)]
