"""Whatever a file of ours holds, who reads it gets a value or one of our errors.

Each format that is read from a disk is given any bytes, a valid file with any bytes
changed, and valid JSON with any value put in any place.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib
import json
import logging
import math
import pathlib
import shutil
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfx_estimators.components.feature_tensors import (
    FeatureTensor,
    find_feature_tensors,
    write_feature_tensors,
)
from tfx_estimators.components.locks import holder_of
from tfx_estimators.components.model_digest import FileDigest
from tfx_estimators.components.pusher.manifest import (
    Manifest,
    is_whole,
    read_manifest,
    version_digest,
    write_manifest,
)
from tfx_estimators.environment_variables import RECORDS
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.json_text import dumps
from tfx_estimators.lineage.record_files import scan_records, write_record
from tfx_estimators.lineage.records import CheckpointRecord, StepRecord, from_json, to_json
from tfx_estimators.terminal import escaped

pytest.importorskip("tfx")

EXAMPLES = 60
ALWAYS = (
    *(b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000),
    *(b'{"auc": %d}' % number for number in (-(1 << 63) - 1, 10**400)),
)
TRAININGS = "tfx_estimators.components.trainer.checkpoints"

Write = Callable[[pathlib.Path], object]
Read = Callable[[pathlib.Path], object]


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        file: its path in a folder.
        write: writes a valid one into a folder.
        read: reads it there.
        examples: how many are tried.
    """

    file: str
    write: Write
    read: Read
    examples: int = EXAMPLES


def _records(folder: pathlib.Path) -> None:
    origin: dict[str, Any] = {"pipeline": "p", "run": "r", "node": "n", "wall_time": 1.5e9}
    for record in (
        CheckpointRecord(**origin, uri="/s/model.ckpt-1", digest="d", fingerprint="f", step=1,
                         global_examples=1, metrics={"loss": 0.5}, size_bytes=1),
        StepRecord(**origin, type="a.B", state="failed", began=1.0, parameters={"a": 1}),
    ):  # fmt: skip
        pathlib.Path(write_record(str(folder), record)).rename(
            folder / f"{record.kind}.record.json"
        )


def _manifest(folder: pathlib.Path) -> None:
    files = {"saved_model.pb": FileDigest(1, "a" * 64)}
    write_manifest(str(folder), Manifest(files, "/m", "p", "r", 1.5e9, rolled_back_to=3))


def _read_manifest(folder: pathlib.Path) -> None:
    version_digest(str(folder))
    manifest = read_manifest(str(folder))
    assert manifest is not None
    is_whole(str(folder), manifest)


def _report(folder: pathlib.Path) -> None:
    from tfx_estimators.components.evaluator import report

    overall = report.SliceMetrics(report.OVERALL, {"auc": 0.5, "loss": math.nan}, {"auc": 0.4})
    checks = (report.Check("auc", report.OVERALL, "at least 0.7", 0.5, passed=False),)
    feature = report.FeatureSkew("x", 2, 0.5, "row 3")
    skew = report.Skew(10, 2, None, "row 3", (feature,))
    report.save_report(
        report.Report(False, "auc", (overall,), checks, "/m", None, skew), str(folder)
    )


def _read_report(folder: pathlib.Path) -> None:
    from tfx_estimators.components.evaluator import load_report
    from tfx_estimators.pipelines.closing_table import report_table

    report = load_report(str(folder))
    report_table(report, ["auc", "loss"])
    str(report.skew)


def _columns() -> list[Any]:
    import tensorflow as tf

    from tfx_estimators.estimator.columns import scaled_numeric_column

    return [
        tf.feature_column.numeric_column("age"),
        scaled_numeric_column("fare"),
    ]


