"""The pipeline flows one way: who may import whom, what stays light, what is public."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tagger

ROOT = Path(tagger.__file__).parent
CLI = ROOT.parent / "cli.py"
# The rooms of the house: each row may import the rows above it, and nothing in its own.
ROOMS = (
    ("errors", "version", "signals", "typed_json"),
    ("files", "queues", "plugins", "libraries", "web", "bars", "partial"),
    ("text", "timecode", "frames", "orientation"),
    ("process", "images", "vocabulary", "video_info"),
    ("settings", "records"),
    ("confidence",),
    ("video",),
    ("shots", "models"),
    ("ranking", "segments", "measured"),
    ("advisory",),
    ("pipeline", "retag", "reports"),
    ("evaluation",),
    ("compare", "batch", "training", "openimages"),
    ("library",),
    ("api",),
    ("knowledge",),
    ("commands",),
    ("cli", "__main__", "alias"),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def modules(root: Path) -> dict[str, Path]:
    """Every module below a package, by its dotted name within it; packages by their own."""
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in found.items() if name}


def imports(path: Path, known: set[str]) -> Iterator[str]:
    """The modules of this package that a file imports, inside functions too; relative imports are not our way."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] == "tagger"):
            home = (node.module or "").removeprefix("tagger").lstrip(".")
            for alias in node.names:
                full = f"{home}.{alias.name}".lstrip(".")
                yield full if full in known else home
        elif isinstance(node, ast.Import):
            yield from (alias.name[7:] for alias in node.names if alias.name.startswith("tagger."))


@cache
def listed(package: Path) -> list[str]:
    """The modules that a package's docstring names, one a line below its first paragraphs, in its order."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    return re.findall(r"^(\w+) {2,}\S", text, flags=re.MULTILINE)


def upward(root: Path) -> list[str]:
    """Every import that goes up: between rooms by `ROOMS`, inside a package by the order of its docstring."""
    files = modules(root)
    wrong = []
    for name, path in [*files.items(), ("cli", CLI)]:
        for other in imports(path, set(files)):
            if not other or other == name:
                continue  # the package's own names are loaded when they are used
            shared = 0
            ours, theirs = name.split("."), other.split(".")
            while ours[shared : shared + 1] == theirs[shared : shared + 1]:
                shared += 1
            if shared == 0:
                up = LEVEL[theirs[0]] >= LEVEL[ours[0]]
            elif shared in (len(ours), len(theirs)):
                up = True  # a package and its own module
            else:
                order = listed(root.joinpath(*ours[:shared]))
                up = order.index(theirs[shared]) >= order.index(ours[shared])
            wrong += [f"{name} imports {other}"] * up
    return wrong


def test_imports_go_one_way() -> None:
    assert upward(ROOT) == []


def test_each_package_lists_its_modules() -> None:
    unlisted = {"__init__", "__main__", "__pycache__", "vocab", "cli"}
    for init in ROOT.rglob("__init__.py"):
        package = init.parent
        if package.name != "alias":
            there = {p.stem if p.is_file() else p.name for p in package.iterdir() if p.suffix == ".py" or p.is_dir()}
            assert sorted(listed(package)) == sorted(there - unlisted), package
    order = [LEVEL[room] for room in listed(ROOT)]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("place", "line", "seen"),
    [
        ("video.clock", "import tagger.pipeline", "pipeline"),
        ("video.clock", "from tagger.shots import scan", "shots.scan"),
        ("video.clock", "from tagger.video.film import Film", "video.film"),
        ("shots.keyframes", "def late() -> None:\n    from tagger.shots import scan", "shots.scan"),
        ("training.recipe", "from tagger.training.studies import init", "training.studies.init"),
        ("training.studies.spread", "from tagger.training import run", None),
    ],
)
def test_an_upward_import_is_seen(tmp_path: Path, place: str, line: str, seen: str | None) -> None:
    planted = ROOT / f"{place.replace('.', '/')}.py"
    for path in ROOT.rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text() + (f"\n{line}\n" if path == planted else ""))
    assert upward(tmp_path) == ([f"{place} imports {seen}"] if seen else [])


def test_one_place_each_for_what_is_outside() -> None:
    users: dict[str, set[str]] = {"scenedetect": set(), "click": set(), "tqdm": set()}
    for path in [*ROOT.rglob("*.py"), CLI]:
        place = "commands" if path.parent == ROOT / "commands" else path.name
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                users.get(name.split(".")[0], set()).add(place)
    assert users == {"scenedetect": {"pyscenedetect.py"}, "click": {"cli.py", "commands"}, "tqdm": {"commands"}}


def test_modules_stay_short() -> None:
    long = {p.name: n for p in [*ROOT.rglob("*.py"), CLI] if (n := len(p.read_text().splitlines())) > 300}
    assert long == {}


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['movietags', '--help']\nfrom tagger.__main__ import main\n"
        "import tagger.process\ntagger.process.leave = lambda code: None\nmain()\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'av', 'pandas', 'scenedetect'}\n"
        "print('heavy:', sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "heavy: []" in out


def test_public_names_exist() -> None:
    late, here = set(tagger._HOMES), {name for name in tagger.__all__ if name in vars(tagger)}
    assert sorted(tagger.__all__) == sorted(late | here) == dir(tagger)
    for name in tagger.__all__:
        assert (name in vars(tagger)) != (name in tagger._HOMES), name
        assert getattr(tagger, name) is not None
