"""The documentation: every page is listed, links lead somewhere, and what it shows is real."""

from __future__ import annotations

import ast
import pathlib
import re
import runpy
import shlex
import textwrap
from collections.abc import Iterator

import click
import pytest
import yaml

from tfx_estimators.cli import main

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
ROOT = DOCS.parent
PAGES = sorted(DOCS.glob("*.md"))
REFERENCE = runpy.run_path(str(ROOT / "scripts" / "reference_pages.py"))
# Of every command, and of the runner that `extending` adds, which a test of its own runs.
ADDED_OPTIONS = ("--help", "-h", "--not-before")
EVERY_PAGE = pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem
)


def test_the_index_lists_every_page() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"))
    assert {*linked, "README.md"} == {page.name for page in PAGES}
    assert len(linked) == len(set(linked))


def test_the_site_has_every_page() -> None:
    settings = re.sub(r"!!python\S*", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = list(_pages(yaml.safe_load(settings)["nav"]))
    own = [page for page in listed if not page.startswith("reference/")]
    assert sorted(own) == [page.name for page in PAGES]
    made = {f"reference/{page}.md" for page in REFERENCE["PAGES"]}
    assert {*listed} - {*own} == made


def test_the_reference_names_what_is_there() -> None:
    for modules in REFERENCE["PAGES"].values():
        for module in modules:
            homes = REFERENCE["documented"](module)
            assert homes, module
            for home in homes:
                where, _, name = home.removeprefix("tfx_estimators.").rpartition(".")
                path = REFERENCE["SOURCE"].joinpath(*where.split("."))
                file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
                tree = ast.parse(file.read_text(encoding="utf-8"))
                defined = {getattr(node, "name", None) for node in tree.body}
                assigned = {
                    getattr(node.targets[0], "id", None)
                    for node in tree.body
                    if isinstance(node, ast.Assign)
                }
                assert name in defined | assigned, home


def _pages(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _pages(part)


@EVERY_PAGE
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_pictures_are_small_and_shown() -> None:
    pictures = sorted((DOCS / "pictures").iterdir())
    assert sum(picture.stat().st_size for picture in pictures) < 600_000
    text = "".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    shown = re.findall(r"!\[[^\]]{20,}\]\((?:docs/)?pictures/([\w.]+)\)", text)
    assert {*shown} == {picture.name for picture in pictures}
    # A picture that loads something from elsewhere is blank where that is refused.
    for picture in (DOCS / "pictures").glob("*.svg"):
        assert "url(http" not in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["architecture", "new-stack", "private-names"])
def test_modules_that_a_page_names_are_there(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    root = DOCS.parent
    # A component's modules are named from its folder.
    named = re.findall(r"`([\w/]+/\w+\.py)`", text)
    missing = [
        path
        for path in named
        if not any((at / path).exists() for at in (root, root / "components"))
    ]
    assert named
    assert missing == []


@EVERY_PAGE
def test_python_is_python(page: pathlib.Path) -> None:
    blocks = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    for _, code in blocks.findall(page.read_text(encoding="utf-8")):
        compile(textwrap.dedent(code), str(page), "exec")


@EVERY_PAGE
def test_commands_and_their_options_are_there(page: pathlib.Path) -> None:
    wrong = [said for line in _command_lines(page) if (said := _wrong_in(line)) is not None]
    assert wrong == []


def test_a_command_that_is_not_there_is_found() -> None:
    assert _wrong_in("tfx-estimators run taxi --set trainer.train_steps=5") is None
    assert _wrong_in("tfx-estimators runn taxi") == "tfx-estimators runn taxi: no command 'runn'"
    assert _wrong_in("tfx-estimators runs --nothing=1") is not None
    assert _wrong_in("make nothing") is not None


def _command_lines(page: pathlib.Path) -> Iterator[str]:
    """Lines of code blocks, fenced or indented, and code within a line, that begin with one."""
    text = page.read_text(encoding="utf-8")
    fenced = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
    blocks = [body for kind, body in fenced.findall(text) if kind in ("", "sh", "bash", "console")]
    rest = fenced.sub("", text)
    blocks += [
        textwrap.dedent(block) for block in re.findall(r"(?:^ {4}.*\n)+", rest, re.MULTILINE)
    ]
    blocks += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", rest)]
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        for command in re.split(r"&&|\||;", line):
            if re.match(r"(tfx-estimators|make) [\w-]", command.strip()):
                yield command.strip()


def _wrong_in(line: str) -> str | None:
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        unknown = [word for word in words if "=" not in word and word not in targets]
        return f"{line}: no target {unknown[0]!r}" if unknown else None
    command: click.Command = main
    for word in words:
        if word.startswith("-") and word not in ("-", "--"):
            context = click.Context(command)
            known = {opt for one in command.get_params(context)
                     for opt in (*one.opts, *one.secondary_opts)}  # fmt: skip
            if word.partition("=")[0] not in {*known, *ADDED_OPTIONS}:
                return f"{line}: {command.name} has no option {word}"
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                # As in a sentence: `tfx-estimators COMMAND`.
                return None if word.isupper() else f"{line}: no command {word!r}"
            command = found
    return None
