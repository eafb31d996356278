"""One head for every ImageNet network: class evidence, the network's own classifier, and which network is chosen."""

from __future__ import annotations

from pathlib import Path

import media
import numpy as np
import pytest
from networks import in_cache

from tagger import Settings, Tagger, vocabulary
from tagger.errors import BadVocabulary, BadWeights
from tagger.models import head, registry, weights
from tagger.models.architectures import named
from tagger.models.backbone import whole_sha256
from tagger.models.evidence import class_evidence
from tagger.pipeline import Engine

REAL = {"mobilenetv2": "mobilenet_v2_1.0_224.weights.h5", "mobilenet-0.75-192": "mobilenet_v1_0.75_192.weights.h5"}
SMALL = "mobilenet-0.25-128"


def test_class_evidence_is_what_its_formula_says() -> None:
    logits = np.random.default_rng(0).normal(3, 2, (4, 1000)).astype(np.float32)
    expected = [np.maximum((row - row.mean()) / row.std() - 0.5, 0) for row in logits.astype(np.float64)]
    assert class_evidence(logits) == pytest.approx(np.array(expected), abs=1e-4)


def test_class_evidence_does_not_care_how_loud_a_network_is() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 2, 1000)).astype(np.float32)
    assert class_evidence(3 * logits + 7) == pytest.approx(class_evidence(logits), abs=1e-4)
    assert not class_evidence(np.full((2, 1000), 5, np.float32)).any()


@pytest.mark.parametrize("name", REAL)
def test_real_networks_have_tags_without_any_training(shared: Path, film: media.Truth, name: str) -> None:
    engine = Engine(Settings(backbone=name, weights=shared / "models" / REAL[name]))
    assert "movies50, its portable head: 48 of 50 tags trained" in engine.describe()
    report = engine.extract(film.path)
    assert report.model.backbone == f"{name}/avg_pool"
    assert report.tags[0].weight > 0
    assert [tag.tag for tag in report.tags if not tag.trained] == ["Nudity", "Sex"]
    assert all(tag.weight == 0 for tag in report.tags if not tag.trained)


def test_the_portable_head_knows_what_a_real_network_sees(shared: Path) -> None:
    """Pictures of ImageNet that speak plainly for a tag, through a network the head is not told of."""
    model = Engine(Settings(backbone="mobilenetv2", weights=shared / "models" / REAL["mobilenetv2"])).model()
    slugs = vocabulary.load("movies50").slugs
    wanted = {"pizza": "food", "military_uniform": "military", "seashore": "beach-sea", "racket": "sports"}
    from tagger.knowledge.labelled import read

    for word, slug in wanted.items():
        found = [path for path in (shared / "models/imagenet_check").iterdir() if word in path.name]
        for path in found:
            order = np.argsort(-model.scores([read(path)]).evidence[0])[:3]
            assert slug in [slugs[i] for i in order], path.name


def test_weights_from_the_cache_need_their_classifier(film: media.Truth) -> None:
    in_cache(SMALL, include_top=False)
    with pytest.raises(BadWeights, match="has no classifier, which the portable head builds on") as caught:
        Tagger(Settings(backbone=SMALL)).extract(film.path)
    assert "\n" not in str(caught.value)
    assert f"`movietags models fetch {SMALL}`" in str(caught.value)
    file = in_cache(SMALL)
    report = Tagger(Settings(backbone=SMALL)).extract(film.path)
    assert report.model.backbone == f"{SMALL}/avg_pool"
    assert registry.load(SMALL, None, 1).source == str(file)


def test_the_classifier_counts_in_what_the_report_says_of_the_network(film: media.Truth) -> None:
    in_cache(SMALL)
    one = registry.load(SMALL, None, 4)
    assert one.classifier is not None
    louder = registry.load(SMALL, None, 4)
    object.__setattr__(louder, "classifier", type(one.classifier)(one.classifier.kernel * 2, one.classifier.bias))
    assert one.sha256 == louder.sha256
    assert whole_sha256(one) != whole_sha256(louder)
    assert Tagger(Settings(backbone=SMALL)).extract(film.path).model.backbone_sha256 == whole_sha256(one)


def test_auto_is_compact_where_nothing_else_is(film: media.Truth) -> None:
    tagger = Tagger()
    assert tagger.settings.backbone == "compact"
    assert tagger.extract(film.path).settings["backbone"] == "compact"


def test_auto_is_the_reference_where_its_full_weights_are(film: media.Truth) -> None:
    in_cache("inceptionv3", include_top=False)
    assert Tagger().settings.backbone == "compact"
    in_cache("inceptionv3")
    engine = Engine()
    assert engine.describe().startswith("backbone inceptionv3 (ImageNet weights), vocabulary movies50, its portable")
    report = engine.extract(film.path)
    assert report.model.backbone == "inceptionv3/avg_pool"
    assert report.settings["backbone"] == "inceptionv3"
    assert len(engine.model().head.kernel) == 1000


def test_auto_is_what_a_vocabulary_has_a_head_for(tmp_path: Path) -> None:
    words = tmp_path / "own"
    (words / "heads").mkdir(parents=True)
    (words / "labels.txt").write_text("One\nTwo\n")
    sha256 = vocabulary.load(str(words)).sha256
    made = head.Head(np.zeros((1280, 2), np.float32), np.zeros(2, np.float32), (True, True), sha256, "m", "x")
    made.save(words / "heads/mobilenetv2.npz")
    cached = weights.cache_folder() / named("inceptionv3").with_top.name
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert Tagger(Settings(vocabulary=str(words))).settings.backbone == "mobilenetv2"
    made.save(words / "heads/inceptionv3.npz")
    assert Tagger(Settings(vocabulary=str(words))).settings.backbone == "inceptionv3"
    cached.unlink()
    made.save(words / "heads/compact.npz")
    assert Tagger(Settings(vocabulary=str(words))).settings.backbone == "compact"


def test_a_vocabulary_without_any_head_says_so(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("One\nTwo\n")
    with pytest.raises(BadVocabulary, match="has a head for no backbone, none for compact"):
        Tagger(Settings(vocabulary=str(tmp_path)))