def _write_columns(folder: pathlib.Path) -> None:
    from tfx_estimators.estimator.columns import compile_columns, write_columns

    plan = compile_columns(_columns())
    learned = plan.learned_name(plan.columns[1])
    facts = {learned: {"count": 3, "mean": 1.0, "variance": 2.0, "minimum": 0.0, "maximum": 4.0}}
    write_columns(folder / "columns.json", plan, facts, "label", {"made": ["born"]}, ["weight"])


def _read_columns(folder: pathlib.Path) -> None:
    from tfx_estimators.estimator.columns import load_model_columns

    load_model_columns(_columns(), folder / "columns.json")


def _best(folder: pathlib.Path) -> None:
    (folder / "best").mkdir(exist_ok=True)
    note = {"result": {"auc": 0.5, "loss": "nan"}, "replaces": {"auc": 0.4}, "after": 0}
    (folder / "best.best.json").write_text(dumps(note))


def _read_best(folder: pathlib.Path) -> None:
    from tfx_estimators.estimator import best_export

    note = best_export._read_note(str(folder / "best"))
    for result in (note or {}).values():
        if isinstance(result, dict):
            best_export._from_json(result)


def _features(folder: pathlib.Path) -> None:
    tensors = {"x": FeatureTensor("a:0"), "y": FeatureTensor("b:0", "c:0", "d:0")}
    write_feature_tensors(str(folder), tensors)


def _writer(folder: pathlib.Path) -> None:
    for name in ("this", "other"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "writer.json").write_text(_training(folder / name).to_json())


def _training(folder: pathlib.Path) -> Any:
    from tfx_estimators.components.origin import Origin
    from tfx_estimators.components.trainer.checkpoints.retention import KeepLast
    from tfx_estimators.components.trainer.checkpoints.training import Start, Training

    origin = Origin("p", "r", "n", "7")
    return Training(str(folder), "f", origin, (KeepLast(2),), Start(3, 96, "d"))


def _read_writer(folder: pathlib.Path) -> None:
    from tfx_estimators.components.trainer.checkpoints import training_folder

    other = dataclasses.replace(_training(folder / "other"), folder=str(folder / "new"))
    training_folder._of_an_older_format(other)
    previous = training_folder._previous_writer(_training(folder / "this"))
    # What it says goes into the records of checkpoints that have none yet.
    start, fields = previous.start, dataclasses.asdict(previous.origin)
    record = CheckpointRecord(**fields, wall_time=1.0, uri="u", digest="d", fingerprint="f",
                              step=start.step, global_examples=start.examples, size_bytes=1,
                              resumed_from=start.digest)  # fmt: skip
    assert from_json(to_json(record)) == record


def _rows(folder: pathlib.Path) -> None:
    from tfx_estimators.components.trainer.contracts.row_record import write_rows
    from tfx_estimators.estimator.columns.rows import Rows

    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "words").write_text("a\nb\n")
    numbers = {"kind": "numbers", "size": 1, "normalizer": None, "scaling": None, "learned": {}}
    buckets = {"kind": "buckets", "boundaries": [0.5], "elements": 1, "source": numbers}
    words = {"kind": "vocabulary", "entries": 2, "oov": 1, "dtype": "string", "values": [],
             "file": str(folder / "assets" / "words")}  # fmt: skip
    variables = {"b/weights": buckets, "w/weights": words}
    write_rows(str(folder), Rows(variables, {"x": numbers}, {}, {}))


def _read_rows(folder: pathlib.Path) -> None:
    from tfx_estimators.components.trainer.contracts.row_record import read_rows
    from tfx_estimators.estimator.columns.rows import matched_rows, row_count

    for described in read_rows(str(folder)).values():
        for name, one in described.items():
            if row_count(one) < 1000:
                new = {**one, "boundaries": [0.25]} if one["kind"] == "buckets" else one
                matched_rows(new, one, name)
            if one.get("file") is not None:
                assert pathlib.Path(one["file"]).resolve().is_relative_to(folder.resolve())


