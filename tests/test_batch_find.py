"""What below a folder is taken for a film, in which order, and what is never opened."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import av
import cv2
import media
import numpy as np
import pytest

from tagger.batch.find import Search, _Walk, find

NOWHERE = Path("/nowhere/reports")
NOBODY = 65534  # a user who owns nothing
HANG_S = 10.0  # of a process that ought to take half a second
# Suffixes as FFmpeg knows them, and codecs that it has there.
CONTAINERS = {
    "mp4": "libx264", "mov": "libx264", "mkv": "libx264", "ts": "libx264", "m2ts": "libx264", "avi": "mpeg4",
    "webm": "libvpx", "mpg": "mpeg2video", "flv": "flv", "wmv": "wmv2", "m2v": "mpeg2video", "ivf": "libvpx",
    "nut": "mpeg4", "mxf": "mpeg2video",
}  # fmt: skip


def places(search: Search) -> list[str]:
    return [str(film.place) for film in search.films]


def found(folder: Path) -> list[str]:
    """Places in a folder without problems."""
    search = find([folder], NOWHERE)
    assert search.problems == ()
    return places(search)


def in_a_process(code: str, *words: str | Path, user: int | None = None) -> list[str]:
    """Lines that a process prints which has `find` and `Path`; fails the test if it hangs."""
    become = f"os.chdir('/'); os.setuid({user})\n" if user is not None and os.geteuid() == 0 else ""
    program = f"import os, sys\nfrom pathlib import Path\nfrom tagger.batch.find import find\n{become}{code}"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True, text=True, timeout=HANG_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A short film in each container."""
    folder = tmp_path_factory.mktemp("containers")
    made = {}
    for suffix, codec in CONTAINERS.items():
        made[suffix] = media.film(folder / f"film.{suffix}", (8,), 160, 90, codec=codec).path
    return made


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("name", ["a", "b.bin", "c.txt", "D.JPG", "e.ts"])
def test_films_are_known_by_what_they_hold(films: dict[str, Path], tmp_path: Path, suffix: str, name: str) -> None:
    shutil.copy(films[suffix], tmp_path / name)
    film = find([tmp_path], NOWHERE).films[0]
    status = (tmp_path / name).stat()
    assert (film.path, film.place) == (tmp_path / name, PurePosixPath(name))
    assert (film.size_bytes, film.modified_ns, film.named) == (status.st_size, status.st_mtime_ns, False)


def test_films_may_be_short_and_have_any_case(films: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "UPPER.MP4").write_bytes(b"")  # by its name: that it is empty is to be said of it
    (tmp_path / "packets").write_bytes(films["ts"].read_bytes()[: 4 * 188])
    assert found(tmp_path) == ["UPPER.MP4", "packets"]
    assert [film.named for film in find([tmp_path, tmp_path / "packets"], NOWHERE).films] == [False, False]
    assert [film.named for film in find([tmp_path / "packets", tmp_path], NOWHERE).films] == [True, False]


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Files that are no films, under names that could be anything's."""
    picture = np.zeros((16, 16, 3), np.uint8)
    for suffix in ("jpg", "png", "webp", "bmp", "tiff"):
        cv2.imwrite(str(tmp_path / f"picture.{suffix}"), picture)
        (tmp_path / f"picture.{suffix}").rename(tmp_path / f"picture as {suffix}")
    for suffix, codec in {"m4a": "aac", "wav": "pcm_s16le", "mp3": "libmp3lame", "ogg": "libopus"}.items():
        sound(tmp_path / f"sound.{suffix}", codec)
    texts = {
        "text": b"no film",
        "letter.txt": b"Good day" * 1000,
        "app.ts": b"export class Film { constructor(readonly name: string) {} }\n" * 100,
        "G.ts": b"G" + b"import { tag } from './tag';\n" * 200,  # begins with the sync byte of MPEG-TS
        "empty": b"",
        "one letter": b"G",
        "zeros": bytes(10_000),
        "photo": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "raw photo": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        "archive.zip": b"PK\x03\x04" + bytes(100),
    }
    for name, body in texts.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


