"""One process of a cluster: `FOLDER TASK POLICY`; trains what TF_CONFIG says."""

import json
import pathlib
import sys
import time

from tfx_estimators.collector import collect_seldom
from tfx_estimators.estimator.distribution import from_json
from tfx_estimators.estimator.distribution.processes import end_with_parent


def main(folder, task, policy):
    end_with_parent()
    collect_seldom()
    import small_model
    from company import Company

    from tfx_estimators import estimator as tf_estimator
    from tfx_estimators.estimator.distribution.strategies import make_strategy

    strategy = make_strategy(policy)
    config = tf_estimator.RunConfig(
        str(folder / "model"),
        save_checkpoints_steps=2,
        train_distribute=strategy,
        session_creation_timeout_secs=600,
    )
    if policy.has_evaluator and task.startswith("worker"):
        # One that finds no session of its chief's sleeps for half a minute.
        while not (folder / "model" / "checkpoint").exists():
            time.sleep(0.1)
    estimator = tf_estimator.Estimator(small_model.model_fn, config=config)
    reads = small_model.Input(folder / "examples", small_model.GLOBAL_BATCH // 2)
    hooks = [small_model.Weights(folder / f"{task}.weights")]
    if policy.has_evaluator:
        hooks.append(Company(folder, task, ["worker-0", "worker-1"]))
    once = small_model.Input(folder / "examples", small_model.GLOBAL_BATCH, repeat=False)
    tf_estimator.train_and_evaluate(
        estimator,
        tf_estimator.TrainSpec(
            reads,
            max_steps=small_model.STEPS,
            hooks=hooks,
        ),
        tf_estimator.EvalSpec(once, steps=None, start_delay_secs=0, throttle_secs=1),
    )
    (folder / f"{task}.calls").write_text(json.dumps([reads.calls, once.calls]))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], from_json(sys.argv[3]))
