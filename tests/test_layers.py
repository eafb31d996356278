"""The pipeline flows one way: who may import whom, what stays light, what is public."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import tagger

ROOT = Path(tagger.__file__).parent
# Each row may import the rows above it; stages never import one another.
ORDER = [
    {"errors"},
    {"records", "process", "devices", "jpeg"},
    {"settings", "files", "images", "clock", "container", "copies"},
    {"vocabulary", "weights", "arrays", "queues", "classes", "metrics", "boundaries", "onnx"},
    {"architectures", "figures", "tables", "gops", "head", "compact", "thumbnails", "pyscenedetect"},
    {"video", "decoders", "transitions", "plots"},
    {"shots", "keyframes", "backbone", "ranking"},
    {"fullscan", "fastscan"},
    {"scan", "model"},
    {"pipeline", "diagnosis"},
    {"evaluation", "segments"},
    {"openimages"},
    {"reports", "training"},
    {"batch", "comparing", "ratings"},
    {"making", "comparing_written"},
    {"commands"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def imports(path: Path) -> set[str]:
    """The modules of this package that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "tagger":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tagger."):
            found.add(str(node.module).split(".")[1])
    return found & LEVEL.keys()


def test_imports_go_one_way() -> None:
    wrong = []
    for path in [*ROOT.rglob("*.py"), ROOT.parent / "cli.py"]:
        if path == ROOT / "__init__.py":
            continue  # its names are loaded when they are used
        own = path.relative_to(ROOT).parts[0].removesuffix(".py") if path.is_relative_to(ROOT) else "cli"
        wrong += [f"{own} imports {other}" for other in imports(path) if other != own and LEVEL[other] >= LEVEL[own]]
    assert wrong == []


def test_one_place_each_for_what_is_outside() -> None:
    users: dict[str, set[str]] = {"scenedetect": set(), "click": set(), "tqdm": set()}
    for path in [*ROOT.rglob("*.py"), ROOT.parent / "cli.py"]:
        place = "commands" if path.parent == ROOT / "commands" else path.name
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                users.get(name.split(".")[0], set()).add(place)
    assert users == {"scenedetect": {"pyscenedetect.py"}, "click": {"cli.py", "commands"}, "tqdm": {"commands"}}


def test_modules_stay_short() -> None:
    long = {
        p.name: n for p in [*ROOT.rglob("*.py"), ROOT.parent / "cli.py"] if (n := len(p.read_text().splitlines())) > 300
    }
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
    assert sorted(tagger.__all__) == sorted({*tagger._HOMES, "__version__"})
    for name in tagger.__all__:
        assert getattr(tagger, name) is not None
