"""Questions to ML Metadata: runs, checkpoints, models, lineage, diff."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.metadata_option import (
    metadata_option,
    metadata_place,
    metadata_places,
)
from tfx_estimators.terminal import escaped, say

if TYPE_CHECKING:
    from tfx_estimators.lineage.models import Version
    from tfx_estimators.lineage.runs import Run
    from tfx_estimators.lineage.store import Store
    from tfx_estimators.lineage.trace import Node

__all__ = ["checkpoints", "diff", "find_run_in", "lineage", "models", "open_all", "runs"]

_limit = click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most this many.",
)


@click.command()
@click.argument("run", required=False)
@click.option("--pipeline", help="Only runs of this pipeline.")
@_limit
@metadata_option
@printing.json_option
def runs(
    run: str | None, pipeline: str | None, limit: int, metadata: str | None, as_json: bool
) -> None:
    """List runs, newest first, or show one.

    RUN is its id, the beginning of its id, the number of one of its steps, or latest. Without
    --metadata, all runs below runs/ are searched.

    \b
      tfx-estimators runs
      tfx-estimators runs latest
    """
    from tfx_estimators.lineage.runs import list_runs

    stores = open_all(metadata)
    if run is None:
        found = _merged(
            [
                [(one, store) for one in list_runs(store, pipeline=pipeline, limit=limit)]
                for store in stores
            ]
        )[:limit]
        if as_json:
            printing.show_json([one for one, _ in found])
            return
        several = len(stores) > 1
        printing.show_table(
            ["run", "pipeline", "started", "seconds", "state", "steps",
             *(["metadata"] if several else [])],
            [
                [one.name, one.pipeline, printing.when(one.started), f"{one.seconds:.1f}",
                 one.state, len(one.steps), *([store.name] if several else [])]
                for one, store in found
            ],
            "no runs",
        )  # fmt: skip
        return
    _, one = find_run_in(stores, run)
    if as_json:
        printing.show_json(one)
        return
    title = f"{one.name}  ({one.pipeline}, {printing.when(one.started)}, {one.state})"
    printing.echo(f"{escaped(title)}\n")
    printing.show_table(
        ["execution", "step", "state", "seconds", "type"],
        [[s.id, s.node, s.state, f"{s.seconds:.1f}", s.type] for s in one.steps],
        "no steps",
    )


def open_all(metadata: str | None) -> list[Store]:
    """The stores that are meant; of several one that cannot be opened hides no other.

    Raises:
        NotInMetadataError: if there is none.
        MetadataStoreError: if the only one cannot be opened.
    """
    from tfx_estimators.errors import TfxEstimatorsError
    from tfx_estimators.lineage.store import open_store

    places_meant = metadata_places(metadata)
    stores = []
    for place in places_meant:
        try:
            stores.append(open_store(place))
        except TfxEstimatorsError as error:
            if len(places_meant) == 1:
                raise
            say(f"left out: {error}")
    return stores


def _merged(listed: Sequence[Sequence[tuple[Run, Store]]]) -> list[tuple[Run, Store]]:
    """Runs of several stores, newest first: in a store as recorded, between stores by time.

    The clock may have been set back: a run began no later than the newer ones of its store.
    """
    dated = []
    for runs_of_store in listed:
        times = itertools.accumulate((run.started for run, _ in runs_of_store), min)
        dated.append(list(zip(times, runs_of_store, strict=True)))
    merged = heapq.merge(*dated, key=lambda one: one[0], reverse=True)
    return [one for _, one in merged]


def find_run_in(stores: Sequence[Store], name: str) -> tuple[Store, Run]:
    """The run of a name and the store that knows it; see `lineage.runs.find_run`.

    Raises:
        NotInMetadataError: if no store has it, or several mean different runs by it.
    """
    from tfx_estimators.errors import NotInMetadataError
    from tfx_estimators.lineage.runs import find_run

    found: list[tuple[Store, Run]] = []
    problem: NotInMetadataError | None = None
    for store in stores:
        try:
            found.append((store, find_run(store, name)))
        except NotInMetadataError as error:
            problem = problem or error
    if not found:
        raise problem or NotInMetadataError(
            f"no store below runs/ can be read, so run {name!r} cannot be found",
            fix="see the message about each store above",
        )
    names = sorted({run.name for _, run in found})
    if name != "latest" and len(names) > 1:
        raise NotInMetadataError(
            f"{len(names)} runs match {name!r}: {', '.join(names)}",
            expected="a run's id, or --metadata",
            fix="tfx-estimators runs",
        )
    return max(found, key=lambda one: one[1].started)


@click.command()
@click.argument("checkpoint", required=False)
@click.option("--fingerprint", help="Only checkpoints of this training; the beginning is enough.")
@click.option("--min-step", type=int, help="Only checkpoints of this step or later.")
@click.option("--kept", is_flag=True, help="Only those whose files still exist.")
@_limit
@metadata_option
@printing.json_option
def checkpoints(
    checkpoint: str | None,
    fingerprint: str | None,
    min_step: int | None,
    kept: bool,
    limit: int,
    metadata: str | None,
    as_json: bool,
) -> None:
    """List checkpoints, newest first, or show one.

    CHECKPOINT is its number, the beginning of its digest, or its prefix.
    """
    from tfx_estimators.lineage.checkpoints import find_checkpoint, list_checkpoints
    from tfx_estimators.lineage.store import open_store

    store = open_store(metadata_place(metadata))
    if checkpoint is not None:
        found = find_checkpoint(store, checkpoint)
        if as_json:
            printing.show_json(found)
        else:
            _show_facts(found)
        return
    listed = list_checkpoints(
        store, fingerprint=fingerprint, min_step=min_step, kept=kept, limit=limit
    )
    if as_json:
        printing.show_json(listed)
        return
    printing.show_table(
        ["id", "step", "examples", "written", "MB", "kept", "training", "digest", "metrics"],
        [
            [one.id, one.step, "?" if one.global_examples is None else one.global_examples,
             printing.when(one.wall_time),
             f"{one.size_bytes / 1e6:.2f}", "yes" if one.kept else "no",
             one.fingerprint[:8], one.digest[:8], _metrics(one.metrics)]
            for one in listed
        ],
        "no checkpoints",
    )  # fmt: skip


@click.command()
@click.argument("model", required=False)
@click.option("--fingerprint", help="Only models of this training; the beginning is enough.")
@click.option("--blessed", is_flag=True, help="Only those whose newest verdict is good.")
@_limit
@metadata_option
@printing.json_option
def models(
    model: str | None,
    fingerprint: str | None,
    blessed: bool,
    limit: int,
    metadata: str | None,
    as_json: bool,
) -> None:
    """List models, newest first, with verdicts and pushed versions, or show one.

    MODEL is its number, the beginning of its digest, its uri, or a version that was pushed.
    """
    from tfx_estimators.lineage.models import find_model, list_models
    from tfx_estimators.lineage.store import open_store

    store = open_store(metadata_place(metadata))
    if model is not None:
        found = find_model(store, model)
        if as_json:
            printing.show_json(found)
        else:
            _show_facts(found)
        return
    listed = list_models(store, fingerprint=fingerprint, blessed=blessed, limit=limit)
    if as_json:
        printing.show_json(listed)
        return
    printing.show_table(
        ["id", "made", "step", "blessed", "pushed as", "training", "digest", "uri"],
        [
            [one.id, printing.when(one.created), _or_dash(one.step),
             {True: "yes", False: "no", None: "-"}[one.blessed],
             ", ".join(_pushed_as(version) for version in reversed(one.versions)) or "-",
             (one.fingerprint or "-")[:8], (one.digest or "-")[:8], one.uri]
            for one in listed
        ],
        "no models",
    )  # fmt: skip


def _pushed_as(version: Version) -> str:
    return f"{version.version} (served)" if version.served else version.version


@click.command()
@click.argument("name")
@click.option("--down", is_flag=True, help="Show what was made from it, not what it was made from.")
@metadata_option
@printing.json_option
def lineage(name: str, down: bool, metadata: str | None, as_json: bool) -> None:
    """Trace a pushed version to the rows it was trained on, or with --down the other way.

    NAME is a pushed version (its name or folder), an artifact's number or uri, the
    beginning of a model's or a checkpoint's digest, or span:NUMBER for examples.

    \b
      tfx-estimators lineage 1795442212
      tfx-estimators lineage span:7 --down
    """
    from tfx_estimators.lineage.store import open_store
    from tfx_estimators.lineage.trace import downstream, find_artifacts, upstream

    store = open_store(metadata_place(metadata))
    walk = downstream if down else upstream
    starts = find_artifacts(store, name)
    nodes = walk(store, *starts)
    if as_json:
        printing.show_json(nodes)
        return
    by_number, printed = {node.id: node for node in nodes}, set[int]()
    for start in starts:
        for line in _tree(by_number, start, 0, printed):
            printing.echo(escaped(line))


@click.command()
@click.argument("left")
@click.argument("right")
@metadata_option
@printing.json_option
def diff(left: str, right: str, metadata: str | None, as_json: bool) -> None:
    """Compare the parameters, columns and metrics of two runs: LEFT and RIGHT.

    Each is a run's id, the beginning of an id, the number of one of its steps, or latest; it
    may be in any store below runs/.
    """
    from tfx_estimators.components.gfile import files_for
    from tfx_estimators.lineage.compare import compare, not_compared

    stores = open_all(metadata)
    (store, one), (other_store, other) = find_run_in(stores, left), find_run_in(stores, right)
    found = compare(
        store, one, other, files_for(""), measured=_stock_metrics, right_store=other_store
    )
    if as_json:
        printing.show_json(found)
        return
    printing.show_table(
        ["", "name", one.name, other.name, "delta"],
        [[d.about, d.name, _short(d.left), _short(d.right), _signed(d.delta)] for d in found],
        "no difference",
    )
    for side, run in ((store, one), (other_store, other)):
        if gone := not_compared(side, run, files_for("")):
            say(f"note: not compared, as files of {run.name} are gone: {', '.join(gone)}")


def _stock_metrics(uri: str) -> Mapping[str, Mapping[str, float]]:
    from tfx_estimators.components.evaluator.outcome.stock_metrics import stock_metrics

    return stock_metrics(uri)


def _signed(delta: float | None) -> str:
    return "" if delta is None else f"{delta:+.6g}"


def _tree(nodes: dict[int, Node], number: int, depth: int, shown: set[int]) -> list[str]:
    from tfx_estimators.lineage.properties import TOLD

    node = nodes[number]
    facts = {
        name: value
        for name, value in node.properties.items()
        if name in TOLD or name.startswith("metric.")
    }
    said = "".join(f" {name.removeprefix('metric.')}={_short(v)}" for name, v in facts.items())
    by = f"  <- {node.step.rpartition('.')[2]}" if node.step else ""
    line = f"{'  ' * depth}{node.type} {node.id}{said}{by}"
    if number in shown:
        return [f"{line}  (see above)"] if node.next else [line]
    shown.add(number)
    lines = [line, f"{'  ' * depth}  {node.uri}"]
    for further in node.next:
        if further in nodes:
            lines += _tree(nodes, further, depth + 1, shown)
    return lines


def _show_facts(found: Any) -> None:
    import dataclasses

    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if field.name in ("wall_time", "created"):
            value = printing.when(value)
        elif field.name == "metrics":
            value = _metrics(value)
        elif field.name == "versions":
            value = ", ".join(f"{_pushed_as(one)} in {one.destination}" for one in value)
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        printing.echo(escaped(f"{field.name:<18}{'-' if value in (None, '') else value}"))


def _metrics(metrics: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in metrics.items()) or "-"


def _or_dash(value: object) -> object:
    return "-" if value is None else value


def _short(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
