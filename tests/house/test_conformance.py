"""The conformance table lists every row and says what was found."""

from __future__ import annotations

import conformance


def test_the_committed_table_lists_every_row_and_no_failure() -> None:
    lines = conformance.TABLE.read_text().splitlines()
    for row in conformance.ROWS:
        (line,) = [line for line in lines if line.startswith(f"| {row} |")]
        cells = line.strip("| ").split(" | ")[2:]
        assert len(cells) == len(conformance.STACKS)
        for cell in cells:
            assert "passed" in cell or cell == "not run"
            assert "failed" not in cell


def test_the_committed_table_is_the_one_that_follows_from_what_was_found() -> None:
    assert conformance.TABLE.read_text() == conformance.table()
