"""What the estimator package asks of TensorFlow's distribute coordinator.

Stands in for `tensorflow.python.distribute.estimator_training`, which TensorFlow 2.16
removed, on top of the coordinator, which it kept. Estimators call:

- `init_run_config` when a RunConfig names a distribution strategy;
- `should_run_distribute_coordinator` and `train_and_evaluate` for
  `tf.estimator.train_and_evaluate`;
- `estimator_train` and `estimator_evaluate` for a lone `train` or `evaluate` that leads a
  remote cluster.

On one machine, with or without a strategy, the coordinator has no part.

Private names relied on, seen on 2.16 to 2.21: `distribute_coordinator` with
`run_distribute_coordinator`, `CoordinatorMode` and `_TaskType`,
`distribute_coordinator_context.get_current_worker_context`,
`multi_worker_util.normalize_cluster_spec`; of the estimator package, RunConfig's and
Estimator's private attributes.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from typing import Any

from tensorflow.python.distribute import (
    distribute_coordinator,
    distribute_coordinator_context,
    multi_worker_util,
)
from tensorflow.python.training import server_lib

__all__ = [
    "estimator_evaluate",
    "estimator_train",
    "init_run_config",
    "should_run_distribute_coordinator",
    "train_and_evaluate",
]

_logger = logging.getLogger(__name__)
_Mode = distribute_coordinator.CoordinatorMode
_Task = distribute_coordinator._TaskType


def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
    """Decides how a RunConfig that names a strategy is to be coordinated.

    Args:
        config: the RunConfig; its private fields are filled in.
        tf_config: the parsed TF_CONFIG.

    Raises:
        ValueError: if a strategy or a cluster is given twice.
    """
    asked = config._experimental_distribute
    for side in ("train_distribute", "eval_distribute"):
        strategy = getattr(asked, side, None)
        if strategy is None:
            continue
        if getattr(config, f"_{side}"):
            raise ValueError(
                f"Either `{side}` or `experimental_distribute.{side}` can be set, got both."
            )
        setattr(config, f"_{side}", strategy)

    cluster = server_lib.ClusterSpec(tf_config.get("cluster", {}))
    config._init_distributed_setting_from_environment_var({})

    remote = getattr(asked, "remote_cluster", None)
    if config._train_distribute and remote:
        if cluster:
            raise ValueError(
                'Cannot set both "cluster_spec" of TF_CONFIG and '
                "`experimental_distribute.remote_cluster`."
            )
        config._distribute_coordinator_mode = _Mode.STANDALONE_CLIENT
        config._cluster_spec = remote
    elif cluster and config._train_distribute and "master" not in cluster.jobs:
        # The coordinator works out this task's part of the cluster when it runs.
        config._distribute_coordinator_mode = _Mode.INDEPENDENT_WORKER
        config._cluster_spec = cluster
    else:
        config._distribute_coordinator_mode = None
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()
    _logger.info("Distribute coordinator: %s", config._distribute_coordinator_mode or "not used")


def should_run_distribute_coordinator(config: Any) -> bool:
    """Whether `train_and_evaluate` is to go through the coordinator."""
    mode = getattr(config, "_distribute_coordinator_mode", None)
    if mode is None:
        return False
    if mode not in (_Mode.STANDALONE_CLIENT, _Mode.INDEPENDENT_WORKER):
        _logger.warning("Unexpected distribute_coordinator_mode: %r", mode)
        return False
    if not config.cluster_spec:
        _logger.warning("Running locally: the RunConfig has no cluster to coordinate")
        return False
    return True


def train_and_evaluate(
    estimator: Any, train_spec: Any, eval_spec: Any, executor_cls: Callable[..., Any]
) -> None:
    """Runs this task's part of `tf.estimator.train_and_evaluate` in a cluster.

    Args:
        estimator: the Estimator.
        train_spec: the TrainSpec.
        eval_spec: the EvalSpec.
        executor_cls: makes, from these three, what evaluates continuously.

    Raises:
        ValueError: if the estimator's RunConfig has no coordinator mode.
    """
    config = estimator.config
    mode = config._distribute_coordinator_mode
    if not mode:
        raise ValueError("Distribute coordinator mode is not specified in `RunConfig`.")

    def work(strategy: Any) -> None:
        local, context = _for_this_task(estimator, strategy, "train")
        # One process of a standalone client runs every worker: only the chief's hooks
        # belong to the graph that the hooks know.
        every_worker = mode == _Mode.INDEPENDENT_WORKER
        hooks = list(train_spec.hooks) if every_worker or context.is_chief else []
        local._config._distribute_coordinator_mode = None
        local.train(train_spec.input_fn, max_steps=train_spec.max_steps, hooks=hooks)

    def evaluate(strategy: Any) -> None:
        local, _ = _for_this_task(estimator, strategy, "eval")
        local._config._distribute_coordinator_mode = None
        executor_cls(local, train_spec, eval_spec)._start_continuous_evaluation()

    distribute_coordinator.run_distribute_coordinator(
        work,
        config.train_distribute,
        evaluate,
        config.eval_distribute,
        mode=mode,
        # An independent worker reads its cluster from TF_CONFIG.
        cluster_spec=config.cluster_spec if mode == _Mode.STANDALONE_CLIENT else None,
        session_config=config.session_config,
    )


def estimator_train(
    estimator: Any,
    train_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any],
    hooks: Sequence[Any],
) -> Any:
    """Leads a remote cluster through one `Estimator.train`.

    Args:
        estimator: the Estimator.
        train_distributed_fn: trains an estimator with a strategy and hooks.
        hooks: the session hooks, run by the chief.

    Returns:
        The trained copy of the estimator.

    Raises:
        ValueError: if this cluster or strategy cannot be led from one `train`.
    """

    def work(local: Any, strategy: Any, chief_hooks: Sequence[Any]) -> Any:
        train_distributed_fn(local, strategy, chief_hooks)
        return local

    return _lead(estimator, "train", work, hooks)


def estimator_evaluate(
    estimator: Any,
    evaluate_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any],
    hooks: Sequence[Any],
) -> Any:
    """Leads a remote cluster through one `Estimator.evaluate`.

    Args:
        estimator: the Estimator.
        evaluate_distributed_fn: evaluates an estimator with a strategy and hooks.
        hooks: the session hooks, run by the chief.

    Returns:
        The metrics by name.

    Raises:
        ValueError: if this cluster or strategy cannot be led from one `evaluate`.
    """
    return _lead(estimator, "evaluate", evaluate_distributed_fn, hooks)


def _lead(
    estimator: Any,
    method: str,
    work: Callable[[Any, Any, Sequence[Any]], Any],
    hooks: Sequence[Any],
) -> Any:
    config = estimator.config
    side = "train" if method == "train" else "eval"
    strategy = getattr(config, f"_{side}_distribute")
    cluster = multi_worker_util.normalize_cluster_spec(config.cluster_spec)
    if _Task.EVALUATOR in cluster.jobs:
        raise ValueError("'evaluator' job is not supported if you don't use `train_and_evaluate`.")
    if config._distribute_coordinator_mode != _Mode.STANDALONE_CLIENT:
        raise ValueError(
            "Only `STANDALONE_CLIENT` mode is supported when you call "
            f"`Estimator.{method}`; use `train_and_evaluate` with TF_CONFIG."
        )
    if strategy.extended.experimental_between_graph:
        raise ValueError(
            f"`Estimator.{method}` API is not supported for {type(strategy).__name__} "
            "with `STANDALONE_CLIENT` mode."
        )

    def run(strategy: Any) -> Any:
        local, context = _for_this_task(estimator, strategy, side)
        return work(local, strategy, hooks if context.is_chief else [])

    return distribute_coordinator.run_distribute_coordinator(
        run,
        strategy,
        mode=config._distribute_coordinator_mode,
        cluster_spec=cluster,
        session_config=config.session_config,
    )


def _for_this_task(estimator: Any, strategy: Any, side: str) -> tuple[Any, Any]:
    """A copy of the estimator that knows which task of the cluster it is.

    Args:
        estimator: the Estimator that was asked.
        strategy: the strategy that the coordinator configured for this task.
        side: "train" or "eval".
    """
    context = distribute_coordinator_context.get_current_worker_context()
    local = copy.deepcopy(estimator)
    config = local._config
    setattr(config, f"_{side}_distribute", strategy)
    setattr(local, f"_{side}_distribution", strategy)

    cluster = context.cluster_spec
    config._service = None
    config._task_type, config._task_id = context.task_type, context.task_id
    config._master = config._evaluation_master = context.master_target
    config._is_chief = context.is_chief
    config._cluster_spec = cluster
    if not cluster:
        config._num_ps_replicas, config._num_worker_replicas = 0, 1
        config._global_id_in_cluster = 0
    elif context.task_type == _Task.EVALUATOR:
        # It must not reach for the devices of the tasks that train.
        config._cluster_spec = server_lib.ClusterSpec({})
        config._num_ps_replicas = config._num_worker_replicas = 0
        config._global_id_in_cluster = None
    else:
        sizes = {job: len(addresses) for job, addresses in cluster.as_dict().items()}
        config._num_ps_replicas = sizes.get(_Task.PS, 0)
        config._num_worker_replicas = sizes.get(_Task.WORKER, 0) + sizes.get(_Task.CHIEF, 0)
        config._global_id_in_cluster = _global_id(sizes, context.task_type, context.task_id)
    return local, context


def _global_id(sizes: dict[str, int], task_type: str | None, task_id: int | None) -> int:
    """The task's place among all tasks: chief first, parameter servers last."""
    if not task_type:
        return 0
    place = {_Task.CHIEF: 0, _Task.PS: 2}
    jobs = sorted(sizes, key=lambda job: (place.get(job, 1), job))
    return sum(sizes[job] for job in jobs[: jobs.index(task_type)]) + (task_id or 0)
