"""Whatever a film is called, it is opened, tagged alike, and called the same in its report."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import media
import pytest

from tagger import Tagger, TagReport, read_report
from tagger.batch.ledger import FOLDER
from tagger.files import NAME_BYTES_MAX
from tagger.reports.csv_report import as_csv
from tagger.reports.folder import Folder
from tagger.reports.formats import report_files
from tagger.reports.json_report import as_json
from tagger.text import safe_cell

pytestmark = pytest.mark.packages  # what a command finds, a test finds too

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "caf\u00e9.mp4") for form in ("NFC", "NFD"))
NAMES = {
    "newline": "two\nlines.mp4",
    "tab": "tab\there.mp4",
    "return": "\rback.mp4",
    "escape": "red\x1b[31m.mp4",
    "quotes": "\"double\" and 'single'.mp4",
    "emoji": "\U0001f3ac\u200d\U0001f468.mp4",
    "composed": COMPOSED,
    "decomposed": DECOMPOSED,
    "right to left": "\u202e4pm.mp4",
    "full": "x" * (NAME_BYTES_MAX - 4) + ".mp4",
    "full of wide letters": "\u00e9" * 125 + "x.mp4",
    "dash": "-dash.mp4",
    "formula": "=cmd().mp4",
    "percent": "100% Wolf %03d.mp4",
    "pipe": "a ! b.mp4",
    "concat": "concat:x.mp4",
    "address": "http:x.mp4",
    "protocol": "pipe:0",
    "cut out of another": "subfile,,start,0,end,0,,:x.mp4",
    "query": "x.mp4?a=b#c",
    "glob": "[a-z]*{1,2}.mp4",
    "backslash": "back\\slash.mp4",
    "space": " a  b .mp4",
    "no stem": ".mp4",
    "no suffix": "film",
    "mark-up": "<script>alert(1)<!--.mp4",
}
NO_UTF8 = b"bad\xff\xfe.mp4"


@pytest.fixture(scope="module")
def one() -> Tagger:
    return Tagger()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """Short, because it is tagged under so many names."""
    return media.film(tmp_path_factory.mktemp("short") / "plain.mp4", (16, 16), width=160, height=90)


@pytest.fixture(scope="module")
def plain(one: Tagger, film: media.Truth) -> TagReport:
    return one.extract(film.path)


def called(name: str, film: media.Truth, folder: Path) -> Path:
    """The film under this name; the test is skipped where a file cannot have it."""
    path = folder / name
    try:
        path.write_bytes(film.path.read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    return path


def run(*words: str | bytes | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tagger", "extract", "-q", *words]
    done = subprocess.run(command, capture_output=True, cwd=cwd, env={**os.environ, **env}, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", [*NAMES.values(), os.fsdecode(NO_UTF8)], ids=[*NAMES, "no UTF-8"])
def test_a_name_changes_no_tag_and_comes_back(
    name: str, one: Tagger, plain: TagReport, film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called(name, film, tmp_path)
    monkeypatch.chdir(tmp_path)
    report = one.extract(name)  # relative, so that FFmpeg could take it for something else
    assert (report.tags, report.shots, report.status) == (plain.tags, plain.shots, "ok")
    assert report.video == replace(plain.video, name=name, path=name)
    folder = Folder(tmp_path / "out")
    folder.write(Path(name), report)
    as_rows, _, as_text = report_files(folder.stem(Path(name), report.video.fingerprint))
    assert read_report(as_text) == report
    assert json.loads(as_text.read_bytes())["video"]["name"] == name
    with as_rows.open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    assert len(rows) == len(plain.tags)
    shown = safe_cell(name).encode("utf-8", "backslashreplace").decode()
    assert {row[0] for row in rows} == {shown}
    assert shown in (name, "'" + name) or any(c < " " or "\ud800" <= c <= "\udfff" for c in name)


def test_a_folder_of_odd_names_is_tagged_by_the_command(plain: TagReport, film: media.Truth, tmp_path: Path) -> None:
    """Each film gets its own three files, also where names differ by letters that look alike."""
    (tmp_path / "films").mkdir()
    names = [name for name in NAMES.values() if called(name, film, tmp_path / "films")]
    names = [path.name for path in (tmp_path / "films").iterdir() if path.name in names]  # where NFC and NFD are one
    done = run("-o", tmp_path / "out", "--top", "1", "--", *names, cwd=tmp_path / "films")
    assert (done.returncode, done.stderr) == (0, b"")
    titles = [line for line in done.stdout.decode().splitlines() if line.endswith("with a picture to tag")]
    assert len(titles) == len(names)
    reports = [read_report(path) for path in (tmp_path / "out").iterdir() if path.name.endswith(".tags.json")]
    assert sorted(report.video.name for report in reports) == sorted(names)
    assert {report.tags for report in reports} == {plain.tags}
    rows = [path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name.endswith(".tags.csv")]
    assert sorted(rows) == sorted(as_csv(report).encode() for report in reports)
    files = [path for path in (tmp_path / "out").iterdir() if path.name != FOLDER]  # where the lock is
    assert len(files) == 3 * len(names)


def test_a_name_that_is_no_utf8_is_tagged_by_the_command(plain: TagReport, film: media.Truth, tmp_path: Path) -> None:
    called(os.fsdecode(NO_UTF8), film, tmp_path)
    done = run(NO_UTF8, "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    title, *_ = done.stdout.decode("ascii").splitlines()
    assert title.startswith("bad\\x")
    assert title.endswith(".mp4: 00:01, 2 shots, 2 with a picture to tag")
    found = {os.fsencode(path.name): path for path in (tmp_path / "out").iterdir() if path.name != FOLDER}
    assert found.keys() == {b"bad\xff\xfe." + end for end in (b"tags.json", b"tags.csv", b"shots.csv")}
    report = read_report(found[b"bad\xff\xfe.tags.json"])
    assert os.fsencode(report.video.name) == NO_UTF8
    assert report.tags == plain.tags
    done = run(NO_UTF8, "-o", "-", cwd=tmp_path)
    assert done.returncode == 0
    assert os.fsencode(json.loads(done.stdout)["video"]["path"]) == NO_UTF8


def test_a_name_that_is_no_utf8_and_no_film_is_one_line(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(NO_UTF8)).write_text("no film")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    for name, what in ((NO_UTF8, "is no video"), (b"not \xff here.mp4", "no such file")):
        done = run(name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, b"")
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("movietags: error: ")
        assert what in line


def test_two_names_that_look_alike_are_two_films(one: Tagger, film: media.Truth, tmp_path: Path) -> None:
    paths = [called(name, film, tmp_path) for name in (COMPOSED, DECOMPOSED)]
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("on this file system they are one")
    folder = Folder(tmp_path / "out")
    for path in paths:
        folder.write(path, one.extract(path))
    texts = [path.read_text() for path in (tmp_path / "out").iterdir() if path.suffix == ".json"]
    assert {json.loads(text)["video"]["name"] for text in texts} == {COMPOSED, DECOMPOSED}
    assert all(text.isascii() for text in texts)
    assert as_json(read_report(next((tmp_path / "out").glob("*.json")))) in texts


def test_a_dash_in_front_is_an_option_unless_the_shell_is_told(film: media.Truth, tmp_path: Path) -> None:
    called("-dash.mp4", film, tmp_path)
    assert run("-dash.mp4", cwd=tmp_path).returncode == 2
    assert run("./-dash.mp4", cwd=tmp_path).returncode == 0
