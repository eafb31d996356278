"""What is no film of its own by its name, what is left out by rules, and which files are one film together."""

from __future__ import annotations

import re
from pathlib import Path

import media
import pytest
from batches import batch, statuses, summary

from tagger.batch.find import Search, find
from tagger.batch.ignore import Ignore
from tagger.batch.kinds import arranged
from tagger.errors import BadSettings
from tagger.reports.json_report import read_report

NOWHERE = Path("/nowhere/reports")


def made(root: Path, *names: str) -> Path:
    """The folder with these files, each of another size."""
    for size, name in enumerate(names, 1):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes(size))
    return root


def look(root: Path, *exclude: str) -> Search:
    return arranged(find([root], NOWHERE, Ignore(exclude)))


def films(search: Search) -> dict[str, list[str]]:
    """Names of the files of each film, by its place."""
    return {str(film.place): [path.name for path in film.files] for film in search.films}


def singles(root: Path, *names: str) -> list[str]:
    """Places of the films of a folder of these files."""
    return list(films(look(made(root, *names))))


def rules(root: Path, search: Search) -> dict[str, str]:
    return {one.path.relative_to(root).as_posix(): one.rule for one in search.left_out}


@pytest.mark.parametrize(
    "extra",
    [
        "Film-trailer.mp4", "Film.trailer.mkv", "film_Trailer2.mp4", "Film sample.avi", "Film-sample.mkv",
        "sample.mkv", "sample-film.mkv", "trailer.mp4", "movie-trailer.mp4", "Film-featurette.mp4",
        "Making of-behindthescenes.mp4", "Kiss-deleted.mp4", "Film-interview.mp4", "Sample/x.mkv",
        "Extras/Making of.mp4", "trailers/a/b.mp4", "behind the scenes/1.mp4", "Deleted Scenes/1.mp4", "shorts/1.mp4",
        "other/1.mp4", "interviews/1.mp4", "Film (1999) - trailer.mp4", "theme.mp4", "Theme2.mkv",
        "theme-music/theme.mp4", "Kiss-deletedscene.mp4",
    ],
)  # fmt: skip
def test_what_lies_beside_its_film_is_no_film_of_its_own(tmp_path: Path, extra: str) -> None:
    """In the film's own folder."""
    root = made(tmp_path, "Film (1999)/Film.mkv", f"Film (1999)/{extra}")
    search = look(root)
    assert list(films(search)) == ["Film (1999)/Film.mkv"]
    ((place, rule),) = rules(root, search).items()
    assert place == f"Film (1999)/{extra}"
    assert rule.endswith(" of Film.mkv") or re.fullmatch(r"in a folder of extras, [\w -]+/", rule)
    assert len(films(find_all(root))) == 2


def find_all(root: Path) -> Search:
    """As with --all."""
    return find([root], NOWHERE)


@pytest.mark.parametrize(
    "names",
    [
        ("a-trailer.mp4", "b-trailer.mp4", "sample.mp4"),  # nothing but such
        ("a.mp4", "b.mp4", "c-trailer.mp4"),  # of a film that is not here
        ("a.mp4", "b.mp4", "clips/c.mp4", "other/d.mp4", "shorts/e.mp4"),  # no film's own folder
        ("films/a.mp4", "trailers/b.mp4", "extras/c.mp4"),  # beside no film
        ("theme.mp4", "other.mp4"),
        ("big-short.mp4",), ("beach.mp4", "holiday-clip.mp4"), ("sampler.mp4", "x.mp4"), ("x.mp4", "trailerpark.mp4"),
    ],
)  # fmt: skip
def test_where_it_has_no_film_it_is_what_was_asked_for(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert sorted(singles(tmp_path, *names)) == sorted(names)


def test_a_trailer_may_be_set_off_by_a_dash_between_spaces(tmp_path: Path) -> None:
    search = look(made(tmp_path, "Film.mkv", "Other.mkv", "Film - trailer.mp4", "Nothing - sample.mkv"))
    assert list(films(search)) == ["Film.mkv", "Nothing - sample.mkv", "Other.mkv"]
    assert rules(tmp_path, search) == {"Film - trailer.mp4": "trailer of Film.mkv"}


def test_the_current_folder_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path, "all/beach.mp4", "all/holiday-clip.mp4", "all/clips/x.mp4", "beach/beach.mp4",
                "beach/a-clip.mp4", "beach/clips/x.mp4", "VIDEO_TS/VTS_01_1.VOB", "VIDEO_TS/VTS_01_2.VOB",
                "cd/cd1.avi", "cd/cd2.avi")  # fmt: skip
    found = []
    for name in ("all", "beach", "VIDEO_TS", "cd"):
        monkeypatch.chdir(root / name)
        found.append(sorted(films(look(Path()))))
    assert found == [["beach.mp4", "clips/x.mp4", "holiday-clip.mp4"], ["beach.mp4"], [root.name], ["cd"]]


