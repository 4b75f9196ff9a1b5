"""A TFX pipeline as a package that open-source Kubeflow Pipelines takes.

TFX's own compiler for Kubeflow writes what one vendor's backend runs. What it makes is
repaired here, one thing a function; the package is then a PipelineSpec of schema 2.1.0 as
YAML, followed by a second document with what only Kubernetes knows, such as volumes.

Every step runs `COMMAND` with TFX's own arguments, and three with the names that lineage
goes by, which the backend does not tell a container.

Seen with TFX 1.15.1, 1.16.0 and 1.21.0, kfp 2.5.0 and 2.16.1.
"""

from __future__ import annotations

import copy
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from tfx_estimators.components.resources import Resources, combined, resources_of
from tfx_estimators.errors import PackageError
from tfx_estimators.kubeflow.conditions import point_conditions
from tfx_estimators.kubeflow.data_digests import cache_by_digests
from tfx_estimators.kubeflow.extra import from_extra
from tfx_estimators.kubeflow.kubernetes_names import (
    NO_IMAGE,
    executor_label,
    package_name,
    task_names,
)
from tfx_estimators.kubeflow.lint import check
from tfx_estimators.kubeflow.log_filter import without_misplaced_warning
from tfx_estimators.kubeflow.platform import apply_resources, platform_document
from tfx_estimators.kubeflow.report_step import add_report
from tfx_estimators.kubeflow.resolution import with_lookups
from tfx_estimators.kubeflow.run_records import record_cached_steps
from tfx_estimators.kubeflow.training_steps import with_jobs
from tfx_estimators.kubeflow.typed_parameters import type_parameters
from tfx_estimators.kubeflow.values import point_at_values
from tfx_estimators.whole_files import staged

__all__ = ["COMMAND", "Package", "compile_pipeline"]

COMMAND = ("python", "-m", "tfx_estimators.kubeflow.entrypoint")


@dataclasses.dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        spec: the PipelineSpec as JSON.
        platform: what only Kubernetes knows, empty if there is nothing.
    """

    spec: dict[str, Any]
    platform: dict[str, Any]

    def write(self, file: pathlib.Path) -> None:
        """Writes the package, all of it or nothing.

        Raises:
            PackageError: if the file's name does not end in .yaml, which the backend's
                client goes by, or if it cannot be written.
        """
        import yaml

        if file.suffix not in (".yaml", ".yml"):
            raise PackageError(
                f"{file} is not a valid name for a package",
                expected="a name that ends in .yaml",
                fix=f"-o {file.with_suffix('.yaml')}",
            )
        documents = [self.spec, self.platform] if self.platform else [self.spec]
        text = yaml.dump_all(documents, Dumper=_dumper(), sort_keys=True, width=100)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with staged(file) as fresh:
                fresh.write_text(text, encoding="utf-8")
        except OSError as error:
            raise PackageError(
                f"{file} cannot be written: {error.strerror}",
                expected="a file in a folder that you can write",
                fix="pass another one with -o",
            ) from error


def compile_pipeline(
    pipeline: Any,
    *,
    image: str | None,
    root: str | None = None,
    cluster: bool = True,
    every_step: Resources | None = None,
    report: bool = False,
) -> Package:
    """Compiles a pipeline; nothing is written, and the pipeline can still run locally.

    Args:
        pipeline: a TFX pipeline of our components, stock ones, or both.
        image: of every step that has none of its own in its `Resources`.
        root: where the backend puts artifacts; the pipeline's own root by default.
        cluster: whether it is to run on a cluster. If not, paths of this machine will do,
            and so will no image.
        every_step: what all steps need, such as a volume; a step's own `Resources` win.
        report: whether a last step is to make the run's report, which the backend's pages
            show.

    Raises:
        MissingDependencyError: if kfp is not installed.
        PackageError: if the backend would not run it, or a step has no image; said of
            all nodes at once.
    """
    from_extra("kfp")  # TFX's compiler imports it, and would only raise.
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as tfx_runner

    name = package_name(pipeline.pipeline_info.pipeline_name)
    general = image or (every_step.image if every_step is not None else None)
    check(pipeline, cluster=cluster, root=root, image=general)
    changed = with_lookups(pipeline)
    changed.pipeline_info = copy.copy(pipeline.pipeline_info)
    changed.pipeline_info.pipeline_name = name
    resources = _resources(changed, every_step)
    if cluster:
        resources = with_jobs(changed, resources, image)
    images = {id_: found.image for id_, found in resources.items() if found.image}
    images["default_image_path"] = general or NO_IMAGE
    config = tfx_runner.KubeflowV2DagRunnerConfig(
        default_image=images, default_commands=list(COMMAND), use_pipeline_spec_2_1=True
    )
    try:
        with without_misplaced_warning():
            job = tfx_runner.KubeflowV2DagRunner(config).run(changed, write_out=False)
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        # `lint` knows the usual reasons, and says them with the node's name.
        raise PackageError(
            f"TFX's compiler for Kubeflow does not take {name}: {error}",
            expected="nodes, values and channels that it can write into a package",
            fix="change what the message names, or run it with --runner local",
        ) from error
    spec: dict[str, Any] = job["pipelineSpec"]
    spec["defaultPipelineRoot"] = root or pipeline.pipeline_info.pipeline_root
    _keep_defaults(spec, changed)
    point_at_values(spec)
    _run_no_hooks(spec)
    point_conditions(spec)
    _name_importers_output(spec)
    type_parameters(spec, _of_our_command(spec, changed))
    _tell_names(spec, changed, pipeline.pipeline_info.pipeline_name)
    resources |= cache_by_digests(spec, pipeline, resources)
    ours = _of_our_command(spec, changed)
    recording = record_cached_steps(spec, [node.id for node in ours], resources)
    resources |= recording
    if report:
        resources |= add_report(spec, ours, resources, after=list(recording), cluster=cluster)
    added = sorted(spec["components"].keys() - {node.id for node in changed.components})
    names = task_names([*(node.id for node in changed.components), *added])
    _rename(spec, names)
    by_task = {names[id_]: found for id_, found in resources.items()}
    apply_resources(spec, by_task)
    return Package(spec, platform_document(by_task))


def _resources(pipeline: Any, every_step: Resources | None) -> dict[str, Resources]:
    from tfx.dsl.components.base.base_component import BaseComponent

    resources = {}
    for node in pipeline.components:
        found = resources_of(node)
        if every_step is not None and isinstance(node, BaseComponent):
            found = combined(every_step, found)
        if found is not None:
            resources[node.id] = found
    return resources


def _keep_defaults(spec: dict[str, Any], pipeline: Any) -> None:
    """TFX declares runtime parameters and forgets what they are by default."""
    from tfx.orchestration.data_types import RuntimeParameter

    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for node in pipeline.components:
        for value in node.exec_properties.values():
            if isinstance(value, RuntimeParameter) and value.default is not None:
                declared[value.name]["defaultValue"] = value.default


def _run_no_hooks(spec: dict[str, Any]) -> None:
    """ExampleGen's driver is a hook that this backend never runs: the entrypoint does."""
    for executor in spec["deploymentSpec"]["executors"].values():
        executor.get("container", {}).pop("lifecycle", None)


