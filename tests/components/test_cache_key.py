"""Edits of what a stock component's module imports or reads are not answered from the cache."""

from __future__ import annotations

import pathlib
import sys
import zipfile
from typing import Any

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tf_examples import make_example, write_records
from tfx.components import Trainer, Transform
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import standard_artifacts

from tfx_estimators.components import EstimatorTrainer
from tfx_estimators.components.cache_key import digest_beyond_tfx
from tfx_estimators.pipelines import runner
from tfx_estimators.pipelines.planning import plan_run

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""
FILES = {
    "shared_rules/__init__.py": "",
    "shared_rules/numbers.py": "TWO = 2.0\n",
    "code/preprocessing.py": """
from shared_rules import numbers
SHOPS = {shops!r}
def preprocessing_fn(inputs):
    return {{"x": inputs["x"] * numbers.TWO * len(open(SHOPS).read())}}
""",
    "code/shops.txt": "acme\n",
    "shared_training/__init__.py": "",
    "shared_training/training.py": """
import pathlib
from shared_training import steps
def run_fn(fn_args):
    pathlib.Path(fn_args.serving_model_dir).mkdir(parents=True)
    pathlib.Path(fn_args.serving_model_dir, "steps").write_text(str(steps.STEPS))
""",
    "shared_training/steps.py": "STEPS = 1\n",
    "code/our_model.py": "def run_fn(fn_args): ...\n",
}


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(shops=str(tmp_path / "code/shops.txt")))
    for split in ("train", "eval"):
        write_records(tmp_path / f"examples/Split-{split}/data.gz", [make_example(x=3.0)])
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(SCHEMA)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def stock_pipeline(folder: pathlib.Path) -> Any:
    examples = Importer(
        source_uri=str(folder / "examples"),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["train", "eval"]'},
    ).with_id("Examples")
    schema = Importer(
        source_uri=str(folder / "schema"), artifact_type=standard_artifacts.Schema
    ).with_id("TheSchema")
    transform = Transform(
        examples=examples.outputs["result"],
        schema=schema.outputs["result"],
        module_file=str(folder / "code/preprocessing.py"),
        disable_statistics=True,
        disable_analyzer_cache=True,
        materialize=False,
    )
    trainer = Trainer(examples=examples.outputs["result"], run_fn="shared_training.training.run_fn")
    # Beside ours, which is not run here: its mere making completes the keys.
    EstimatorTrainer(
        examples=examples.outputs["result"], module_file=str(folder / "code/our_model.py")
    )
    return pipeline.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(folder / "root"),
        enable_cache=True,
        components=[examples, schema, transform, trainer],
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        ),
    )


def run(folder: pathlib.Path, run_pipeline: Any) -> dict[str, str]:
    """How the newest execution of each node ended."""
    for name in [name for name in sys.modules if name.startswith(("shared_", "preprocessing"))]:
        del sys.modules[name]
    run_pipeline(stock_pipeline(folder))
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(folder / "metadata.sqlite")
    store = MetadataStore(config)
    found = {}
    for context in store.get_contexts_by_type("node"):
        newest = max(store.get_executions_by_context(context.id), key=lambda one: one.id)
        assert "module_digest" not in {*newest.properties, *newest.custom_properties}
        found[context.name.partition(".")[2]] = mlmd.Execution.State.Name(newest.last_known_state)
    return {node: found[node] for node in ("Transform", "Trainer")}


@pytest.mark.stacks
def test_only_the_stock_component_whose_module_was_edited_runs_again(
    folder: pathlib.Path,
) -> None:
    assert run(folder, LocalDagRunner().run) == {"Transform": "COMPLETE", "Trainer": "COMPLETE"}
    (folder / "shared_rules/numbers.py").write_text("TWO = 2.5\n")
    assert run(folder, runner.run) == {"Transform": "COMPLETE", "Trainer": "CACHED"}
    # Said of the next run without packaging its module where a run does.
    before = {path: path.stat().st_mtime_ns for path in (folder / "root").rglob("*")}
    planned = {one.step: one.outcome for one in plan_run(stock_pipeline(folder))}
    assert (planned["Transform"], planned["Trainer"]) == ("cached", "cached")
    assert {path: path.stat().st_mtime_ns for path in (folder / "root").rglob("*")} == before


def packed(folder: pathlib.Path, *names: str) -> str:
    wheel = folder / "root/_wheels/user-0.0+1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.write(folder / name, pathlib.PurePath(name).name)
    return f"{pathlib.PurePath(names[0]).stem}@{wheel}"


@pytest.mark.stacks
def test_what_tfxs_own_key_holds_is_not_added(folder: pathlib.Path) -> None:
    (folder / "code/alone.py").write_text("import beside, os, tensorflow\n")
    (folder / "code/beside.py").write_text("import json\n")
    module = packed(folder, "code/alone.py", "code/beside.py")
    assert digest_beyond_tfx({"module_path": module}) is None
    assert digest_beyond_tfx({"module_file": str(folder / "code/beside.py")}) is None
    assert digest_beyond_tfx({"module_path": "x", "module_digest": "ours"}) is None
    assert digest_beyond_tfx({"input_base": str(folder)}) is None
    module = packed(folder, "code/preprocessing.py")
    before = digest_beyond_tfx({"module_path": module})
    (folder / "code/shops.txt").write_text("acme\nbolt\n")
    assert before is not None
    assert digest_beyond_tfx({"module_path": module}) not in (before, None)


@pytest.mark.stacks
@pytest.mark.parametrize(
    "parameters",
    [
        {"module_path": "shared_training.training"},
        {"run_fn": "shared_training.training.run_fn"},
        {"module_file": "{folder}/shared_training/training.py"},
        {"module_file": "{folder}/shared_training/training.py", "run_fn": "run_fn"},
        {"preprocessing_fn": "x.y.missing", "stats_options_updater_fn": "shared_training.steps.f"},
    ],
)
def test_every_way_to_name_a_module_counts(
    folder: pathlib.Path, parameters: dict[str, str]
) -> None:
    given = {key: value.format(folder=folder) for key, value in parameters.items()}
    before = digest_beyond_tfx(given)
    assert before is not None
    assert digest_beyond_tfx(given) == before
    (folder / "shared_training/steps.py").write_text("STEPS = 3\n")
    assert digest_beyond_tfx(given) != before


def test_two_files_of_one_name_both_count(folder: pathlib.Path) -> None:
    for part in ("one", "two"):
        (folder / part).mkdir()
        (folder / part / "words.txt").write_text(part)
    names = [str(folder / part / "words.txt") for part in ("one", "two")]
    (folder / "shared_training/steps.py").write_text(f"FILES = {names!r}\n")
    seen = {digest_beyond_tfx({"module_path": "shared_training.steps"})}
    for part in ("one", "two"):
        (folder / part / "words.txt").write_text("edited")
        seen.add(digest_beyond_tfx({"module_path": "shared_training.steps"}))
    assert len(seen) == 3
