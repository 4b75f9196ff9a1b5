"""`tfx-estimators kserve`: the share of a new version, and going back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tfx_estimators.commands import printing
from tfx_estimators.json_text import dumps

if TYPE_CHECKING:
    from tfx_estimators.kubeflow.serving.rollout import Rollout

__all__ = ["kserve"]

_name = click.argument("name")
_namespace = click.option(
    "-n",
    "--namespace",
    help="The service's namespace.  [default: that of the kubeconfig's context]",
)


@click.group()
def kserve() -> None:
    """Show, promote and roll back the InferenceServices of a KServePusher.

    \b
      tfx-estimators kserve show taxi
      tfx-estimators kserve promote taxi --percent 50
      tfx-estimators kserve promote taxi
      tfx-estimators kserve rollback taxi
    """


@kserve.command()
@_name
@_namespace
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, for scripts.")
def show(name: str, namespace: str | None, as_json: bool) -> None:
    """Show what the service NAME serves, and whether it is ready."""
    from tfx_estimators.kubeflow.serving.cluster import ClusterServices
    from tfx_estimators.kubeflow.serving.rollout import look

    state = look(ClusterServices(namespace=namespace), name)
    if as_json:
        click.echo(dumps(state, indent=1))
        return
    for key, value in state.items():
        if value is not None:
            printing.echo(f"{key:<16}{value}")


@kserve.command()
@_name
@_namespace
@click.option(
    "--percent",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    help="The newest version's share of the requests.",
)
def promote(name: str, namespace: str | None, percent: int) -> None:
    """Give the newest version of the service NAME more of the requests."""
    from tfx_estimators.kubeflow.serving import rollout
    from tfx_estimators.kubeflow.serving.cluster import ClusterServices

    _echo(name, rollout.promote(ClusterServices(namespace=namespace), name, percent))


@kserve.command()
@_name
@_namespace
def rollback(name: str, namespace: str | None) -> None:
    """Roll the service NAME back to the version that had all requests before.

    A canary stops getting requests at once. The version that was rolled back is not served
    again, even if its pipeline runs once more.
    """
    from tfx_estimators.kubeflow.serving import rollout
    from tfx_estimators.kubeflow.serving.cluster import ClusterServices

    _echo(name, rollout.roll_back(ClusterServices(namespace=namespace), name))


def _echo(name: str, done: Rollout) -> None:
    has = "gets" if done.new else "has already"
    printing.echo(f"{name}: {done.uri} {has} {done.percent}% of the requests")
    if done.percent < 100 and done.previous is not None:
        printing.echo(f"{name}: {done.previous} gets the rest")
