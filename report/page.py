"""A report as one page: HTML that loads nothing from elsewhere."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pathlib
import time
from collections.abc import Sequence
from typing import Any

from tfx_estimators import __version__
from tfx_estimators.redaction import redacted
from tfx_estimators.report.evaluation import verdict
from tfx_estimators.report.parts import Section
from tfx_estimators.report.provenance import pushed_version
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import number, seconds, when
from tfx_estimators.terminal import escaped

__all__ = ["page"]

_STATES = {"complete": "good", "failed": "bad", "running": "open"}


@dataclasses.dataclass(frozen=True)
class _Chip:
    kind: str
    text: str


def page(subject: Subject, sections: Sequence[Section]) -> str:
    """The page.

    Args:
        subject: what it is about.
        sections: what it says, in order.
    """
    from markupsafe import Markup

    run = subject.run
    shown = [
        {
            "name": section.name,
            "title": section.title,
            "groups": [
                (kind, [_drawn(part) for part in parts])
                for kind, parts in itertools.groupby(section.parts, lambda part: part.kind)
            ],
        }
        for section in sections
    ]
    return str(
        _template().render(
            title=f"{run.pipeline}: {run.name}",
            heading=f"{run.pipeline}: run {run.name}",
            chips=_chips(subject),
            facts=[
                ("Began", when(run.started)),
                ("Took" if run.state != "running" else "So far", seconds(run.seconds)),
                ("Steps", len(run.steps)),
            ],
            sections=shown,
            style=Markup(_text("style.css")),
            made_by=__version__,
            made_at=when(time.time()),
        )
    )


def _chips(subject: Subject) -> list[_Chip]:
    state = subject.run.state
    chips = [_Chip(_STATES.get(state, "plain"), state)]
    blessed = verdict(subject)
    if blessed is not None:
        chips.append(_Chip("good", "blessed") if blessed else _Chip("bad", "not blessed"))
    version = pushed_version(subject)
    if version is not None:
        chips.append(_Chip("good", f"pushed as {version[0]}"))
    elif subject.makers("PushedModel"):
        chips.append(_Chip("open", "not pushed"))
    return chips


def _drawn(part: Any) -> Any:
    from markupsafe import Markup

    return dataclasses.replace(part, svg=Markup(part.svg)) if part.kind == "figure" else part


@functools.cache
def _template() -> Any:
    import jinja2

    # What comes from records, files and ML Metadata is escaped, whoever wrote it.
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_safe, trim_blocks=True
    )
    environment.filters["cell"] = _cell
    environment.tests["numeric"] = _is_numeric
    return environment.from_string(_text("page.html"))


def _text(name: str) -> str:
    return (pathlib.Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _safe(value: Any) -> Any:
    if hasattr(value, "__html__"):
        return value
    return redacted(escaped(value)) if isinstance(value, str) else value


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return number(value) if isinstance(value, int | float) else str(value)


def _is_numeric(value: Any) -> bool:
    if isinstance(value, int | float):
        return True
    return (
        isinstance(value, str) and bool(value) and value[0] in "-+0123456789" and " " not in value
    )