def test_folders_of_extras_beside_any_film_and_beside_seasons_and_discs(tmp_path: Path) -> None:
    names = ("a.mp4", "b.mp4", "trailers/a.mp4", "samples/b.mp4", "Show/Season 1/1.mkv", "Show/Extras/2.mkv",
             "Show/Clips/3.mkv", "Disc/VIDEO_TS/VTS_01_1.VOB", "Disc/extras/4.mkv")  # fmt: skip
    assert singles(tmp_path, *names) == ["a.mp4", "b.mp4", "Disc", "Show/Season 1/1.mkv"]


def test_what_the_user_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    root = made(tmp_path, "Film/Film.mkv", "Film/Film-trailer.mp4", "Film/extras/x.mp4", "Film/Film cd1.avi",
                "Film/Film cd2.avi")  # fmt: skip
    named = [root / "Film/Film-trailer.mp4", root / "Film/Film cd2.avi", root / "Film/extras"]
    search = arranged(find(named, NOWHERE))
    assert sorted(films(search)) == ["Film cd2.avi", "Film-trailer.mp4", "x.mp4"]
    both = arranged(find([root / "Film/extras", root], NOWHERE))
    assert f"{root.name}/Film/Film.mkv" in films(both) and "extras/x.mp4" in films(both)


def pictures(*patterns: str) -> list[str]:
    """Names of numbered pictures, 24 of each pattern."""
    return [pattern % number for pattern in patterns for number in range(24)]


def test_numbered_pictures_may_be_extras_too(tmp_path: Path) -> None:
    names = ("Film/Film_%04d.dpx", "Film/extras/x%04d.png", "Film/trailer_%04d.png", "Film/clips/%04d.png",
             "Film/Film-sample.%04d.png", "Show/Season 1/1_%04d.png")  # fmt: skip
    made(tmp_path, *pictures(*names))
    search = look(tmp_path)
    assert list(films(search)) == ["Film/Film_%04d.dpx", "Show/Season 1/1_%04d.png"]
    assert rules(tmp_path, search) == {
        "Film/extras/x%04d.png": "in a folder of extras, extras/",
        "Film/clips/%04d.png": "in a folder of extras, clips/",
        "Film/trailer_%04d.png": "trailer of Film_%04d.dpx",
        "Film/Film-sample.%04d.png": "sample of Film_%04d.dpx",
    }
    named = arranged(find([tmp_path / "Film/trailer_%04d.png", tmp_path], NOWHERE))
    assert "trailer_%04d.png" in films(named)
    assert list(films(look(tmp_path / "Film/extras"))) == ["x%04d.png"]


def test_numbered_pictures_are_no_parts(tmp_path: Path) -> None:
    names = ["A cd1_%04d.png", "A cd2_%04d.png", "B/cd1/%04d.png", "B/cd2/%04d.png"]
    assert singles(tmp_path, *pictures(*names)) == names


