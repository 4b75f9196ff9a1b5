"""Pipelines on Kubeflow Pipelines, the open-source one.

* `package`: a TFX pipeline compiled into a package; `kubernetes_names`, `lint`, `resolution` and
  `platform` are its parts. `runner` does the same in the place of a TFX runner.
* `jobs`: training on several machines; `training_steps`: steps that start such a job.
* `serving`: what was pushed, served by KServe.
* `access`: a Kubernetes API server.
* `entrypoint`: what a step of a package runs.
* `local`: a package run on this machine.
* `submission`: a package run by a Kubeflow Pipelines server.
* `added_steps`: steps that no node of the pipeline stands for.
* `blessed_model`: the latest blessed model, looked up by an ordinary step.
* `blessed_model_executor`: finds the newest blessed model in the records of earlier steps.
* `conditions`: steps under a condition (`tfx.dsl.experimental.conditionals`).
* `data_digests`: steps that make a digest of the files which another step reads, for its cache
  key.
* `defining`: a pipeline that is defined here to run elsewhere.
* `extra`: the packages of the extra `kubeflow`: not needed where pipelines only run locally.
* `lint`: what the open-source backend would refuse of a pipeline, said before anything is
  compiled.
* `log_filter`: a warning of TFX's compiler that says the opposite of what is the case.
* `kubernetes_names`: names that Kubernetes accepts, made from names that TFX accepts.
* `outside`: folders that a package names and no volume of its steps holds: they go with the pod.
* `outside_inputs`: steps whose result depends on more than the backend's cache key holds.
* `pauses`: pauses between attempts that are longer on Kubeflow Pipelines than was asked for.
* `pipelines_server`: a Kubeflow Pipelines server.
* `platform`: `Resources` in a package: some in the PipelineSpec, the rest for Kubernetes alone.
* `remote_run`: how far a run on a Kubeflow Pipelines server is, as the server says.
* `report_step`: a last step that makes the run's report, which the pages of Kubeflow Pipelines
  show.
* `resolution`: resolver nodes, for which open-source Kubeflow Pipelines has no place.
* `run_records`: the last step of a run: it records which steps were answered from the backend's
  cache.
* `runner`: a runner in the sense of TFX: its `run` writes the package.
* `shipped_files`: files for a cluster that ship with the package: Kubernetes manifests and a
  step's image.
* `training_steps`: trainers that take several processes: on a cluster their step starts a job
  instead.
* `typed_parameters`: parameters that are more than text and numbers: truth values, lists,
  dictionaries, protos.
* `values`: values of artifacts that become parameters of other steps (`.future()[0].value`).
* `wiring`: what joins one node to another, and what of it TFX's Kubeflow compiler does not take.
"""

__all__ = [
    "access",
    "blessed_model",
    "entrypoint",
    "jobs",
    "lint",
    "local",
    "package",
    "platform",
    "resolution",
    "runner",
    "serving",
    "submission",
    "training_steps",
]
