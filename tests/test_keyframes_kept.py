"""Small keyframes beside a report: bounded in bytes, in a file and back, and nothing damaged or foreign gets in."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import media
import numpy as np
import pytest
from samples import REPORT

from tagger.errors import OutputRefused
from tagger.images import SMALL_HEIGHT, SMALL_WIDTH, decode_picture, small_jpeg
from tagger.records import Keyframe, TagReport
from tagger.reports.kept import NOTHING, Kept, bodies_at, keyframes_file, lying, put
from tagger.reports.keyframes import BYTES_MAX, MANIFEST, body, bounded, by_shot, is_ours, read

JPEG = small_jpeg(media.scenery(1, 320, 180))


def many(count: int) -> TagReport:
    """A report with so many kept keyframes."""
    first = REPORT.shots[0]
    shots = [replace(first, index=i, keyframe=Keyframe(50 + 100 * i, 2.0 + 4 * i, 0, 7.1, True)) for i in range(count)]
    return replace(REPORT, shots=tuple(shots))


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1920, 1080), (192, 108)),
        ((720, 576), (180, 144)),
        ((40, 30), (40, 30)),
        ((4000, 10), (192, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_a_picture_is_shrunk_and_keeps_its_shape(size: tuple[int, int], small: tuple[int, int]) -> None:
    picture = decode_picture(small_jpeg(np.full((size[1], size[0], 3), (200, 30, 60), np.uint8)))
    assert picture.shape == (small[1], small[0], 3) and small[0] <= SMALL_WIDTH and small[1] <= SMALL_HEIGHT
    assert np.abs(picture.mean((0, 1)) - (200, 30, 60)).max() < 6  # red is red


def test_pictures_come_back_by_shot_and_the_same_give_the_same_bytes(tmp_path: Path) -> None:
    report = many(3)
    pictures = by_shot([JPEG, JPEG[::1], JPEG], report)
    assert list(pictures) == [0, 1, 2] and body(pictures, report) == body(pictures, report)
    path = tmp_path / "x.keyframes.zip"
    path.write_bytes(body(pictures, report))
    assert is_ours(path) and read(path, report) == pictures
    with zipfile.ZipFile(path) as archive:  # as anybody sees it
        assert archive.namelist() == [MANIFEST, "000000.jpg", "000001.jpg", "000002.jpg"]
        assert decode_picture(archive.read("000001.jpg")).shape == (108, 192, 3)


def test_however_many_they_are_their_bytes_are_bounded() -> None:
    pictures = dict.fromkeys(range(60), JPEG)
    for bytes_max in (60 * len(JPEG), 30 * len(JPEG), 20 * len(JPEG), 3_000):
        shown = bounded(pictures, bytes_max)
        assert 0 < sum(map(len, shown.values())) <= bytes_max
        assert len(shown) == 60 or bytes_max == 3_000  # at last there are fewer
    assert bounded(pictures, 60 * len(JPEG)) == pictures


def test_pictures_of_another_film_or_of_other_shots_are_not_shown(tmp_path: Path) -> None:
    report, path = many(2), tmp_path / "x.keyframes.zip"
    path.write_bytes(body(by_shot([JPEG, JPEG], report), report))
    assert read(path, replace(report, video=replace(report.video, fingerprint="1" * 32))) == {}
    moved = replace(report.shots[1], keyframe=replace(report.shots[1].keyframe, frame=151))
    assert list(read(path, replace(report, shots=(report.shots[0], moved)))) == [0]


def packed(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_json", ".json").replace("p0", "000000.jpg"), content)
    return made.getvalue()


def told(**other: object) -> bytes:
    facts = {"format": "movietags-keyframes/1", "film": "0" * 32, "shots": [0], "frames": [50], **other}
    return json.dumps(facts).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK\3\4", body({0: JPEG}, REPORT)[:-30], packed(manifest_json=b"{"), packed(manifest_json=told()),
        packed(manifest_json=told(format="movietags-keyframes/2"), p0=JPEG),
        packed(manifest_json=told(shots=[0, 1]), p0=JPEG), packed(manifest_json=told(shots="0"), p0=JPEG),
        packed(manifest_json=told(), p0=b"<svg onload=alert(1)>"),
        packed(manifest_json=told(), p0=JPEG + bytes(BYTES_MAX)),
    ],
)  # fmt: skip
def test_what_is_damaged_or_swells_gives_no_pictures(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert read(tmp_path / "x.zip", REPORT) == {}
    assert read(tmp_path / "none.zip", REPORT) == read(tmp_path, REPORT) == {}


def test_they_lie_beside_the_report_and_others_files_of_that_name_stay(tmp_path: Path) -> None:
    stem, pictures = tmp_path / "x", body({0: JPEG}, REPORT)
    put(stem, Kept(keyframes=pictures))
    assert bodies_at(stem) == Kept(None, pictures) and lying(stem) == (keyframes_file(stem),)
    put(stem, NOTHING)
    assert list(tmp_path.iterdir()) == []
    keyframes_file(stem).write_bytes(packed(holiday=JPEG))
    put(stem, NOTHING)
    with pytest.raises(OutputRefused, match=r"x\.keyframes\.zip: is there and not of movietags"):
        put(stem, Kept(keyframes=pictures))
    assert lying(stem) == () and keyframes_file(stem).read_bytes() == packed(holiday=JPEG)