def test_pictures_of_media_centres_are_no_films(tmp_path: Path) -> None:
    names = ("Film/Film.trickplay/320 - 10x10/%d.jpg", "Film/extrafanart/fanart%d.jpg", "Film/.actors/a%d.png",
             "Film/extrathumbs/thumb%d.jpg", "Film/@eaDir/x%d.jpg")  # fmt: skip
    made(tmp_path, "Film/Film.mkv", "Film/._Film.mkv", "Film/@eaDir/Film.mkv", *pictures(*names))
    search = look(tmp_path)
    assert list(films(search)) == ["Film/Film.mkv"]
    assert rules(tmp_path, search) == {
        "Film/Film.trickplay/320 - 10x10/%d.jpg": "in a folder of extras, Film.trickplay/",
        "Film/extrafanart/fanart%d.jpg": "in a folder of extras, extrafanart/",
        "Film/extrathumbs/thumb%d.jpg": "in a folder of extras, extrathumbs/",
    }


def test_what_stands_for_a_film_is_left_out_with_a_reason(tmp_path: Path) -> None:
    root = made(tmp_path, "a.iso", "b.IMG", "c.strm", "d.dvd.disc", "e.nrg", "f.mkv", "g.nfo", "h.srt")
    search = look(root)
    assert list(films(search)) == ["f.mkv"]
    why = "an image of a disc: mount it, or copy its folder out of it"
    assert rules(root, search) == {
        "a.iso": why, "b.IMG": why, "c.strm": "names a stream, and holds no picture",
        "d.dvd.disc": "stands for a disc on a shelf", "e.nrg": why,
    }  # fmt: skip
    assert list(films(find_all(root / "c.strm"))) == ["c.strm"]  # what the user named


def test_rules_hold_for_numbered_pictures_as_for_files(tmp_path: Path) -> None:
    pattern = made(tmp_path, *pictures("x/f%04d.png")) / "x/f%04d.png"
    for root in (tmp_path, pattern):
        search = look(root, "*.png")
        assert films(search) == {} and rules(tmp_path, search) == {"x/f%04d.png": "--exclude *.png"}
        assert films(look(root, "*.dpx"))
    (tmp_path / "x/.movietagsignore").write_text("*.png\n")
    assert films(look(tmp_path)) == {} and films(look(pattern)) == {"f%04d.png": ["f%04d.png"]}
    (tmp_path / "x/f0007.png").unlink()  # of what is left out nothing is said
    assert look(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("Film cd1.avi", "Film cd2.avi"), "Film.avi"),
        (("Film - Part 2.mkv", "Film - Part 1.mkv"), "Film.mkv"),
        (("Film.CD1.1080p.mkv", "Film.cd2.1080p.mkv"), "Film.1080p.mkv"),
        (("Film (disc 1).mp4", "Film (disc 2).mp4", "Film (disk 3).mp4"), "Film.mp4"),
        (("Film_pt.a.mp4", "Film_pt.b.mp4"), "Film.mp4"),
        (tuple(f"Film part{n}.mp4" for n in range(1, 12)), "Film.mp4"),
    ],
)
def test_parts_are_one_film_in_their_order(tmp_path: Path, names: tuple[str, ...], place: str) -> None:
    search = look(made(tmp_path, *names, "other.mp4"))
    found = films(search)
    assert set(found) == {place, "other.mp4"}
    numbers = [re.sub(r"Film|\D+$|mp4|1080p|mkv|avi", "", name) for name in found[place]]
    assert len(found[place]) == len(names) and found[place][0] == min(names, key=lambda name: name.lower())
    assert numbers == sorted(numbers, key=lambda text: int("0" + re.sub(r"\D", "", text)))
    (film,) = (film for film in search.films if film.more)
    assert film.size_bytes == sum((tmp_path / name).stat().st_size for name in names)
    assert search.left_out == ()


