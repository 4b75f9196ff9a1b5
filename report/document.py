"""The report on a run: all of its sections, as a page or in a notebook."""

from __future__ import annotations

import dataclasses
import functools
import html
import logging
from collections.abc import Callable, Iterable
from typing import Any

from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.lineage.runs import Run, find_run
from tfx_estimators.lineage.store import Store, open_store
from tfx_estimators.report.columns import columns_section
from tfx_estimators.report.comparison import comparison_section, previous_run
from tfx_estimators.report.data import data_section
from tfx_estimators.report.environment import environment_section
from tfx_estimators.report.evaluation import evaluation_section
from tfx_estimators.report.page import page
from tfx_estimators.report.parts import Missing, Section
from tfx_estimators.report.pipeline import pipeline_section
from tfx_estimators.report.predictions import (
    importance_section,
    predictions_section,
    sample_of,
)
from tfx_estimators.report.provenance import origin_section
from tfx_estimators.report.subject import look_at
from tfx_estimators.report.training import training_section
from tfx_estimators.report.tuning import RESULTS_TYPE, tuning_section
from tfx_estimators.report.weights import weights_section

__all__ = ["Report", "report", "report_on"]

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Report:
    """A report; a notebook shows it.

    Attributes:
        html: a whole page, UTF-8 when it is written to a file.
        run: what it is about.
    """

    html: str
    run: Run

    def _repr_html_(self) -> str:
        # In a frame, so that neither page's styles reach the other.
        return (
            f'<iframe title="Report on the run {html.escape(self.run.name)}" '
            f'srcdoc="{html.escape(self.html)}" '
            'style="width: 100%; height: 80vh; border: 0"></iframe>'
        )


def report(run: str = "latest", *, metadata: Any, against: str | None = None) -> Report:
    """Reports on a run, in a notebook for example.

    Args:
        run: its id, the beginning of its id, the number of one of its steps, or "latest".
        metadata: where ML Metadata is; see `lineage.store.open_store`.
        against: the run to compare it with, likewise; by default the one before.

    Raises:
        NotInMetadataError: if there is no such run, or no such store.
        MetadataStoreError: if the store cannot be read.
    """
    store = open_store(metadata)
    other = None if against is None else (store, find_run(store, against))
    return report_on(store, find_run(store, run), other)


def report_on(
    store: Store,
    run: Run,
    against: tuple[Store, Run] | None = None,
    *,
    doing: Callable[[str], None] = lambda section: None,
) -> Report:
    """Reports on a run.

    Args:
        store: that knows of it.
        run: the run.
        against: the run to compare it with; by default the one before.
        doing: is told the name of each section before it is made.
    """
    subject = look_at(store, run)
    sample = functools.cache(lambda: sample_of(subject))

    def compared() -> Section:
        if against is None:
            return comparison_section(subject, previous_run(subject))
        return comparison_section(subject, against[1], against[0])

    tuning: tuple[tuple[str, str, Callable[[], Section]], ...] = ()
    if subject.makers(RESULTS_TYPE):
        tuning = (("tuning", "Tuning", lambda: tuning_section(subject)),)
    makers: tuple[tuple[str, str, Callable[[], Section]], ...] = (
        ("pipeline", "Pipeline", lambda: pipeline_section(subject)),
        *tuning,
        ("training", "Training", lambda: training_section(subject)),
        ("evaluation", "Evaluation", lambda: evaluation_section(subject)),
        ("predictions", "Predictions", lambda: predictions_section(sample())),
        ("importance", "Importance of features", lambda: importance_section(sample())),
        ("weights", "Linear weights", lambda: weights_section(subject)),
        ("data", "Data", lambda: data_section(subject)),
        ("columns", "Feature columns", lambda: columns_section(subject)),
        ("comparison", "Comparison", compared),
        ("lineage", "Lineage", lambda: origin_section(subject)),
        ("environment", "Environment", lambda: environment_section(subject)),
    )
    return Report(page(subject, list(_sections(makers, doing))), run)


def _sections(
    makers: Iterable[tuple[str, str, Callable[[], Section]]], doing: Callable[[str], None]
) -> Iterable[Section]:
    for name, title, make in makers:
        doing(title)
        try:
            yield make()
        except Exception as error:
            # One damaged file must not hide what the others say.
            _log.warning("the section %s could not be made", name, exc_info=True)
            said = str(error).partition("\n")[0]
            kind = "" if isinstance(error, TfxEstimatorsError) else f"{type(error).__name__}: "
            yield Section(name, title, [Missing(f"This could not be read: {kind}{said}")])
