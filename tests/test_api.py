"""What a Python program sees of the package: a few names, functions for one question, a class for many films."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import cv2
import media
import numpy as np
import pytest

import tagger
from tagger import Settings, Tagger, TagReport, vocabulary, write_report
from tagger.errors import (
    BadPath,
    BadPicture,
    BadReport,
    BadSettings,
    BadVocabulary,
    OutputRefused,
    VideoUnreadable,
    WeightsMissing,
)
from tagger.models import registry
from tagger.pipeline import Engine
from tagger.shots.scan import scan
from tagger.video.film import Film

# All of this package and its parts may be imported, in any order, and the functions are functions still.
IMPORTS = """
import sys
{first}
import tagger
heavy = {{"numpy", "cv2", "av", "keras", "tensorflow", "pandas", "scenedetect", "click", "psutil"}} & {{*sys.modules}}
assert "{first}" or not heavy, heavy
assert dir(tagger) == sorted(tagger.__all__), dir(tagger)
import tagger.shots.scan, tagger.shots.fast, tagger.segments, tagger.compare.agreement, tagger.evaluation.images
import tagger.advisory.notes
from tagger.shots import scan
from tagger import advisory, segments
import tagger.compare
import tagger.shots
import tagger.segments
from tagger.segments import find
names = "advisory", "compare", "evaluate", "extract", "segments", "shots", "read_report", "write_report"
kinds = {{name: type(getattr(tagger, name)).__name__ for name in names}}
assert {{*kinds.values()}} == {{"function"}}, kinds
assert segments is tagger.segments and advisory is tagger.advisory
assert type(find).__name__ == type(scan.scan).__name__ == "function"
print("as it should be")
"""


@pytest.fixture(scope="module")
def films() -> Tagger:
    return Tagger()


@pytest.fixture(scope="module")
def report(films: Tagger, film: media.Truth) -> TagReport:
    return films.extract(film.path)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three PNGs."""
    paths = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        cv2.imwrite(str(path), cv2.cvtColor(media.scenery(seed, 320, 180), cv2.COLOR_RGB2BGR))
    return paths


# Names


@pytest.mark.parametrize(
    "first", ["", "import tagger.shots.scan", "from tagger.segments import find", "import tagger.compare.agreement"]
)
def test_what_is_imported_does_not_change_what_names_mean(first: str) -> None:
    command = [sys.executable, "-c", IMPORTS.format(first=first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "as it should be\n")


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="module 'tagger' has no attribute 'tag'"):
        _ = tagger.tag
    with pytest.raises(ImportError):
        exec("from tagger import Engine")


def parts(kind: Any) -> set[type]:
    """The records that a type is made of."""
    if get_args(kind):
        return set().union(*map(parts, get_args(kind)))
    if not is_dataclass(kind):
        return set()
    assert isinstance(kind, type)
    return {kind}.union(*map(parts, get_type_hints(kind).values()))


def test_every_type_in_an_answer_has_a_public_name() -> None:
    found = parts(TagReport) | parts(tagger.ScannedShot) | {tagger.Segments, tagger.Segment, tagger.Agreement}
    found |= {tagger.Advisory, tagger.Note, tagger.NoteTag}
    found |= {base for kind in found for base in kind.__mro__ if is_dataclass(base)}
    assert {kind.__name__ for kind in found} >= {"Declared", "Keyframe", "Observed", "ShotTag", "Shot"}
    for kind in found:
        assert kind.__name__ in tagger.__all__, kind
        assert getattr(tagger, kind.__name__) is kind


def test_each_public_thing_says_what_it_is() -> None:
    for name in tagger.__all__:
        found = getattr(tagger, name)
        if isinstance(found, type | types.FunctionType):
            assert found.__doc__, name


# One question


def test_extract_is_what_a_tagger_extracts(film: media.Truth, report: TagReport) -> None:
    told: list[float] = []
    found = tagger.extract(str(film.path), progress=lambda time_s, length_s: told.append(time_s))
    assert (found.tags, found.shots, found.video) == (report.tags, report.shots, report.video)
    assert told == sorted(told) != []
    assert tagger.extract(film.path, Settings(scan="fast"), min_shot_s=2.0).settings["min_shot_s"] == 2.0


