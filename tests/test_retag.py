"""Another vocabulary for films that were tagged: as if they were tagged with it, and nothing is decoded."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import media
import numpy as np
import pytest
from batches import LEDGER, batch, entries, inside, statuses, summary

import tagger
from tagger import TagReport, vocabulary
from tagger.batch import retag as retagging
from tagger.batch.ledger import DONE
from tagger.models import arrays, compact, nudity, registry
from tagger.models.head import FEATURES, Dense, Head
from tagger.pipeline import Engine
from tagger.reports.json_report import read_report
from tagger.reports.kept import features_file, read_features
from tagger.retag import Retagger
from tagger.settings import Settings

NAMES = ("ä ✓.mp4", "dark.mp4", "deep/x.mp4")
OFF = 5e-4  # what half precision does to a probability; 0.00014 on real films
TAGS = ("Red", "Green", "Beach/Sea", "Blue")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films, in one of which nothing is to be seen."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "deep").mkdir()
    media.film(folder / "ä ✓.mp4", (15, 20, 12), 160, 90)
    media.write(folder / "dark.mp4", (np.full((90, 160, 3), 16, np.uint8) for _ in range(12)))
    media.film(folder / "deep/x.mp4", (16, 17), 160, 90)
    return folder


@pytest.fixture(scope="module")
def tagged(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a batch over them."""
    output = tmp_path_factory.mktemp("tagged") / "tags"
    assert batch(films, "-o", output, "-q").returncode == 0
    return output


