"""Films that are numbered pictures, from a file each to a report; and what is no file at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import media
import numpy as np
import pytest
from samples import REPORT

import tagger
from tagger.batch.find import find as find_films
from tagger.batch.ledger import mark_of, same
from tagger.errors import BadPath, BadSettings, MovieTagsError, PathMissing, VideoUnreadable
from tagger.files import absent
from tagger.reports.folder import Folder
from tagger.settings import Opening
from tagger.shots import evidence
from tagger.video.film import Film
from tagger.video.observer import Observer
from tagger.video.sequence import SUFFIXES, find, fingerprint, hint, is_there, patterns, rational

SIZE = 160, 90
LENGTHS = 20, 25
CODECS = {
    ".dpx": ("dpx", "gbrp10le"), ".exr": ("exr", "gbrpf32le"), ".tif": ("tiff", "rgb48le"), ".png": ("png", "rgb24"),
    ".jpg": ("mjpeg", "yuvj420p"), ".j2c": ("jpeg2000", "rgb24"), ".bmp": ("bmp", "bgr24"), ".tga": ("targa", "bgr24"),
}  # fmt: skip


def write(folder: Path, name: str, pictures: Iterator[media.Picture] | None = None, first: int = 1) -> Path:
    """Pictures, a file each; 45 in two shots by default. Returns their pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    codec, pix_fmt = CODECS[Path(name).suffix]
    for number, picture in enumerate(pictures or media.shots(LENGTHS, *SIZE), first):
        with av.open(str(folder / "one"), "w", format="image2", options={"update": "1"}) as new:
            stream: Any = new.add_stream(codec, rate=24)
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt = pix_fmt
            new.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
            new.mux(stream.encode(None))
        (folder / "one").rename(folder / (name % number))
    return folder / name


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pattern of a film of two shots, 20 and 25 frames, numbered from 86400."""
    return write(tmp_path_factory.mktemp("100% of %d reels"), "scan_%06d.dpx", first=86400)


def numbers(path: Path, rate: float | None = None) -> tuple[list[int], list[float]]:
    with Film(path, Opening(rate=rate)) as film:
        seen = [(media.read_number(frame.pixels()), frame.time_s) for frame in film.frames()]
    return [number for number, _ in seen], [time_s for _, time_s in seen]


@pytest.mark.parametrize("suffix", CODECS)
def test_pictures_of_all_kinds_are_a_film(tmp_path: Path, suffix: str) -> None:
    assert suffix in SUFFIXES
    pattern = write(tmp_path, f"a.b %04d{suffix}", media.shots((24,), *SIZE), 997)  # on to numbers of five digits
    seen, times_s = numbers(pattern)
    assert seen == list(range(24))
    assert times_s == pytest.approx([number / 24 for number in range(24)])
    assert numbers(tmp_path)[0] == seen


@pytest.mark.parametrize(("rate", "fps"), [(None, 24.0), (25.0, 25.0), (23.976, 24000 / 1001), (16.666, 16.666)])
def test_the_rate_is_the_one_given_or_that_of_cinema(scan: Path, rate: float | None, fps: float) -> None:
    report = tagger.Tagger(rate=rate).extract(scan)
    video = report.video
    assert (video.frame_count, video.codec, video.name, video.path) == (45, "dpx", "scan_%06d.dpx", str(scan))
    assert video.fps == pytest.approx(fps, abs=1e-4) and video.duration_s == pytest.approx(45 / fps, abs=1e-4)
    assert [shot.start_frame for shot in report.shots] == [0, 20]
    assert report.settings["rate"] == rate and report.status == "ok"
    guess = "time: its pictures have no times: taken at 24 a second (--rate says otherwise)"
    assert report.warnings == (() if rate else (guess,))
    assert video.size_bytes == sum(path.stat().st_size for path in scan.parent.iterdir())


def test_23_976_is_a_fraction() -> None:
    assert [rational(rate) for rate in (23.976, 23.98, 29.97, 59.94, 47.95)] == [
        Fraction(base * 1000, 1001) for base in (24, 24, 30, 60, 48)
    ]
    assert [rational(rate) for rate in (24, 25.0, 12.5, 0.1, 18)] == [24, 25, Fraction(25, 2), Fraction(1, 10), 18]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e9, "24"])
def test_rates_out_of_range_are_refused(rate: object) -> None:
    with pytest.raises(BadSettings, match="rate"):
        tagger.Settings(rate=rate)  # type: ignore[arg-type]


def test_raw_streams_take_a_rate_and_other_films_have_their_own(tmp_path: Path, film: media.Truth) -> None:
    raw = media.film(tmp_path / "raw.h264", (10,), rate=25)
    with Film(raw.path, Opening(rate=12.5)) as opened:
        observer = Observer()
        assert [frame.time_s for frame in opened.frames(observer)] == pytest.approx([at / 12.5 for at in range(10)])
        assert opened.info(observer).fps == pytest.approx(12.5)
        assert not observer.notes
    with Film(raw.path) as opened:
        assert len(list(opened.frames(observer))) == 10
        assert list(opened.ending(observer)[1]) == [
            "time: its pictures have no times: taken at 25 a second (--rate says otherwise)"
        ]
    asf = media.film(tmp_path / "late.wmv", (10,), rate=25)  # FFmpeg says no start of it
    for path in (film.path, asf.path):
        assert numbers(path, 12.5) == numbers(path)


def test_a_fast_scan_reads_them_whole_and_not_first_to_find_that_out(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("3,000 packets of 50 MB each")

    monkeypatch.setattr(evidence, "packets_of", read)
    assert [shot.start_frame for shot in tagger.shots(scan, scan="fast")] == [0, 20]
    assert tagger.extract(scan.parent, scan="fast").scan.used == "full"


def test_a_report_of_a_folder_has_its_name_wherever_one_stands(
    tmp_path: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reel = tmp_path / "reel 1"
    reel.symlink_to(scan.parent)
    monkeypatch.chdir(reel)
    folder, seen = Folder(tmp_path / "out"), []
    for path in (Path(), reel, reel):
        with Film(path) as film:
            video = film.info(Observer())
        folder.write(path, replace(REPORT, video=video))
        seen.append((video.name, folder.stem(path, video.fingerprint).name))
    assert seen == [(scan.parent.name, scan.parent.name), *[("reel 1", "reel 1")] * 2]


# What is no such film.


def test_a_missing_number_is_named(tmp_path: Path) -> None:
    for number in (*range(5, 20), *range(21, 40), *range(43, 50)):
        (tmp_path / f"f{number:04}.dpx").touch()
    with pytest.raises(VideoUnreadable) as caught:
        Film(tmp_path / "f%04d.dpx")
    assert str(caught.value) == (
        f"{tmp_path}/f%04d.dpx: of the pictures 5 to 49 number 20 is missing, and 3 more: put a copy of its neighbour "
        "there, or wrap them yourself: ffmpeg -framerate 24 -i scan_%06d.dpx -c:v ffv1 film.mkv"
    )
    (tmp_path / "f0020.dpx").mkdir()  # no file
    with pytest.raises(VideoUnreadable, match="number 20 is missing"):
        Film(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_an_empty_picture_is_named(tmp_path: Path) -> None:
    """As render farms leave them; FFmpeg takes it for the end."""
    pattern = write(tmp_path, "f%02d.png", media.shots((30,), *SIZE), 0)
    (tmp_path / "f10.png").write_bytes(b"")
    with pytest.raises(VideoUnreadable, match=r"its picture f10\.png is empty: put a copy of its neighbour there"):
        Film(pattern)


def test_pipes_among_them_are_not_opened(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"f{number}.png").touch()
    (tmp_path / "f30.png").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "f7.png.pipe")
    (tmp_path / "f7.png").unlink()
    (tmp_path / "f7.png.pipe").rename(tmp_path / "f7.png")
    with pytest.raises(VideoUnreadable, match="number 7 is missing"):
        Film(tmp_path / "f%d.png")


def test_folders_and_patterns_that_name_no_film(tmp_path: Path, scan: Path) -> None:
    for name in ("a%03d.png", "b_%d.tif"):
        for number in range(30):
            (tmp_path / (name % number)).touch()
    (tmp_path / "few").mkdir()
    for number in range(23):
        (tmp_path / "few" / f"{number}.jpg").touch()
    for path, error, message in (
        (tmp_path, BadPath, r"is a folder of 2 films: name one of a%03d\.png, b_%d\.tif"),
        (tmp_path / "few", BadPath, r"is a folder without 24 numbered pictures in a row: .*scan_%06d\.dpx"),
        (tmp_path / "c%03d.png", PathMissing, "no such file, and none that has a number in its place"),
        (tmp_path / "none/c%03d.png", PathMissing, "no numbered pictures"),
        (tmp_path / "50%discount.mp4", PathMissing, "no such file$"),
        (tmp_path / "a%03d_%d.png", PathMissing, "no such file$"),
        (next(iter(find(scan) or ())), VideoUnreadable, r"is one picture: name all of a film, as scan_%06d\.dpx"),
    ):
        with pytest.raises(error, match=message) as caught:
            Film(path)
        assert "\n" not in str(caught.value)
    assert hint(tmp_path / "film.mp4") == ""


def test_pictures_name_nothing_else_that_is_opened(tmp_path: Path, film: media.Truth) -> None:
    for number in range(30):
        (tmp_path / f"f{number:02}.png").write_text(f"ffconcat version 1.0\nfile {film.path}\n")
    with pytest.raises(MovieTagsError):
        list(Film(tmp_path).frames())


def test_sizes_that_change_are_read_on(tmp_path: Path) -> None:
    shots = [*media.shots((20,), 160, 90), *media.shots((20,), 240, 136)]
    write(tmp_path, "f%02d.png", iter(shots))
    with Film(tmp_path) as film:
        assert [frame.pixels().shape[1] for frame in film.frames()] == [160] * 20 + [240] * 20


# What tells one from another.


def test_a_fingerprint_knows_names_sizes_and_both_ends(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"f{number:02}.dpx").write_bytes(bytes(100))
    pattern, seen = tmp_path / "f%02d.dpx", set()
    seen.add(fingerprint(pattern))
    assert fingerprint(pattern) == fingerprint(tmp_path)
    mark = mark_of(pattern)
    assert same(mark, pattern)
    for name, body in (
        ("f00.dpx", b"\1" * 100),
        ("f29.dpx", b"\1" * 100),
        ("f15.dpx", bytes(99)),
        ("f30.dpx", bytes(100)),
    ):
        (tmp_path / name).write_bytes(body)
        seen.add(fingerprint(pattern))
        assert not same(mark, pattern)
        mark = mark_of(pattern)
    assert len(seen) == 5
    (tmp_path / "f09.dpx").unlink()
    assert not same(mark, pattern)


def test_each_picture_is_looked_at_once(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    real = Path.stat

    def noted(path: Path, **how: bool) -> os.stat_result:
        seen.append(path)
        return real(path, **how)

    monkeypatch.setattr(Path, "stat", noted)
    every = list(find(scan) or ())
    for look in (Film, mark_of, fingerprint):
        seen.clear()
        look(scan)
        assert all(1 <= seen.count(picture) <= 2 for picture in every)  # ends are read besides
        assert sum(seen.count(picture) for picture in every) <= len(every) + 2


# A batch.


def test_patterns_of_a_folder() -> None:
    def named(pattern: str, *ranges: range) -> list[str]:
        return [pattern % number for numbers in ranges for number in numbers]

    film = named("scan_%06d.dpx", range(24))
    names = [
        *film, *named("few_%04d.dpx", range(23)), *named("IMG_%04d.JPG", range(1, 400)), "notes.txt", "scan_1.dpx",
        *named("P101%04d.jpeg", range(50)), *named("sparse%04d.png", range(0, 300, 10)),
        *named("x%d.exr", range(90, 190)), *named("10%%_%03d.TIF", range(5, 20), range(21, 40)),
        *named("clip%03d.mp4", range(40)),
    ]  # fmt: skip
    assert list(patterns(names)) == ["10%%_%03d.TIF", "scan_%06d.dpx", "x%02d.exr"]
    assert patterns([*film, *(f"._{name}" for name in film)]) == {"scan_%06d.dpx": film}


@pytest.mark.parametrize(
    ("name", "is_film"),
    [
        ("IMG_%04d.JPG", False), ("_MG_%04d.jpg", False), ("P101%04d.JPEG", False), ("100_%04d.jpeg", False),
        ("G001%04d.Jpg", True), ("%08d.jpg", True), ("%08d.JPG", True), ("scan%04d.jpg", True), ("frm_%04d.jpg", True),
        ("IMG_%05d.JPG", True), ("DSC_%04d.TIF", True),
    ],
)  # fmt: skip
def test_photos_are_known_by_the_names_that_cameras_give(tmp_path: Path, name: str, is_film: bool) -> None:
    assert bool(patterns(name % number for number in range(1, 31))) == is_film
    for number in range(1, 31):
        (tmp_path / (name % number)).touch()
    if not is_film:
        first = name % 1
        message = (
            rf"folder of photos by their names, .*\({first}\): if they are a film, name it by a pattern, as {name}"
        )
        with pytest.raises(BadPath, match=message):
            Film(tmp_path)
        (tmp_path / (name % 1)).unlink()
        assert len(list(find(tmp_path / name) or ())) == 29


def test_files_that_macos_puts_beside_them_are_no_pictures(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"f{number:02}.dpx").touch()
        (tmp_path / f"._f{number:02}.dpx").touch()
    assert [str(film.place) for film in find_films([tmp_path], tmp_path / "out").films] == ["f%02d.dpx"]
    assert len(list(find(tmp_path) or ())) == 30
    for number in range(30):
        (tmp_path / f"f{number:02}.dpx").unlink()
    with pytest.raises(BadPath, match="is a folder: name the films in it"):
        Film(tmp_path)


def test_what_is_there_of_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reel"
    folder.mkdir()
    for number in range(30):
        (folder / f"f{number:02}.dpx").touch()
    pattern = folder / "f%02d.dpx"
    assert [is_there(path) for path in (pattern, folder / "f05.dpx", folder)] == [True] * 3
    gone = (folder / "g%02d.dpx", tmp_path / "none/f%02d.dpx", folder / "f30.dpx", folder / "f05.dpx/f%d.dpx")
    assert [is_there(path) for path in gone] == [False] * 4
    (folder / "f20.dpx").unlink()
    assert is_there(pattern) is True
    assert is_there(folder / ("f" * 300 + "%02d.dpx")) is None

    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", closed)
    assert is_there(pattern) is None
    with pytest.raises(BadPath, match=r"f%02d\.dpx: its folder cannot be looked into \(Permission denied\)"):
        find(pattern)


def test_a_batch_takes_a_folder_of_pictures_as_one_film(tmp_path: Path, scan: Path) -> None:
    films = tmp_path / "films"
    (films / "reel 1").mkdir(parents=True)
    for path in scan.parent.iterdir():
        (films / "reel 1" / path.name).write_bytes(path.read_bytes())
    (films / "photo_0001.jpg").touch()
    for number in (*range(20), *range(21, 40)):
        (films / f"gap{number:02}.png").touch()
    found = find_films([films], tmp_path / "out")
    assert [(film.path, str(film.place)) for film in found.films] == [
        (films / "reel 1/scan_%06d.dpx", "reel 1/scan_%06d.dpx")
    ]
    assert len(found.problems) == 1 and "gap%02d.png: of the pictures 0 to 39 number 20 is missing" in found.problems[0]
    twice = [films / "reel 1/scan_%06d.dpx", films / "reel 1"]
    (again,) = find_films(twice, tmp_path / "out").films
    assert again.size_bytes == found.films[0].size_bytes
    command = [
        sys.executable,
        "-m",
        "tagger",
        "batch",
        str(films / "reel 1"),
        "-o",
        str(tmp_path / "out"),
        "--jobs",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out/scan_%06d.dpx.tags.json").read_text())
    assert (report["video"]["frame_count"], len(report["shots"])) == (45, 2)
    assert report["warnings"] == ["time: its pictures have no times: taken at 24 a second (--rate says otherwise)"]
    done = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 done before" in done.stdout + done.stderr
    (films / "reel 1").rename(films / "reel 2")
    command[4] = str(films)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "0 films to tag, 1 done before, 1 known from another place" in done.stderr
    report = json.loads((tmp_path / "out/reel 2/scan_%06d.dpx.tags.json").read_text())
    assert report["video"]["path"] == str(films / "reel 2/scan_%06d.dpx")


# Timecode of DPX.


@pytest.mark.parametrize(
    ("word", "code"), [(0x01020314, "01:02:03:14"), (0, None), (0xFFFFFFFF, None), (0x0102030F, None)]
)
def test_dpx_has_a_timecode_in_its_header(tmp_path: Path, word: int, code: str | None) -> None:
    pattern = write(tmp_path, "f%02d.dpx", media.shots((3,), *SIZE), 5)
    first = tmp_path / "f05.dpx"
    data = bytearray(first.read_bytes())
    assert (bytes(data[:4]), bytes(data[4:8])) == (
        b"XPDS",
        (1664).to_bytes(4, "little"),
    )  # FFmpeg writes no header of television
    with Film(pattern) as film:
        assert film.declared.timecode is None
    data[1664:1664], data[4:8] = bytes(384), (2048).to_bytes(4, "little")
    data[1920:1924] = word.to_bytes(4, "little")
    first.write_bytes(data)
    with Film(pattern) as film:
        assert film.declared.timecode == code


# No file at all.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("http://x.org/a b.mp4", "http://x.org/a b.mp4: addresses are not read: download it"),
        ("https://www.youtube.com/watch?v=1", "https://www.youtube.com/watch?v=1: addresses are not read: download it"),
        ("RTSP://camera/1", "rtsp://camera/1: addresses are not read: download it"),
        (
            "smb://nas/films/a.mov",
            "smb://nas/films/a.mov: addresses are not read: download it (or mount what it is on)",
        ),
        ("s3://bucket/a.mov", "s3://bucket/a.mov: addresses are not read: download it"),
        ("www.x.org/a.mp4", "https://www.x.org/a.mp4: addresses are not read"),
        (
            "file:///films/a%20b.mp4",
            "file:///films/a%20b.mp4: addresses are not read: name the file itself, /films/a b.mp4",
        ),
        ("a:b.mp4", "a:b.mp4: no such file"),
        ("http:x.mp4", "http:x.mp4: no such file"),
    ],
)
def test_an_address_is_no_file(name: str, message: str) -> None:
    with pytest.raises(PathMissing) as caught:
        Film(Path(name))
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
    assert find_films([Path(name)], Path("out")).problems[0].startswith(message)


@pytest.mark.skipif(os.name != "posix", reason="there it is a path")
@pytest.mark.parametrize("name", [r"C:\films\a.mp4", "D:/films/a.mp4", r"\\nas\films\a.mp4"])
def test_a_path_of_windows_is_no_file_elsewhere(name: str) -> None:
    assert absent(Path(name)).startswith(f"{name}: a path of Windows, and this is none")


def test_a_file_of_such_a_name_is_read(tmp_path: Path, film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http:x.mp4", "www.x.org.mp4", "C:x.mp4", "scan_%06d.mov"):
        Path(name).write_bytes(film.path.read_bytes())
        assert len(numbers(Path(name))[0]) == film.frame_count