def test_shots_are_those_of_the_report(film: media.Truth, report: TagReport) -> None:
    told: list[float] = []
    found = tagger.shots(str(film.path), progress=lambda time_s, length_s: told.append(time_s))
    assert [type(shot) for shot in found] == [tagger.ScannedShot] * 3
    assert [(shot.start_frame, shot.keyframe) for shot in found] == [
        (shot.start_frame, shot.keyframe) for shot in report.shots
    ]
    assert told != []
    assert [shot.start_frame for shot in tagger.shots(film.path, detector="hash")] == [0, *film.cuts]
    assert len(tagger.shots(film.path, Settings(min_shot_s=4.0))) == 1
    assert len(tagger.shots(film.path, Settings(min_shot_s=4.0), min_shot_s=0.6)) == 3


def test_segments_of_a_report_and_of_its_file(report: TagReport, tmp_path: Path) -> None:
    write_report(report, tmp_path / "film.json")
    tag = report.tags[0]
    for source in (report, tmp_path / "film.json", str(tmp_path / "film.json")):
        found = tagger.segments(source, tag.tag)
        assert found.tags == (tagger.Subject(tag.tag, tag.slug, (tag.slug,), True, tag.confidence),)
        assert found == replace(tagger.segments(report, tag.slug.upper()), report=found.report)
    carry = [shot for shot in report.shots if tag.slug in {found.slug for found in shot.tags}]
    assert sum(segment.shots for segment in found.segments) == len(carry) > 0
    assert {segment.slug for segment in tagger.segments(report).segments} >= {tag.slug}
    assert tagger.segments(report, tag.tag, threshold=1.0, max_gap_s=1.0, min_duration_s=2.0).segments == ()
    with pytest.raises(BadSettings, match="has no such tag"):
        tagger.segments(report, "no tag")
    with pytest.raises(BadSettings, match="threshold"):
        tagger.segments(report, threshold=2.0)


def test_compare_takes_reports_and_their_files(report: TagReport, tmp_path: Path) -> None:
    write_report(report, tmp_path / "film.json")
    found = tagger.compare(report, str(tmp_path / "film.json"))
    assert isinstance(found, tagger.Agreement)
    assert found.tau_b == pytest.approx(1.0)
    (tmp_path / "text.json").write_text("no report")
    with pytest.raises(BadReport, match="is not JSON"):
        tagger.compare(report, tmp_path / "text.json")
    with pytest.raises(BadPath, match="is a folder"):
        tagger.compare(tmp_path, report)


def test_what_is_nowhere_is_a_missing_file(tmp_path: Path) -> None:
    for call in (tagger.extract, tagger.shots, tagger.read_report, tagger.read_reports, tagger.evaluate):
        with pytest.raises(FileNotFoundError, match="gone"):
            call(tmp_path / "gone")


def test_evaluate_measures_a_folder(tmp_path: Path) -> None:
    for slug in ("war", "food"):
        (tmp_path / slug).mkdir()
        for seed in range(2):
            cv2.imwrite(str(tmp_path / slug / f"{seed}.png"), media.scenery(seed + 2 * (slug == "war"), 96, 96))
    told: list[tuple[int, int]] = []
    found = tagger.evaluate(str(tmp_path), progress=lambda done, files: told.append((done, files)))
    assert isinstance(found, tagger.Evaluation)
    assert told == [(done, 4) for done in range(1, 5)]
    assert {tag.slug: tag.images for tag in found.per_tag if tag.images} == {"war": 2, "food": 2}
    with pytest.raises(BadPath):
        tagger.evaluate(tmp_path / "gone")


# Many films


def test_pictures_have_the_tags_of_the_shots_they_stand_for(
    films: Tagger, film: media.Truth, report: TagReport
) -> None:
    with Film(film.path) as opened:
        shown = [picture.pixels for picture in scan(opened, Settings()).shots]
    assert films.tag(shown) == [shot.tags for shot in report.shots]
    (alone,) = films.tag(iter(shown[:1]))
    assert [tag.slug for tag in alone] == [tag.slug for tag in report.shots[0].tags]
    assert [tag.probability for tag in alone] == pytest.approx([t.probability for t in report.shots[0].tags], rel=1e-5)
    assert films.tag([]) == []


