"""One process of a training job: `python -m tfx_estimators.kubeflow.jobs.member FOLDER`.

All pods of a job have the same command: TF_CONFIG tells each which task it is.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

from tfx_estimators.json_text import dumps
from tfx_estimators.kubeflow.jobs.heartbeat import end_without_heartbeat

__all__ = ["main", "own_task"]


def own_task(tf_config: str) -> tuple[str, str]:
    """A task's name, and the TF_CONFIG that Estimators expect.

    The training operator has the evaluator among the cluster's members, where it does not
    belong: it trains with nobody
    (https://www.tensorflow.org/api_docs/python/tf/estimator/train_and_evaluate).

    Args:
        tf_config: as the operator wrote it.

    Returns:
        e.g. "worker-1", and the corrected JSON.
    """
    around = json.loads(tf_config)
    task = around["task"]
    cluster = {kind: list(at) for kind, at in around["cluster"].items() if kind != "evaluator"}
    return f"{task['type']}-{task['index']}", dumps({"cluster": cluster, "task": task})


def main(folder: str) -> None:
    """Does this pod's part of a training.

    Args:
        folder: on a volume that all of them see; holds `step.json`.
    """
    name, os.environ["TF_CONFIG"] = own_task(os.environ["TF_CONFIG"])
    end_without_heartbeat(pathlib.Path(folder))

    from tfx_estimators.components.trainer.processes import task

    task.main(pathlib.Path(folder), name, "member")


if __name__ == "__main__":
    main(sys.argv[1])
