"""Training on several machines of a cluster.

* `interface`: what is asked of whatever runs such a job.
* `tfjob`: a job as a TFJob of Kubeflow's training operator; `pods`: a pod of it.
* `cluster`: jobs on a Kubernetes API server.
* `starter`: runs an EstimatorTrainer's processes as a job; `member`: one of them.
* `heartbeat`: a sign of life that a training step gives the processes of its job, on their
  volume.
* `log_stream`: what a job's processes say, while they say it.
* `member`: one process of a training job: `python -m tfx_estimators.kubeflow.jobs.member FOLDER`.
* `pods`: `Resources` as what a pod of a training job needs, in Kubernetes' own words.
"""

from __future__ import annotations

__all__ = ["cluster", "interface", "member", "pods", "starter", "tfjob"]
