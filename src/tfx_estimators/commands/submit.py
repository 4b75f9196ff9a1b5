"""`tfx-estimators submit`: a package run by a Kubeflow Pipelines server."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.commands import printing
from tfx_estimators.commands.server_options import namespace_option, token_file_option, token_in
from tfx_estimators.errors import UnsupportedOptionError
from tfx_estimators.terminal import say

__all__ = ["submit"]


@click.command()
@click.argument("package", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--endpoint",
    required=True,
    envvar="KF_PIPELINES_ENDPOINT",
    show_envvar=True,
    help="Address of the API, e.g. http://localhost:8888.",
)
@click.option("--experiment", default="Default", show_default=True, help="Groups runs.")
@click.option("--run-name", help="Shown by the server.  [default: the pipeline and the time]")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of one of the pipeline's parameters; may be repeated.",
)
@click.option("--pipeline-root", metavar="URI", help="Where to keep artifacts, if elsewhere.")
@namespace_option
@token_file_option
@click.option(
    "--service-account",
    metavar="NAME",
    help="Service account of the steps; by default the server's choice. Training jobs and "
    "serving need the role in rbac.yaml of `tfx-estimators manifests DIR`.",
)
@click.option("--no-wait", is_flag=True, help="Return once the run has been created.")
def submit(
    package: pathlib.Path,
    endpoint: str,
    experiment: str,
    run_name: str | None,
    parameters: tuple[str, ...],
    pipeline_root: str | None,
    namespace: str | None,
    token_file: pathlib.Path | None,
    service_account: str | None,
    no_wait: bool,
) -> None:
    """Run PACKAGE, which compile wrote, on Kubeflow Pipelines.

    Prints the run's address, then each step's state as it changes; exits with 1 if the
    run fails. Ctrl-C does not stop the run.
    """
    from tfx_estimators.kubeflow import submission

    given = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UnsupportedOptionError(
                f"--parameter {text!r}", expected="NAME=VALUE", fix="--parameter steps=500"
            )
        given[name] = value
    run = submission.submit(
        package,
        endpoint,
        experiment=experiment,
        run_name=run_name,
        parameters=given,
        pipeline_root=pipeline_root,
        namespace=namespace,
        token=token_in(token_file),
        service_account=service_account,
    )
    printing.echo(run.address)
    if no_wait:
        return
    try:
        submission.follow(run, say)
    except KeyboardInterrupt:
        say(f"no longer watching; the run continues: {run.address}")
        raise
