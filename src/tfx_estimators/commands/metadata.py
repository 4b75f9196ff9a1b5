"""What is done with a store of ML Metadata itself, and with verdicts in it."""

from __future__ import annotations

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.metadata_option import metadata_option, metadata_place

__all__ = ["metadata", "withdraw"]


@click.group()
def metadata() -> None:
    """Maintain a store of ML Metadata."""


@metadata.command()
@click.argument("place", required=False)
def upgrade(place: str | None) -> None:
    """Upgrade the store at PLACE, made by an older TFX, to the schema of the installed one.

    A backup is made beside it first. PLACE is an SQLite file or the folder of a run
    [default: the newest below runs/].
    """
    from tfx_estimators.lineage.maintenance.upgrade import upgrade as upgrade_store

    done = upgrade_store(metadata_place(place))
    if done.backup is None:
        printing.echo(f"{done.file} already has schema version {done.after}: nothing to do")
        return
    held = ", ".join(f"{number} {what}" for what, number in done.held.items())
    printing.echo(f"{done.file}: schema version {done.before} -> {done.after}")
    printing.echo(f"  holds as before: {held}")
    if done.added:
        printing.echo(f"  new columns: {', '.join(done.added)}")
    if done.removed:
        printing.echo(f"  removed columns: {', '.join(done.removed)}")
    printing.echo(f"  backup: {done.backup}")


@click.command()
@click.argument("model")
@metadata_option
def withdraw(model: str, metadata: str | None) -> None:
    """Withdraw MODEL's blessing: resolvers, including TFX's own, no longer find it as blessed.

    MODEL is its number, the beginning of its digest, its uri, or a version that was pushed.
    Pushed versions stay; see tfx-estimators rollback.
    """
    from tfx_estimators.lineage.maintenance.verdicts import withdraw as take_back
    from tfx_estimators.lineage.models import find_model
    from tfx_estimators.lineage.store import open_store

    store = open_store(metadata_place(metadata), write=True)
    found = find_model(store, model)
    taken = take_back(store, found)
    printing.echo(
        f"model {found.id} is no longer blessed ({taken} verdicts withdrawn)"
        if taken
        else f"model {found.id} was not blessed: nothing to do"
    )
