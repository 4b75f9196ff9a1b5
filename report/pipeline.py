"""The section on the pipeline: its graph, and what each step took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfx_estimators.report.figures import COLORS, INK, MUTED, SURFACE, Drawing, label
from tfx_estimators.report.parts import Figure, Section, Table, Text
from tfx_estimators.report.subject import Subject
from tfx_estimators.report.wording import seconds

__all__ = ["pipeline_section"]

_WIDE, _HIGH = 200, 74  # Pixels of a step's place in the graph.
_COLOURS = {"complete": COLORS[0], "cached": COLORS[2], "failed": COLORS[4], "running": COLORS[1]}


def pipeline_section(subject: Subject) -> Section:
    """The graph of the steps, and a table with their times."""
    run = subject.run
    cached = [name for name, node in subject.nodes.items() if node.step.state == "cached"]
    parts = [
        Text(
            f"{len(subject.nodes)} steps in {seconds(run.seconds)}, {len(cached)} of them taken "
            "from the cache."
        )
    ]
    edges = subject.edges()
    return Section(
        "pipeline",
        "Pipeline",
        [
            *parts,
            _graph(subject, edges),
            Text("An arrow that follows from others is left out; the table has all of them."),
            Table(
                "Steps",
                ["Step", "State", "Time", "Attempts", "Reads from"],
                [
                    [
                        name,
                        node.step.state,
                        seconds(node.step.seconds),
                        node.attempts,
                        ", ".join(maker for maker, reader in edges if reader == name) or None,
                    ]
                    for name, node in subject.nodes.items()
                ],
            ),
        ],
    )


def _graph(subject: Subject, edges: Sequence[tuple[str, str]]) -> Figure:
    from matplotlib.patches import FancyBboxPatch

    drawn = _without_detours(edges)
    places = _places(list(subject.nodes), drawn)
    across = max(x for x, _ in places.values()) + 1
    down = max(y for _, y in places.values()) + 1
    drawing = Drawing(
        "The pipeline's graph",
        "; ".join(
            f"{name} ({node.step.state}, {seconds(node.step.seconds)})"
            + (f" reads from {', '.join(makers)}" if makers else "")
            for name, node in subject.nodes.items()
            for makers in [[maker for maker, reader in edges if reader == name]]
        ),
        width=round(_WIDE * across),
        height=round(_HIGH * down),
    )
    with drawing.drawn() as axes:
        for maker, reader in drawn:
            (x, y), (to_x, to_y) = places[maker], places[reader]
            axes.annotate(
                "",
                xy=(to_x, to_y - 0.31),
                xytext=(x, y + 0.31),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": MUTED,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "linewidth": 1,
                    "connectionstyle": "arc3,rad=0"
                    if to_y - y == 1
                    else f"arc3,rad={0.12 if to_x <= x else -0.12}",
                },
            )
        for name, (x, y) in places.items():
            step = subject.nodes[name].step
            color = _COLOURS.get(step.state, MUTED)
            axes.add_patch(
                FancyBboxPatch(
                    (x - 0.43, y - 0.24),
                    0.86,
                    0.48,
                    boxstyle="round,pad=0,rounding_size=0.06",
                    facecolor=SURFACE,
                    edgecolor=color,
                    linewidth=1.8,
                    linestyle="--" if step.state == "cached" else "-",
                    zorder=3,
                )
            )
            axes.text(x, y - 0.08, label(name), ha="center", va="center", zorder=4, fontsize=9.5)
            axes.text(
                x,
                y + 0.12,
                f"{step.state} · {seconds(step.seconds)}",
                ha="center",
                va="center",
                color=color if color != MUTED else INK,
                fontsize=8.5,
                zorder=4,
            )
        axes.set_xlim(-0.5, across - 0.5)
        axes.set_ylim(down - 0.5, -0.5)
        axes.axis("off")
    return drawing.finish()


def _without_detours(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that do not follow from others: they would hide the order of the steps."""
    readers: dict[str, set[str]] = {}
    for maker, reader in edges:
        readers.setdefault(maker, set()).add(reader)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = list(readers.get(start, ()))
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += readers.get(name, ())
        return found

    return [
        (maker, reader)
        for maker, reader in edges
        if not any(reader in reached(other) for other in readers[maker] - {reader})
    ]


def _places(
    names: Sequence[str], edges: Sequence[tuple[str, str]]
) -> Mapping[str, tuple[float, float]]:
    """Where each step stands: below all that it reads from, near the middle of them."""
    depth = dict.fromkeys(names, 0)
    for _ in names:  # As many rounds as the longest way can have steps.
        for maker, reader in edges:
            depth[reader] = max(depth[reader], min(depth[maker] + 1, len(names)))
    layers: dict[int, list[str]] = {}
    for name in names:
        layers.setdefault(depth[name], []).append(name)
    across = max(map(len, layers.values()))
    places: dict[str, tuple[float, float]] = {}
    for level in sorted(layers):

        def wanted(name: str) -> float:
            makers = [places[maker][0] for maker, reader in edges if reader == name]
            return sum(makers) / len(makers) if makers else 0.0

        layer = sorted(layers[level], key=wanted)
        first = (across - len(layer)) / 2
        for at, name in enumerate(layer):
            places[name] = (first + at, level)
    return places