@pytest.mark.parametrize(
    "names",
    [
        ("Film cd1.avi", "Film cd2.mkv"),  # of two kinds
        ("Film part 2.mkv", "Film part 3.mkv"),  # the first is missing
        ("Film part 1.mkv", "Film part 3.mkv"),
        ("Saga Part 1 (2010).mkv", "Saga Part 2 (2011).mkv"),  # two films
        ("script1.mp4", "script2.mp4"), ("abcd1.mp4", "abcd2.mp4"), ("depart 1.mp4", "depart 2.mp4"),
        ("Film 1.mp4", "Film 2.mp4"), ("a part 1.mp4",),
    ],
)  # fmt: skip
def test_what_only_looks_like_parts_is_not_put_together(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert sorted(singles(tmp_path, *names)) == sorted(names)


def test_a_folder_for_each_disc_is_one_film(tmp_path: Path) -> None:
    root = made(tmp_path, "Film/cd1/a.avi", "Film/CD2/b.avi", "Home Alone/Home Alone Disc 1/VIDEO_TS/VTS_01_1.VOB",
                "Home Alone/Home Alone Disc 2/VIDEO_TS/VTS_01_1.VOB", "Show/Disc 1/1.mkv", "Show/Disc 1/2.mkv",
                "Show/Disc 2/3.mkv", "cds/1.avi", "parts/cd1.avi", "parts/cd2.avi")  # fmt: skip
    found = films(look(root))
    assert found.pop("Film") == ["a.avi", "b.avi"]
    assert found.pop("Home Alone/Home Alone") == ["VTS_01_1.VOB"] * 2
    assert found.pop("parts") == ["cd1.avi", "cd2.avi"]
    assert set(found) == {"Show/Disc 1/1.mkv", "Show/Disc 1/2.mkv", "Show/Disc 2/3.mkv", "cds/1.avi"}


@pytest.mark.parametrize("root", ["", "Film", "Film/VIDEO_TS"])
def test_a_dvd_is_its_longest_title(tmp_path: Path, root: str) -> None:
    names = ("VIDEO_TS.VOB", "VTS_01_0.VOB", "VTS_01_1.VOB", "VTS_02_0.VOB", "VTS_02_1.VOB", "vts_02_2.vob")
    made(tmp_path, *(f"Film/VIDEO_TS/{name}" for name in names))
    search = look(tmp_path / root)
    assert films(search) == {"Film": ["VTS_02_1.VOB", "vts_02_2.vob"]}
    assert rules(tmp_path / "Film/VIDEO_TS", search) == {
        "VIDEO_TS.VOB": "menu of a DVD", "VTS_01_0.VOB": "menu of a DVD", "VTS_02_0.VOB": "menu of a DVD",
        "VTS_01_1.VOB": "not the longest title of its DVD",
    }  # fmt: skip
    assert len(films(find_all(tmp_path / root))) == 6


def playlist(*clips: str) -> bytes:
    """As on a Blu-ray: a header, and an item for each clip."""
    items = [clip.encode() + b"M2TS" + bytes(11) for clip in clips]
    listed = b"".join(len(item).to_bytes(2, "big") + item for item in items)
    inside = bytes(2) + len(items).to_bytes(2, "big") + bytes(2) + listed
    return b"MPLS0200" + (20).to_bytes(4, "big") + bytes(8) + len(inside).to_bytes(4, "big") + inside


def test_a_blu_ray_is_its_longest_playlist(tmp_path: Path) -> None:
    names = [f"Film/BDMV/STREAM/0000{n}.m2ts" for n in range(1, 6)]
    made(tmp_path, *names)
    search = look(tmp_path)
    assert films(search) == {"Film": ["00005.m2ts"]}  # without a playlist: the largest
    folder = tmp_path / "Film/BDMV/PLAYLIST"
    folder.mkdir()
    for number, clips in enumerate((["00005"], ["00004", "00002"], ["00001"] * 100, ["00009"])):
        (folder / f"{number:05d}.mpls").write_bytes(playlist(*clips))
    (folder / "torn.mpls").write_bytes(playlist("00003", "00005")[:-10])
    (folder / "none.mpls").write_bytes(b"text")
    search = look(tmp_path)
    assert films(search) == {"Film": ["00004.m2ts", "00002.m2ts"]}
    assert set(rules(tmp_path, search).values()) == {"not in the longest title of its Blu-ray"}


def test_a_cameras_card_is_no_disc(tmp_path: Path) -> None:
    names = ["PRIVATE/AVCHD/BDMV/STREAM/00000.MTS", "PRIVATE/AVCHD/BDMV/STREAM/00001.MTS"]
    assert singles(tmp_path, *names) == names


# ----------------------------------------------------------------------------------------------------- said by people


def test_patterns_leave_out_files_and_folders(tmp_path: Path) -> None:
    root = made(tmp_path, "a.mp4", "b.avi", "deep/b.mp4", "deep/c.avi", "new/a.mp4", "new/deep/x.mp4")
    search = look(root, "*.avi", "/new", "deep/b.*")
    assert list(films(search)) == ["a.mp4"]
    assert rules(root, search) == {
        "b.avi": "--exclude *.avi", "deep/b.mp4": "--exclude deep/b.*", "deep/c.avi": "--exclude *.avi",
        "new": "--exclude /new",
    }  # fmt: skip
    named = find([root / "b.avi", root / "a.mp4"], NOWHERE, Ignore(("*.avi",)))
    assert [film.path.name for film in named.films] == ["a.mp4"] and len(named.left_out) == 1
    with pytest.raises(BadSettings, match="exclude '!'"):
        Ignore(("!",))


def test_folders_say_themselves_what_is_left_out(tmp_path: Path) -> None:
    root = made(tmp_path, "a.mp4", "b.mp4", "deep/a.mp4", "deep/b.mp4", "private/x.mp4", "phone/y.mp4", "notes.txt")
    (root / ".movietagsignore").write_text("# mine\n\nb.mp4\nprivate/\n*.txt\n")
    (root / "deep/.movietagsignore").write_text("!b.mp4\n/a.mp4\n")
    (root / "phone/.nomedia").touch()
    search = look(root)
    assert list(films(search)) == ["a.mp4", "deep/b.mp4"]
    assert rules(root, search) == {
        "b.mp4": f"{root}/.movietagsignore b.mp4", "private": f"{root}/.movietagsignore private/",
        "deep/a.mp4": f"{root}/deep/.movietagsignore /a.mp4", "phone": "holds .nomedia",
    }  # fmt: skip
    assert list(films(arranged(find([root / "phone"], NOWHERE)))) == ["y.mp4"]  # the user said so
    everything = find([root], NOWHERE, Ignore(markers=False))
    assert "phone/y.mp4" in films(everything)


@pytest.mark.parametrize(
    ("names", "exclude"),
    [
        (("Film.mkv", "Film-trailer.mp4", "trailer.mp4"), "*.mkv"),
        (("Film/Film.mkv", "Film/trailers/1.mp4", "Film/shorts/1.mp4"), "*.mkv"),
        (("Film/Film cd1.avi", "Film/Film cd2.avi", "Film/Film-sample.mp4"), "*.avi"),
        (("Show/Season 1/a.mp4", "Show/extras/1.mp4"), "Season 1/"),
        (("Show/Season 1/a.mkv", "Show/interviews/1.mp4"), "*.mkv"),
    ],
)
def test_an_extra_of_a_film_that_is_left_out_is_still_one(tmp_path: Path, names: tuple[str, ...], exclude: str) -> None:
    root = made(tmp_path, "other/x.mp4", *names)
    assert list(films(look(root, exclude))) == ["other/x.mp4"]
    (root / ".movietagsignore").write_text(exclude)
    assert list(films(look(root))) == ["other/x.mp4"]


def test_an_extra_of_a_film_that_was_named_is_still_one(tmp_path: Path) -> None:
    root = made(tmp_path, "a/Film.mkv", "a/Film-trailer.mp4")
    search = arranged(find([root / "a/Film.mkv", root / "a"], NOWHERE))
    assert [film.path.name for film in search.films] == ["Film.mkv"]


def test_what_is_left_out_is_not_even_looked_into(tmp_path: Path) -> None:
    """So that a folder which cannot be read may be left out."""
    root = made(tmp_path, "a.mp4", "broken/x.mp4")
    (root / "broken/.movietagsignore").mkdir()
    problems = look(root).problems
    assert len(problems) == 1 and "broken: its rules cannot be read" in problems[0]
    search = look(root, "broken")
    assert search.problems == () and list(films(search)) == ["a.mp4"]


# ------------------------------------------------------------------------------------------------------ one film of two


def test_a_stack_is_tagged_as_one_film(tmp_path: Path) -> None:
    root, output = tmp_path / "films", tmp_path / "out"
    root.mkdir()
    first = media.film(root / "Film cd1.mp4", (20, 30), 160, 90)
    second = media.film(root / "Film cd2.mp4", (25, 15, 10), 160, 90)
    media.film(root / "Film-trailer.mp4", (10,), 160, 90)
    shown = batch(root, "-o", output, "--dry-run")
    assert shown.stdout.splitlines() == [
        f"{first.path}: new (2 files as one film, Film.mp4)",
        f"{root}/Film-trailer.mp4: left out: trailer of Film.mp4",
    ]
    assert "1 left out by rules" in shown.stderr
    assert batch(root, "-o", output, "-q").returncode == 0
    (row,) = summary(output)
    assert (row["film"], row["shots"], row["duration_s"]) == ("Film.mp4", "5", "4.0")
    report = read_report(output / "Film.mp4.tags.json")
    assert (report.video.name, report.video.path) == ("Film.mp4", str(first.path))
    assert [(shot.index, shot.start_frame, shot.end_frame) for shot in report.shots] == [
        (0, 0, 20), (1, 20, 50), (2, 50, 75), (3, 75, 90), (4, 90, 100),
    ]  # fmt: skip
    assert report.shots[2].start_s == pytest.approx(2.0) and report.shots[-1].end_s == pytest.approx(4.0)
    assert report.warnings == ("2 files as one film: Film cd1.mp4 from 0.000 s, Film cd2.mp4 from 2.000 s",)
    assert report.status == "ok"
    assert batch(root, "-o", output, "--dry-run").stdout.count("new") == 0
    media.film(second.path, (25, 15, 12), 160, 90)
    assert "changed (2 files as one film, Film.mp4)" in batch(root, "-o", output, "--dry-run").stdout
    assert batch(root, "-o", tmp_path / "all", "--all", "-q").returncode == 0
    assert set(statuses(tmp_path / "all")) == {"Film cd1.mp4", "Film cd2.mp4", "Film-trailer.mp4"}


def test_a_stack_with_a_part_that_is_none_is_one_line(tmp_path: Path) -> None:
    root, output = tmp_path / "films", tmp_path / "out"
    root.mkdir()
    media.film(root / "Film cd1.mp4", (20,), 160, 90)
    (root / "Film cd2.mp4").write_text("no film")
    done = batch(root, "-o", output, "-q")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "Film cd2.mp4: is no video" in line
    assert statuses(output) == {"Film.mp4": "failed"}


def test_a_dvd_is_tagged_as_one_film(tmp_path: Path) -> None:
    """Its files are one stream, cut anywhere between two sectors."""
    whole = media.film(tmp_path / "whole.vob", (25, 40, 35), 160, 90, codec="mpeg2video", options={"g": "12"}).path
    body = whole.read_bytes()
    cut = len(body) * 4 // 5 // 2048 * 2048
    folder = tmp_path / "films/Film/VIDEO_TS"
    folder.mkdir(parents=True)
    for number, part in enumerate((body[:cut], body[cut:]), 1):
        (folder / f"VTS_01_{number}.VOB").write_bytes(part)
    assert batch(tmp_path / "films", "-o", tmp_path / "out", "-q").returncode == 0
    report = read_report(tmp_path / "out/Film.tags.json")
    assert (report.video.name, report.video.path) == ("Film", str(folder / "VTS_01_1.VOB"))
    assert 100 - 12 <= report.video.frame_count <= 101  # the picture that is cut in two may be there twice
    assert report.shots[0].end_frame == 25 and report.status == "ok"
