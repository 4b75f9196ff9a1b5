"""The kinds of plots that sections share: lines, dots, bars, matrices, histograms."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfx_estimators.report.figures import (
    COLORS,
    INK,
    LINE,
    MUTED,
    SURFACE,
    Drawing,
    label,
)
from tfx_estimators.report.parts import Figure
from tfx_estimators.report.wording import number

__all__ = ["Line", "Mark", "bars", "columns", "dots", "histogram", "lines", "matrix"]

_ROW = 22  # Pixels for each row of names.
_MARKS = 12  # More of them than this have no words beside them.


@dataclasses.dataclass(frozen=True)
class Line:
    """A line, or its points alone where there are few.

    Attributes:
        name: for the legend.
        x: positions.
        y: values.
        points: whether each is marked.
        joined: whether a line goes from one to the next.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    points: bool = False
    joined: bool = True


@dataclasses.dataclass(frozen=True)
class Mark:
    """A vertical line at a position, e.g. where a training was resumed.

    Attributes:
        x: the position.
        name: for the legend; those of one name look alike.
    """

    x: float
    name: str


def lines(
    title: str,
    description: str,
    found: Sequence[Line],
    *,
    x: str,
    y: str = "",
    marks: Sequence[Mark] = (),
    diagonal: bool = False,
) -> Figure:
    """Lines over common axes.

    Args:
        title: what it shows.
        description: what is seen in it.
        found: the lines.
        x: name of the horizontal axis.
        y: name of the vertical one.
        marks: vertical lines.
        diagonal: whether to draw where x equals y.
    """
    drawing = Drawing(title, description)
    with drawing.drawn() as axes:
        names = list(dict.fromkeys(mark.name for mark in marks))
        for mark in marks:
            first = mark is next(one for one in marks if one.name == mark.name)
            axes.axvline(
                mark.x,
                color=(LINE, INK)[names.index(mark.name) % 2],
                linestyle=("-", ":")[names.index(mark.name) % 2],
                linewidth=1.2,
                label=mark.name if first else None,
            )
        if diagonal:
            axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1, label="exact")
        for place, line in enumerate(found):
            axes.plot(
                line.x,
                line.y,
                color=COLORS[place % len(COLORS)],
                linestyle=("-", "--", "-.")[place % 3] if line.joined else "",
                marker="os^"[place % 3] if line.points or len(line.x) < 3 else None,
                markersize=4,
                linewidth=1.6,
                label=label(line.name),
            )
        axes.grid(axis="y")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_title(title)
        if len(found) + len(names) + diagonal > 1:
            axes.legend(fontsize=10)
    return drawing.finish()


