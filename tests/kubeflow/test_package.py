"""Packages: what they hold, and what is refused before there is one."""

from __future__ import annotations

import importlib
import pathlib
import re
import sys
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tfx_estimators.components.resources import (
    Accelerator,
    Claim,
    NodeAffinity,
    Resources,
    Retries,
    Secret,
    Toleration,
    with_resources,
)
from tfx_estimators.errors import PackageError, UnsupportedOptionError
from tfx_estimators.kubeflow.kubernetes_names import is_image, package_name, task_names
from tfx_estimators.kubeflow.outside import outside_of_volumes
from tfx_estimators.kubeflow.package import COMMAND, compile_pipeline
from tfx_estimators.kubeflow.pauses import longer_pauses
from tfx_estimators.kubeflow.platform import platform_document
from tfx_estimators.kubeflow.runner import KubeflowRunner

TESTDATA = pathlib.Path(__file__).resolve().parents[1] / "testdata"
BUCKET = "minio://mlpipeline/small"

pytestmark = pytest.mark.stacks


def small(name: str = "small", root: str = BUCKET, **changes: Any) -> Any:
    """Points from CSV files, their statistics, and a schema from elsewhere."""
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    examples = CsvExampleGen(input_base=changes.pop("input_base", "/data/points"))
    schema = Importer(
        source_uri="minio://mlpipeline/schema", artifact_type=standard_artifacts.Schema
    ).with_id("schema_importer")
    statistics = StatisticsGen(
        examples=examples.outputs["examples"], schema=schema.outputs["result"]
    ).with_id("Statistics.of_points")
    with_resources(
        statistics,
        Resources(
            memory="2G",
            accelerator=Accelerator("nvidia.com/gpu"),
            volumes=[Claim("points", "/data")],
            environment={"SEED": "1"},
            retries=Retries(3),
        ),
    )
    return Pipeline(
        pipeline_name=name, pipeline_root=root, components=[examples, schema, statistics], **changes
    )


@pytest.fixture(scope="module")
def package() -> Any:
    return compile_pipeline(small(), image="registry/points:1")


def check_whole(spec: dict[str, Any]) -> None:
    """Every name that is used is defined, and the protocol buffer takes the rest."""
    message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert message.schema_version == "2.1.0"
    tasks = spec["root"]["dag"]["tasks"]
    for name, task in tasks.items():
        component = spec["components"][task["componentRef"]["name"]]
        assert task["componentRef"]["name"] == f"comp-{name}"
        assert component["executorLabel"] in spec["deploymentSpec"]["executors"]
        assert set(task.get("dependentTasks", ())) <= set(tasks)
        for given in task.get("inputs", {}).get("artifacts", {}).values():
            source = given["taskOutputArtifact"]
            producer = spec["components"][f"comp-{source['producerTask']}"]
            assert source["outputArtifactKey"] in producer["outputDefinitions"]["artifacts"]
    config = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(spec["deploymentSpec"], config)


def test_the_package_is_whole_and_names_will_do(package: Any) -> None:
    check_whole(package.spec)
    assert set(package.spec["root"]["dag"]["tasks"]) == {
        "CsvExampleGen", "schema-importer", "Statistics-of-points",
    }  # fmt: skip
    assert package.spec["defaultPipelineRoot"] == BUCKET


def test_the_package_is_the_one_that_was_reviewed(tmp_path: pathlib.Path) -> None:
    written, golden = tmp_path / "small.yaml", TESTDATA / "packages" / "small.yaml"
    KubeflowRunner(written, image="registry/points:1").run(small())

    def comparable(file: pathlib.Path) -> list[dict[str, Any]]:
        spec, platform = yaml.safe_load_all(file.read_text())
        assert spec.pop("sdkVersion").startswith("tfx-")
        for mount in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
            for volume in mount["pvcMount"]:
                # kfp-kubernetes 2.16 says the claim's name twice.
                volume.pop("pvcNameParameter", None)
        return [spec, platform]

    assert comparable(written) == comparable(golden), (
        f"the package has changed: diff {golden} {written}; if that is meant, replace the first"
    )