@pytest.fixture
def out(tagged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tagged, tmp_path / "tags"))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another vocabulary, whose head reads the features of the embedded network."""
    return made(tmp_path_factory.mktemp("words") / "four")


def made(folder: Path, backbone: str = "compact", **other: Any) -> Path:
    """A vocabulary of four tags with a head of random numbers, of which the last was never trained."""
    (folder / "heads").mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(TAGS))
    network = registry.load("compact", None)
    rng = np.random.default_rng(1)
    kernel = rng.normal(0, 0.2, (network.feature_count, len(TAGS))).astype(np.float32)
    known = Head(
        kernel, np.full(len(TAGS), 0.5, np.float32), (True, True, True, False), vocabulary.load(folder).sha256,
        network.identity, network.sha256, FEATURES,
    )  # fmt: skip
    replace(known, **other).save(folder / f"heads/{backbone}.npz")
    return folder


def retag(*given: str | Path, code: int = 0) -> tuple[str, list[str]]:
    """Runs it; stdout, and the lines of stderr."""
    done = inside("retag", *given)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr.splitlines()


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def alike(one: TagReport, other: TagReport) -> None:
    """The same film with the same answer, but for what half precision does."""
    keep = ("video", "scan", "status", "warnings", "slugs", "model")
    assert all(getattr(one, name) == getattr(other, name) for name in keep)
    assert {**one.settings, "batch_size": 0} == {**other.settings, "batch_size": 0}
    assert [tag.slug for tag in one.tags if tag.weight] == [tag.slug for tag in other.tags if tag.weight]
    again = {tag.slug: tag for tag in other.tags}  # without weight, neighbours may change places
    for mine, theirs in ((tag, again[tag.slug]) for tag in one.tags):
        assert (mine.answered_by, mine.frames, mine.trained) == (theirs.answered_by, theirs.frames, theirs.trained)
        assert mine.mean_probability == pytest.approx(theirs.mean_probability, abs=OFF)
        assert mine.confidence == pytest.approx(theirs.confidence, abs=OFF)
    for seen, shot in zip(one.shots, other.shots, strict=True):
        assert replace(seen, tags=(), probabilities=()) == replace(shot, tags=(), probabilities=())
        assert [tag.slug for tag in seen.tags] == [tag.slug for tag in shot.tags]
        assert seen.probabilities == pytest.approx(shot.probabilities, abs=OFF)


# ------------------------------------------------------------------------------------------------------------- answers


def test_the_same_vocabulary_gives_the_same_answer(out: Path) -> None:
    before = files(out)
    said, errors = retag(out, "--vocab", "movies50")
    assert said.startswith(f"{out}-movies50: 3 films: 3 done (") and errors == []
    assert files(out) == before
    for name in NAMES:
        again = read_report(Path(f"{out}-movies50") / f"{name}.tags.json")
        alike(again, read_report(out / f"{name}.tags.json"))
    assert any(shot.probabilities for shot in again.shots)
    rows = [{**row, "finished": ""} for row in summary(Path(f"{out}-movies50"))]
    assert rows == [{**row, "finished": ""} for row in summary(out)]


def test_another_vocabulary_answers_as_if_films_were_tagged_with_it(out: Path, films: Path, words: Path) -> None:
    _, errors = retag(out, "--vocab", words)
    assert errors == []
    output = Path(f"{out}-four")
    asked = tagger.Tagger(vocabulary=words, backbone="compact")
    for name in NAMES:
        alike(read_report(output / f"{name}.tags.json"), asked.extract(films / name))
    dark = read_report(output / "dark.mp4.tags.json")
    assert [shot.probabilities for shot in dark.shots] == [()] and all(tag.weight == 0 for tag in dark.tags)
    assert (output / "deep/x.mp4.tags.csv").read_text().splitlines()[1].startswith("x.mp4,1,")
    table = tagger.read_reports(output)
    assert len(table) == 3 * len(TAGS)


def test_several_vocabularies_are_asked_in_one_pass(
    out: Path, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def counted(file: Path) -> Any:
        opened.append(file)
        return read_features(file)

    monkeypatch.setattr(retagging, "read_features", counted)
    said, _ = retag(out, "--vocab", words, "--vocab", "movies50", "-o", tmp_path / "new")
    assert [line.split(": ")[0] for line in said.splitlines()] == [f"{tmp_path}/new/four", f"{tmp_path}/new/movies50"]
    assert len(opened) == len(NAMES)
    for name in ("four", "movies50"):
        assert {*files(tmp_path / "new" / name)} >= {f"{film}.tags.json" for film in NAMES}
        assert read_report(tmp_path / "new" / name / "deep/x.mp4.tags.json").model.vocabulary == name


def test_a_head_that_reads_features_needs_no_network(out: Path, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "ARRAYS", Path("gone.npz"))
    retag(out, "--vocab", words)
    _, errors = retag(out, "--vocab", "movies50", code=1)
    assert len(errors) == 3 and all("gone.json: no such file" in line for line in errors)


def test_shots_of_a_report_of_before_are_enough(out: Path, words: Path) -> None:
    """It had neither probabilities nor the order of the tags, and did not say what gave them."""
    path = out / "deep/x.mp4.tags.json"
    told = json.loads(path.read_text())
    del told["slugs"], told["model"]["activation"]
    for shot in told["shots"]:
        del shot["probabilities"]
    path.write_text(json.dumps(told))
    retag(path, "--vocab", words, "-o", out.parent / "new")
    found = read_report(out.parent / "new/x.mp4.tags.json")
    assert found.slugs == ("red", "green", "beach-sea", "blue") and len(found.shots[0].probabilities) == 4
    assert not (out.parent / "new/summary.csv").exists()  # of one report


def test_one_report_is_a_table(out: Path, words: Path) -> None:
    before = files(out)
    said, lines = retag(out / "deep/x.mp4.tags.json", "--vocab", words, "--vocab", "movies50", "--top", "2")
    assert lines == ["movietags: vocabulary four", "movietags: vocabulary movies50"]
    assert said.count("x.mp4: 00:01, 2 shots, 2 with a picture to tag\n") == 2
    assert files(out) == before and [path.name for path in out.parent.iterdir()] == ["tags"]


def test_python_asks_a_report_or_features(out: Path, films: Path, words: Path) -> None:
    path = out / "deep/x.mp4.tags.json"
    one = tagger.retag(path, words)
    with tagger.Tagger(backbone="compact") as tags:
        other = tagger.retag(tags.features(films / "deep/x.mp4"), str(words))
    assert one.model == other.model and [tag.slug for tag in one.tags] == [tag.slug for tag in other.tags]
    assert one.model.vocabulary == "four" and one.settings["vocabulary"] == str(words)


def test_what_answered_for_nudity_still_does(out: Path) -> None:
    """Also where its package is not installed, as in this test."""
    found = read_features(out / "deep/x.mp4.tags.json")
    assert found.kept.nudity is None
    asked = Retagger("movies50")
    for said, by in ((np.full(len(found.values), 0.25, np.float32), nudity.NAME), (None, "")):
        report = asked.report(found.report, replace(found.kept, nudity=said))
        (tag,) = (tag for tag in report.tags if tag.slug == nudity.SLUG)
        assert (tag.answered_by, tag.trained) == (by, bool(by))
        assert tag.mean_probability == (pytest.approx(0.25, abs=1e-6) if by else pytest.approx(0, abs=0.02))


# -------------------------------------------------------------------------------------------------- what does not do it


def test_films_without_usable_features_cost_no_other(out: Path, words: Path) -> None:
    first, second, third = (features_file(out / name) for name in NAMES)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-30])
    said, errors = retag(out, "--vocab", words, code=1)
    assert said.startswith(f"{out}-four: 3 films: 1 done, 2 failed (")
    assert len(errors) == 2 and all(line.startswith("movietags: error: ") for line in errors)
    assert "dark.mp4.features.npz: holds no features that could be read" in errors[0]
    assert "ä ✓.mp4.tags.json: its features were not kept" in errors[1]
    assert statuses(Path(f"{out}-four")) == {"dark.mp4": "failed", "deep/x.mp4": "ok", "ä ✓.mp4": "failed"}
    shutil.copy(third, first)
    _, errors = retag(out, "--vocab", words, code=1)
    assert "ä ✓.mp4.features.npz: is of another film than ä ✓.mp4.tags.json" in errors[1]


LOUD = (Dense(np.full((768, 768), 6e4, np.float32), np.full(768, 3e38, np.float32)),)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"backbone": "inceptionv3"}, "has a head for inceptionv3, none for compact, whose features these are"),
        ({"backbone_sha256": "0" * 64}, "was trained on compact/avg_pool 000000000000, the features are of compact"),
        ({"reads": "classes"}, "was trained on compact/avg_pool"),
        ({"bias": np.full(4, 3e38, np.float32), "hidden": LOUD}, "too large"),
        ({"kernel": np.ones((700, 4), np.float32)}, "takes 700 numbers"),
    ],
)
def test_a_head_that_does_not_fit_is_a_line_for_each_film(
    out: Path, tmp_path: Path, how: dict[str, Any], said: str
) -> None:
    odd = made(tmp_path / "odd", **how)
    _, errors = retag(out, "--vocab", odd, code=1)
    lines = [line for line in errors if said in line]
    assert lines and all(line.startswith(f"movietags: error: {out}/") for line in lines)


def test_features_of_other_weights_are_told_from_the_usual_ones(out: Path, tmp_path: Path) -> None:
    numbers = arrays.load(compact.ARRAYS)
    name = next(name for name in numbers if name.endswith(".bias"))
    arrays.save(tmp_path / "mine.npz", {**numbers, name: numbers[name] + 1}, {})
    _, errors = retag(out, "--vocab", "movies50", "--weights", tmp_path / "mine.npz", code=1)
    assert all("name its file with --weights" in line for line in errors) and len(errors) == 3
    retag(out, "--vocab", "movies50", "--weights", compact.ARRAYS)


def test_what_was_asked_is_never_written_over(out: Path, words: Path, tmp_path: Path) -> None:
    before = files(out)
    for place in (out, out / "deep", out / "new", out.parent):
        _, errors = retag(out, "--vocab", words, "-o", place, code=2)
        assert "name a folder apart with -o" in errors[0]
    _, errors = retag(out / "deep/x.mp4.tags.json", "--vocab", words, "-o", out / "deep", code=2)
    link = tmp_path / "link"
    link.symlink_to(out)
    retag(out, "--vocab", words, "-o", link, code=2)
    other = Path(shutil.copytree(out, tmp_path / "other"))
    _, errors = retag(out, "--vocab", words, "-o", other, code=2)
    assert "holds the reports of a batch" in errors[0]
    twin = Path(shutil.copytree(words, tmp_path / "more/four"))
    _, errors = retag(out, "--vocab", words, "--vocab", twin, code=2)
    assert "two vocabularies are called four" in errors[0]
    assert files(out) == files(other) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "more", "other", "tags"]


def test_a_folder_is_no_stdout(out: Path, words: Path) -> None:
    with pytest.raises(click.UsageError, match="--output names a folder"):
        retag(out, "--vocab", words, "-o", "-")


def test_what_is_not_there_is_said_and_leaves_nothing(out: Path, words: Path, tmp_path: Path) -> None:
    _, errors = retag(out, "--vocab", words, "--weights", tmp_path / "none", code=1)
    assert len(errors) == 1 and "no such weights file" in errors[0]
    (tmp_path / "empty").mkdir()
    for source, said in (("none", "no such file"), ("empty", "no report below it")):
        _, errors = retag(tmp_path / source, "--vocab", words, code=1)
        assert said in errors[0]
    _, errors = retag(out, "--vocab", "none", code=1)
    assert "vocabulary none: neither shipped" in errors[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "tags"]


def test_several_folders_have_one_each(out: Path, words: Path, tmp_path: Path) -> None:
    second = Path(shutil.copytree(out / "deep", tmp_path / "second"))
    retag(out, second, "--vocab", words)
    assert Path(f"{out}-four/deep/x.mp4.tags.json").exists() and Path(f"{second}-four/x.mp4.tags.json").exists()
    retag(out, second, "--vocab", words, "-o", tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"tags", "second"}
    again = Path(shutil.copytree(out, tmp_path / "elsewhere/tags"))
    _, errors = retag(out, again, "--vocab", words, "-o", tmp_path / "all", code=2)
    assert "two folders or reports of one name" in errors[0]


@pytest.mark.parametrize("body", [b"mine", None])
def test_what_was_there_before_stays_until_it_is_replaced(
    out: Path, words: Path, tmp_path: Path, body: bytes | None
) -> None:
    """Another film's report, or no report at all: nobody knows how it was written."""
    (tmp_path / "new").mkdir()
    there = tmp_path / "new/dark.mp4.tags.json"
    there.write_bytes(before := body or (out / "ä ✓.mp4.tags.json").read_bytes())
    said, errors = retag(out, "--vocab", words, "-o", tmp_path / "new", code=1)
    assert "2 done, 1 failed" in said and f"{there}: is there and no report of this film" in errors[0]
    assert there.read_bytes() == before and not there.with_suffix(".csv").exists()
    retag(out, "--vocab", words, "-o", tmp_path / "new", "--replace")
    assert read_report(there).model.vocabulary == "four"
    shutil.copy(out / "dark.mp4.tags.json", there)  # of the same film, from elsewhere
    shutil.rmtree(tmp_path / "new/.movietags")
    retag(out, "--vocab", words, "-o", tmp_path / "new")


