"""Whatever a file of ours holds, reading it gives a value or says what is damaged."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfx_estimators.errors import DamagedFileError
from tfx_estimators.lineage.record_files import read_records, write_record
from tfx_estimators.lineage.records import (
    ArtifactRecord,
    CheckpointRecord,
    ModelRecord,
    PushRecord,
    StepRecord,
    from_json,
    to_json,
)

_ORIGIN: dict[str, Any] = {"pipeline": "p", "run": "r", "node": "n", "wall_time": 1.5e9}
RECORDS = [
    CheckpointRecord(**_ORIGIN, execution="7", uri="/s/model.ckpt-1", digest="d", fingerprint="f",
                     step=1, global_examples=1, metrics={"loss": 0.5}, size_bytes=1),
    ModelRecord(**_ORIGIN, uri="/m", digest="d", checkpoint_digest="c", fingerprint="f", step=1),
    PushRecord(**_ORIGIN, uri="/p", version="1", destination="/p", model_uri="", model_digest="d"),
    StepRecord(**_ORIGIN, type="a.B", state="failed", began=1.0, parameters={"a": 1, "b": 0.5},
               inputs=(ArtifactRecord(key="k", type="T", uri="/u", properties={"span": 7}),)),
]  # fmt: skip

_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=5,
)


@pytest.mark.stacks
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_a_record_is_read_as_it_was_written(record: Any) -> None:
    assert from_json(to_json(record)) == record
    assert from_json(to_json(record).encode()) == record


@given(st.binary() | st.text())
def test_any_content_is_a_record_or_damaged(content: Any) -> None:
    with pytest.raises(DamagedFileError, match="the record"):
        from_json(content)


@settings(deadline=None)
@given(st.sampled_from(RECORDS), st.data())
def test_a_record_of_any_values_is_one_or_damaged(record: Any, data: Any) -> None:
    fields = json.loads(to_json(record))
    fields[data.draw(st.sampled_from(sorted(fields)) | st.text())] = data.draw(_anything)
    with contextlib.suppress(DamagedFileError):
        read = from_json(json.dumps(fields))
        assert from_json(to_json(read)) == read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wall_time", 1.7e12),  # milliseconds
        ("wall_time", float("nan")),
        ("wall_time", -1.0),
        ("step", 1 << 63),
        ("step", -1),
        ("step", 1.0),
        ("step", True),
        ("run", ""),
        ("run", "\ud800"),
        ("run", "a\0b"),
        ("metrics", {"a\0b": 1.0}),
        ("metrics", {"loss": 10**400}),
        ("metrics", [[]]),
        ("checkpoint_format", "other"),
        ("kept", 1),
        ("uri", ""),
    ],
)
def test_a_value_that_ml_metadata_cannot_hold_is_damage(field: str, value: Any) -> None:
    fields = json.loads(to_json(RECORDS[0]))
    with pytest.raises(DamagedFileError, match=r"/s/1\.record\.json is damaged"):
        from_json(json.dumps({**fields, field: value}), "/s/1.record.json")


def test_what_cannot_be_read_is_skipped_and_named(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_record(str(tmp_path), RECORDS[0])
    (tmp_path / "a.record.json").write_bytes(b"\xe9")
    (tmp_path / "b.record.json").symlink_to("/nonexistent")
    (tmp_path / "c.record.json").write_text("[" * 100_000)
    os.mkfifo(tmp_path / "d.record.json")
    (tmp_path / "._checkpoint-1.record.json").write_bytes(b"\x00\x05\x16\x07")
    assert list(read_records(str(tmp_path)).values()) == [RECORDS[0]]
    for name in ("a", "b", "c", "d", "._checkpoint-1"):
        assert f"{tmp_path}/{name}.record.json" in caplog.text


def test_a_key_that_is_not_known_is_damage() -> None:
    fields = json.loads(to_json(RECORDS[0]))
    with pytest.raises(DamagedFileError, match="has unknown fields: 'colour'"):
        from_json(json.dumps({**fields, "colour": 1}))
    fields = json.loads(to_json(RECORDS[3]))
    fields["inputs"][0]["colour"] = 1
    with pytest.raises(DamagedFileError, match=r"inputs\.0\.colour"):
        from_json(json.dumps(fields))