def _trainings(part: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{TRAININGS}.{part}"), name)


def _member_error(folder: pathlib.Path) -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        _member("write_error")(folder / "worker.json", error)


def _member(name: str) -> Any:
    from tfx_estimators.components.trainer.processes import member_errors

    return getattr(member_errors, name)


def _receiver(folder: pathlib.Path) -> None:
    (folder / "eval_input_receiver.json").write_text('{"label_key": "tips", "features": {}}')


def _package(folder: pathlib.Path) -> None:
    packages = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "packages"
    # JSON is YAML.
    spec = next(yaml.safe_load_all((packages / "small.yaml").read_text()))
    (folder / "package.json").write_text(json.dumps(spec))


def _read_package(folder: pathlib.Path) -> None:
    from tfx_estimators.kubeflow import submission
    from tfx_estimators.kubeflow.local.package_file import PackageFile

    with contextlib.suppress(TfxEstimatorsError):
        submission._read(folder / "package.json")
    package = PackageFile.read(folder / "package.json")
    assert isinstance(package.name, str)
    package.containers()
    package.tasks()


def _subject(folder: pathlib.Path, kind: str) -> Any:
    """Stands for a run of one step, whose one artifact lies in the folder."""
    artifact = types.SimpleNamespace(uri=str(folder), type=kind)
    return types.SimpleNamespace(made=lambda of: [artifact])


def _read_shown_columns(folder: pathlib.Path) -> None:
    from tfx_estimators.report.columns import _of_transform

    _of_transform(_subject(folder, "tfx_estimators.FeatureColumns"))


def _read_compared(folder: pathlib.Path) -> None:
    from tfx_estimators.lineage import compare
    from tfx_estimators.lineage.files import LOCAL
    from tfx_estimators.lineage.ran import Ran

    kinds = (compare.COLUMNS_TYPE, compare._EVALUATION_TYPE)
    made = tuple(types.SimpleNamespace(uri=str(folder), type=kind) for kind in kinds)
    facts = compare._facts_of(Ran({}, {}, made, {}), LOCAL, lambda uri: {}, {})
    for name, value in facts["metric"].items():
        compare._same(value, 0.5)
        compare._delta(value, 0.5)
        escaped(f"{name} {value}")


def _export_note(folder: pathlib.Path) -> None:
    from tfx_estimators.components.trainer.checkpoints.serving_graph import write_export_note

    write_export_note(f"{folder}/Format-Serving")


def _read_export_note(folder: pathlib.Path) -> None:
    from tfx_estimators.report.environment import _exported

    for name, value in _exported(_subject(folder, "Model")).items():
        escaped(f"{name} {value}")


def _search(folder: pathlib.Path) -> None:
    study = _study(folder)
    trial = study.next_trial("one")
    study.complete(trial, {"auc": 0.5})
    study.next_trial("one")


def _study(folder: pathlib.Path) -> Any:
    import keras_tuner

    from tfx_estimators.components.tuner import RandomSearch
    from tfx_estimators.components.tuner.objective import Objective
    from tfx_estimators.components.tuner.study import Study

    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.1, 0.9)
    objective = Objective("auc", "max")
    return Study(str(folder), lambda: None, folder, RandomSearch(9, 1), objective, space)


def _read_search(folder: pathlib.Path) -> None:
    study = _study(folder)
    study.ranked()
    assert study.ended >= 0


def _hyperparameters(folder: pathlib.Path) -> None:
    (folder / "best").mkdir(exist_ok=True)
    (folder / "best/best_hyperparameters.txt").write_text('{"space": [], "values": {"rate": 1}}')


def _read_hyperparameters(folder: pathlib.Path) -> None:
    from tfx_estimators.components.trainer import request

    request._read_hyperparameters(str(folder / "best"))


def _answer(folder: pathlib.Path) -> None:
    artifact = {"name": "model", "uri": str(folder)}
    (folder / "key.json").write_text(
        json.dumps({"artifacts": {"model": {"artifacts": [artifact]}}, "parameterValues": {}})
    )


