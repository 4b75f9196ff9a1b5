"""Figures: matplotlib's drawing as SVG that a page can hold.

Text stays text, colours are the page's own, so that both follow the reader's font and dark
mode, and every figure has a title and a description for those who do not see it.
"""

from __future__ import annotations

import contextlib
import html
import io
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfx_estimators.redaction import redacted
from tfx_estimators.report.parts import Figure
from tfx_estimators.terminal import escaped, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLORS", "INK", "LINE", "MUTED", "SURFACE", "Drawing", "label"]

# Drawn in these, and shown in what the page's style sheet says of them.
INK, MUTED, LINE, SURFACE = "#101112", "#606162", "#c0c1c2", "#fdfefc"
COLORS = ("#0b5fd1", "#c24e02", "#1a7f42", "#8a3fc0", "#b0213c", "#0d7d86")
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    SURFACE: "--surface",
    **{color: f"--series-{number}" for number, color in enumerate(COLORS, 1)},
}
_SETTINGS = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}
_POINTS_PER_INCH = 72.0
_LONGEST_LABEL = 30


class Drawing:
    """A figure while it is drawn, with one pair of axes.

    Args:
        title: what it shows, in a few words.
        description: what a reader sees in it, in a sentence or two.
        width: in pixels of a page at its usual size.
        height: likewise.

    Attributes:
        axes: to be drawn on.
    """

    _numbers = itertools.count(1)

    def __init__(
        self, title: str, description: str, *, width: int = 430, height: int = 280
    ) -> None:
        from matplotlib.figure import Figure as Canvas

        self.title = title
        self.description = description
        self._width = width
        with _settings():
            self._canvas = Canvas(
                figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH),
                layout="constrained",
            )
            self.axes: Axes = self._canvas.add_subplot()
            self.axes.set_axisbelow(True)

    @contextlib.contextmanager
    def drawn(self) -> Iterator[Any]:
        """The axes, inside of the settings that all figures have."""
        with _settings():
            yield self.axes

    def finish(self) -> Figure:
        """The figure as a part of a page."""
        number = next(self._numbers)
        text = io.StringIO()
        with _settings(**{"svg.hashsalt": f"figure-{number}"}):
            self._canvas.savefig(text, format="svg", metadata=dict.fromkeys(_METADATA))
        return Figure(
            title=self.title,
            description=self.description,
            svg=_inline(text.getvalue(), f"figure-{number}", self.title, self.description),
            width=self._width,
        )


def label(text: object) -> str:
    """A name as there is room for it beside an axis: of a long one both ends."""
    name, half = escaped(redacted(str(text))), _LONGEST_LABEL // 2
    return name if len(name) <= _LONGEST_LABEL else f"{name[: half - 1]}…{name[-half:]}"


_METADATA = ("Date", "Creator", "Format", "Type")


@contextlib.contextmanager
def _settings(**more: Any) -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context({**_SETTINGS, **more}):
        yield


def _inline(text: str, name: str, title: str, description: str) -> str:
    """An SVG file's text as an element of a page."""
    svg = shown(text[text.index("<svg") :])
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    # Their numbers are the same in every figure; nothing refers to them.
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(
        "#[0-9a-f]{6}",
        lambda m: f"var({_VARIABLES[m[0]]})" if m[0] in _VARIABLES else m[0],
        svg,
    )
    head, _, rest = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    return (
        f'<svg role="img" aria-labelledby="{name}-title {name}-text" {box[0]}>'
        f'<title id="{name}-title">{html.escape(shown(title))}</title>'
        f'<desc id="{name}-text">{html.escape(shown(description))}</desc>{rest}'
    )
