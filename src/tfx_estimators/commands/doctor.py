"""`tfx-estimators doctor`: what an existing pipeline needs to run here."""

from __future__ import annotations

import pathlib

import click

__all__ = ["doctor"]


@click.command()
@click.argument("path", type=click.Path(path_type=pathlib.Path), metavar="MODULE_OR_DIR")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@click.pass_context
def doctor(ctx: click.Context, path: pathlib.Path, as_json: bool) -> None:
    """Read the code of an estimator pipeline, without running it, and report what it needs.

    MODULE_OR_DIR is a module with run_fn or trainer_fn, a pipeline's file, or a folder of
    these. The report lists, with line numbers, what works as it is, what needs which change,
    and what was removed. Exits with 1 if anything needs a change.

    \b
      tfx-estimators doctor my_pipeline/
    """
    from tfx_estimators.commands.printing import echo, show_json
    from tfx_estimators.components.doctor import Verdict, diagnose

    found = diagnose(path)
    needed = [one for one in found if one.verdict != Verdict.WORKS.value]
    if as_json:
        show_json(found)
        ctx.exit(1 if needed else 0)
    if not found:
        click.echo("no estimators or TFX are used here")
    # No table: it would cut what to write instead.
    for one in [*needed, *(one for one in found if one not in needed)]:
        echo(f"{one.file}:{','.join(map(str, one.lines))}  {one.verdict}  {one.name}")
        echo(f"    {one.why}; {one.instead}" if one.instead else f"    {one.why}")
    if found:
        works = len(found) - len(needed)
        echo(f"\n{works} work as they are, {len(needed)} need a change")
    ctx.exit(1 if needed else 0)