def _read_answer(folder: pathlib.Path) -> None:
    from tfx_estimators.kubeflow import local

    with pytest.MonkeyPatch.context() as patched:
        # It looks beside itself for its modules: it runs without this package.
        patched.syspath_prepend(str(pathlib.Path(local.__file__).parent))
        Cache = importlib.import_module("imitated_backend").Cache
        Cache(folder).find("key")


def _execution(run: str) -> Any:
    from tfx_estimators.kubeflow.entrypoint import Invocation

    said = json.dumps(["n", "before", "pod-1"])
    arguments = {"inputs": {"parameterValues": {"execution_0": said}},
                 "outputs": {"outputFile": "/nowhere/out"}}  # fmt: skip
    command = ["--executor_class_path=a.B", "--tfx_pipeline=p", "--tfx_node=last"]
    parsed = Invocation.parse(
        [*command, "--json_serialized_invocation_args", json.dumps(arguments)]
    )
    return dataclasses.replace(parsed, run=run)


def _execution_record(folder: pathlib.Path) -> None:
    record = StepRecord(pipeline="p", run="before", node="n", execution="pod-1", wall_time=1.5e9,
                        type="a.B", state="complete", began=1.0)  # fmt: skip
    pathlib.Path(write_record(str(folder), record)).rename(folder / "step.json")


def _read_execution_record(folder: pathlib.Path) -> None:
    from tfx_estimators.kubeflow.entrypoint.run_record import record_cached_steps
    from tfx_estimators.lineage.record_files import record_path

    asked = StepRecord(pipeline="p", run="before", node="n", execution="pod-1", wall_time=0,
                       type="n", state="complete", began=0)  # fmt: skip
    shutil.copyfile(folder / "step.json", record_path(str(folder), asked))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(RECORDS, str(folder))
        record_cached_steps(_execution("now"))


def _settings(folder: pathlib.Path) -> None:
    (folder / "store.pbtxt").write_text('sqlite { filename_uri: "/a/b.sqlite" }')


def _read_settings(folder: pathlib.Path) -> None:
    from tfx_estimators.lineage.database.connection import config_of, name_of

    name_of(config_of(folder / "store.pbtxt"))


def _lock(folder: pathlib.Path) -> None:
    (folder / "x.lock").write_text("process 17 on host")
    lease = {"token": "t", "number": 1, "holder": "process 17 on host"}
    (folder / "x.lease").write_text(dumps(lease))


def _read_lease(folder: pathlib.Path) -> None:
    from tfx_estimators.components import lease

    found = lease._read(str(folder / "x.lease"))
    assert found is None or isinstance(found, dict)