def test_containers_run_our_entrypoint_with_resources_and_names(package: Any) -> None:
    executors = package.spec["deploymentSpec"]["executors"]
    container = executors["exec-Statistics-of-points"]["container"]
    assert container["image"] == "registry/points:1"
    assert tuple(container["command"]) == COMMAND
    assert container["args"][-3:] == [
        "--tfx_pipeline=small",
        "--tfx_node=Statistics.of_points",
        "--tfx_component=tfx.components.statistics_gen.component.StatisticsGen",
    ]
    assert container["resources"]["accelerator"] == {"type": "nvidia.com/gpu", "count": "1"}
    assert container["env"] == [{"name": "SEED", "value": "1"}]
    assert "pvcMount" in str(package.platform)
    task = package.spec["root"]["dag"]["tasks"]["Statistics-of-points"]
    assert task["retryPolicy"]["maxRetryCount"] == 3
    assert task["inputs"]["artifacts"]["schema"]["taskOutputArtifact"] == {
        "producerTask": "schema-importer",
        "outputArtifactKey": "artifact",
    }
    assert "lifecycle" not in executors["exec-CsvExampleGen"]["container"]


def test_retries_never_end_early_and_pauses_are_whole_seconds() -> None:
    pipeline = small()
    with_resources(pipeline.components[0], Resources(retries=Retries(5, 2.5, 3, most_seconds=200)))
    task = compile_pipeline(pipeline, image="i").spec["root"]["dag"]["tasks"]["CsvExampleGen"]
    policy = task["retryPolicy"]
    assert (policy["maxRetryCount"], policy["backoffDuration"]) == (5, "3s")
    # Argo takes whole numbers, and makes the last a pod's deadline, which has 31 bits.
    assert repr(policy["backoffFactor"]) == "3"
    (said,) = longer_pauses(pipeline)  # Statistics waits 10, 20 and 40 s.
    assert said.startswith("CsvExampleGen waits 202 s before its last attempt")
    years, unit = policy["backoffMaxDuration"][:-1], policy["backoffMaxDuration"][-1]
    assert unit == "s"
    assert 365 * 24 * 3600 < int(years) < 2**31


def cacheable(*components: Any, **changes: Any) -> dict[str, Any]:
    """Tasks of a package of these components, with caching on."""
    from tfx.orchestration.pipeline import Pipeline

    pipeline = Pipeline(
        pipeline_name="cached", pipeline_root=BUCKET, components=list(components),
        enable_cache=True,
    )  # fmt: skip
    package = compile_pipeline(pipeline, image="i", **changes)
    check_whole(package.spec)
    return dict(package.spec["root"]["dag"]["tasks"], **{"": package})


