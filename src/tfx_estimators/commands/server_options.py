"""What commands that ask a Kubeflow Pipelines server take."""

from __future__ import annotations

import pathlib

import click

from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["namespace_option", "token_file_option", "token_in"]

namespace_option = click.option("--namespace", help="Namespace of the run, on a multi-user server.")
token_file_option = click.option(
    "--token-file",
    type=click.Path(path_type=pathlib.Path),
    help="File with the token to authenticate with.",
)


def token_in(file: pathlib.Path | None) -> str | None:
    """The token; None if no file was given.

    Raises:
        UnsupportedOptionError: if the file cannot be read.
    """
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnsupportedOptionError(
            f"--token-file {file} cannot be read: {error.strerror}",
            expected="a file with a token in it",
        ) from error
