"""`tfx-estimators docs`: the pages of the documentation, which ship with the package."""

from __future__ import annotations

import difflib
import pathlib
import sys

import click

from tfx_estimators.commands import printing
from tfx_estimators.errors import UnsupportedOptionError

__all__ = ["docs"]


@click.command()
@click.argument("page", required=False)
def docs(page: str | None) -> None:
    """Show a PAGE of the documentation, or list the pages.

    \b
      tfx-estimators docs              the pages
      tfx-estimators docs keras        one of them
    """
    folder = pathlib.Path(sys.modules["tfx_estimators"].__path__[0]) / "docs"
    pages = {path.stem: path for path in sorted(folder.glob("*.md"))}
    if page is None:
        width = max(map(len, pages), default=0)
        for name, path in pages.items():
            printing.echo(f"{name:{width}}  {_title(path)}")
        return
    found = pages.get(page.removeprefix("docs/").removesuffix(".md"))
    if found is None:
        near = difflib.get_close_matches(page, pages, n=1)
        raise UnsupportedOptionError(
            f"there is no page {page!r}",
            expected=f"one of {', '.join(pages)}",
            fix=f"tfx-estimators docs {near[0]}" if near else "tfx-estimators docs",
        )
    click.echo_via_pager(found.read_text(encoding="utf-8"))


def _title(path: pathlib.Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()
