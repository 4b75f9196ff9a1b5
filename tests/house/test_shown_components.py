"""Components and pipelines that the documentation shows are made as it shows them."""

from __future__ import annotations

import pathlib
import re
import types
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def shown(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def component_blocks() -> list[Any]:
    """Blocks about components that the page does not show, or of which it leaves something out."""
    uses = re.compile(r"^ *\.\.\.,$|=\w+\.outputs\[|^with_resources\(", re.MULTILINE)
    return [
        pytest.param(code, id=f"{page.stem}-{number}")
        for page in sorted((ROOT / "docs").glob("*.md"))
        for number, code in enumerate(shown(f"docs/{page.name}"))
        if uses.search(code) and "LocalDagRunner" not in code  # test_moving runs that pipeline.
    ]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the pages' blocks use without showing it."""
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2
    from tfx.types import channel, standard_artifacts

    from tfx_estimators import components
    from tfx_estimators.components import resources
    from tfx_estimators.estimator import distribution
    from tfx_estimators.pipelines.data_checks import SchemaGen, StatisticsGen

    examples = components.CsvExampleGen(input_base=str(tmp_path_factory.mktemp("data")))
    raw = examples.outputs["examples"]
    schema = SchemaGen(StatisticsGen(raw).outputs["statistics"], infer_feature_shape=False)
    module = str(ROOT / "pipelines" / "taxi" / "model.py")
    usual: dict[str, Any] = {
        "examples": raw,
        "schema": schema.outputs["schema"],
        "module_file": module,
    }
    transform = components.FeatureColumnTransform(**usual, label_key="big_tipper")
    outputs = ("transform_graph", "feature_columns")
    trained: dict[str, Any] = {**usual, **{name: transform.outputs[name] for name in outputs}}
    trained["examples"] = transform.outputs["transformed_examples"]
    trained["train_args"] = trainer_pb2.TrainArgs(num_steps=1)
    trainer = components.EstimatorTrainer(**trained)
    evaluated: dict[str, Any] = {
        "examples": raw,
        "model": trainer.outputs["model"],
        "label_key": "big_tipper",
    }
    made: dict[str, Any] = {
        "Pipeline": Pipeline,
        "EVAL_CONFIG": "",
        "examples": examples,
        "schema": schema,
        "transform": transform,
        "trainer": trainer,
        "evaluator": components.EstimatorEvaluator(**evaluated, eval_config=""),
        "baseline": _found(model=channel.Channel(type=standard_artifacts.Model)),
        "cache": _found(model=channel.Channel(type=standard_artifacts.TransformCache)),
        "left_out": {
            "EstimatorTrainer": trained,
            "Pipeline": {"pipeline_name": "shown", "pipeline_root": "root"},
        },
    }
    for room in (components, resources, distribution):
        made.update({name: getattr(room, name) for name in room.__all__ if name[0].isupper()})
    made["with_resources"] = resources.with_resources
    return made


def _found(**outputs: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(outputs=outputs)


@pytest.mark.parametrize("code", component_blocks())
def test_a_component_is_made_as_shown(
    code: str, names: dict[str, Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.py").write_text(shown("README.md")[0])
    monkeypatch.chdir(tmp_path)
    filled = re.sub(r"(\w+)\(\n *\.\.\.,", r"\1(**left_out['\1'],", code)
    assert "..." not in re.sub(r"#.*", "", filled)
    exec(compile(filled, "shown", "exec"), dict(names))


def test_the_readmes_pipeline_is_defined(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx_estimators.pipelines.catalog import build_pipeline, load_pipeline_module

    files = {code.splitlines()[0].removeprefix("# "): code for code in shown("README.md")}
    for name in ("model.py", "pipeline.py"):
        (tmp_path / name).write_text(files[name])
    (tmp_path / "data.csv").write_text("fare,payment_type,company,tipped\n1,Cash,A,0\n")
    monkeypatch.chdir(tmp_path)
    module = load_pipeline_module("pipeline.py")
    pipeline = build_pipeline(module, tmp_path / "runs", tmp_path / "data.csv")
    assert pipeline.pipeline_info.pipeline_name == "tips"
    assert {"EstimatorTrainer", "EstimatorPusher"} <= {node.id for node in pipeline.components}
