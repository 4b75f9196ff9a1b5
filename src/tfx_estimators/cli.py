"""The command `tfx-estimators`.

Only `click` is imported at the top: `--help` answers at once, and a command
imports what it needs.
"""

from __future__ import annotations

import os
import pathlib
import warnings
from typing import Any

import click

from tfx_estimators import __version__
from tfx_estimators.collector import collect_seldom
from tfx_estimators.commands import printing
from tfx_estimators.commands.checkpoint_store import adopt, gc, import_records, restore
from tfx_estimators.commands.docs import docs
from tfx_estimators.commands.doctor import doctor
from tfx_estimators.commands.dry_run import show_plan
from tfx_estimators.commands.export_keras import export_keras
from tfx_estimators.commands.group import Commands
from tfx_estimators.commands.kserve import kserve
from tfx_estimators.commands.kubeflow import compile_package
from tfx_estimators.commands.lineage import checkpoints, diff, lineage, models, runs
from tfx_estimators.commands.metadata import metadata, withdraw
from tfx_estimators.commands.new import new
from tfx_estimators.commands.predict import predict
from tfx_estimators.commands.push import rollback, versions
from tfx_estimators.commands.report import report, tensorboard
from tfx_estimators.commands.run_display import run_display
from tfx_estimators.commands.run_log import run_log
from tfx_estimators.commands.runner_options import RunCommand, runner_and_options
from tfx_estimators.commands.shipped_files import image, manifests
from tfx_estimators.commands.status import status
from tfx_estimators.commands.submit import submit
from tfx_estimators.commands.temporary_folder import temporary_folder
from tfx_estimators.commands.trainings import Trainings
from tfx_estimators.errors import PipelineError
from tfx_estimators.log_file import show_warnings
from tfx_estimators.pipelines.display.audience import told_to

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--verbose", is_flag=True, help="Show TFX's and TensorFlow's own log lines.")
def main(verbose: bool) -> None:
    """Estimator pipelines on today's TFX.

    \b
    Start here:
      tfx-estimators run taxi            trips from CSV to a pushed model
      tfx-estimators run my_pipeline.py  a pipeline of your own
    """
    collect_seldom()
    if not verbose:
        # Read when TensorFlow is imported, which only happens after this.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        warnings.filterwarnings("ignore")
    show_warnings()


@main.command(cls=RunCommand)
@click.argument("pipeline")
@click.option(
    "--data",
    type=click.Path(path_type=pathlib.Path),
    help="Folder of input files. Ready pipelines come with their own.",
)
@click.option(
    "--root",
    type=click.Path(path_type=pathlib.Path),
    help="Folder for everything the run makes.  [default: runs/PIPELINE; for a file called "
    "pipeline.py, runs/ITS FOLDER]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the pipeline for this run, such as trainer.train_steps=2000; of a list "
    "the items are separated by commas. run --help PIPELINE lists them.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Train from step 0 again, ignoring earlier and interrupted trainings.",
)
@click.option(
    "--extend",
    is_flag=True,
    help="Go on from the finished training if only its train_steps has grown; if anything else "
    "has changed, fail and say what.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show which steps are cached and which would run; run and write nothing.",
)
@click.option(
    "--quiet", is_flag=True, help="Show no progress: only messages, errors and the closing table."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print what happens as JSON, one event a line, and nothing else on standard output.",
)
@click.pass_context
def run(
    ctx: click.Context,
    /,
    pipeline: str,
    data: pathlib.Path | None,
    root: pathlib.Path | None,
    settings: tuple[str, ...],
    fresh: bool,
    extend: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **of_runner: Any,
) -> None:
    """Run PIPELINE on this machine.

    PIPELINE is the name of a ready pipeline (taxi, titanic, digits, cats_vs_dogs) or a
    Python file that defines create_pipeline(root, data) and returns a TFX Pipeline. It may
    also define summary(root), printed at the end instead of the usual table, and
    diagnose(data), called when a step fails.

    Steps whose inputs and code have not changed are taken from the cache. A failed run
    can be repeated: finished steps are skipped, and an interrupted training resumes from
    its last checkpoint. --from and --to run a part of the pipeline.
    """
    root = (root or pathlib.Path("runs") / _short_name(pipeline)).absolute()
    # To the command's end: its last message names files in it.
    ctx.find_root().with_resource(temporary_folder())
    trainings = Trainings(fresh, extend)
    if dry_run:
        show_plan(pipeline, root, data, settings, trainings, of_runner, as_json=as_json)
        return

    with (
        run_display(ctx, quiet=quiet, as_json=as_json) as display,
        run_log(ctx, root / "log.txt") as log,
        told_to(display, log),
    ):
        from tfx_estimators.pipelines import catalog
        from tfx_estimators.pipelines.closing_table import run_table

        runner, options = runner_and_options(of_runner)
        module = catalog.load_pipeline_module(pipeline)
        definition = catalog.build_pipeline(module, root, data, settings)
        log.open()
        part = trainings.asked_of(definition, options)
        try:
            runner.run(definition, root, **options)
        except PipelineError:
            if hasattr(module, "diagnose"):
                module.diagnose(data)  # raises something better where it can
            raise
        # What an earlier run made is not this one's.
        own_summary = part is None and hasattr(module, "summary")
        table = module.summary(root) if own_summary else run_table(definition)
    if not as_json:
        printing.echo(table)


def _short_name(pipeline: str) -> str:
    """What a pipeline's runs are called; many projects have a file called pipeline.py."""
    file = pathlib.Path(pipeline)
    return file.absolute().parent.name if file.name == "pipeline.py" else file.stem


for _command in (
    *(new, doctor),
    *(compile_package, submit, kserve),
    *(manifests, image, docs),
    *(runs, checkpoints, models, lineage, diff),
    *(status, report, tensorboard),
    *(restore, gc, import_records, adopt),
    *(metadata, withdraw),
    *(predict, export_keras, versions, rollback),
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