def test_what_reads_files_is_cached_by_their_digest() -> None:
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.orchestration.data_types import RuntimeParameter

    base: Any = RuntimeParameter("base", ptype=str, default="/data/points")
    examples = ImportExampleGen(input_base=base).with_id("my.points")
    with_resources(
        examples,
        Resources(
            accelerator=Accelerator("nvidia.com/gpu"),
            volumes=[Claim("points", "/data")],
            environment={"TFX_ESTIMATORS_RECORDS": "/data/records"},
        ),
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = ImportSchemaGen(schema_file="gs://points/schema.pbtxt")
    tasks = cacheable(examples, statistics, schema)
    package = tasks.pop("")
    cached = {
        name: task["cachingOptions"].get("enableCache", False) for name, task in tasks.items()
    }
    assert cached == {
        "my-points": True, "StatisticsGen": True, "ImportSchemaGen": True,
        # These run every time, and say what the others cannot.
        "my-points-data": False, "ImportSchemaGen-data": False, "run-record": False,
    }  # fmt: skip
    first, reader = tasks["my-points-data"], tasks["my-points"]
    assert "my-points-data" in reader["dependentTasks"]
    assert reader["inputs"]["parameters"]["tfx_estimators_data_digest"] == {
        "taskOutputParameter": {
            "producerTask": "my-points-data",
            "outputParameterKey": "tfx_estimators_data_digest",
        }
    }
    for task in (first, reader):
        given = task["inputs"]["parameters"]["input_base"]
        assert given == {"componentInputParameter": "base"}
    executors = package.spec["deploymentSpec"]["executors"]
    assert "accelerator" not in str(executors["exec-my-points-data"])
    kubernetes = package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for name in ("my-points", "my-points-data", "run-record"):
        assert kubernetes[f"exec-{name}"]["pvcMount"][0]["mountPath"] == "/data"
    # The last step hears of every other, cached or not.
    said = tasks["run-record"]["inputs"]["parameters"].values()
    assert {one["taskOutputParameter"]["producerTask"] for one in said} == {
        "my-points", "StatisticsGen", "ImportSchemaGen",
    }  # fmt: skip


def _evaluated() -> list[Any]:
    """Examples, a schema and an evaluation, with a step under a condition."""
    from tfx.components.evaluator.component import Evaluator
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.pusher.component import Pusher
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.proto import pusher_pb2
    from tfx.types import standard_artifacts

    examples = ImportExampleGen(input_base="/volume/points")
    model = Importer(source_uri="minio://models/1", artifact_type=standard_artifacts.Model).with_id(
        "model"
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    evaluator = Evaluator(examples=examples.outputs["examples"], model=model.outputs["result"])
    with_resources(evaluator, Resources(memory="3G", accelerator=Accelerator("nvidia.com/gpu")))
    blessing = evaluator.outputs["blessing"]
    to = pusher_pb2.PushDestination.Filesystem(base_directory="/volume/serving")
    with Cond(blessing.future()[0].custom_property("blessed") == 1):
        pusher = Pusher(
            model=model.outputs["result"], model_blessing=blessing,
            push_destination=pusher_pb2.PushDestination(filesystem=to),
        )  # fmt: skip
    with_resources(
        statistics, Resources(volumes=[Claim("more", "/more"), Secret("token", path="/token")])
    )
    return [examples, model, statistics, evaluator, pusher]


def test_a_last_step_makes_the_report_of_what_it_is_given() -> None:
    every_step = Resources(
        volumes=[Claim("checkpoints", "/volume")],
        environment={"TFX_ESTIMATORS_CHECKPOINTS": "/volume/checkpoints"},
    )
    tasks = cacheable(*_evaluated(), every_step=every_step, report=True)
    package = tasks.pop("")
    task = tasks["report"]
    # It runs after all that surely run, and is never answered from the cache.
    assert set(task["dependentTasks"]) == tasks.keys() - {
        "report",
        "Pusher",
        "ImportExampleGen-data",
    }
    assert task["cachingOptions"] == {}
    component = package.spec["components"]["comp-report"]
    assert component["outputDefinitions"]["artifacts"] == {
        "html": {"artifactType": {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}}
    }
    sources = [one["taskOutputArtifact"] for one in task["inputs"]["artifacts"].values()]
    assert {(one["producerTask"], one["outputArtifactKey"]) for one in sources} == {
        ("StatisticsGen", "statistics"), ("Evaluator", "evaluation"),
        ("ImportExampleGen", "examples"), ("model", "artifact"),
    }  # fmt: skip
    stores = task["inputs"]["parameters"]["checkpoint_stores"]["runtimeValue"]["constant"]
    assert stores == '["/volume/checkpoints"]'
    container = package.spec["deploymentSpec"]["executors"]["exec-report"]["container"]
    assert container["resources"] == {"memoryLimit": 3.0}
    kubernetes = package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounts = {one["mountPath"] for one in kubernetes["exec-report"]["pvcMount"]}
    assert mounts == {"/volume", "/more"}
    assert "secretAsVolume" not in kubernetes["exec-report"]


def test_a_report_that_would_lack_steps_is_refused() -> None:
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen

    claims, other = [Claim("checkpoints", "/volume")], [Claim("other", "/volume")]
    here, there = ({"TFX_ESTIMATORS_RECORDS": f"/volume/{name}"} for name in ("a", "b"))
    for needs, said in (
        (Resources(), "StatisticsGen keep no lineage records"),
        (Resources(environment=here), "StatisticsGen keep no lineage records"),
        (Resources(volumes=claims, environment=there), "in 2 places"),
        (Resources(volumes=other, environment=here), "in 2 places"),
    ):
        examples = ImportExampleGen(input_base="/volume/points")
        statistics = StatisticsGen(examples=examples.outputs["examples"])
        with_resources(examples, Resources(volumes=claims, environment=here))
        with_resources(statistics, needs)
        with pytest.raises(PackageError, match=said):
            cacheable(examples, statistics, report=True)


def test_what_reads_nobody_knows_what_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    from tfx.components.example_gen.component import FileBasedExampleGen, QueryBasedExampleGen
    from tfx.components.example_gen.csv_example_gen import executor
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
    from tfx.dsl.experimental.conditionals.conditional import Cond

    class Own(executor.Executor):
        """Reads who knows what."""

    Own.__qualname__ = "Own"  # TFX compiles no local classes.
    monkeypatch.setattr(sys.modules[__name__], "Own", Own, raising=False)
    own = FileBasedExampleGen(
        input_base="/data/own", custom_executor_spec=BeamExecutorSpec(Own)
    ).with_id("Own")
    told = FileBasedExampleGen(
        input_base="/data/told",
        custom_executor_spec=BeamExecutorSpec(executor.Executor),
        custom_config={"dsn": "somewhere"},
    ).with_id("Told")
    asked = QueryBasedExampleGen(
        input_config=_query(), custom_executor_spec=BeamExecutorSpec(executor.Executor)
    ).with_id("Asked")
    kept = ImportExampleGen(input_base="/data/kept").with_id("Kept")
    with_resources(kept, Resources(cache=True))
    never = ImportExampleGen(input_base="/data/never").with_id("Never")
    with_resources(never, Resources(cache=False))
    statistics = StatisticsGen(examples=kept.outputs["examples"])
    with Cond(statistics.outputs["statistics"].future()[0].property("span") == 1):
        later = ImportExampleGen(input_base="/data/later").with_id("Later")
    tasks = cacheable(own, told, asked, kept, never, statistics, later)
    tasks.pop("")
    cached = {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}
    assert cached == {"Kept", "StatisticsGen"}
    assert not [name for name in tasks if name.endswith("-data")]
    # What a condition may leave out would leave the last step out too.
    assert "Later" not in tasks["run-record"]["dependentTasks"]
    assert "Never" in tasks["run-record"]["dependentTasks"]


def _query() -> Any:
    from tfx.proto import example_gen_pb2

    split = example_gen_pb2.Input.Split(name="all", pattern="SELECT 1")
    return example_gen_pb2.Input(splits=[split])


def test_an_importers_uri_may_be_a_parameter_of_the_run() -> None:
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    uri: Any = RuntimeParameter("schema_uri", ptype=str, default="minio://mlpipeline/schema")
    node = Importer(source_uri=uri, artifact_type=standard_artifacts.Schema).with_id("schema")
    pipeline = Pipeline(pipeline_name="imported", pipeline_root=BUCKET, components=[node])
    spec = compile_pipeline(pipeline, image="i").spec
    check_whole(spec)
    name = spec["deploymentSpec"]["executors"]["exec-schema"]["importer"]["artifactUri"][
        "runtimeParameter"
    ]
    given = spec["root"]["dag"]["tasks"]["schema"]["inputs"]["parameters"]
    assert given == {name: {"componentInputParameter": "schema_uri"}}
    assert list(spec["components"]["comp-schema"]["inputDefinitions"]["parameters"]) == [name]
    declared = spec["root"]["inputDefinitions"]["parameters"]["schema_uri"]
    assert declared["defaultValue"] == "minio://mlpipeline/schema"


def test_what_is_required_of_a_machine_is_required_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tfx_estimators.kubeflow.jobs.pods import pod_settings

    called: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "tfx_estimators.kubeflow.platform._call",
        lambda function, task, **arguments: called.append({"function": function, **arguments}),
    )
    resources = Resources(
        affinity=[
            NodeAffinity("pool", ["gpu"]),
            NodeAffinity("zone", ["a", "b"], weight=5),
            NodeAffinity("ssd"),
        ],
        image_pull_policy="Always",
        image_pull_secrets=["registry"],
    )
    platform_document({"task": resources})
    required, preferred, policy, secrets = called
    assert [one["key"] for one in required["match_expressions"]] == ["pool", "ssd"]
    assert "weight" not in required
    assert (preferred["match_expressions"][0]["key"], preferred["weight"]) == ("zone", 5)
    assert (policy["policy"], secrets["secret_names"]) == ("Always", ["registry"])
    settings = pod_settings(resources, "i")
    (term,) = settings["pod"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert [one["key"] for one in term["matchExpressions"]] == ["pool", "ssd"]
    assert settings["pod"]["imagePullSecrets"] == [{"name": "registry"}]
    assert settings["container"]["imagePullPolicy"] == "Always"


def test_wiring_that_does_not_compile_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tfx.dsl.experimental.conditionals import conditional
    from tfx.orchestration.pipeline import Pipeline

    (tmp_path / "valued_steps.py").write_text(
        "from tfx.dsl.component.experimental.annotations import OutputDict, Parameter\n"
        "from tfx.dsl.component.experimental.decorators import component\n"
        "@component\n"
        "def make() -> OutputDict(rate=float, steps=int):\n"
        "    return {'rate': 0.5, 'steps': 2}\n"
        "@component\n"
        "def rated(rate: Parameter[float]):\n"
        "    pass\n"
        "@component\n"
        "def stepped(steps: Parameter[int]):\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    steps: Any = importlib.import_module("valued_steps")

    def compiled(*nodes: Any) -> Any:
        pipeline = Pipeline(pipeline_name="w", pipeline_root=BUCKET, components=list(nodes))
        return compile_pipeline(pipeline, image="i")

    made = steps.make()
    rated = steps.rated(rate=made.outputs["rate"].future()[0].value)
    with pytest.raises(PackageError, match=r"rated: rate is the value of a Float"):
        compiled(made, rated)
    made = steps.make()
    with conditional.Cond(made.outputs["steps"].future()[0].value == 2):
        stepped = steps.stepped(steps=1)
    with pytest.raises(PackageError, match=r"stepped: .* condition on the value of an artifact"):
        compiled(made, stepped)
    made = steps.make()
    with conditional.Cond(made.outputs["steps"].future()[0].property("wanted") != 2):
        stepped = steps.stepped(steps=made.outputs["steps"].future()[0].value)
    compiled(made, stepped)
    assert "DEFAULT_IMAGE_PATH_KEY" not in caplog.text


def test_what_the_backend_has_no_place_for_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.control_flow.for_each import ForEach
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.dsl.placeholder import placeholder
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts
    from tfx.types.channel import union

    (tmp_path / "small_steps.py").write_text(
        "from tfx.dsl.component.experimental.annotations import Parameter\n"
        "from tfx.dsl.component.experimental.decorators import component\n"
        "@component\n"
        "def step(x: Parameter[int] = 1):\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    step: Any = importlib.import_module("small_steps").step

    def imported(uri: Any, kind: Any = standard_artifacts.Examples) -> Any:
        return Importer(source_uri=uri, artifact_type=kind)

    def number(name: str, default: int) -> Any:
        return RuntimeParameter(name, ptype=int, default=default)

    first = ImportExampleGen(input_base="/data").with_id("first")
    second = ImportExampleGen(input_base="/data").with_id("second")
    both = union([first.outputs["examples"], second.outputs["examples"]])
    joined = StatisticsGen(examples=both).with_id("joined")
    with ForEach(first.outputs["examples"]) as each:
        looped = StatisticsGen(examples=each).with_id("looped")
    place: Any = RuntimeParameter("place", ptype=str, default="/volume/x")
    far = imported("minio://b/x").with_id("far")
    count = imported("minio://b/count", standard_artifacts.Integer).with_id("count")
    with Cond(far.outputs["result"].future()[0].property("span") == 1):
        conditional = imported("minio://b/y").with_id("conditional")
    with Cond(far.outputs["result"].future()[0].property("split_names") == "it's"):
        quoted = step().with_id("quoted")
    problems = [
        "joined: its input examples is a UnionChannel",
        "looped: its input examples is a",
        "near: it imports '/volume/schema', which is in no bucket",
        "parameter: it imports '/volume/x', which is in no bucket",
        "conditional: an Importer under a condition",
        'quoted: it runs under a condition with "it\'s"',
        "valued: x is the value of what count imports",
        "inside: table has a RuntimeParameter inside another value",
        "the pipeline: its RuntimeParameter 'n' is int with the default",
        "the pipeline: its beam_pipeline_args have",
    ]
    inside = step().with_id("inside")
    inside.exec_properties["table"] = {"a": number("m", 1)}
    pipeline = Pipeline(
        pipeline_name="w", pipeline_root=BUCKET,
        components=[
            first, second, joined, looped, far, count, conditional, quoted, inside,
            imported("/volume/schema").with_id("near"), imported(place).with_id("parameter"),
            step(x=count.outputs["result"].future()[0].value).with_id("valued"),
            step(x=number("n", 1)).with_id("one"), step(x=number("n", 2)).with_id("other"),
        ],
        beam_pipeline_args=[placeholder.environment_variable("FLAGS")],
    )  # fmt: skip
    with pytest.raises(PackageError) as caught:
        compile_pipeline(pipeline, image="i")
    lines = [line.strip() for line in str(caught.value).splitlines()]
    for problem in problems:
        assert any(line.startswith(problem) for line in lines), (problem, lines)
    # On this machine, kfp reads any path.
    with pytest.raises(PackageError) as caught:
        compile_pipeline(pipeline, image="i", cluster=False)
    assert "in no bucket" not in str(caught.value)


def test_what_tfx_cannot_compile_ends_in_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    def fail(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("no such thing")

    monkeypatch.setattr(kubeflow_v2_dag_runner.KubeflowV2DagRunner, "run", fail)
    with pytest.raises(PackageError, match="does not take small: no such thing"):
        compile_pipeline(small(), image="i")


def test_taxi_compiles_and_its_lookup_is_an_ordinary_step(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.pipelines import catalog

    module = catalog.load_pipeline_module("taxi")
    (tmp_path / "trips.csv").write_text("fare,tips\n1.0,0.5\n")  # TFX 1.15 brings none.
    pipeline = module.create_pipeline(root=tmp_path / "root", data=tmp_path)
    package = compile_pipeline(pipeline, image="i", root=BUCKET)
    check_whole(package.spec)
    executors = package.spec["deploymentSpec"]["executors"].values()
    assert all(tuple(held["container"]["command"]) == COMMAND for held in executors)
    package.write(tmp_path / "package.yaml")
    assert len(list(yaml.safe_load_all((tmp_path / "package.yaml").read_text()))) == 1


def test_a_pipeline_of_stock_components_compiles() -> None:
    from tfx.components.evaluator.component import Evaluator
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.example_validator.component import ExampleValidator
    from tfx.components.pusher.component import Pusher
    from tfx.components.schema_gen.component import SchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.components.trainer.component import Trainer
    from tfx.components.transform.component import Transform
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
        LatestBlessedModelStrategy,
    )
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import pusher_pb2, trainer_pb2
    from tfx.types.channel import Channel
    from tfx.types.standard_artifacts import Model, ModelBlessing

    examples = CsvExampleGen(input_base="/data/points")
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="points.model.preprocessing_fn",
    )
    trainer = Trainer(
        run_fn="points.model.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(num_steps=1),
        eval_args=trainer_pb2.EvalArgs(num_steps=1),
    )
    baseline = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("latest_blessed_model")
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory="/volume/serving")
        ),
    )
    nodes = [examples, statistics, schema, validator, transform, trainer, baseline, evaluator]
    pipeline = Pipeline(
        pipeline_name="stock", pipeline_root="gs://a-bucket/stock", components=[*nodes, pusher]
    )
    package = compile_pipeline(pipeline, image="i")
    check_whole(package.spec)
    tasks = package.spec["root"]["dag"]["tasks"]
    assert len(tasks) == 9
    for outside_the_key in ("latest-blessed-model", "Transform", "Trainer"):
        assert tasks[outside_the_key]["cachingOptions"] == {}
    lookup = package.spec["deploymentSpec"]["executors"]["exec-latest-blessed-model"]
    assert lookup["container"]["args"][1].endswith("BlessedModelExecutor")
    # The definition itself stays as it was: it may run locally next.
    assert [node.id for node in pipeline.components].count("latest_blessed_model") == 1
    assert all(node in [*nodes, pusher] for node in pipeline.components)


def test_a_condition_asks_an_input_that_its_step_has() -> None:
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.schema_gen.component import SchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.experimental.conditionals import conditional
    from tfx.orchestration.pipeline import Pipeline

    examples = CsvExampleGen(input_base="/data/points").with_id("Points.csv")
    made = examples.outputs["examples"]
    with conditional.Cond(made.future()[0].property("span") == 1):
        statistics = StatisticsGen(examples=made)
        schema = SchemaGen(statistics=statistics.outputs["statistics"])
    pipeline = Pipeline(
        pipeline_name="some", pipeline_root=BUCKET, components=[examples, statistics, schema]
    )
    spec = compile_pipeline(pipeline, image="i").spec
    check_whole(spec)
    tasks = spec["root"]["dag"]["tasks"]
    for name in ("StatisticsGen", "SchemaGen"):
        (asked,) = re.findall(
            r"inputs\.artifacts\['(.+?)'\]", tasks[name]["triggerPolicy"]["condition"]
        )
        assert tasks[name]["inputs"]["artifacts"][asked] == {
            "taskOutputArtifact": {"producerTask": "Points-csv", "outputArtifactKey": "examples"}
        }
        assert asked in spec["components"][f"comp-{name}"]["inputDefinitions"]["artifacts"]
    assert "inputs.artifacts['examples']" in tasks["StatisticsGen"]["triggerPolicy"]["condition"]


def test_what_would_be_refused_is_said_before_anything_is_written() -> None:
    with pytest.raises(PackageError, match=r"no image for CsvExampleGen[^\0]*--image"):
        compile_pipeline(small(), image=None)
    with pytest.raises(PackageError, match="call it 'my-small-one'"):
        compile_pipeline(small("My_small.one"), image="i")
    with pytest.raises(PackageError, match="'/tmp/here' is a path on this machine"):
        compile_pipeline(small(root="/tmp/here"), image="i")
    with pytest.raises(PackageError, match="'/tmp/there' is a path on this machine"):
        compile_pipeline(small(), image="i", root="/tmp/there")
    with pytest.raises(PackageError, match="did you mean minio://"):
        compile_pipeline(small(), image="i", root="mino://bucket/small")
    with pytest.raises(PackageError, match="'Registry/Points:1 a' is not the name of an image"):
        compile_pipeline(small(), image="Registry/Points:1 a")
    with pytest.raises(PackageError, match=r"is a path on this machine[^\0]*no image for CsvEx"):
        compile_pipeline(small(root="/tmp/here"), image=None)
    with pytest.raises(UnsupportedOptionError, match=r"did you mean 'nvidia\.com/gpu'"):
        Accelerator("nvidia/gpu")
    assert package_name("small_1") == "small-1"
    assert task_names(["a.b", "a_b", "a-b"]) == {"a-b": "a-b", "a.b": "a-b-2", "a_b": "a-b-3"}
    # The backend has a task of Argo's called a-driver beside the task a; 128 letters at most.
    assert task_names(["a-driver", "a"]) == {"a": "a", "a-driver": "a-driver-2"}
    long = task_names(["x" * 300, "x" * 301, "größe", "日本"])
    assert (long["größe"], long["日本"]) == ("gr-e", "step")
    assert len({*long.values()}) == 4
    assert max(map(len, long.values())) + len("-driver") == 128


@pytest.mark.parametrize(
    "name",
    ["a", "registry:5000/team/points_2:v1.0", "localhost/a", "gcr.io/a/b@sha256:" + "0" * 64],
)
def test_names_of_images(name: str) -> None:
    assert is_image(name)
    for spoilt in (f"{name} ", f"http://{name}", f"{name}:", f"/{name}", f"a/B/{name}"):
        assert not is_image(spoilt)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Resources(node_selector={"a pool": "gpu"}),
        lambda: Resources(node_selector={"pool": "gpu!"}),
        lambda: Resources(node_selector={"pool": 1}),  # type: ignore[dict-item]
        lambda: Toleration("gpu", effect="Noschedule"),  # type: ignore[arg-type]
        lambda: Toleration("/gpu"),
        lambda: NodeAffinity("pool", "gpu"),
        lambda: NodeAffinity("pool", ["gpu"], weight=0),
        lambda: Claim("Check_points", "/volume"),
        # Of what is mounted, the backend makes the name of a volume.
        lambda: Claim("check.points", "/volume"),
        lambda: Secret("registry.token", "/token"),
        lambda: Claim("c" * 64, "/volume"),
        lambda: Resources(image_pull_policy="always"),  # type: ignore[arg-type]
        lambda: Resources(image_pull_secrets="registry"),
        # Becomes 6.5536e-05G, which Kubernetes cannot read.
        lambda: Resources(memory="64Ki"),
        # Argo: "1.5 cannot be resolved to an int".
        lambda: Retries(3, factor=1.5),
    ],
)
def test_what_kubernetes_would_not_take_is_refused(make: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="expected"):
        make()