FORMATS = {
    "columns that a report shows": Format("columns.json", _write_columns, _read_shown_columns),
    "columns that are compared": Format("columns.json", _write_columns, _read_compared),
    "reports that are compared": Format("report.json", _report, _read_compared),
    "versions of an export": Format(
        "Format-Serving/assets.extra/tfx_estimators_export.json", _export_note, _read_export_note
    ),
    "search": Format("search.json", _search, _read_search),
    "hyperparameters": Format(
        "best/best_hyperparameters.txt", _hyperparameters, _read_hyperparameters
    ),
    "answers of steps": Format("key.json", _answer, _read_answer),
    "records of cached steps": Format("step.json", _execution_record, _read_execution_record),
    "settings of metadata": Format("store.pbtxt", _settings, _read_settings),
    "lock": Format("x.lock", _lock, lambda f: holder_of(f / "x.lock")),
    "lease": Format("x.lease", _lock, _read_lease),
    "evaluations": Format(
        "evaluations/3.json",
        lambda f: _trainings("evaluations", "note_evaluation")(
            str(f), {"global_step": 3, "auc": 0.5, "loss": 0.1}
        ),
        lambda f: dumps(_trainings("evaluations", "read_evaluations")(str(f)).get(3)),
    ),
    "examples": Format(
        "examples.json",
        lambda f: _trainings("examples_note", "note_examples")(str(f), 3, 96),
        lambda f: _trainings("examples_note", "noted_examples")(str(f)),
    ),
    "folders of models": Format(
        "model_dirs.json",
        lambda f: _trainings("model_dirs", "note_model_dir")(str(f), "/elsewhere"),
        lambda f: _trainings("model_dirs", "noted_model_dirs")(str(f)),
    ),
    "vocabularies": Format(
        "vocabularies.json",
        lambda f: (f / "vocabularies.json").write_text('{"words": "abc"}'),
        lambda f: _trainings("vocabularies", "noted_vocabularies")(str(f)),
    ),
    "writer": Format("this/writer.json", _writer, _read_writer),
    "writer of another training": Format("other/writer.json", _writer, _read_writer),
    "rows": Format("assets.extra/tfx_estimators_rows.json", _rows, _read_rows),
    "error of a process": Format(
        "worker.json",
        _member_error,
        lambda f: str(_member("read_error")(f / "worker.json", "worker-0")),
    ),
    "label of a receiver": Format(
        "eval_input_receiver.json",
        _receiver,
        lambda f: _trainings("eval_receiver", "recorded_label")(str(f)),
    ),
    # YAML is slow.
    "package": Format("package.json", _package, _read_package, 10),
    "records": Format("checkpoint.record.json", _records, lambda f: scan_records(str(f))),
    "records of steps": Format("step.record.json", _records, lambda f: scan_records(str(f))),
    "manifest": Format("assets.extra/tfx_estimators_push.json", _manifest, _read_manifest),
    "report": Format("report.json", _report, _read_report),
    "columns": Format("columns.json", _write_columns, _read_columns),
    "best result": Format("best.best.json", _best, _read_best),
    "features": Format(
        "assets.extra/tfx_estimators_features.json",
        _features,
        lambda f: find_feature_tensors(str(f)),
    ),
}

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([math.nan, math.inf, -1, 1 << 63, 10**400, 1e300, "", "\0", "../../x", []])
    | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(), inside, max_size=2),
    max_leaves=3,
)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    inside = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    for key, one in inside:
        yield from _places(one, (*place, key))


@st.composite
def _damaged(draw: Any, valid: bytes) -> bytes:
    ways = ["bytes", "anything", "torn"]
    with contextlib.suppress(ValueError):
        json.loads(valid)
        ways += ["value", "value", "missing"]
    how = draw(st.sampled_from(ways))
    if how == "anything":
        anything: bytes = draw(st.binary(max_size=30))
        return anything
    if how in ("torn", "bytes"):
        start = draw(st.integers(0, len(valid)))
        put = draw(st.binary(max_size=4))
        end = len(valid) if how == "torn" else min(len(valid), start + draw(st.integers(0, 4)))
        return valid[:start] + put + valid[end:]
    content = json.loads(valid)
    *inside, last = draw(st.sampled_from([p for p in _places(content) if p] or [(None,)]))
    parent = copy.deepcopy(content)
    whole = parent
    for key in inside:
        parent = parent[key]
    if last is None:
        whole = draw(_values)
    elif how == "missing":
        del parent[last]
    else:
        parent[last] = draw(_values)
    return json.dumps(whole).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_a_value_or_an_error_of_ours(
    name: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    form = FORMATS[name]
    form.write(tmp_path)
    form.read(tmp_path)
    file = tmp_path / form.file
    valid = file.read_bytes()

    def put(content: bytes) -> None:
        file.write_bytes(content)
        with contextlib.suppress(TfxEstimatorsError):
            form.read(tmp_path)

    @settings(
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=form.examples,
        suppress_health_check=list(HealthCheck),
    )
    @given(_damaged(valid))
    def holds(content: bytes) -> None:
        put(content)

    for content in ALWAYS:
        put(content)
    holds()