def dots(
    title: str,
    description: str,
    rows: Sequence[tuple[str, float | None, float | None]],
    *,
    bounds: Sequence[tuple[str, float]] = (),
) -> Figure:
    """A row a name: a value, and the baseline's beside it where it has one.

    Args:
        title: what it shows.
        description: what is seen in it.
        rows: name, value, baseline's value.
        bounds: thresholds: of which row, and where.
    """
    drawing = Drawing(title, description, height=80 + _ROW * max(2, len(rows)))
    with drawing.drawn() as axes:
        places = range(len(rows))
        for name, bound in bounds:
            for y in (y for y, row in zip(places, rows, strict=True) if row[0] == name):
                axes.plot([bound] * 2, [y - 0.45, y + 0.45], color=COLORS[4], label="threshold")
        for y, (_, value, base) in zip(places, rows, strict=True):
            if _is_number(value) and _is_number(base):
                axes.plot([base, value], [y, y], color=LINE, linewidth=2, zorder=1)
        _scatter(axes, [(base, y) for y, (_, _, base) in zip(places, rows, strict=True)],
                 "baseline", filled=False)  # fmt: skip
        _scatter(axes, [(value, y) for y, (_, value, _) in zip(places, rows, strict=True)],
                 "model", filled=True)  # fmt: skip
        axes.set_yticks(list(places), [label(name) for name, _, _ in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="both")
        axes.margins(x=0.08)
        axes.set_title(title)
        handles, names = axes.get_legend_handles_labels()
        once = dict(zip(names, handles, strict=True))
        if len(once) > 1:
            axes.legend(once.values(), once.keys(), fontsize=10)
    return drawing.finish()


def bars(
    title: str,
    description: str,
    rows: Sequence[tuple[str, float]],
    *,
    spread: Sequence[float] | None = None,
) -> Figure:
    """A bar a name, to the left where its value is negative.

    Args:
        title: what it shows.
        description: what is seen in it.
        rows: name, value.
        spread: half the length of a line over each bar's end.
    """
    drawing = Drawing(title, description, height=60 + _ROW * max(2, len(rows)))
    with drawing.drawn() as axes:
        axes.barh(
            range(len(rows)),
            [value for _, value in rows],
            xerr=spread,
            error_kw={"ecolor": MUTED, "elinewidth": 1.2},
            color=[COLORS[0] if value >= 0 else COLORS[1] for _, value in rows],
            height=0.68,
        )
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [label(name) for name, _ in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="x")
        axes.set_title(title)
    return drawing.finish()


def histogram(
    title: str,
    description: str,
    found: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    *,
    x: str = "",
    small: bool = False,
) -> Figure:
    """Steps over common axes.

    Args:
        title: what it shows.
        description: what is seen in it.
        found: name, edges of the buckets, height of each bucket.
        x: name of the horizontal axis.
        small: whether it stands in a row of many.
    """
    width, height = (300, 180) if small else (430, 280)
    drawing = Drawing(title, description, width=width, height=height)
    with drawing.drawn() as axes:
        for place, (name, edges, heights) in enumerate(found):
            axes.stairs(
                heights,
                edges,
                color=COLORS[place],
                linestyle=("-", "--")[place % 2],
                linewidth=1.6,
                fill=False,
                label=label(name),
            )
        _share_axes(axes, title, x, many=len(found) > 1)
    return drawing.finish()


def columns(
    title: str,
    description: str,
    names: Sequence[str],
    found: Sequence[tuple[str, Sequence[float]]],
) -> Figure:
    """Bars beside each other, by name.

    Args:
        title: what it shows.
        description: what is seen in it.
        names: of the places.
        found: name, and the height at each place.
    """
    drawing = Drawing(title, description, width=300, height=180)
    with drawing.drawn() as axes:
        width = 0.8 / len(found)
        for place, (name, heights) in enumerate(found):
            axes.bar(
                [at + place * width for at in range(len(names))],
                heights,
                width=width,
                color=COLORS[place],
                label=label(name),
            )
        shown = [label(name)[:12] for name in names]
        axes.set_xticks(
            [at + width * (len(found) - 1) / 2 for at in range(len(names))],
            shown,
            rotation=30 if max(map(len, shown), default=0) > 4 else 0,
            fontsize=9,
        )
        _share_axes(axes, title, "", many=len(found) > 1)
    return drawing.finish()


def matrix(title: str, description: str, names: Sequence[str], counts: Any) -> Figure:
    """Counts by label and prediction.

    Args:
        title: what it shows.
        description: what is seen in it.
        names: of the classes.
        counts: array [labels, predictions].
    """
    size = min(460, 150 + 46 * len(names))
    drawing = Drawing(title, description, width=size + 40, height=size)
    with drawing.drawn() as axes:
        shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
        for row in range(len(names)):
            for place in range(len(names)):
                share = float(shares[row, place])
                axes.add_patch(
                    _square(place, row, color=COLORS[0] if row == place else COLORS[1], share=share)
                )
                if len(names) <= 12:
                    axes.text(
                        place,
                        row,
                        number(float(counts[row, place])),
                        ha="center",
                        va="center",
                        fontsize=9 if len(names) <= 6 else 8,
                        color=INK,
                    )
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        turned = 60 if max(map(len, names), default=0) > 3 else 0
        axes.set_xticks(range(len(names)), [label(one) for one in names], rotation=turned)
        axes.set_yticks(range(len(names)), [label(one) for one in names])
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")
        axes.set_title(title)
    return drawing.finish()


def _square(x: int, y: int, *, color: str, share: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x - 0.5, y - 0.5), 1, 1, facecolor=(color, 0.06 + 0.44 * share), edgecolor=SURFACE
    )


def _scatter(
    axes: Any, points: Sequence[tuple[float | None, int]], name: str, *, filled: bool
) -> None:
    there = [(x, y) for x, y in points if _is_number(x)]
    if there:
        axes.scatter(
            [x for x, _ in there],
            [y for _, y in there],
            s=46,
            marker="o" if filled else "D",
            facecolors=COLORS[0] if filled else SURFACE,
            edgecolors=COLORS[0] if filled else COLORS[1],
            linewidths=1.6,
            label=name,
            zorder=3 if filled else 2,
        )


def _share_axes(axes: Any, title: str, x: str, *, many: bool) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.set_xlabel(x)
    axes.set_title(label(title))
    if many:
        axes.legend(fontsize=9)


def _is_number(value: float | None) -> bool:
    return value is not None and value == value
