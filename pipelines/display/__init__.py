"""What the user sees of a run while it runs.

* `run_events`: what happens in a run.
* `audience`: tells whoever shows them; the only part that the runners know.
* `lines`: plain lines, as for a log; also without any, for --quiet.
* `json_lines`: one JSON object a line, for programs.
* `live`: a line a step, drawn anew several times a second, for a terminal.
"""

from __future__ import annotations

__all__ = ["audience", "json_lines", "lines", "live", "run_events"]