def test_a_run_that_is_stopped_names_the_films_that_it_did_not_come_to(out: Path, words: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    source = retagging.Source(out)
    into = retagging.targets(source, [Retagger(words)], None)
    with pytest.raises(KeyboardInterrupt):
        retagging.Retagging(source, into).run(pytest.fail, stop)
    assert statuses(Path(f"{out}-four")) == {"dark.mp4": "ok", "deep/x.mp4": "pending", "ä ✓.mp4": "pending"}


def test_reports_and_features_that_are_named_lie_side_by_side(out: Path, words: Path, tmp_path: Path) -> None:
    retag(out / "dark.mp4.tags.json", out / "deep/x.mp4.features.npz", out, "--vocab", words, "-o", tmp_path / "new")
    assert {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*.tags.json")} == {
        *(f"{name}.tags.json" for name in ("dark.mp4", "x.mp4")),
        *(f"tags/{name}.tags.json" for name in NAMES),
    }
    same = (out / "deep/x.mp4.tags.json", out / "deep/x.mp4.features.npz")
    _, errors = retag(*same, "--vocab", words, "-o", tmp_path / "two", code=2)
    assert "reports of one name" in errors[0] and not (tmp_path / "two").exists()


def test_reports_of_films_that_are_gone_are_named(out: Path, words: Path) -> None:
    """They stay, as nobody says that they are not wanted, and would count in tables of the whole folder."""
    retag(out, "--vocab", words)
    for path in out.glob("dark.mp4.*"):
        path.rename(path.with_name(path.name.replace("dark", "night")))
    _, lines = retag(out, "--vocab", words)
    assert lines == [f"movietags: {out}-four: also has reports of films that are not in {out} now, 1: dark.mp4"]
    assert retag(out, "--vocab", words, "-q")[1] == []


def test_what_a_person_changed_stays_until_it_is_replaced(out: Path, words: Path) -> None:
    retag(out, "--vocab", words)
    mine = Path(f"{out}-four/deep/x.mp4.tags.csv")
    mine.write_text("mine")
    said, errors = retag(out, "--vocab", words, code=1)
    assert "2 done, 1 failed" in said and f"{mine}: was changed since it was written" in errors[0]
    assert mine.read_text() == "mine"
    retag(out, "--vocab", words, "--replace")
    assert mine.read_text() != "mine"


def test_a_batch_goes_on_where_another_vocabulary_was_asked(out: Path, films: Path, words: Path) -> None:
    retag(out, "--vocab", words)
    done = batch(films, "-o", f"{out}-four", "--vocab", words, "--dry-run")
    assert sorted(done.stdout.splitlines()) == sorted(f"{films / name}: new" for name in NAMES)


# ------------------------------------------------------------------------------------------ what a batch does with them


@pytest.fixture
def source(films: Path, tmp_path: Path) -> Path:
    """Two films that can be changed."""
    (tmp_path / "films").mkdir()
    for name, new in (("ä ✓.mp4", "a.mp4"), ("deep/x.mp4", "b.mp4")):
        shutil.copy(films / name, tmp_path / "films" / new)
    return tmp_path / "films"


def states(output: Path, before: int) -> list[str]:
    return sorted(name for name, state in entries(output)[before:] if state == DONE)


def kept_in(output: Path) -> list[str]:
    return sorted(path.name.removesuffix(".features.npz") for path in output.rglob("*.features.npz"))


def test_films_done_without_features_are_done_again_only_when_asked(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert batch(source, "-o", output, "--no-keep-features").returncode == 0
    assert kept_in(output) == []
    assert "without features" not in batch(source, "-o", output, "--no-keep-features").stderr
    before = len(entries(output))
    done = batch(source, "-o", output)
    assert "0 films to tag, 2 done before, 2 of them without features or keyframes (--keep-features)" in done.stderr
    assert len(entries(output)) == before and done.returncode == 0
    retag(output, "--vocab", "movies50", code=1)
    shutil.copy(source / "a.mp4", source / "c.mp4")  # has its own: there are none to be copied
    assert batch(source, "-o", output, "--dry-run").stdout == f"{source}/c.mp4: new\n"
    assert batch(source, "-o", output, "--keep-features", "--dry-run").stdout.splitlines() == [
        f"{source}/a.mp4: its features or keyframes were not kept",
        f"{source}/b.mp4: its features or keyframes were not kept",
        f"{source}/c.mp4: new (the same as a.mp4)",
    ]
    assert batch(source, "-o", output, "--keep-features", "-q").returncode == 0
    assert states(output, before) == kept_in(output) == ["a.mp4", "b.mp4", "c.mp4"]
    assert features_file(output / "a.mp4").read_bytes() == features_file(output / "c.mp4").read_bytes()
    retag(output, "--vocab", "movies50")
    features_file(output / "a.mp4").unlink()
    assert "3 done before, 1 of them without features" in batch(source, "-o", output).stderr
    shown = batch(source, "-o", output, "--keep-features", "--dry-run").stdout
    assert shown == f"{source}/a.mp4: its features or keyframes were not kept (the same as c.mp4)\n"
    features_file(output / "a.mp4").write_text("another's")
    assert batch(source, "-o", output, "--keep-features", "-q").returncode == 1
    assert statuses(output)["a.mp4"] == "failed" and features_file(output / "a.mp4").read_text() == "another's"


def test_features_go_with_films_that_are_renamed_copied_and_deleted(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    media.film(source / "d.mp4", (13,), 160, 90)
    assert batch(source, "-o", output, "-q").returncode == 0
    expected = {name: features_file(output / f"{name}.mp4").read_bytes() for name in "abd"}
    (source / "new").mkdir()
    (source / "a.mp4").rename(source / "new/b.mp4")
    (source / "b.mp4").rename(source / "a.mp4")  # the name of another
    (source / "d.mp4").rename(source / "b.mp4")
    features_file(output / "d.mp4").unlink()
    before = len(entries(output))
    assert batch(source, "-o", output, "-q").returncode == 0
    assert states(output, before) == ["a.mp4", "b.mp4", "new/b.mp4"]
    assert kept_in(output) == ["a.mp4", "b.mp4"]  # the second is new/b.mp4: another has none, and takes none
    assert features_file(output / "a.mp4").read_bytes() == expected["b"]
    assert features_file(output / "new/b.mp4").read_bytes() == expected["a"]
    shutil.copy(source / "a.mp4", source / "copy.mp4")
    assert batch(source, "-o", output, "-q").returncode == 0
    assert features_file(output / "copy.mp4").read_bytes() == expected["b"]
    (source / "copy.mp4").unlink()
    assert batch(source, "-o", output, "-q", "--prune").returncode == 0
    assert not list(output.glob("copy.mp4*"))


def test_a_report_that_a_person_changed_is_not_done_again_for_features(out: Path, films: Path) -> None:
    mine = out / "deep/x.mp4.tags.csv"
    mine.write_text("mine")
    before = files(out)
    done = batch(films, "-o", out, "--keep-features")
    assert f"{mine}: kept" in done.stderr and done.returncode == 0
    assert {name: body for name, body in files(out).items() if "x.mp4" in name} == {
        name: body for name, body in before.items() if "x.mp4" in name
    }
    features_file(out / "deep/x.mp4").unlink()
    assert batch(films, "-o", out, "--keep-features", "--dry-run").stdout.count("\n") == 1


def test_a_run_that_ends_between_features_and_report_is_made_good(out: Path, films: Path) -> None:
    expected = files(out)["deep/x.mp4.features.npz"]
    lines = (out / LEDGER).read_text().splitlines(keepends=True)
    (out / LEDGER).write_text("".join(line for line in lines if not ("x.mp4" in line and '"done"' in line)))
    shutil.copy(features_file(out / "ä ✓.mp4"), features_file(out / "deep/x.mp4"))
    (out / "deep/x.mp4.tags.json").unlink()
    assert batch(films, "-o", out, "-q").returncode == 0
    assert files(out)["deep/x.mp4.features.npz"] == expected
    retag(out, "--vocab", "movies50")
    (out / "deep/x.mp4.tags.json").unlink()
    assert batch(films, "-o", out, "-q", "--no-keep-features").returncode == 0
    assert kept_in(out) == ["dark.mp4", "ä ✓.mp4"]  # what is done again without them has none


def test_features_are_those_of_the_network_and_change_no_answer(films: Path, tagged: Path) -> None:
    engine = Engine(Settings())
    for name in NAMES:
        report, expected = engine.extract_with_features(films / name)
        found = read_features(tagged / f"{name}.tags.json")
        assert found.values == pytest.approx(expected.features, rel=1e-3, abs=1e-3)
        assert found.report.tags == report.tags and found.report.shots == report.shots  # rounded after the answer


def test_extract_keeps_features_where_it_is_asked_to(films: Path, tmp_path: Path) -> None:
    film = films / "deep/x.mp4"
    done = inside("extract", film, "-o", tmp_path / "out", "--keep-features")
    kinds = ("features.npz", "keyframes.zip", "tags.csv", "shots.csv", "tags.json")
    assert done.stderr.splitlines()[-5:] == [f"movietags: wrote {tmp_path}/out/x.{kind}" for kind in kinds]
    assert tagger.retag(tmp_path / "out/x.tags.json", "movies50").tags[0].weight > 0
    assert inside("extract", film, "-o", tmp_path / "out").returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("x*")) == ["x.shots.csv", "x.tags.csv", "x.tags.json"]
    for words in ((), ("-o", "-")):
        with pytest.raises(Exception, match="name its folder with -o"):
            inside("extract", film, "--keep-features", *words)
