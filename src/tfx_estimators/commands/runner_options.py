"""`--runner` and the options of the runners, as the runners themselves describe them."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from tfx_estimators.terminal import escaped

__all__ = ["RunCommand", "runner_and_options"]

_PIPELINE = "tfx_estimators.pipeline"


class RunCommand(click.Command):
    """A command that takes `--runner` and whatever options the runners take.

    The runners are asked when the command is parsed or shows its help, not when the
    program starts.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, then the runners'."""
        from tfx_estimators.pipelines.runners import runners
        from tfx_estimators.pipelines.runners.registry import DEFAULT

        found = runners()
        names = [runner.name for runner in found]
        about = "; ".join(f"{runner.name}: {runner.summary}" for runner in found)
        made: dict[str, click.Parameter] = {
            "runner": click.Option(
                ["--runner"],
                metavar=f"[{'|'.join(names)}]",
                default=DEFAULT,
                show_default=True,
                help=f"{about}.",
            )
        }
        for runner in found:
            for option in runner.options:
                made.setdefault(
                    option.name,
                    click.Option(
                        [f"--{option.name.replace('_', '-')}"],
                        is_flag=option.metavar is None,
                        default=None,
                        metavar=option.metavar,
                        help=f"With {runner.name}: {option.help}",
                    ),
                )
        own = super().get_params(ctx)
        known = {parameter.name for parameter in own}
        return [*own[:-1], *(p for name, p in made.items() if name not in known), own[-1]]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Notes the pipeline first: `--help` is answered before the arguments are read."""
        if set(args) & set(ctx.help_option_names):
            with contextlib.suppress(click.UsageError):
                given, _, _ = self.make_parser(ctx).parse_args(list(args))
                ctx.meta[_PIPELINE] = given.get("pipeline")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the parameters of the pipeline that is asked about."""
        super().format_options(ctx, formatter)
        pipeline = ctx.meta.get(_PIPELINE)
        if not isinstance(pipeline, str):
            return
        from tfx_estimators.pipelines.catalog import load_pipeline_module
        from tfx_estimators.pipelines.parameters import declared_parameters

        declared = declared_parameters(load_pipeline_module(pipeline).create_pipeline)
        rows = [
            (
                f"{one.name}={one.shown_default}",
                ". ".join(filter(None, [one.about, one.shown_type])),
            )
            for one in declared
        ]
        with formatter.section(f"Parameters of {pipeline} for --set, with their defaults"):
            formatter.write_dl([(escaped(name), escaped(about)) for name, about in rows])


def runner_and_options(parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The runner that was asked for, and its options that were given, checked.

    Args:
        parameters: what `RunCommand` parsed beside the command's own parameters.

    Raises:
        UnsupportedOptionError: if there is no such runner or it does not take an option.
    """
    from tfx_estimators.pipelines.runners import find_runner
    from tfx_estimators.pipelines.runners.registry import check_options

    runner = find_runner(parameters["runner"])
    given = {
        name: value for name, value in parameters.items() if name != "runner" and value is not None
    }
    check_options(runner, given)
    return runner, given
