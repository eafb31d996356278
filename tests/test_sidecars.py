"""Sidecars beside films: which are a film's, what is written into them and when, and a collection as people keep it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import batches
import centres
import media
import pytest
from click.testing import CliRunner
from samples import REPORT, correct

import cli
from tagger.batch import ledger, renew
from tagger.batch.renew import BACKUP, Sidecars, wanted
from tagger.batch.sidecars import film_files, sidecars
from tagger.errors import PathMissing
from tagger.files import SAMPLE_BYTES
from tagger.records import RankedTag, TagReport
from tagger.reports import nfo
from tagger.reports.formats import write_report

NFO = b"<movie>\n  <title>Film</title>\n  <tag>Mine</tag>\n</movie>\n"
# Sure, and not.
TAGS = (
    RankedTag(1, "Car chase", "car-chase", 1.0, 0.75, 1, 0.5, True, "head", 0.6),
    RankedTag(2, "Beach/Sea", "beach-sea", 0.7, 0.5, 1, 0.3, True, "head", 0.8),
    RankedTag(3, "Drama", "drama", 0.5, 0.1, 1, 0.1, True, "head", 0.1),
    RankedTag(4, "War", "war", 0.0, 0.0, 0, 0.1, True, "head", 0.0),
)


def made(root: Path, *names: str) -> Path:
    """The folder with these files, each of another size; what ends in .nfo is a sidecar."""
    for size, name in enumerate(names, 1):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(NFO if name.endswith(".nfo") else bytes(size))
    return root


def report_of(files: Sequence[Path], tags: tuple[RankedTag, ...] = TAGS) -> TagReport:
    digest = ledger.ends_of(files[0], files[1:], SAMPLE_BYTES)
    video = replace(REPORT.video, path=str(files[0]), name=files[0].name, fingerprint=digest)
    shots = tuple(replace(shot, tags=(), probabilities=()) for shot in REPORT.shots)
    warnings = (f"{len(files)} files as one film: ...",) * (len(files) > 1)
    return replace(REPORT, video=video, tags=tags, shots=shots, slugs=(), warnings=warnings)


def reported(film: Path, folder: Path, *more: Path, tags: tuple[RankedTag, ...] = TAGS) -> Path:
    """The report of a film, in a folder."""
    path = folder / f"{film.name}.tags.json"
    folder.mkdir(exist_ok=True)
    write_report(report_of((film, *more), tags), path)
    return path


# ------------------------------------------------------------------------------------------------- which are a film's


@pytest.mark.parametrize(
    ("there", "film", "expected"),
    [
        (["F/F.mkv", "F/F.nfo", "F/movie.nfo"], ["F/F.mkv"], ["F/F.nfo", "F/movie.nfo"]),
        (["F/F.mkv", "F/F-trailer.mp4", "F/extras/x.mp4", "F/movie.nfo"], ["F/F.mkv"], ["F/movie.nfo"]),
        (["a.mkv", "b.mkv", "a.nfo", "movie.nfo"], ["a.mkv"], ["a.nfo"]),  # of neither
        (["a.mkv", "b.mkv", "a.nfo"], ["b.mkv"], []),
        (["a.avi", "a.mkv", "a.nfo"], ["a.avi"], ["a.nfo"]), (["a.avi", "a.mkv", "a.nfo"], ["a.mkv"], []),
        (["F/F - 720p.mkv", "F/F.mkv", "F/movie.nfo", "F/F - 720p.nfo"], ["F/F.mkv"], ["F/movie.nfo"]),
        (["F/F - 720p.mkv", "F/F.mkv", "F/movie.nfo", "F/F - 720p.nfo"], ["F/F - 720p.mkv"], ["F/F - 720p.nfo"]),
        (["F/F [4K].mkv", "F/F {edition-Director's Cut}.mkv", "F/movie.nfo"], ["F/F [4K].mkv"], ["F/movie.nfo"]),
        (["F/F.mkv", "F/Fake.mkv", "F/movie.nfo"], ["F/F.mkv"], []),  # two films
        (["F/F-trailer.mp4", "F/F.mkv", "F/movie.nfo"], ["F/F-trailer.mp4"], []),
        (["F/F-trailer.mp4", "F/F", "F/movie.nfo", "F/.x.mkv"], ["F/F"], ["F/movie.nfo"]),  # a film without a suffix
        (["F/VIDEO_TS/VTS_01_1.VOB", "F/other.mkv", "F/movie.nfo"], ["F/VIDEO_TS/VTS_01_1.VOB"], []),
        (["F/F cd1.avi", "F/F cd2.avi", "F/F cd1.nfo", "F/F.nfo", "F/F cd2.nfo", "F/movie.nfo"],
         ["F/F cd1.avi", "F/F cd2.avi"], ["F/F cd1.nfo", "F/F.nfo", "F/movie.nfo"]),
        (["F/CD1/a.avi", "F/CD2/b.avi", "F/CD1/a.nfo", "F/a.nfo", "F/F.nfo", "F/movie.nfo"],
         ["F/CD1/a.avi", "F/CD2/b.avi"], ["F/CD1/a.nfo", "F/a.nfo", "F/F.nfo", "F/movie.nfo"]),
        (["F/VIDEO_TS/VTS_01_1.VOB", "F/VIDEO_TS/VIDEO_TS.nfo", "F/F.nfo", "F/movie.nfo", "F/VIDEO_TS/VTS_01_1.nfo"],
         ["F/VIDEO_TS/VTS_01_1.VOB"], ["F/VIDEO_TS/VIDEO_TS.nfo", "F/F.nfo", "F/movie.nfo"]),
        (["F/BDMV/STREAM/1.m2ts", "F/BDMV/index.nfo", "F/F.nfo", "F/movie.nfo"],
         ["F/BDMV/STREAM/1.m2ts"], ["F/BDMV/index.nfo", "F/F.nfo", "F/movie.nfo"]),
        (["S/Season 1/S01E01.mkv", "S/Season 1/S01E01.nfo", "S/tvshow.nfo"],
         ["S/Season 1/S01E01.mkv"], ["S/Season 1/S01E01.nfo"]),
        (["F/F.mkv", f"F/F.nfo{BACKUP}", "F/movie.nfo.bak", "F/F.txt"], ["F/F.mkv"], []),
    ],
)  # fmt: skip
def test_the_sidecars_of_a_film(tmp_path: Path, there: list[str], film: list[str], expected: list[str]) -> None:
    root = made(tmp_path, *there)
    assert sorted(sidecars([root / name for name in film])) == sorted(root / name for name in expected)


def test_the_current_folder_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made(tmp_path, "F/F - 4K.mkv", "F/F.mkv", "F/movie.nfo", "F/F.nfo") / "F")
    assert [str(path) for path in sidecars([Path("F.mkv")])] == ["F.nfo", "movie.nfo"]
    assert sidecars([Path("F - 4K.mkv")]) == []


def test_a_film_in_several_files_is_found_by_its_report(tmp_path: Path) -> None:
    root = made(tmp_path, "F/CD1/a.avi", "F/CD2/b.avi", "G/G cd1.avi", "G/G cd2.avi", "H/VIDEO_TS/VTS_01_1.VOB",
                "H/VIDEO_TS/VTS_01_2.VOB", "one.avi")  # fmt: skip
    for names in (("F/CD1/a.avi", "F/CD2/b.avi"), ("G/G cd1.avi", "G/G cd2.avi"),
                  ("H/VIDEO_TS/VTS_01_1.VOB", "H/VIDEO_TS/VTS_01_2.VOB"), ("one.avi",)):  # fmt: skip
        files = tuple(root / name for name in names)
        assert film_files(tmp_path / "x.tags.json", report_of(files)) == files
    report = report_of((root / "G/G cd1.avi", root / "G/G cd2.avi"))
    (root / "G/G cd2.avi").write_bytes(b"another")
    with pytest.raises(PathMissing, match="is not there, or another film now"):
        film_files(tmp_path / "x.tags.json", report)


# ------------------------------------------------------------------------------------------------------ what and when


def test_the_sure_tags_are_written_or_those_of_a_score() -> None:
    report = replace(REPORT, tags=TAGS)
    assert wanted(report) == ["Beach/Sea", "Car chase"]  # the surest first
    assert wanted(report, 0.5) == ["Car chase", "Beach/Sea", "Drama"]
    assert wanted(report, 0.0) == ["Car chase", "Beach/Sea", "Drama"]  # what has no weight is no answer
    unknown = tuple(replace(tag, confidence=None) for tag in TAGS)
    assert wanted(replace(report, tags=unknown)) is None and wanted(replace(report, tags=unknown[3:]), 0.5) == []


def test_a_sidecar_is_renewed_with_a_copy_of_how_it_was(tmp_path: Path) -> None:
    root = made(tmp_path / "films", "F.mkv", "F.nfo")
    nfo, file = root / "F.nfo", reported(root / "F.mkv", tmp_path / "tags")
    nfo.chmod(0o640)
    owner = (1234, 1234) if os.geteuid() == 0 else (nfo.stat().st_uid, nfo.stat().st_gid)
    os.chown(nfo, *owner)
    done = batches.inside("export", file, "--format", "nfo")
    assert (done.returncode, done.stderr) == (0, "movietags: sidecars: 1 written, 0 as they were\n")
    assert centres.kodi(nfo.read_bytes()).tags == ["Mine", "Beach & Sea", "Car chase"]
    backup = root / f"F.nfo{BACKUP}"
    assert backup.read_bytes() == NFO and {path.stat().st_mode & 0o777 for path in (nfo, backup)} == {0o640}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (nfo, backup)} == {owner}
    entered = nfo.stat().st_ctime_ns
    assert "0 written, 1 as they were" in batches.inside("export", tmp_path / "tags", "--format", "nfo").stderr
    assert nfo.stat().st_ctime_ns == entered
    assert batches.inside("export", file, "--format", "nfo", "--min-score", "0.9").returncode == 0
    assert centres.jellyfin(nfo.read_bytes()) == ["Mine", "Car chase"]
    nfo.write_bytes(nfo.read_bytes().replace(b"Film", b"Another title"))  # as a person, or Jellyfin
    assert batches.inside("export", file, "--format", "nfo", "--remove").returncode == 0
    assert nfo.read_bytes() == NFO.replace(b"Film", b"Another title") and backup.read_bytes() == NFO


def test_what_was_put_in_is_taken_out_and_the_copy_with_it(tmp_path: Path) -> None:
    names = ("F/F.mkv", "F/F.nfo", "F/movie.nfo")
    root = made(tmp_path / "films", *names)
    file = reported(root / "F/F.mkv", tmp_path / "tags")
    assert "2 written" in batches.inside("export", file, "--format", "nfo").stderr
    assert "2 written" in batches.inside("export", file, "--format", "nfo", "--remove").stderr
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*")) == sorted(names)
    assert (root / "F/F.nfo").read_bytes() == (root / "F/movie.nfo").read_bytes() == NFO


def test_what_a_person_put_right_is_heeded(tmp_path: Path) -> None:
    root = made(tmp_path / "films", "F.mkv", "F.nfo")
    file = reported(root / "F.mkv", tmp_path / "tags")
    correct(file, struck=["car-chase"], added=["<b>Wedding/Party</b>"])
    batches.inside("export", file, "--format", "nfo")
    assert centres.kodi((root / "F.nfo").read_bytes()).tags == ["Mine", "<b>Wedding & Party< & b>", "Beach & Sea"]
    batches.inside("export", file, "--format", "nfo", "--no-corrections")
    assert centres.kodi((root / "F.nfo").read_bytes()).tags == ["Mine", "Beach & Sea", "Car chase"]


def test_a_link_stays_one_and_other_names_of_the_file_stay_as_they_were(tmp_path: Path) -> None:
    root = made(tmp_path, "F.mkv", "store/a.nfo")
    (root / "F.nfo").symlink_to("store/a.nfo")
    os.link(root / "store/a.nfo", root / "shared.nfo")
    work = Sidecars()
    work.put(report_of([root / "F.mkv"]), [root / "F.mkv"])
    assert work.faults == [] and (root / "F.nfo").is_symlink() and b"Car chase" in (root / "store/a.nfo").read_bytes()
    assert (root / "shared.nfo").read_bytes() == NFO and (root / f"store/a.nfo{BACKUP}").read_bytes() == NFO


# ----------------------------------------------------------------------------------------------- what cannot be done


def test_what_cannot_be_done_is_a_line_and_the_rest_is(tmp_path: Path) -> None:
    names = {"broken": b"<movie><title></movie>", "text": b"Release\n", "fine": NFO, "readonly": NFO, "x" * 250: NFO}
    for name, body in names.items():
        made(tmp_path / "films", f"{name}.mkv")
        (tmp_path / f"films/{name}.nfo").write_bytes(body)
        if len(name) < 200:
            reported(tmp_path / f"films/{name}.mkv", tmp_path / "tags")
    video = report_of([tmp_path / f"films/{'x' * 250}.mkv"])
    write_report(video, tmp_path / "tags/x.tags.json")
    made(tmp_path / "films", "gone.mkv", "none.mkv")
    reported(tmp_path / "films/none.mkv", tmp_path / "tags")
    reported(tmp_path / "films/gone.mkv", tmp_path / "tags")
    (tmp_path / "tags/odd.tags.json").write_text("{}")
    (tmp_path / "films/gone.mkv").unlink()
    (tmp_path / "films/readonly.nfo").chmod(0o444)
    done = batches.inside("export", tmp_path / "tags", "--format", "nfo")
    assert done.returncode == 1
    said = done.stderr.replace(f"{tmp_path}/films/", "").replace("movietags: error: ", "").splitlines()
    assert [re.sub("x{250}", "long", line)[:70] for line in said] == [
        "broken.nfo: is broken XML: line 1, mismatched tag",
        "gone.mkv: is not there, or another film now: gone.mkv.tags.json was made of it"[:70],
        f"{tmp_path}/tags/odd.tags.json: schema None, this version reads 'movietags/1'"[:70],
        "readonly.nfo: is read-only, and stays as it is",
        "text.nfo: is no XML, nor addresses of the film at TMDB, IMDb or TVDB alone"[:70],
        f"long.nfo{BACKUP}: cannot write it (File name too long): free space, or name another place"[:70],
        "movietags: sidecars: 1 written, 0 as they were",
        "movietags: 1 film has no sidecar (NAME.nfo, movie.nfo), and none is made: Kodi would take"[:70],
    ]
    assert {path.name for path in (tmp_path / "films").glob(f"*{BACKUP}")} == {f"fine.nfo{BACKUP}"}
    assert all((tmp_path / f"films/{name}.nfo").read_bytes() == body for name, body in names.items() if name != "fine")


def test_what_another_program_writes_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = reported(made(tmp_path, "Film.mkv", "Film.nfo") / "Film.mkv", tmp_path / "tags")
    sidecar, written = tmp_path / "Film.nfo", nfo.merged

    def slowly(body: bytes, tags: Sequence[str]) -> bytes:
        sidecar.write_bytes(b"<movie><title>Mine</title></movie>")
        return written(body, tags)

    monkeypatch.setattr(renew, "merged", slowly)
    done = batches.inside("export", report, "--format", "nfo")
    assert done.returncode == 1 and f"{sidecar}: was written by another program meanwhile" in done.stderr
    assert sidecar.read_bytes() == b"<movie><title>Mine</title></movie>"
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))
    monkeypatch.undo()
    assert batches.inside("export", report, "--format", "nfo").returncode == 0
    assert b"<title>Mine</title><tag>" in sidecar.read_bytes()


def test_many_faults_are_ten_lines_and_a_number(tmp_path: Path) -> None:
    for number in range(13):
        made(tmp_path / "films", f"{number}.mkv")
        (tmp_path / f"films/{number}.nfo").write_bytes(b"no")
        reported(tmp_path / f"films/{number}.mkv", tmp_path / "tags")
    lines = batches.inside("export", "-q", tmp_path / "tags", "--format", "nfo").stderr.splitlines()
    assert len(lines) == 11 and lines[-1] == "movietags: error: and 3 more: 13 not renewed in all"


def test_where_nothing_says_what_is_sure_a_line_says_so(tmp_path: Path) -> None:
    root = made(tmp_path / "films", "F.mkv", "F.nfo")
    old = tuple(replace(tag, confidence=None) for tag in TAGS)
    file = reported(root / "F.mkv", tmp_path / "tags", tags=old)
    done = batches.inside("export", file, "--format", "nfo")
    assert "1 film has no tag that is sure: --min-score" in done.stderr and (root / "F.nfo").read_bytes() == NFO
    done = batches.inside("export", file, "--format", "nfo", "--min-score", "0.7")
    assert "sure" not in done.stderr
    written = (root / "F.nfo").read_bytes()
    assert centres.kodi(written).tags == ["Mine", "Car chase", "Beach & Sea"]
    assert batches.inside("export", file, "--format", "nfo").returncode == 0
    assert (root / "F.nfo").read_bytes() == written  # nobody knows that they are not sure


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("export R --format csv -o O --min-score 0.5", "--min-score is of sidecars: add --format nfo"),
        ("export R --format csv -o O --remove", "--remove is of sidecars: add --format nfo"),
        ("export R --remove", "--remove is of sidecars: add --format nfo"),
        ("export R --min-score 0.5", "--min-score is of sidecars: add --format nfo"),
        ("extract F --replace", "--replace writes over reports in a folder: name it with -o"),
        ("extract F --replace -o -", "--replace writes over reports in a folder: name it with -o"),
        ("export R --format csv", "name a folder"),
        ("export R --format nfo -o -", "-o - writes one report"), ("export R --format nfo --min-score 2", "0<=x<=1"),
        ("extract F --format csv", "name their folder with -o"), ("extract F --min-score 1", "add --format nfo"),
        ("batch D -o O --min-score 1", "add --format nfo"),
        ("export R --format html --format foo -o O", "'foo': choose one of csv, json, html, parquet, otio, nfo"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(tmp_path: Path, words: str, why: str) -> None:
    root = made(tmp_path, "F.mkv", "F.nfo")
    file = reported(root / "F.mkv", tmp_path / "tags")
    places = {"R": str(file), "F": str(root / "F.mkv"), "D": str(root), "O": str(tmp_path / "out")}
    done = CliRunner().invoke(cli.cli, [places.get(word, word) for word in shlex.split(words)])
    assert done.exit_code == 2 and why in done.stderr
    assert (root / "F.nfo").read_bytes() == NFO and not (tmp_path / "out").exists()


# --------------------------------------------------------------------------------------- a collection as people keep it


def collection(root: Path, film: Path) -> Path:
    """Folders of films as Kodi, Jellyfin and Plex have them; all films hold the same but one."""
    names = """
        Film (2010)/Film (2010).mkv              Film (2010)/Film (2010)-trailer.mp4   Film (2010)/theme.mp4
        Film (2010)/extras/Making of.mkv         Film (2010)/backdrops/loop.mp4        Film (2010)/._Film (2010).mkv
        Film (2010)/@eaDir/Film (2010).mkv       Film (2010)/Kiss-deletedscene.mkv
        Versions (1999)/Versions (1999) - 1080p.mkv      Versions (1999)/Versions (1999) - [Director's Cut].mkv
        Versions (1999)/Versions (1999) - 1080p-trailer.mp4
        Parts (1966)/Parts (1966) - part1.mkv    Parts (1966)/Parts (1966) - part2.mkv
        Plex (2001)/Plex (2001) {edition-Final Cut}.mkv
    """
    for name in re.split(r"\s{2,}", names.strip()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, root / name)
    for name in ("Disc (1980)/Disc (1980).iso", "Stream/Stream.strm", "Film (2010)/Film (2010).de.srt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    for name in ("Film (2010)/Film (2010).nfo", "Film (2010)/movie.nfo", "Versions (1999)/movie.nfo",
                 "Parts (1966)/Parts (1966).nfo", "Plex (2001)/Plex (2001).nfo"):  # fmt: skip
        (root / name).write_bytes(NFO)
    return root


def test_a_collection_is_tagged_and_its_sidecars_with_it(film: media.Truth, tmp_path: Path) -> None:
    root, tags = collection(tmp_path / "films", film.path), tmp_path / "tags"
    words = (root, "-o", tags, "--backbone", "compact", "--format", "nfo", "--min-score", "0.9")
    listed = batches.batch(*words, "--dry-run").stdout
    assert re.findall(r"films/(.*): left out: (.*)", listed) == [
        ("Disc (1980)/Disc (1980).iso", "an image of a disc: mount it, or copy its folder out of it"),
        ("Stream/Stream.strm", "names a stream, and holds no picture"),
        ("Film (2010)/Film (2010)-trailer.mp4", "trailer of Film (2010).mkv"),
        ("Film (2010)/Kiss-deletedscene.mkv", "deletedscene of Film (2010).mkv"),
        ("Film (2010)/theme.mp4", "theme of Film (2010).mkv"),
        ("Film (2010)/backdrops/loop.mp4", "in a folder of extras, backdrops/"),
        ("Film (2010)/extras/Making of.mkv", "in a folder of extras, extras/"),
        ("Versions (1999)/Versions (1999) - 1080p-trailer.mp4", "trailer of Versions (1999) - 1080p.mkv"),
    ]
    assert not list(root.rglob(f"*{BACKUP}"))
    done = batches.batch(*words)
    assert done.returncode == 0, done.stderr
    assert set(batches.statuses(tags)) == {
        "Film (2010)/Film (2010).mkv", "Versions (1999)/Versions (1999) - 1080p.mkv", "Parts (1966)/Parts (1966).mkv",
        "Versions (1999)/Versions (1999) - [Director's Cut].mkv", "Plex (2001)/Plex (2001) {edition-Final Cut}.mkv",
    }  # fmt: skip
    assert "sidecars: 4 written, 0 as they were" in done.stderr and "2 films have no sidecar" in done.stderr
    tagged = {path.relative_to(root).as_posix(): path for path in root.rglob("*.nfo") if path.read_bytes() != NFO}
    assert set(tagged) == {
        "Film (2010)/Film (2010).nfo", "Film (2010)/movie.nfo", "Versions (1999)/movie.nfo",
        "Parts (1966)/Parts (1966).nfo",
    }  # fmt: skip
    for path in tagged.values():
        assert centres.kodi(path.read_bytes()).tags[0] == "Mine" and len(centres.jellyfin(path.read_bytes())) > 1
    assert not [path for path in tags.rglob("*") if path.suffix == ".nfo" or path.name.endswith(".tags.csv")]

    again = batches.batch(*words)
    assert "0 films to tag, 5 done before" in again.stderr and "sidecars: 0 written, 4 as they were" in again.stderr
    tagged["Film (2010)/movie.nfo"].write_bytes(NFO)  # as when a program writes it anew
    assert "sidecars: 1 written, 3 as they were" in batches.batch(*words).stderr
    (root / "Elsewhere").mkdir()
    (root / "Film (2010)").rename(root / "Elsewhere/Film (2010)")
    moved = batches.batch(*words, "--prune")
    assert moved.returncode == 0 and "sidecars: 0 written, 4 as they were" in moved.stderr
    removed = batches.inside("export", tags, "--format", "nfo", "--remove")
    assert removed.returncode == 0 and "sidecars: 4 written" in removed.stderr, removed.stderr
    assert {path.read_bytes() for path in root.rglob("*.nfo")} == {NFO} and not list(root.rglob(f"*{BACKUP}"))


def test_films_that_were_tagged_before_get_their_tags_without_being_read(film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    shutil.copy(film.path, tmp_path / "films/F.mp4")
    words = (tmp_path / "films", "-o", tmp_path / "tags", "--backbone", "compact")
    assert batches.batch(*words).returncode == 0
    (tmp_path / "films/F.nfo").write_bytes(NFO)
    done = batches.batch(*words, "--format", "nfo", "--min-score", "0.5")
    assert "0 films to tag" in done.stderr and "sidecars: 1 written" in done.stderr
    assert "sidecars: 1 written" in batches.batch(*words, "--format", "nfo").stderr  # nothing is sure: taken out
    assert (tmp_path / "films/F.nfo").read_bytes() == NFO
    correct(tmp_path / "tags/F.mp4.tags.json", added=["Mars"])
    assert "sidecars: 1 written" in batches.batch(*words, "--format", "nfo").stderr
    assert centres.kodi((tmp_path / "films/F.nfo").read_bytes()).tags == ["Mine", "Mars"]
    (tmp_path / "films/F.nfo").write_bytes(b"broken")
    done = batches.batch(*words, "--format", "nfo")
    assert done.returncode == 1 and f"error: {tmp_path}/films/F.nfo: is no XML" in done.stderr


def test_extract_needs_no_folder_for_sidecars(film: media.Truth, tmp_path: Path) -> None:
    shutil.copy(film.path, tmp_path / "F.mp4")
    (tmp_path / "F.nfo").write_bytes(NFO)
    words = ("extract", tmp_path / "F.mp4", "--backbone", "compact", "--format", "nfo", "--min-score", "0.5")
    done = batches.inside(*words)
    assert done.returncode == 0 and "sidecars: 1 written" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"F.mp4", "F.nfo", f"F.nfo{BACKUP}"}
    done = batches.inside(*words, "-o", tmp_path / "tags")
    assert "1 as they were" in done.stderr and {path.name for path in (tmp_path / "tags").glob("F*")} == {"F.tags.json"}
