"""A training in several processes, here or elsewhere.

* `launch`: writes the request down, starts the processes, shows and finishes them.
* `starters`: what starts processes elsewhere, named by the environment.
* `task`: the program that each process runs.
* `member_files`: what the processes are given and say, by way of files.
* `member_errors`: what ended a process, handed to the step.
* `done_marks`: marks of processes that have done their work.
"""

__all__ = [
    "done_marks",
    "launch",
    "member_errors",
    "member_files",
    "starters",
    "task",
]
