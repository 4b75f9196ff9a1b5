"""The group of all commands: what a user sees of an error is a message, never a traceback."""

from __future__ import annotations

import errno
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from tfx_estimators.commands.run_log import shown_error
from tfx_estimators.components.user_code import describe, full_trace
from tfx_estimators.errors import TfxEstimatorsError
from tfx_estimators.terminal import shown

__all__ = ["Commands"]


class Commands(click.Group):
    """Ends with a message and an exit code, whatever a command raises."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command line; see `click.Command.main`."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
            sys.exit(code if isinstance(code, int) else 0)
        except click.ClickException as error:
            # Final to mypy, and yet the only way to keep how click shows each kind.
            error.__dict__["message"] = shown(error.message)
            _say(error.show)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _say(lambda: click.echo("Aborted!", err=True))
            sys.exit(1)
        except Exception as error:
            # Before there is a command: nothing is known of it.
            text = _of_the_system(error) or describe(error)
            _say(lambda: click.echo(f"Error: {shown(text)}", err=True))
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command that is asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("verbose"):
                raise click.ClickException(full_trace(error)) from error
            text = _of_the_system(error) or shown_error(error, ctx)
            raise click.ClickException(text) from error
        except SystemExit as error:
            # No command of ours does; with code 0 it would look like success.
            raise click.ClickException(
                f"the code that was run called sys.exit({error.code!r})\n"
                "  fix: remove it, or put it below: if __name__ == '__main__'"
            ) from error


def _of_the_system(error: Exception) -> str | None:
    """What to say where it is neither the user's fault nor ours."""
    if isinstance(error, OSError) and not isinstance(error, TfxEstimatorsError):
        if not _has_working_folder():
            return "the working folder is gone\n  fix: cd to a folder that exists"
        if error.errno == errno.ENOSPC:
            # Of a copy the second name is the one that was written.
            name = error.filename2 or error.filename
            return f"{error.strerror}{f': {name}' if name else ''}"
    return None


def _has_working_folder() -> bool:
    try:
        return pathlib.Path.cwd().exists()
    except OSError:
        return False


def _say(say: Callable[[], object]) -> None:
    """Says something, where there is anything left to say it on."""
    try:
        say()
        sys.stdout.flush()
    except OSError:
        # A full device or a closed pipe: what is still to be written must not fail at exit.
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nothing, stream)
