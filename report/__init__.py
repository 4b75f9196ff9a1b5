"""A report on a run, as one page of HTML: `tfx-estimators report`, or `report()` in a notebook.

* `document`: the report on a run: all of its sections, as a page or in a notebook.
* `page`: a report as one page, which loads nothing from elsewhere.
* `parts`: what a section is made of.
* `subject`: what a report is about: a run, its steps, and what they read and made.
* `figures`, `plots`: matplotlib's drawing as SVG that a page can hold, and the kinds of plots.
* `standing`: how far the steps of a run are, while it runs and afterwards.
* `wording`: numbers, moments and lengths of time as people read them.

The sections, in the page's order:

* `pipeline`: the graph of the steps, and what each took.
* `tuning`: the trials of a search for hyperparameters.
* `training`: curves, checkpoints, and where it was resumed.
* `evaluation`: metrics by slice, thresholds, and the verdict.
* `predictions`: calibration, confusion or residuals; importance of features by shuffling.
* `weights`: the weights of linear models, by what each row of them means.
* `data`: statistics of each feature, train against eval, and anomalies.
* `columns`: where each feature column is computed, and why there.
* `comparison`: what differs from another run.
* `provenance`: where the pushed version came from.
* `environment`: versions and parameters.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Report", "report"]


def __getattr__(name: str) -> Any:
    # What reads a report's files takes seconds to import.
    if name in __all__:
        from tfx_estimators.report import document

        return getattr(document, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
