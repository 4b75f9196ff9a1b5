"""A training on several machines as a package: its step starts a job and gets no accelerator."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import yaml

from tfx_estimators.components.resources import (
    Accelerator,
    Claim,
    Resources,
    Retries,
    with_resources,
)
from tfx_estimators.errors import PackageError
from tfx_estimators.estimator.distribution import Mirrored, MultiWorker, Policy
from tfx_estimators.kubeflow.package import compile_pipeline

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "packages" / "distributed.yaml"
STORE = "/volume/checkpoints"

pytestmark = pytest.mark.stacks


def distributed(policy: Policy, store: str = STORE, *, tuned: bool = False) -> Any:
    """A trainer of two machines with two GPUs each, over what was made before; or a tuner."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import trainer_pb2, tuner_pb2
    from tfx.types import standard_artifacts

    from tfx_estimators.components import EstimatorTrainer, EstimatorTuner
    from tfx_estimators.components.artifacts import FeatureColumns

    kinds = {
        "examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "feature_columns": FeatureColumns,
        "schema": standard_artifacts.Schema,
    }
    made = {
        key: Importer(source_uri=f"s3://made/{key}", artifact_type=kind).with_id(key)
        for key, kind in kinds.items()
    }
    kind: Any = EstimatorTrainer
    given = {key: node.outputs["result"] for key, node in made.items()}
    more: dict[str, Any] = {"module_path": "tfx_estimators.pipelines.digits.model"}
    if tuned:
        kind = EstimatorTuner
        del given["schema"], made["schema"]
        more = {
            "module_path": "tfx_estimators.pipelines.titanic.model",
            "tune_args": tuner_pb2.TuneArgs(num_parallel_trials=2),
        }
    trainer = kind(
        **given,
        **more,
        label_key="digit",
        train_args=trainer_pb2.TrainArgs(num_steps=100),
        eval_args=trainer_pb2.EvalArgs(num_steps=10),
        distribution=policy,
        checkpoint_store=store,
    )
    resources = Resources(
        cpu="4",
        memory="16G",
        accelerator=Accelerator("nvidia.com/gpu", 2),
        volumes=[Claim("checkpoints", "/volume")],
        retries=Retries(3),
    )
    return Pipeline(
        pipeline_name="distributed",
        pipeline_root="s3://artifacts/distributed",
        components=[*made.values(), with_resources(trainer, resources)],
    )


def comparable(documents: Any) -> list[dict[str, Any]]:
    """Without what differs between releases of TFX and kfp-kubernetes, or with the module."""
    spec, platform = documents
    assert spec.pop("sdkVersion").startswith("tfx-")
    given = spec["root"]["dag"]["tasks"]["EstimatorTrainer"]["inputs"]["parameters"]
    assert given.pop("module_digest")
    for executor in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        for volume in executor["pvcMount"]:
            volume.pop("pvcNameParameter", None)
    return [spec, platform]


def test_the_package_is_the_one_that_was_reviewed(tmp_path: pathlib.Path) -> None:
    written = tmp_path / "distributed.yaml"
    compile_pipeline(distributed(MultiWorker(2)), image="registry/points:1").write(written)
    found, reviewed = (comparable(yaml.safe_load_all(f.read_text())) for f in (written, GOLDEN))
    assert found == reviewed, (
        f"the package has changed: diff {GOLDEN} {written}; if that is meant, replace the first"
    )


def test_the_jobs_pods_get_what_the_step_does_not() -> None:
    package = compile_pipeline(distributed(MultiWorker(2)), image="registry/points:1")
    container = package.spec["deploymentSpec"]["executors"]["exec-EstimatorTrainer"]["container"]
    assert "accelerator" not in container["resources"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    pod = json.loads(variables["TFX_ESTIMATORS_POD"])
    assert pod["container"]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert pod["container"]["image"] == "registry/points:1"
    volume, scratch = pod["pod"]["volumes"]
    assert scratch == {"name": "scratch", "emptyDir": {}}
    assert volume["persistentVolumeClaim"] == {"claimName": "checkpoints"}


def test_trials_of_several_processes_are_jobs_as_trainings_are() -> None:
    package = compile_pipeline(distributed(MultiWorker(2), tuned=True), image="registry/points:1")
    container = package.spec["deploymentSpec"]["executors"]["exec-EstimatorTuner"]["container"]
    assert "accelerator" not in container["resources"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["TFX_ESTIMATORS_STARTER"].endswith(":STARTER")
    pod = json.loads(variables["TFX_ESTIMATORS_POD"])
    assert pod["container"]["resources"]["limits"]["nvidia.com/gpu"] == "2"
    given = package.spec["root"]["dag"]["tasks"]["EstimatorTuner"]["inputs"]["parameters"]
    assert '"num_parallel_trials": 2' in given["tune_args"]["runtimeValue"]["constant"]
    with pytest.raises(PackageError, match="EstimatorTuner trains in several pods"):
        compile_pipeline(distributed(MultiWorker(2), "/elsewhere", tuned=True), image="i")


def test_on_this_machine_or_with_one_process_there_is_no_job() -> None:
    for policy, cluster in ((MultiWorker(2), False), (Mirrored(), True)):
        package = compile_pipeline(distributed(policy), image="i", cluster=cluster)
        executors = package.spec["deploymentSpec"]["executors"]
        container = executors["exec-EstimatorTrainer"]["container"]
        assert "env" not in container
        assert container["resources"]["accelerator"]["count"] == "2"


def test_checkpoints_on_no_claim_are_refused() -> None:
    with pytest.raises(PackageError, match="trains in several pods, and its checkpoints are in"):
        compile_pipeline(distributed(MultiWorker(2), "/elsewhere/checkpoints"), image="i")