def _name_importers_output(spec: dict[str, Any]) -> None:
    """The backend's importer knows one output, called `artifact`."""
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    renamed = {}
    for name, component in spec["components"].items():
        importer = executors[component["executorLabel"]].get("importer")
        if importer is not None:
            outputs = component["outputDefinitions"]["artifacts"]
            ((key, output),) = outputs.items()
            component["outputDefinitions"]["artifacts"] = {"artifact": output}
            renamed[name, key] = "artifact"
            _keep_parameter(component, "inputDefinitions", importer)
            _keep_parameter(tasks[name], "inputs", importer)
    for task in tasks.values():
        for artifact in task.get("inputs", {}).get("artifacts", {}).values():
            source = artifact.get("taskOutputArtifact")
            if source:
                key = (source["producerTask"], source["outputArtifactKey"])
                source["outputArtifactKey"] = renamed.get(key, key[1])


def _keep_parameter(holder: dict[str, Any], field: str, importer: dict[str, Any]) -> None:
    """Leaves what the importer's URI comes from, if it comes from a parameter.

    What TFX's importer is told besides means nothing to the backend's.
    """
    name = importer["artifactUri"].get("runtimeParameter")
    kept = holder.pop(field, {}).get("parameters", {}).get(name)
    if kept is not None:
        holder[field] = {"parameters": {name: kept}}


def _of_our_command(spec: dict[str, Any], pipeline: Any) -> list[Any]:
    """The nodes whose container runs our entrypoint."""
    executors, components = spec["deploymentSpec"]["executors"], spec["components"]
    return [
        node
        for node in pipeline.components
        if executors[components[node.id]["executorLabel"]].get("container", {}).get("command")
        == list(COMMAND)
    ]


def _tell_names(spec: dict[str, Any], pipeline: Any, name: str) -> None:
    executors = spec["deploymentSpec"]["executors"]
    for node in _of_our_command(spec, pipeline):
        container = executors[spec["components"][node.id]["executorLabel"]]["container"]
        container["args"] += [
            f"--tfx_outputs={','.join(node.outputs)}",
            f"--tfx_pipeline={name}",
            f"--tfx_node={node.id}",
            f"--tfx_component={node.type}",
        ]


def _rename(spec: dict[str, Any], names: Mapping[str, str]) -> None:
    """Names as kfp's own compiler gives them: `comp-` and `exec-` before the task's.

    `kfp.local` makes the folder of a task of what follows `comp-`.
    """
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    components = {}
    for id_, component in spec["components"].items():
        label = executor_label(names[id_])
        executors[label] = executors.pop(component["executorLabel"])
        component["executorLabel"] = label
        components[f"comp-{names[id_]}"] = component
    spec["components"] = components
    for id_ in list(tasks):
        task = tasks.pop(id_)
        tasks[names[id_]] = task
        task["taskInfo"]["name"] = names[id_]
        task["componentRef"]["name"] = f"comp-{names[task['componentRef']['name']]}"
        if "dependentTasks" in task:
            task["dependentTasks"] = sorted(names[other] for other in task["dependentTasks"])
        for kind in ("artifacts", "parameters"):
            for given in task.get("inputs", {}).get(kind, {}).values():
                for source in ("taskOutputArtifact", "taskOutputParameter"):
                    if source in given:
                        given[source]["producerTask"] = names[given[source]["producerTask"]]


def _dumper() -> Any:
    """YAML as people read it: text of several lines in blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
