"""`import movietags` is `import tagger`, whichever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which it stands as it is installed."""
    (tmp_path / "movietags").mkdir()
    (tmp_path / "movietags/__init__.py").write_bytes((ROOT / "tagger/alias/__init__.py").read_bytes())
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


def run(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("first", ["import tagger, movietags", "import movietags, tagger"])
def test_all_names_are_the_same_objects(environment: dict[str, str], first: str) -> None:
    code = f"""{first}
assert movietags is tagger
import movietags.errors, movietags.reports.json_report as ours, tagger.errors
from movietags import Settings
from movietags.records import Shot
import tagger.records, tagger.reports.json_report as theirs
assert movietags.errors is tagger.errors and movietags.errors.BadPath is tagger.errors.BadPath
assert Settings is tagger.Settings and Shot is tagger.records.Shot and ours is theirs
assert all(getattr(movietags, name) is getattr(tagger, name) for name in tagger.__all__)
import importlib.util, pickle
assert pickle.loads(pickle.dumps(Shot)) is Shot and Shot.__module__ == "tagger.records"
assert tagger.records.__spec__.name == "tagger.records"
"""
    run("-c", code, env=environment)


def test_a_submodule_alone_can_be_the_first(environment: dict[str, str]) -> None:
    code = "from movietags.errors import BadPath\nimport tagger.errors\nassert BadPath is tagger.errors.BadPath"
    run("-c", code, env=environment)


def test_what_is_not_there_is_said_of_either_name(environment: dict[str, str]) -> None:
    code = "try:\n    import movietags.nothing\nexcept ModuleNotFoundError as error:\n    print(error)"
    assert run("-c", code, env=environment) == "No module named 'tagger.nothing'\n"


def test_it_loads_no_more_than_tagger_does(environment: dict[str, str]) -> None:
    code = "import {}, sys\nprint(*sorted({{n.partition('.')[0] for n in sys.modules}} - {{'movietags', 'importlib'}}))"
    assert run("-c", code.format("movietags"), env=environment) == run("-c", code.format("tagger"), env=environment)


def test_it_can_be_run(environment: dict[str, str]) -> None:
    assert run("-m", "movietags", "--version", env=environment) == f"movietags, version {__version__}\n"
