"""Training on several machines of a cluster.

* `interface`: what is asked of whatever runs such a job.
* `tfjob`: a job as a TFJob of Kubeflow's training operator; `pods`: a pod of it.
* `cluster`: jobs on a Kubernetes API server.
* `starter`: runs an EstimatorTrainer's processes as a job; `member`: one of them.
"""

from __future__ import annotations

__all__ = ["cluster", "interface", "member", "pods", "starter", "tfjob"]
