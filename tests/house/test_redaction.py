"""No secret and no control character reaches a person."""

from __future__ import annotations

import ast
import logging
import os
import pathlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfx_estimators
from tfx_estimators.errors import MetadataStoreError
from tfx_estimators.log_file import LogFile
from tfx_estimators.redaction import redacted, without_secrets
from tfx_estimators.terminal import escaped, say, shown


@pytest.mark.parametrize(
    "text",
    [
        "mysql://user:S3cr3t@host/db is away",
        "mysql://user:S3c#r3t/S3cr3t?S3cr3t[@host:1/db",
        "mysql://user:S3cr3t@S3cr3t@host/db",
        "mysql:/user:S3cr3t@host/db",
        "mysql://host/?password=S3cr3t&x=1",
        'mysql { host: "h" password: "S3cr3t" }',
        'mysql { password: "S\\"S3cr3t" }',
        "mysql { password: S3cr3t }",
        "['--s3_secret_access_key=S3cr3t', '--s3_access_key_id', 'S3cr3t']",
        "--s3_secret_access_key S3cr3t --direct_num_workers=1",
        '{"password": "S3cr3t"}',
        '"{\\"api_key\\": \\"S3cr3t\\"}"',
        "AWS_SECRET_ACCESS_KEY=S3cr3t",
        "password=S3cr3t'S3cr3t",
    ],
)
def test_a_secret_is_taken_out(text: str) -> None:
    assert "S3cr3t" in text
    assert "S3cr3t" not in redacted(text)
    assert "S3cr3t" not in shown(text)
    assert "S3cr3t" not in str(MetadataStoreError(text))


@pytest.mark.parametrize(
    "text",
    [
        "grpc://127.0.0.1:8080 was away",
        "s3://bucket/run-1/model.ckpt-7",
        "max_tokens=5 secretName: volume, num_keys: 3",
        "/runs/taxi/metadata/metadata.sqlite: no such file",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_settings_lose_what_is_called_a_secret() -> None:
    settings = {"db": {"password": "x", "user": "u"}, "flags": ["--s3_session_token=y"], "n": 1}
    kept = {"db": {"password": "***", "user": "u"}, "flags": ["--s3_session_token=***"], "n": 1}
    assert without_secrets(settings) == kept


@given(st.text(st.characters()))
def test_a_terminal_is_given_printable_text_only(text: str) -> None:
    line = escaped(text)
    assert line.encode().decode() == line
    assert not {"\x1b", "\x9b", "\n", "\r", "\u202e", "\u2028", "\x00"} & set(line)
    assert not {"\x1b", "\x9b", "\r", "\u202e", "\u2028"} & set(shown(text))


def test_long_text_takes_no_time() -> None:
    for text in ("a" * 200_000, "-" * 200_000, "://" * 20_000, "password" * 20_000):
        assert redacted(text) == text


def test_a_log_is_its_owners_and_holds_no_secret(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "log.txt"
    file.touch(0o644)
    log = LogFile(file)
    noise = "Using Any for unsupported type: %s"
    log.handle(logging.makeLogRecord({"msg": noise, "args": ("Mapping",)}))
    log.emit(logging.makeLogRecord({"msg": "mysql://u:S3#cr3t@h/db \x1b[2J \udcff"}))
    log.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    (line,) = text.splitlines()
    assert line.endswith("mysql://u:***@h/db \\x1b[2J \\udcff")
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        LogFile(tmp_path / "link")


def test_a_log_on_a_full_disk_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = LogFile(pathlib.Path("/dev/full"))
    for _ in range(3):
        log.emit(logging.makeLogRecord({"msg": "hello"}))
    said_once = capsys.readouterr().err
    assert said_once.count("/dev/full is no longer written") == 1
    assert "Traceback" not in said_once


# Programs that run where this package may not be, and what shows that a log fails.
ALONE = {"canary.py", "orchestrator.py", "imitated_backend.py", "log_file.py"}


def _is_shown_as_it_is(call: ast.Call) -> bool:
    """Whether a call prints a text that may hold anything, unescaped."""
    if ast.unparse(call.func) == "print":
        return True
    if ast.unparse(call.func) != "click.echo":
        return False
    texts = [part for part in ast.walk(call.args[0]) if isinstance(part, ast.Name | ast.Attribute)]
    return bool(texts) and not ast.unparse(call.args[0]).startswith("dumps(")


def test_all_that_is_printed_is_escaped() -> None:
    folder = pathlib.Path(tfx_estimators.__path__[0])
    rooms = [folder, *(path for path in folder.iterdir() if path.is_symlink())]
    found = {
        f"{path.name}: {ast.unparse(node)}"
        for room in rooms
        for path in room.rglob("*.py")
        if path.name not in {*ALONE, "terminal.py", "printing.py", "group.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _is_shown_as_it_is(node)
    }
    assert found == set()


def test_steps_speak_to_nobody_where_standard_error_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    os.close(read)
    broken = os.fdopen(write, "w", buffering=1)
    monkeypatch.setattr("sys.stderr", broken)
    say("heard by nobody")
    monkeypatch.setattr("sys.stderr", None)
    say("neither")
    with pytest.raises(BrokenPipeError):
        broken.close()
