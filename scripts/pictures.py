"""Makes the pictures in docs/pictures from a run of the taxi pipeline: python scripts/pictures.py

Needs Chromium. The run takes a minute; its progress is what a terminal of 88 columns shows while
the trainer runs, the graph and the report are what Chromium shows of the report.
"""

from __future__ import annotations

import fcntl
import io
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
WIDTH, ROWS = 88, 30
COMMAND = [sys.executable, "-m", "tfx_estimators.cli"]
TRAINER_RUNS = re.compile(r"EstimatorTrainer .* (\d+)/400 steps .* left")

sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import Tab, open_browser  # noqa: E402
from terminal_screen import Screen  # noqa: E402


def run(folder: pathlib.Path) -> list[str]:
    """Runs the pipeline on a terminal; its lines once the trainer is half through."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    process = subprocess.Popen(
        [*COMMAND, "run", "taxi"],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written, lines = b"", []
    with open(ours, "rb", buffering=0, closefd=True) as terminal:  # noqa: PTH123
        while True:
            try:
                part = terminal.read(65536)
            except OSError:  # As Linux says that nobody writes any more.
                break
            if not part:
                break
            written += part
            screen = Screen().play(written.decode(errors="ignore"))
            seen = TRAINER_RUNS.search(str(screen))
            if not lines and seen and int(seen[1]) >= 150:
                lines = screen.lines
    assert process.wait() == 0, written.decode(errors="replace")
    assert lines, "the trainer was never seen half through"
    return [line for line in lines if line.strip()]


def draw_progress(lines: list[str]) -> str:
    """The lines as an SVG of a terminal that loads nothing."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    text = Text("$ tfx-estimators run taxi\n" + "\n".join(lines), no_wrap=True)
    text.highlight_regex(r"(?m)^[✓⠀-⣿]", "green")
    text.highlight_regex(r"(?m)^\$.*|^ +\d+ of .*", "dim")
    console.print(text)
    svg = console.export_svg(title="tfx-estimators", theme=MONOKAI, unique_id="progress")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono")


def photograph(tab: Tab, selector: str, file: pathlib.Path, height: int | None = None) -> None:
    """Saves what an element of the page shows, or its upper part, as a PNG."""
    box = tab.value(
        f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
        " return {x: box.x, y: box.y + scrollY, width: box.width, height: box.height} })()"
    )
    clip = {**box, "height": min(box["height"], height or box["height"]), "scale": 1}
    tab.picture(file, clip)


def main() -> None:
    """Makes them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (PICTURES / "progress.svg").write_text(draw_progress(run(folder)), encoding="utf-8")
        page = folder / "report.html"
        subprocess.run([*COMMAND, "report", "-o", str(page)], cwd=folder, check=True)
        with open_browser() as tab:
            tab.show(page, width=1000)
            photograph(tab, "#pipeline figure svg", PICTURES / "graph.png")
            photograph(tab, "#evaluation", PICTURES / "report.png", height=1200)
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