def sound(path: Path, codec: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        silence = np.zeros((2, 1024), np.float32)
        for _ in range(8):
            frame = av.AudioFrame.from_ndarray(silence, "fltp", "stereo")
            frame.rate = 48_000
            for packed in av.AudioResampler(stream.format, "stereo", 48_000).resample(frame):
                packed.pts = None
                container.mux(stream.encode(packed))
        container.mux(stream.encode(None))


def test_texts_pictures_and_sounds_are_no_films(others: Path) -> None:
    assert len(list(others.iterdir())) >= 18
    assert found(others) == []


def test_downloads_under_way_and_dot_files_are_left_out(films: dict[str, Path], tmp_path: Path) -> None:
    for name in (
        "x.mp4.part",
        "x.PARTIAL",
        "x.crdownload",
        "x.mp4.tmp",
        "x.filepart",
        "x.mp4.!ut",
        ".x.mp4",
        "._x.mp4",
        ".trash/x.mp4",
        "a/.b/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(films["mp4"], tmp_path / name)
    assert found(tmp_path) == []
    assert found(tmp_path / ".trash") == ["x.mp4"]  # the user said so
    assert places(find([tmp_path / "x.mp4.part"], NOWHERE)) == ["x.mp4.part"]


# ----------------------------------------------------------------------------------------------------------- order


def test_the_order_is_that_of_names(tmp_path: Path) -> None:
    names = ["10.mp4", "9.mp4", "Z.mp4", "a.mp4", "b.mp4", "a/1.mp4", "a/z/2.mp4", "a b/3.mp4", "B/4.mp4"]
    for name in reversed(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    once = found(tmp_path)
    assert once == [*names[:5], "B/4.mp4", "a/1.mp4", "a/z/2.mp4", "a b/3.mp4"]
    assert found(tmp_path) == once
    shutil.copytree(tmp_path, tmp_path / "copy/1")
    assert found(tmp_path / "copy/1") == once  # whatever order the file system has


def test_films_of_several_folders_stand_under_their_folders_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one/x.mp4", "two/x.mp4", "two/deep/x.mp4", "y.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    one, two = tmp_path / "one", tmp_path / "two"
    assert places(find([one, two], NOWHERE)) == ["one/x.mp4", "two/x.mp4", "two/deep/x.mp4"]
    assert places(find([two, one], NOWHERE)) == ["two/x.mp4", "two/deep/x.mp4", "one/x.mp4"]
    assert places(find([one, tmp_path / "y.mp4"], NOWHERE)) == ["x.mp4", "y.mp4"]
    monkeypatch.chdir(two)
    assert places(find([Path(), Path("../one")], NOWHERE)) == ["two/x.mp4", "two/deep/x.mp4", "one/x.mp4"]


def test_a_folder_given_twice_or_within_another_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/x.mp4", "y.mp4"):
        (tmp_path / name).touch()
    for roots in (
        [tmp_path] * 2,
        [tmp_path, tmp_path / "a"],
        [tmp_path / "a", tmp_path],
        [tmp_path / "y.mp4", tmp_path],
    ):
        search = find(roots, NOWHERE)
        assert sorted(film.path for film in search.films) == [tmp_path / "a/x.mp4", tmp_path / "y.mp4"]
        assert search.problems == ()


def test_patterns_in_quotes_are_spelled_out(tmp_path: Path) -> None:
    for name in ("x.mp4", "a/y.mp4", "a/b/z.mp4", "a/b/z.mkv", "[1999].mp4", "1.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def paths(pattern: str) -> list[str]:
        return [str(film.path.relative_to(tmp_path)) for film in find([tmp_path / pattern], NOWHERE).films]

    assert paths("*.mp4") == ["1.mp4", "[1999].mp4", "x.mp4"]
    assert sorted(paths("**/z.*")) == ["a/b/z.mkv", "a/b/z.mp4"]
    assert sorted(paths("**/*.mp4")) == sorted(["1.mp4", "[1999].mp4", "a/b/z.mp4", "a/y.mp4", "x.mp4"])
    assert paths("a/*") == ["a/b/z.mkv", "a/b/z.mp4", "a/y.mp4"]  # a folder that it stands for is walked
    assert paths("[1999].mp4") == ["[1999].mp4"]  # there is a file of that name: it is no pattern
    (tmp_path / "[1999].mp4").unlink()
    assert paths("[1999].mp4") == ["1.mp4"]
    none = find([tmp_path / "*.avi"], NOWHERE)
    assert none.films == () and none.problems == (f"{tmp_path}/*.avi: no such file or folder",)


@pytest.mark.parametrize("inside", ["out", "deep/out"])
def test_the_folder_of_the_reports_is_not_walked(tmp_path: Path, inside: str) -> None:
    output = tmp_path / inside
    output.mkdir(parents=True)
    (output / "kept.mp4").touch()
    (tmp_path / "x.mp4").touch()
    (tmp_path / "link").symlink_to(output)
    assert places(find([tmp_path], output)) == ["x.mp4"]
    assert places(find([tmp_path], tmp_path / "link")) == ["x.mp4"]
    assert set(places(find([tmp_path], NOWHERE))) == {"x.mp4", f"{inside}/kept.mp4"}


def test_reports_may_stand_beside_their_films(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").touch()
    search = find([tmp_path], tmp_path)
    assert places(search) == ["x.mp4"] or search.problems


# ------------------------------------------------------------------------------------------------- links and loops


def test_hard_links_are_one_film(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").touch()
    (tmp_path / "a").mkdir()
    for name in ("a/a.mp4", "c.mp4"):
        os.link(tmp_path / "b.mp4", tmp_path / name)
    assert found(tmp_path) == ["b.mp4"]


def test_real_entries_come_before_links(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z/real.mp4").touch()
    (tmp_path / "a link.mp4").symlink_to("z/real.mp4")
    (tmp_path / "b link.mp4").symlink_to(tmp_path / "z/real.mp4")
    (tmp_path / "a folder").symlink_to("z")
    assert found(tmp_path) == ["z/real.mp4"]


def test_links_that_lead_out_are_followed_once(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    (outside / "deep").mkdir(parents=True)
    inside.mkdir()
    for name in ("x.mp4", "deep/y.mp4"):
        (outside / name).touch()
    (outside / "deep/again").symlink_to(outside)
    (inside / "1.mp4").symlink_to(outside / "x.mp4")
    (inside / "2").symlink_to(outside)
    (inside / "3").symlink_to(outside)
    (inside / "4.mp4").symlink_to("1.mp4")
    assert found(inside) == ["1.mp4", "2/deep/y.mp4"]


@pytest.fixture
def looped(tmp_path: Path) -> Path:
    """A folder of two films with links to parents, loops, and links that lead nowhere."""
    root = tmp_path / "looped"
    (root / "a/b").mkdir(parents=True)
    for name in ("x.mp4", "a/b/y.mp4"):
        (root / name).touch()
    links: dict[str, str | Path] = {
        "a/up": "..", "a/b/up": "..", "a/b/top": root, "self": "self", "ping": "pong", "pong": "ping", "here": ".",
        "gone.mp4": "nothing", "gone": tmp_path / "nothing", "a/x.mp4": "../x.mp4", "self.mp4": "self.mp4",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


def test_loops_and_broken_links_end(looped: Path) -> None:
    lines = in_a_process(
        "import time; begun = time.monotonic(); search = find([Path(sys.argv[1])], Path('/nowhere'))\n"
        "print(time.monotonic() - begun < 1, *search.problems, *(film.place for film in search.films), sep='\\n')",
        looped,
    )
    assert lines == ["True", "x.mp4", "a/b/y.mp4"]


def test_patterns_end_too_where_links_lead_up(looped: Path) -> None:
    lines = in_a_process("print(len(find([Path(sys.argv[1]) / '**/*.mp4'], Path('/nowhere')).films))", looped)
    assert lines == ["2"]


@pytest.mark.skipif(sys.platform == "win32", reason="a file system where all names are short")
@pytest.mark.parametrize("how", ["link", "root"])
def test_a_name_too_long_costs_no_other_film(tmp_path: Path, how: str) -> None:
    (tmp_path / "x.mp4").touch()
    roots = [tmp_path]
    if how == "link":
        (tmp_path / "link.mp4").symlink_to("a" * 300)
    else:
        roots.append(tmp_path / ("a" * 300))
    search = find(roots, NOWHERE)
    assert places(search) == ["x.mp4"]
    assert len(search.problems) == 1 and "File name too long" in search.problems[0]


# --------------------------------------------------------------------------------------------- no regular files


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Path]:
    """A folder with a film, a pipe, a socket, and links to devices, all with names of films."""
    (tmp_path / "x.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    (tmp_path / "terminal.mp4").symlink_to("/dev/tty")
    (tmp_path / "to pipe.mp4").symlink_to("pipe.mp4")
    listening = socket.socket(socket.AF_UNIX)
    at = os.open(tmp_path, os.O_RDONLY)
    listening.bind(f"/proc/self/fd/{at}/socket.mp4")  # paths of sockets must be short
    yield tmp_path
    listening.close()
    os.close(at)


@pytest.mark.skipif(sys.platform != "linux", reason="pipes and sockets with names")
def test_pipes_sockets_and_devices_are_never_opened(devices: Path) -> None:
    assert stat.S_ISSOCK((devices / "socket.mp4").stat().st_mode)
    # What is opened is known from an audit hook; a pipe would hold the process up besides.
    lines = in_a_process(
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "import time; begun = time.monotonic(); root = Path(sys.argv[1])\n"
        "named = [root / f'{name}.mp4' for name in ('pipe', 'socket', 'zero', 'to pipe')]\n"
        "search = find([root, *named], Path('/nowhere'))\n"
        "print(time.monotonic() - begun < 1, [name for name in opened if name.startswith(str(root))])\n"
        "print(*(film.place for film in search.films), *search.problems, sep='\\n')",
        devices,
    )
    assert lines == ["True []", "x.mp4"] + [
        f"{devices}/{name}.mp4: is no regular file" for name in ("pipe", "socket", "zero", "to pipe")
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="folders without permissions")
def test_what_may_not_be_read_is_one_line_and_costs_no_other_film(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):  # with workers there is one more
        folder.chmod(0o755)
    for name in ("a/x.mp4", "closed/y.mp4", "z.mp4", "secret"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "closed").chmod(0)
    (tmp_path / "secret").chmod(0)
    try:
        lines = in_a_process(
            "search = find([Path(sys.argv[1])], Path('/nowhere'))\n"
            "print(*(film.place for film in search.films), *search.problems, sep='\\n')",
            tmp_path, user=NOBODY,
        )  # fmt: skip
        assert lines == [
            "z.mp4", "a/x.mp4",
            f"{tmp_path}/secret: cannot be looked at (Permission denied)",
            f"{tmp_path}/closed: cannot be looked into (Permission denied)",
        ]  # fmt: skip
    finally:
        (tmp_path / "closed").chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="folders without permissions")
@pytest.mark.parametrize("how", ["link", "root"])
def test_what_lies_in_a_closed_folder_costs_no_other_film(tmp_path: Path, how: str) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):  # with workers there is one more
        folder.chmod(0o755)
    for name in ("films/x.mp4", "closed/y.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "films/link.mp4").symlink_to(tmp_path / "closed/y.mp4" if how == "link" else "nothing")
    (tmp_path / "closed").chmod(0)
    try:
        lines = in_a_process(
            "search = find(list(map(Path, sys.argv[1:])), Path('/nowhere'))\n"
            "print(*(film.place for film in search.films), *search.problems, sep='\\n')",
            tmp_path / "films", *[tmp_path / "closed/y.mp4"] * (how == "root"), user=NOBODY,
        )  # fmt: skip
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert lines[0] == "x.mp4" and len(lines) == 2 and lines[1].endswith("(Permission denied)")


# ----------------------------------------------------------------------------------------------------------- names


def test_what_is_gone_once_it_was_listed_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arriving").mkdir()
    (tmp_path / "film.mp4.tmp").touch()
    (tmp_path / "here.mp4").touch()

    class Renamed(_Walk):
        def _listing(self, folder: Path, *, named: bool) -> list[os.DirEntry[str]]:
            found = super()._listing(folder, named=named)
            if folder == tmp_path:
                (tmp_path / "arriving").rmdir()
                (tmp_path / "film.mp4.tmp").unlink()
            return found

    monkeypatch.setattr("tagger.batch.find._Walk", Renamed)
    search = find([tmp_path], NOWHERE)
    assert (places(search), search.problems) == (["here.mp4"], ())


def test_a_root_that_is_missing_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").touch()
    search = find([tmp_path / "missing", tmp_path, tmp_path / "gone.mp4", tmp_path / "nul\0.mp4"], NOWHERE)
    assert places(search) == ["x.mp4"]
    *gone, odd = search.problems
    assert gone == [f"{tmp_path}/missing: no such file or folder", f"{tmp_path}/gone.mp4: no such file or folder"]
    assert odd.startswith(f"{tmp_path}/nul\0.mp4: cannot be looked at (")  # each Python has words of its own


NAMES = [
    b"two\nlines.mp4", b"tab\there.mp4", "\U0001f3ac.mp4".encode(), b"x" * 251 + b".mp4", b"-o.mp4", b"=cmd().mp4",
    b" .mp4", b"a\\b.mp4", b"*.mp4", b"%03d.mp4", *(
        unicodedata.normalize(form, "caf\u00e9.mp4").encode() for form in ("NFC", "NFD")
    ), b"bad\xff\xfe.mp4", b"bad\xff\xfe",
]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere refuse or change some of these names")
def test_films_may_be_called_anything(films: dict[str, Path], tmp_path: Path) -> None:
    for name in NAMES:
        Path(tmp_path / os.fsdecode(name)).write_bytes(films["mp4"].read_bytes())
    search = find([tmp_path], NOWHERE)
    assert search.problems == ()
    assert [os.fsencode(film.path.name) for film in search.films] == sorted(NAMES, key=os.fsdecode)
    assert all(film.place.name == film.path.name and film.path.is_file() for film in search.films)
    bad = tmp_path / os.fsdecode(b"d\xff") / "x.mp4"
    bad.parent.mkdir()
    bad.touch()
    assert places(find([bad.parent, bad, tmp_path / "nothing"], NOWHERE)) == ["x.mp4"]
