"""A process that trains trials: `python -m ...trial_process FOLDER`.

It reads one assignment a line from standard input, and leaves FOLDER/TRIAL.done with the
metrics, or FOLDER/TRIAL.error with what the trial failed with.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib
import sys
from typing import Any

from tfx_estimators.collector import collect_seldom
from tfx_estimators.estimator.distribution.processes import end_with_parent

__all__ = ["main"]


def main(folder: pathlib.Path) -> None:
    """Trains what standard input says, until its end.

    Args:
        folder: where the step was written down.
    """
    end_with_parent()
    collect_seldom()
    import logging

    from tfx.utils import json_utils

    from tfx_estimators.components.trainer.processes.member_errors import write_error
    from tfx_estimators.errors import TrainingInterruptedError
    from tfx_estimators.json_text import dumps
    from tfx_estimators.whole_files import staged

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    step = json_utils.loads((folder / "step.json").read_text(encoding="utf-8"))
    for line in sys.stdin:
        assignment = json.loads(line)
        name = assignment["trial"]
        try:
            metrics = _train(step, assignment, folder)
        except TrainingInterruptedError:
            return  # The search was asked to end, and goes on with this trial.
        except Exception as error:
            write_error(folder / f"{name}.error", error)
            continue
        with staged(folder / f"{name}.done") as fresh:
            fresh.write_text(dumps(metrics), encoding="utf-8")


def _train(step: dict[str, Any], assignment: dict[str, Any], folder: pathlib.Path) -> Any:
    from tfx_estimators.components.trainer.checkpoints.evaluations import read_evaluations
    from tfx_estimators.components.trainer.checkpoints.training import Training
    from tfx_estimators.components.trainer.checkpoints.training_folder import open_training
    from tfx_estimators.components.trainer.checkpoints.vocabularies import note_vocabularies
    from tfx_estimators.components.trainer.contracts.dispatch import train
    from tfx_estimators.components.trainer.processes.launch import train_in_processes
    from tfx_estimators.components.trainer.request import TrainingRequest
    from tfx_estimators.components.trainer.session.role import Part, Role
    from tfx_estimators.components.user_module import no_exit

    own = folder / assignment["trial"]
    with open_training(Training.from_json(assignment["training"])) as training:
        request = TrainingRequest.from_step(
            step["inputs"], step["outputs"], step["properties"], training
        )
        request = dataclasses.replace(
            request,
            hyperparameters=assignment["values"],
            train_steps=assignment["steps"],
        )
        note_vocabularies(training.folder, request.transform_graph)
        if request.distribution is None:
            with no_exit():
                train(request, Role(Part.TRIAL, status=folder / f"{assignment['trial']}.status"))
        else:
            # What comes last exports, and trials run side by side: each has a place for it.
            train_in_processes(dataclasses.replace(request, outputs=_outputs(step, own)))
        measured = read_evaluations(training.folder)
    return measured[max(measured)] if measured else {}


def _outputs(step: dict[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    (model,) = step["outputs"]["model"]
    model = copy.deepcopy(model)
    model.uri = str(folder / "model")
    return {"model": [model]}


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
