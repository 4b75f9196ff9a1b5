"""An executor that says when its first line runs; see `benchmarks/startup.py`."""

from __future__ import annotations

import time
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor


class FirstLine(BaseExecutor):
    """Prints the time."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:
        """Prints the clock that all processes of a machine share, in seconds."""
        print(f"first line at {time.monotonic()}", flush=True)
