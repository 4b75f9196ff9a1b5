"""Pages of the API reference for `make docs`, made of the docstrings.

mkdocs calls the functions whose names begin with `on_`.
"""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Any

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "src" / "tfx_estimators"

# What a user imports, by page; each name is documented where it is defined.
PAGES = {
    "components": ("components", "components.pusher", "components.tuner", "components.resources"),
    "estimator": ("estimator.columns", "estimator.distribution", "estimator.keras_export"),
    "lineage": ("lineage.runs", "lineage.models", "lineage.checkpoints", "lineage.trace"),
    "pipelines": ("pipelines.usual", "pipelines.parameters", "pipelines.prediction"),
    "report": ("report.document",),
    "kubeflow": ("kubeflow.runner", "kubeflow.serving"),
    "errors": ("errors",),
}


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages, which exist nowhere else."""
    from mkdocs.structure.files import File

    for page, modules in PAGES.items():
        files.append(File.generated(config, f"reference/{page}.md", content=text(page, modules)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Names the pages of the project that are not part of the site without a link."""
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)


def text(page: str, modules: tuple[str, ...]) -> str:
    """A page."""
    parts = [f"# {page.capitalize()}"]
    for module in modules:
        parts += [f"## `tfx_estimators.{module}`", *map(directive, documented(module))]
    return "\n\n".join(parts) + "\n"


def directive(name: str) -> str:
    """What mkdocstrings replaces by a docstring."""
    return f"::: {name}\n    options:\n      heading_level: 3"


def documented(module: str) -> list[str]:
    """Where each public name of a module is defined, read without importing anything."""
    path = SOURCE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    public: list[str] = []
    homes: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            public = ast.literal_eval(node.value)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("tfx_estimators"):
            homes |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    defined = {getattr(node, "name", "") for node in tree.body}
    own = {name: f"tfx_estimators.{module}.{name}" for name in public if name in defined}
    return [{**homes, **own}[name] for name in public if name in {*homes, *own}]
