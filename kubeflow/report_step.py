"""A last step that makes the run's report, which the pages of Kubeflow Pipelines show.

Their frontend looks for output artifacts of the type `system.HTML`, reads the file at the
artifact's URI, whatever its name, and shows its text in a sandboxed frame
(`frontend/src/components/viewers/MetricsVisualizations.tsx` and `HTMLViewer.tsx` of
https://github.com/kubeflow/pipelines). The backend takes the type from `schemaTitle`.

See `kubeflow.entrypoint.run_report`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_estimators.components.resources import Claim, Resources
from tfx_estimators.environment_variables import CHECKPOINTS, RECORDS
from tfx_estimators.errors import PackageError
from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.added_steps import Wire, add_step, free_id
from tfx_estimators.kubeflow.conditions import conditional_tasks
from tfx_estimators.kubeflow.kubernetes_names import CHECKPOINT_STORES, REPORT_PAGE
from tfx_estimators.report.subject import EVALUATION_TYPE, TYPES_READ

__all__ = ["add_report"]

_FUNCTION = "run_report.write_report"
_WANTED = "report"
_HTML = {"artifactType": {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}}


def add_report(
    spec: dict[str, Any],
    nodes: Sequence[Any],
    resources: Mapping[str, Resources],
    *,
    after: Sequence[str],
    cluster: bool,
) -> dict[str, Resources]:
    """Adds a step that runs last and makes the report.

    It reads the records of all steps, which say where artifacts lay in the pods of the steps
    that wrote them. Those that a report reads are inputs of this step, so that the launcher
    puts them in the same places here.

    Args:
        spec: a PipelineSpec by node ids, changed in place.
        nodes: those that run our entrypoint.
        resources: by step.
        after: further steps that are to end first.
        cluster: whether it is to run on a cluster, where only a volume keeps records.

    Returns:
        what the step needs, by its id.

    Raises:
        PackageError: if the step would not see the records of all others.
    """
    left_out = conditional_tasks(spec["root"]["dag"]["tasks"])
    certain = [node for node in nodes if node.id not in left_out]
    if not certain:
        raise PackageError(
            "there is no step that a report could be about",
            expected="at least one component of TFX that runs without a condition",
            fix="compile without the report",
        )
    if cluster:
        _check_records(certain, resources)
    evaluators = [node for node in certain if EVALUATION_TYPE in _types(node).values()]
    like = (evaluators or certain)[-1]
    wires: dict[tuple[str, str], Wire] = {}
    for node in certain:
        wires |= dict(_outputs(spec, node))
    for node in evaluators:
        wires |= dict(_inputs(spec, node))
    stores = {_variable(CHECKPOINTS, resources.get(node.id)) for node in certain} - {""}
    parameters = {
        CHECKPOINT_STORES: (
            {"parameterType": "STRING"},
            {"runtimeValue": {"constant": dumps(sorted(stores))}},
        )
    }
    id_ = free_id(spec, _WANTED)
    add_step(
        spec,
        id_,
        _FUNCTION,
        like=like.id,
        parameters=parameters,
        artifacts={f"artifact_{number}": wire for number, wire in enumerate(wires.values())},
        made={REPORT_PAGE: _HTML},
        after={*(node.id for node in certain), *after, *(producer for producer, _ in wires)},
    )
    return {id_: _needs(like, certain, resources)}


def _types(node: Any) -> dict[str, str]:
    return {key: channel.type_name for key, channel in node.outputs.items()}


def _outputs(spec: Mapping[str, Any], node: Any) -> Iterator[tuple[tuple[str, str], Wire]]:
    declared = spec["components"][node.id].get("outputDefinitions", {}).get("artifacts", {})
    for key, kind in _types(node).items():
        if kind in TYPES_READ:
            source = {"producerTask": node.id, "outputArtifactKey": key}
            yield (node.id, key), (declared[key], {"taskOutputArtifact": source})


def _inputs(spec: Mapping[str, Any], node: Any) -> Iterator[tuple[tuple[str, str], Wire]]:
    declared = spec["components"][node.id]["inputDefinitions"]["artifacts"]
    given = spec["root"]["dag"]["tasks"][node.id]["inputs"]["artifacts"]
    for key, source in given.items():
        made = source["taskOutputArtifact"]
        wire = (declared[key], copy.deepcopy(source))
        yield (made["producerTask"], made["outputArtifactKey"]), wire


def _needs(like: Any, nodes: Sequence[Any], resources: Mapping[str, Resources]) -> Resources:
    """What the evaluation needs, and all volumes on which steps leave records."""
    own = resources.get(like.id) or Resources()
    volumes = list(own.volumes)
    for node in nodes:
        for claim in _claims(resources.get(node.id)):
            if claim.path not in [volume.path for volume in volumes]:
                volumes.append(claim)
    return dataclasses.replace(own, accelerator=None, cache=None, volumes=tuple(volumes))


def _check_records(nodes: Sequence[Any], resources: Mapping[str, Resources]) -> None:
    places = {node.id: _place_of_records(resources.get(node.id)) for node in nodes}
    lost = [node for node, place in places.items() if place is None]
    if not lost and len(set(places.values())) == 1:
        return
    problem = (
        f"{', '.join(lost)} keep no lineage records on a volume"
        if lost
        else f"its steps keep their lineage records in {len(set(places.values()))} places"
    )
    raise PackageError(
        f"the report of the run would lack steps: {problem}",
        expected="one folder for the records of all steps, on a claim that each of them mounts",
        fix=f"--claim checkpoints:/volume --root /volume/PIPELINE, or set {RECORDS} in the "
        "environment of every step's Resources",
    )


def _place_of_records(resources: Resources | None) -> tuple[str, str] | None:
    """The claim that they are on, and the folder."""
    folder = _variable(RECORDS, resources)
    if not folder and (store := _variable(CHECKPOINTS, resources)):
        folder = f"{store}/records"
    for claim in _claims(resources):
        if f"{folder}/".startswith(f"{claim.path.rstrip('/')}/"):
            return claim.name, folder
    return None


def _variable(name: str, resources: Resources | None) -> str:
    return "" if resources is None else resources.environment.get(name, "").rstrip("/")


def _claims(resources: Resources | None) -> list[Claim]:
    volumes = resources.volumes if resources is not None else ()
    return [volume for volume in volumes if isinstance(volume, Claim)]
