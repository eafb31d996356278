"""Films in, reports out: exact, repeatable, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import media
import numpy as np
import pytest

import tagger
from tagger import Settings, Tagger, TagReport, pipeline
from tagger.errors import BadHead, EmptyVideo, NonFiniteFeatures, VideoUnreadable
from tagger.models import model as models
from tagger.models.runtime import Network
from tagger.pipeline import Engine
from tagger.records import ShotPicture, Timing
from tagger.reports.json_report import SCHEMA_FILE, as_json
from tagger.shots import full as fullscan
from tagger.shots import scan as reader
from tagger.shots.evidence import Choice
from tagger.shots.keyframes import shot_picture

SCHEMA = json.loads(SCHEMA_FILE.read_text())


@pytest.fixture(scope="module")
def one() -> Tagger:
    return Tagger()


def timeless(report: TagReport) -> TagReport:
    return replace(report, created="", timing=Timing(0, 0, 0, 0, 0))


def test_the_example_of_the_readme(film: media.Truth) -> None:
    report = tagger.extract(film.path)
    assert len(report.tags) == 50
    assert [shot.start_s for shot in report.shots] == pytest.approx([0.0, 1.2, 3.0])
    assert report.status == "ok"
    assert report.warnings == ()


def test_a_batch_is_told_when_fast_scans_take_other_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Settings(scan=how) for how in ("auto", "fast", "full")] + [Settings(detector="adaptive")]
    before = [Engine(one).identity for one in asked]
    monkeypatch.setattr(pipeline, "FAST_KEYFRAMES", -1)
    changed = [Engine(one).identity != known for one, known in zip(asked, before, strict=True)]
    assert changed == [True, True, False, False]  # PySceneDetect needs every frame


def test_keyframes_of_a_fast_scan_far_from_the_middle_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "choose", lambda *_: Choice("fast", "told to", {12}))
    options = {"g": "12", "keyint_min": "12", "sc_threshold": "0"}
    long = media.film(tmp_path / "long.mp4", (240,), width=160, height=90, options=options).path
    assert tagger.extract(long, scan="fast").warnings == ()
    held_short = tagger.extract(long, scan="fast", reservoir_bytes=0)
    (shot,) = held_short.shots
    far = f"keyframes lie up to {shot.keyframe.off_middle_frames} frames from the middle (damage, or reservoir_bytes)"
    assert shot.keyframe.off_middle_frames > 0
    assert held_short.warnings == (far,)
    monkeypatch.setattr(reader, "choose", lambda *_: Choice("references", "told to"))
    assert tagger.extract(long, scan="fast").warnings == ()  # next to the middle is near


def test_ranked_weights_follow_from_the_shots(one: Tagger, film: media.Truth) -> None:
    report = one.extract(film.path)
    kept = [shot for shot in report.shots if shot.keyframe.kept]
    for tag in report.tags:
        named = sum(any(found.slug == tag.slug for found in shot.tags) for shot in kept)
        assert tag.frames == named
        assert tag.weight == pytest.approx(named / len(kept) * tag.mean_probability * len(kept), rel=1e-5)


def test_two_runs_give_the_same_report(one: Tagger, film: media.Truth) -> None:
    first, second = one.extract(film.path), Tagger().extract(film.path)
    assert as_json(timeless(first)) == as_json(timeless(second))


def test_batch_size_changes_nothing(film: media.Truth) -> None:
    reports = [Tagger(Settings(batch_size=size)).extract(film.path) for size in (1, 32)]
    scores = [{tag.slug: tag.score for tag in report.tags} for report in reports]
    assert [tag.slug for tag in reports[0].tags[:5]] == [tag.slug for tag in reports[1].tags[:5]]
    assert max(abs(scores[0][slug] - scores[1][slug]) for slug in scores[0]) < 1e-5


def test_no_keyframe_kept_is_a_report_with_a_warning(one: Tagger, tmp_path: Path) -> None:
    black = [np.zeros((90, 160, 3), np.uint8)] * 30
    report = one.extract(media.write(tmp_path / "black.mp4", iter(black)).path)
    assert all(tag.weight == 0.0 and tag.score == 0.0 for tag in report.tags)
    assert any("no keyframe" in warning for warning in report.warnings)
    jsonschema.validate(json.loads(as_json(report)), SCHEMA)


def test_a_cut_off_film_is_tagged_and_marked(one: Tagger, tmp_path: Path) -> None:
    fast = {"movflags": "+faststart"}
    with_index_first = tmp_path / "whole.mp4"
    truth = media.film(tmp_path / "plain.mp4", (40, 40), options={"g": "10"})
    subprocess_free_remux(truth.path, with_index_first, fast)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(with_index_first.read_bytes()[: int(with_index_first.stat().st_size * 0.6)])
    report = one.extract(cut)
    assert report.status == "truncated"
    assert 30 <= report.video.frame_count < 80
    assert any(warning.startswith("truncated: only") for warning in report.warnings)


def subprocess_free_remux(source: Path, target: Path, options: dict[str, str]) -> None:
    import av

    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)


def test_a_head_for_other_weights_is_refused(film: media.Truth, tmp_path: Path) -> None:
    from tagger.models import arrays, compact

    found = arrays.load(compact.ARRAYS)
    first = next(iter(found))
    arrays.save(tmp_path / "other.npz", {**found, first: found[first] + 1}, {})
    with pytest.raises(BadHead, match="was trained on compact/avg_pool"):
        Tagger(Settings(weights=tmp_path / "other.npz")).extract(film.path)


def test_a_film_is_read_while_the_model_is_loaded(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    read, real = threading.Event(), models.load

    def load(*parts: Any) -> models.Model:
        assert read.wait(20), "the film waits for the model"
        return real(*parts)

    monkeypatch.setattr(models, "load", load)
    report = Engine().extract(film.path, lambda time_s, length_s: read.set() if time_s > 3.9 else None)
    assert len(report.shots) == 3
    assert report.timing.scan_s < report.timing.total_s


def test_an_error_in_the_middle_of_a_film_comes_out(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Engine(Settings(backbone="compact", batch_size=1))
    broken.model()
    monkeypatch.setattr(Network, "__call__", lambda _, planes: np.full((len(planes), 768), np.nan, np.float32))
    with pytest.raises(NonFiniteFeatures):
        broken.extract(film.path)


def test_real_clips_give_valid_reports(one: Tagger, shared: Path) -> None:
    folders = [shared / "videos" / name for name in ("openmovie", "clips", "pyscenedetect")]
    clips = [path for folder in folders for path in sorted(folder.iterdir())]
    assert len(clips) > 20
    for clip in clips:
        report = one.extract(clip)
        jsonschema.validate(json.loads(as_json(report)), SCHEMA)
        assert report.status == "ok", (clip.name, report.warnings)
        assert all(shot.keyframe.off_middle_frames == 0 for shot in report.shots)
        assert all(np.isfinite(tag.weight) for tag in report.tags)


def test_odd_files_give_a_report_or_one_clear_line(one: Tagger, shared: Path) -> None:
    refused = {}
    for path in sorted((shared / "videos/odd").iterdir()):
        try:
            report = one.extract(path)
        except (VideoUnreadable, EmptyVideo) as error:
            assert "\n" not in str(error)
            refused[path.name] = str(error)
            continue
        jsonschema.validate(json.loads(as_json(report)), SCHEMA)
    assert set(refused) == {
        "fate__h264__mov-3elist-encrypted.mp4",
        "fate__mpeg2video__pmtchange.mp4",
        "jetplay__error.mp4",
        "mp4parse__chunk_out_of_range.mp4",
        "mp4parse__zero_empty_stsc.mp4",
    }


def test_pictures_are_let_go_once_they_are_tagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 keyframes never more than a few exist at once, also as the base of some view."""
    owners: list[weakref.ref[object]] = []
    alive: list[int] = []

    def watched(*args: Any) -> ShotPicture:
        made = shot_picture(*args)
        owner: Any = made.pixels
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        owners.append(weakref.ref(owner))
        alive.append(sum(ref() is not None for ref in owners))
        return made

    monkeypatch.setattr(fullscan, "shot_picture", watched)
    monkeypatch.setattr(reader, "KEYFRAMES_AHEAD", 2)
    truth = media.film(tmp_path / "many.mp4", (20,) * 40, options={"preset": "ultrafast"})
    assert len(Tagger(Settings(batch_size=1)).extract(truth.path).shots) == len(owners) == 40
    assert max(alive) <= 2 + 1 + 2  # waiting, in a batch, on either side


# Not ru_maxrss, which Linux hands on from the parent.
PEAK = """
import re, sys
from pathlib import Path
from typing import Any
from tagger.shots.scan import scan
from tagger.settings import Settings
from tagger.video.film import Film
with Film(Path(sys.argv[1])) as film:
    shots = sum(1 for _ in scan(film, Settings()).shots)
print(shots, *re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()))
"""


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """The same shots once and ten times: at most 5 % apart (the bounds are full after the first round)."""
    lengths = (60, 200, 90)
    fast = {"preset": "ultrafast"}
    once = media.film(tmp_path / "once.mp4", lengths, width=640, height=360, options=fast)
    often = media.film(tmp_path / "often.mp4", lengths * 10, width=640, height=360, options=fast)
    peaks = []
    for truth in (once, often):
        done = subprocess.run([sys.executable, "-c", PEAK, str(truth.path)], capture_output=True, text=True, check=True)
        shots, peak = map(int, done.stdout.split())
        assert shots == len(truth.cuts) + 1
        peaks.append(peak)
    assert peaks[1] <= 1.05 * peaks[0]
