"""docs/library.md: its views are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from libraries import VIEWS, rows

TEXT = (Path(__file__).parents[1] / "docs/library.md").read_text()


def test_its_views_are_those_that_there_are(library: Path) -> None:
    told = {
        name: re.findall(r"`(\w+)`", columns)
        for name, columns in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", TEXT, re.MULTILINE)
    }
    assert tuple(told) == VIEWS
    for view, columns in told.items():
        assert [name for name, *_ in rows(library, f"DESCRIBE {view}")] == columns
