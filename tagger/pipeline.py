"""The main path: film -> scanned -> features -> scores -> ranking -> report.

    thread     FilmReader              -> pictures      (KEYFRAMES_AHEAD)
    caller     network, head, ranking  -> report

and while the first film is being read, the network is still being loaded in another thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from tagger import ranking, vocabulary
from tagger.errors import WeightsMissing
from tagger.files import is_file
from tagger.images import Pixels, prepare, squash
from tagger.models import head, nudity, registry
from tagger.models.head import ANY_NETWORK
from tagger.models.kept import KeptFeatures
from tagger.models.model import Features, Model, ModelLoader
from tagger.models.model import identity as model_identity
from tagger.records import FilmProgress, Scanned, Setting, ShotTag, TagReport, Timing
from tagger.settings import Settings
from tagger.shots.detector import DETECTOR_KINDS
from tagger.shots.fast import KEYFRAMES as FAST_KEYFRAMES
from tagger.shots.scan import FilmReader
from tagger.version import __version__

BETWEEN_REFERENCES = 8  # frames, at most, from one that was left out to the next that was not


class Engine:
    """One model, and how a film becomes a report with it: what `Tagger` and a batch have in common.

    May be shared by threads. The model is loaded once, in a thread of its own, from the first call that needs it on.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Checks vocabulary and head; loads nothing yet.

        Raises:
            BadVocabulary: the vocabulary cannot be used, or has no head for the backbone.
            BadSettings: there is no such backbone.
            WeightsMissing: there is no such file of weights.
        """
        asked = settings or Settings()
        if asked.weights_file and not is_file(asked.weights_file):
            raise WeightsMissing(f"{asked.weights}: no such weights file")
        self.vocabulary = vocabulary.load(asked.vocabulary)
        name = registry.entry(registry.choose(asked.backbone, asked.weights_file, self.vocabulary.heads)).name
        self.settings = replace(asked, backbone=name, weights=asked.weights or self.vocabulary.weights_path(name))
        self._head = head.load(self.vocabulary.head_path(name), self.vocabulary)
        self._loader = ModelLoader(self.settings, self._head, self.vocabulary)
        self._asked = asked

    def describe(self) -> str:
        """Returns one line for people: which backbone, whose weights, which tags."""
        settings = self.settings
        where = settings.weights or registry.entry(settings.backbone).origin
        portable = ", its portable head" if self._head.backbone == ANY_NETWORK else ""
        model = f"backbone {settings.backbone} ({where}), vocabulary {self.vocabulary.name}{portable}"
        known = f"{sum(self._head.trained)} of {len(self.vocabulary.tags)} tags trained"
        at = nudity.place(self.vocabulary, self._head)
        return f"{model}: {known}" + ("" if at is None else f", {self.vocabulary.tags[at]} by {nudity.NAME}")

    def advice(self) -> str | None:
        """Returns a line about a backbone that is measured better than the one that was taken by itself, if one is."""
        by_itself = self._asked.backbone == registry.AUTO and self._asked.weights is None
        return registry.advice(self.settings.backbone, self.vocabulary) if by_itself else None

    @property
    def identity(self) -> str:
        """Digest of all that decides about a film's tags but the film; the network need not be loaded."""
        kind = DETECTOR_KINDS[self.settings.detector]
        may_be_fast = self.settings.scan != "full" and not kind.every_frame
        version = f"{kind.version()} fast {FAST_KEYFRAMES}" if may_be_fast else kind.version()
        return model_identity(self.settings, self._head, self.vocabulary, version)

    @property
    def input_size(self) -> int:
        """Side in pixels of the squares in which pictures wait for the network; it need not be loaded.

        Where another network looks at them too, a whole multiple of what the first takes: each shrinks them by itself.
        """
        side = registry.entry(self.settings.backbone).input_size
        if nudity.place(self.vocabulary, self._head) is None:
            return side
        return side * ceil(nudity.SQUASHED_TO / side)

    def load(self) -> None:
        """Begins to load the model, in a thread, unless that has begun."""
        self._loader.begin()

    def model(self) -> Model:
        """Returns the model, waiting for it if need be. If it could not be loaded, the next call tries again.

        Raises:
            BadHead: the head was trained on other weights of this network.
            BadWeights, WeightsMissing, DeviceMissing, LibraryMissing, NetworkFailed: as `tagger.models.registry.load`.
        """
        return self._loader.model()

    def extract(self, path: Path, progress: FilmProgress | None = None, since: float | None = None) -> TagReport:
        """Returns the report of one film; arguments and errors are those of `extract_with_features`."""
        return self.extract_with_features(path, progress, since)[0]

    def extract_with_features(
        self, path: Path, progress: FilmProgress | None = None, since: float | None = None,
        look: Callable[[Pixels], None] | None = None,
    ) -> tuple[TagReport, KeptFeatures]:  # fmt: skip
        """Returns the report of one film, and the features of its kept keyframes.

        Args:
            path: the film.
            progress: is told how far decoding is, from another thread.
            since: `time.monotonic()` from which `timing.total_s` counts; now by default.
            look: is shown the picture of each of these keyframes, in order.

        Raises:
            BadPath, VideoUnreadable: the film cannot be read.
            NonFiniteFeatures: the network failed on a frame.
        """
        begun = time.monotonic() if since is None else since
        with FilmReader(path, self.settings, progress) as reader:
            self.load()
            pictures = (squash(pixels, self.input_size) for pixels in _shown(reader.kept(), look))
            features, infer_s = self._features(pictures)
            scanned = reader.scanned()
        report = self.report(scanned, features, begun, infer_s)
        return report, KeptFeatures.of(self.model(), features, report)

    def report(self, scanned: Scanned, features: Features, begun: float, infer_s: float) -> TagReport:
        """Returns the report of a film that was scanned.

        Args:
            scanned: the film.
            features: float32 (n, d), of the keyframes that are kept, in order.
            begun: `time.monotonic()` at which work on the film began.
            infer_s: seconds that the network took.

        Raises:
            NonFiniteFeatures: the head's numbers are too large.
        """
        model = self.model()
        scores = model.scores_of(features)
        ranked = ranking.rank(scores, self.vocabulary, model.answered_by, model.confidence(scores))
        total_s = time.monotonic() - begun
        startup_s = max(0.0, self._loader.ready_at() - begun)
        return TagReport(
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            version=__version__,
            video=scanned.video,
            model=model.info(self.vocabulary.name),
            settings=_settings(self.settings, model),
            tags=ranked,
            shots=ranking.tagged_shots(scanned.shots, scores, self.vocabulary),
            status=scanned.status,
            scan=scanned.scan,
            timing=Timing(total_s, startup_s, scanned.scan_s, infer_s, scanned.video.duration_s / total_s),
            warnings=_warnings(scanned),
            slugs=self.vocabulary.slugs,
        )

    def tag(self, pictures: Iterable[Pixels]) -> list[tuple[ShotTag, ...]]:
        """Returns the tags of each picture, uint8 RGB (h, w, 3): the up to three with the most evidence, best first.

        Raises:
            NonFiniteFeatures: the network failed on a picture.
        """
        features, _ = self._features(prepare(pixels, self.input_size) for pixels in pictures)
        return ranking.shot_tags(self.model().scores_of(features), self.vocabulary)

    def _features(self, pictures: Iterator[Pixels]) -> tuple[Features, float]:
        """Features (n, d) of pictures, and the seconds that the network took for them."""
        model, infer_s = self.model(), 0.0  # before the first picture: what is wrong with it is known at once
        parts = [model.nothing]
        while batch := list(islice(pictures, model.backbone.batch_size)):
            begun = time.monotonic()
            parts.append(model.features(batch))
            infer_s += time.monotonic() - begun
        return np.concatenate(parts), infer_s