def test_pictures_come_as_arrays_and_as_paths(films: Tagger, pictures: list[Path]) -> None:
    arrays = [media.scenery(seed, 320, 180) for seed in range(3)]
    expected = films.tag(arrays)
    assert films.tag(pictures) == films.tag(map(str, pictures)) == expected
    assert films.tag([pictures[0], arrays[1], str(pictures[2])]) == expected
    for tags in expected:
        assert len(tags) <= 3
        assert [tag.probability for tag in tags] == sorted((tag.probability for tag in tags), reverse=True)
    boxed = np.zeros((240, 320, 3), np.uint8)
    boxed[30:210] = arrays[0]
    assert [tag.slug for tag in films.tag([boxed])[0]] == [tag.slug for tag in expected[0]]


def test_what_is_no_picture_is_named(films: Tagger, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name, message in (("gone.png", "no such file"), ("text.png", "text.png: "), (".", "is a folder")):
        with pytest.raises(BadPath, match=message) as caught:
            films.tag([*pictures, tmp_path / name])
        assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((9, 16, 3)), "float64 (9, 16, 3)"),
        (np.zeros((9, 16), np.uint8), "uint8 (9, 16)"),
        (np.zeros((9, 16, 4), np.uint8), "uint8 (9, 16, 4)"),
        (np.zeros((0, 16, 3), np.uint8), "uint8 (0, 16, 3)"),
        ([[1, 2, 3]], "a list"),
    ],
)
def test_an_array_that_is_no_picture_is_named(films: Tagger, array: Any, said: str) -> None:
    with pytest.raises(BadPicture, match=re.escape(said)):
        films.tag([array])


def test_one_picture_goes_into_a_list(films: Tagger, pictures: list[Path]) -> None:
    for one in (pictures[0], str(pictures[0]), np.zeros((9, 16, 3), np.uint8)):
        with pytest.raises(BadPicture, match="put it into a list"):
            films.tag(one)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["n" * 5000, "\0"])
def test_what_can_be_no_name_is_nowhere(report: TagReport, film: media.Truth, name: str) -> None:
    with pytest.raises(WeightsMissing):
        Tagger(weights=name)
    with pytest.raises(BadVocabulary):
        Tagger(vocabulary=name)
    for call in (tagger.extract, tagger.read_report, tagger.read_reports, tagger.evaluate):
        with pytest.raises(BadPath):
            call(name)
    with pytest.raises(OutputRefused):
        write_report(report, name, format="json")


def test_choices_are_fields_of_settings() -> None:
    with Tagger(Settings(scan="fast", detector="hash"), detector="content", min_shot_s=1) as films:
        assert (films.settings.scan, films.settings.detector, films.settings.min_shot_s) == ("fast", "content", 1.0)
        assert films.settings.backbone == registry.choose(registry.AUTO, None, vocabulary.load("movies50").heads)
        assert repr(films) == f"<Tagger: {Engine().describe()}>"


def test_what_cannot_be_is_refused_before_any_film(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"do you mean detector\?"):
        Tagger(detectors="hash")
    with pytest.raises(BadSettings, match="choose one of"):
        Tagger(scan="slow")
    with pytest.raises(BadSettings):
        Tagger(backbone="no network")
    with pytest.raises(BadVocabulary):
        Tagger(vocabulary=tmp_path / "gone")


def test_a_film_that_cannot_be_read_ends_no_tagger(films: Tagger, film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(FileNotFoundError):
        films.extract(tmp_path / "gone.mp4")
    with pytest.raises(VideoUnreadable):
        films.extract(str(tmp_path / "text.mp4"))
    assert len(films.extract(film.path).shots) == 3


def test_threads_may_share_a_tagger(film: media.Truth, report: TagReport) -> None:
    with Tagger() as films, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(films.extract, [film.path] * 4))
    assert all((one.tags, one.shots) == (report.tags, report.shots) for one in found)


def test_a_closed_tagger_says_so(film: media.Truth, pictures: list[Path]) -> None:
    with Tagger() as films:
        assert len(films.tag(pictures)) == 3
    films.close()
    assert repr(films) == "<Tagger: closed>"
    for ask in (lambda: films.extract(film.path), lambda: films.tag(pictures), lambda: films.settings):
        with pytest.raises(ValueError, match="this Tagger is closed: make another"):
            ask()
