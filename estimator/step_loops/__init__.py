"""Several steps of a training in one session call.

Between two steps of an Estimator, Python takes values out of the session, asks every hook what
it wants and puts the next step together. Of a small model's step of 256 examples that is a third.
Yet most hooks act once in a hundred steps. Steps in which no hook has anything to do are run by
one call here; hooks see all others as ever. Nobody can tell the difference but by the time:
weights, checkpoints, events, log lines, errors and the graph that is written are the same.

Steps run one by one where that cannot be promised: with a hook that looks at every step, with
operations that keep a state of their own (random numbers, such as dropout's), on GPUs, with
a distribution strategy or a cluster, and where steps are so long that it gains nothing.

* `looping_session`: a training's session that does so.
* `repeatable`: which part of a graph is a step, and whether a loop may repeat it.
* `skippable_hooks`: in how many steps a hook has nothing to do.
* `step_loop`: the loop over a step, as an operation of the step's graph.
"""

__all__ = ["looping_session", "repeatable", "skippable_hooks", "step_loop"]