def test_labels_that_kubernetes_takes() -> None:
    labels = {"pool": "gpu", "cloud.google.com/gke-accelerator": "nvidia-l4", "a_B.c": ""}
    assert Resources(node_selector=labels).node_selector == labels
    assert Toleration().key is None
    assert NodeAffinity("pool", ["a", "b"], weight=100).weight == 100
    assert Secret("registry.token", variables={"key": "TOKEN"}).name == "registry.token"


def test_folders_that_go_with_the_pod_are_told(tmp_path: pathlib.Path) -> None:
    from tfx_estimators.pipelines import catalog

    module = catalog.load_pipeline_module("taxi")
    root = pathlib.Path("/volume/taxi")
    elsewhere = module.create_pipeline(root=root, data=pathlib.PurePosixPath("/volume/none"))
    told = outside_of_volumes(elsewhere, Resources(volumes=[Claim("other", "/vol")]))
    assert [line.split(",")[0] for line in told] == [
        "CsvExampleGen reads /volume/none",
        "EstimatorTrainer keeps checkpoints in /volume/taxi/checkpoints",
        "EstimatorPusher pushes to /volume/taxi/serving",
    ]
    assert outside_of_volumes(elsewhere) == told
    every = Resources(volumes=[Claim("checkpoints", "/volume")])
    assert outside_of_volumes(elsewhere, every) == []


