"""What is done with checkpoints: restore, gc, import."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.metadata_option import metadata_option, metadata_place

__all__ = ["adopt", "gc", "import_records", "restore"]


@click.command()
@click.argument("checkpoint")
@click.argument("folder")
@click.option("--saved-model", is_flag=True, help="Make a SavedModel from it, to serve.")
@metadata_option
def restore(checkpoint: str, folder: str, saved_model: bool, metadata: str | None) -> None:
    """Copy CHECKPOINT into FOLDER, as the start of another training.

    CHECKPOINT is its number, the beginning of its digest, or its prefix: see
    tfx-estimators checkpoints. The copy's digest must match the recorded one.
    Pass FOLDER as warm_start_from or model_dir. With --saved-model it holds a SavedModel for
    a model server, made from any model that the same training has exported.
    """
    from tfx_estimators.components.gfile import files_for
    from tfx_estimators.lineage.checkpoints import find_checkpoint
    from tfx_estimators.lineage.maintenance.restore import find_export
    from tfx_estimators.lineage.maintenance.restore import restore as copy
    from tfx_estimators.lineage.store import open_store

    store = open_store(metadata_place(metadata))
    found = find_checkpoint(store, checkpoint)
    files = files_for(found.uri)
    if saved_model:
        from tfx_estimators.components.checkpoint_export import export_checkpoint

        export_checkpoint(find_export(store, found, files), found.uri, folder)
        printing.echo(f"a SavedModel of step {found.step} is in {folder}")
        return
    printing.echo(copy(found, folder, files))


@click.command()
@click.argument("folder", required=False)
@click.option("--delete", is_flag=True, help="Remove them; without it they are only listed.")
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many of each training's newest checkpoints to keep in any case.",
)
@metadata_option
def gc(folder: str | None, delete: bool, keep_last: int, metadata: str | None) -> None:
    """List checkpoints that nothing needs any more; with --delete, remove them.

    Checkpoints that a model or a pushed version was exported from are kept, and so are the
    newest two of each training (see --keep-last). FOLDER is the checkpoint store  [default:
    the one whose checkpoints the metadata has, or the one beside it].
    """
    from tfx_estimators.components.gfile import files_for
    from tfx_estimators.lineage.maintenance.checkpoint_store import find_store
    from tfx_estimators.lineage.maintenance.garbage import find_garbage, remove
    from tfx_estimators.lineage.store import open_store

    where = metadata_place(metadata)
    store = open_store(where, write=True)
    if folder is None:
        folder = find_store(store)
    files = files_for(folder)
    found = find_garbage(store, folder, keep_last=keep_last, files=files)
    printing.show_table(
        ["step", "written", "MB", "training", "checkpoint"],
        [
            [one.record.step, printing.when(one.record.wall_time),
             f"{one.record.size_bytes / 1e6:.2f}", one.record.fingerprint[:8], one.record.uri]
            for one in found
        ],
        "nothing to remove",
    )  # fmt: skip
    if not found:
        return
    size = sum(one.record.size_bytes for one in found) / 1e6
    if delete:
        gone = remove(store, found, files)
        size = sum(one.record.size_bytes for one in gone) / 1e6
        printing.echo(f"{len(gone)} checkpoints removed, {size:.2f} MB")
    else:
        printing.echo(f"{len(found)} checkpoints, {size:.2f} MB; --delete removes them")


@click.command(name="import")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--create", is_flag=True, help="Create the SQLite file if it does not exist.")
@metadata_option
def import_records(folders: tuple[str, ...], create: bool, metadata: str | None) -> None:
    """Import the records that steps and trainings left in FOLDERs into ML Metadata.

    A run on Kubeflow leaves its records on a volume: pass the folder of the
    steps' records and the checkpoint store. Imports are idempotent.

    \b
      tfx-estimators import /volume/taxi/records /volume/taxi/checkpoints \\
          --metadata taxi.sqlite --create
    """
    from tfx_estimators.components.gfile import files_for
    from tfx_estimators.errors import MissingFilesError
    from tfx_estimators.lineage.reconcile import reconcile
    from tfx_estimators.lineage.record_files import read_records
    from tfx_estimators.lineage.store import open_store

    records = [
        record
        for folder in folders
        for record in read_records(folder.rstrip("/"), files_for(folder)).values()
    ]
    if not records:
        raise MissingFilesError(
            f"there are no records in {', '.join(folders)}",
            expected="files whose names end in .record.json",
            fix="check the paths",
        )
    where = metadata_place(metadata)
    if create and "://" not in where:
        pathlib.Path(where).absolute().parent.mkdir(parents=True, exist_ok=True)
    done = reconcile(open_store(where, write=True, create=create), records)
    printing.echo(
        f"{done.records} records: {done.artifacts} artifacts and {done.events} events written"
        + (f", {done.waiting} wait for their runner to publish" if done.waiting else "")
    )


@click.command()
@click.argument("model_dir")
@click.argument("training")
@click.option(
    "--assets",
    metavar="FOLDER",
    help="The old model's vocabularies.  [default: assets of the newest export below MODEL_DIR]",
)
def adopt(model_dir: str, training: str, assets: str | None) -> None:
    """Let a training resume from the newest checkpoint of MODEL_DIR, which is not changed.

    MODEL_DIR belongs to an estimator of TensorFlow 1 or 2; the prefix of one of its
    checkpoints will do. TRAINING is the folder of a started training, STORE/<fingerprint>.
    Variables, optimizer slots and what rows stand for must be the same; the steps of the
    old training count towards num_steps.
    """
    from tfx_estimators.components.trainer.checkpoints.adoption import adopt as take_over

    done = take_over(model_dir, training, assets)
    printing.echo(f"{done.variables} variables fit, {done.slots} of them optimizer slots")
    if done.vocabularies:
        printing.echo(f"the same vocabularies: {', '.join(done.vocabularies)}")
    if done.unused:
        printing.echo(f"not used: {', '.join(done.unused)}")
    printing.echo(
        f"the training goes on from step {done.checkpoint.step}: {done.checkpoint.prefix}"
    )
