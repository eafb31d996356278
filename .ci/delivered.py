"""Checks what the slim installation left in this folder, and that it is slim."""

import importlib.util
import json
from pathlib import Path

for folder in ("out", "slim"):
    report = json.loads(Path(folder, "film.tags.json").read_text())
    assert len(report["tags"]) == 50, report["tags"]
    assert len(report["shots"]) == 3, report["shots"]
assert Path("tags/film.mp4.tags.json").stat().st_size
assert Path("tags/summary.csv").stat().st_size
assert sorted(path.name for path in Path("compared").iterdir()) == ["compared.csv", "compared.json"]
assert Path("colours/heads/compact.npz").stat().st_size
there = [name for name in ("tensorflow", "keras", "scenedetect", "matplotlib", "pandas", "cli", "vocab",
                           "tagger.knowledge") if importlib.util.find_spec(name)]  # fmt: skip
assert not there, there