def test_a_package_is_written_whole_or_not_at_all(package: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(PackageError, match=r"small\.yaml"):
        package.write(tmp_path / "small.json")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(PackageError, match="cannot be written"):
        package.write(tmp_path / "folder.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.yaml"]


def test_what_every_step_needs_stands_beside_what_one_does() -> None:
    pipeline = small("two_words")
    every = Resources(
        memory="1G", volumes=[Claim("records", "/volume")], environment={"COLOUR": "blue"}
    )
    package = compile_pipeline(pipeline, image="i", every_step=every)
    check_whole(package.spec)
    assert package.spec["pipelineInfo"]["name"] == "two-words"
    assert pipeline.pipeline_info.pipeline_name == "two_words"
    executors = package.spec["deploymentSpec"]["executors"]
    general = executors["exec-CsvExampleGen"]["container"]
    own = executors["exec-Statistics-of-points"]["container"]
    assert "--tfx_pipeline=two_words" in general["args"]
    assert general["resources"] == {"memoryLimit": 1.0}
    assert own["resources"]["memoryLimit"] == 2.0
    assert general["env"] == [{"name": "COLOUR", "value": "blue"}]
    assert own["env"] == [{"name": "COLOUR", "value": "blue"}, {"name": "SEED", "value": "1"}]
    mounts = package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(mounts) == {"exec-CsvExampleGen", "exec-Statistics-of-points"}
    assert [m["mountPath"] for m in mounts["exec-Statistics-of-points"]["pvcMount"]] == [
        "/volume", "/data",
    ]  # fmt: skip


def test_compile_mounts_claims_and_leaves_records_on_them(tmp_path: pathlib.Path) -> None:
    from click.testing import CliRunner

    from tfx_estimators.cli import main

    (tmp_path / "trips.csv").write_text("fare,tips\n1.0,0.5\n")
    arguments = [
        *("compile", "taxi", "--image", "i", "--data", str(tmp_path), "--pipeline-root", BUCKET),
        *("--root", "/volume/taxi", "-o", str(tmp_path / "taxi.yaml")),
    ]
    answer = CliRunner().invoke(main, [*arguments, "--claim", "checkpoints:/volume"])
    assert answer.exit_code == 0, answer.output
    spec, platform = yaml.safe_load_all((tmp_path / "taxi.yaml").read_text())
    for executor in spec["deploymentSpec"]["executors"].values():
        assert {"name": "TFX_ESTIMATORS_RECORDS", "value": "/volume/taxi/records"} in executor[
            "container"
        ]["env"]
    assert "checkpoints" in str(platform)
    assert {path.name for path in tmp_path.iterdir()} == {"trips.csv", "taxi.yaml"}
    answer = CliRunner().invoke(main, [*arguments, "--claim", "checkpoints"])
    assert answer.exit_code != 0
    assert "NAME:PATH" in answer.output


def test_compiling_makes_nothing_but_the_package(tmp_path: pathlib.Path) -> None:
    from click.testing import CliRunner

    from tfx_estimators.cli import main

    # Where no folder can be made, as on a machine without the volume.
    (tmp_path / "volume").touch()
    for name in ("digits", "titanic"):
        answer = CliRunner().invoke(
            main,
            [
                *("compile", name, "--image", "i", "--pipeline-root", BUCKET),
                *("--claim", f"data:{tmp_path}", "--root", str(tmp_path / "volume" / name)),
                *("-o", str(tmp_path / f"{name}.yaml")),
            ],
        )
        assert answer.exit_code == 0, answer.output
        assert "put the data there" in answer.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "volume", "digits.yaml", "titanic.yaml",
    }  # fmt: skip