def _shown(pictures: Iterator[Pixels], look: Callable[[Pixels], None] | None) -> Iterator[Pixels]:
    """The same pictures, once each was shown to who wants to look."""
    for pixels in pictures:
        if look:
            look(pixels)
        yield pixels


def _settings(settings: Settings, model: Model) -> dict[str, Setting]:
    """Every option that changes the result; the batch size does in the seventh digit."""
    device = {
        "batch_size": model.backbone.batch_size,
        "device": settings.device,
        "precision": model.backbone.device.precision,
    }
    names = (
        "hwaccel",
        "backbone",
        "vocabulary",
        "stream",
        "scan",
        "detector",
        "min_shot_s",
        "min_entropy_bits",
        "reservoir_bytes",
        "rate",
    )
    return {**device, **{name: asdict(settings)[name] for name in names}}


def _warnings(scanned: Scanned) -> tuple[str, ...]:
    """What the reader of a report should know."""
    warnings = list(scanned.notes)
    if not any(shot.keyframe.kept for shot in scanned.shots):
        warnings.append("no keyframe has enough in it to be tagged (--min-entropy): all weights are 0")
    farthest = max((shot.keyframe.off_middle_frames for shot in scanned.shots), default=0)
    if farthest and scanned.scan.used == "full":
        warnings.append(f"long shots: keyframes lie up to {farthest} frames from the middle (reservoir_bytes)")
    elif farthest > (BETWEEN_REFERENCES if scanned.scan.used == "references" else 0):
        warnings.append(f"keyframes lie up to {farthest} frames from the middle (damage, or reservoir_bytes)")
    return tuple(warnings)
