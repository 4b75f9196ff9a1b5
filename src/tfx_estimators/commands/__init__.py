"""The subcommands of `tfx-estimators`, one module a noun."""

__all__: list[str] = []
