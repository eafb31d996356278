"""The runner: films in, reports out. The only file that knows two stages.

    thread     scan                    -> keyframes     (KEYFRAMES_AHEAD)
    caller     network, head, ranking  -> report

and while the first film is being read, the network is still being loaded in another.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from tagger import ranking, vocabulary
from tagger.images import Pixels, squash
from tagger.models import head, registry
from tagger.models.backbone import Backbone
from tagger.models.head import ANY_NETWORK
from tagger.models.model import Features, Model, choose
from tagger.models.model import identity as model_identity
from tagger.models.model import load as load_model
from tagger.queues import RunAhead
from tagger.records import FilmProgress, Keyframe, Scanned, ShotTag, TaggedShot, TagReport, Timing
from tagger.settings import Settings
from tagger.shots.keyframes import EMPTY, KEYFRAMES_AHEAD
from tagger.shots.scan import scan
from tagger.version import __version__
from tagger.video.film import Film

TRUNCATED_BELOW = 0.98  # share of what the container declares; less was lost than the last GOP's rounding


class Tagger:
    """Tags films one after the other with one model, which is loaded once, while the first film is being read."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Checks vocabulary and head; the network is loaded with the first film.

        Raises:
            BadVocabulary: the vocabulary cannot be used, or has no head for the backbone.
            BadSettings: there is no such backbone.
        """
        asked = settings or Settings()
        self.vocabulary = vocabulary.load(asked.vocabulary)
        network = registry.entry(choose(asked, self.vocabulary)).name
        self.settings = replace(asked, backbone=network, weights=asked.weights or self.vocabulary.weights_path(network))
        self._head = head.load(self.vocabulary.head_path(self.settings.backbone), self.vocabulary)
        self._loading: Future[tuple[Model, float]] | None = None

    def describe(self) -> str:
        """Returns one line for people: which backbone, whose weights, which tags."""
        settings, trained = self.settings, sum(self._head.trained)
        where = settings.weights or registry.entry(settings.backbone).origin
        tags = len(self.vocabulary.tags)
        portable = ", its portable head" if self._head.backbone == ANY_NETWORK else ""
        model = f"backbone {settings.backbone} ({where}), vocabulary {self.vocabulary.name}{portable}"
        return f"{model}: {trained} of {tags} tags trained"

    @property
    def identity(self) -> str:
        """Digest of all that decides about a film's tags but the film; the network need not be loaded."""
        return model_identity(self.settings, self._head, self.vocabulary)

    def load(self) -> None:
        """Begins to load the model, in a thread, unless that has begun."""
        self._load()

    def ready_at(self) -> float:
        """Returns the `time.monotonic()` at which the model stood ready, waiting for it if need be."""
        return self._load().result()[1]

    def model(self) -> Model:
        """Returns the model, waiting for it if need be.

        Raises:
            BadHead: the head was trained on other weights of this network.
            BadWeights, WeightsMissing: as `tagger.models.registry.load`.
        """
        return self._load().result()[0]

    def extract(
        self, path: Path | str, *, progress: FilmProgress | None = None, since: float | None = None
    ) -> TagReport:
        """Returns the report of one film.

        Args:
            path: the film.
            progress: is told how far decoding is, from another thread.
            since: `time.monotonic()` from which `timing.total_s` counts; now by default.

        Raises:
            BadPath, VideoUnreadable: the film cannot be read.
            NonFiniteFeatures: the network failed on a frame.
        """
        begun = time.monotonic() if since is None else since
        clock = _Stopwatch()
        with Film(Path(path)) as film:
            self.load()
            how, scanned = scan(film, self.settings, progress)
            with RunAhead(clock.scan(scanned), KEYFRAMES_AHEAD, film.abandon) as keyframes:
                frames, features = self._look(keyframes, clock)
            video = film.info()
        startup_s, total_s = max(0.0, self.ready_at() - begun), time.monotonic() - begun
        timing = Timing(total_s, startup_s, clock.scan_s, clock.infer_s, video.duration_s / total_s)
        return self.report(Scanned(video, how, tuple(frames)), features, timing)

    def report(self, scanned: Scanned, features: Features, timing: Timing) -> TagReport:
        """Returns the report of a film that was scanned.

        Args:
            scanned: what was found; the pixels of its keyframes are not looked at.
            features: float32 (n, d), of the keyframes that are kept, in order.
            timing: where the seconds went.

        Raises:
            NonFiniteFeatures: the head's numbers are too large.
        """
        model = self.model()
        scores = model.scores_of(features)
        status, warnings = _judge(scanned)
        tags = iter(ranking.shot_tags(scores, self.vocabulary))
        return TagReport(
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            version=__version__,
            video=scanned.video,
            model=model.info(self.vocabulary.name),
            settings=_settings(self.settings, model.backbone),
            tags=ranking.rank(scores, self.vocabulary, model.head.trained),
            shots=tuple(_tagged(frame, next(tags) if frame.kept else ()) for frame in scanned.frames),
            status=status,
            scan=scanned.how,
            timing=timing,
            warnings=warnings,
        )

    def _load(self) -> Future[tuple[Model, float]]:
        """The model and when it stood ready; loading begins with the first call."""
        if self._loading is None:
            loader = ThreadPoolExecutor(1, "load")
            self._loading = loader.submit(self._rehearsed)
            loader.shutdown(wait=False)
        return self._loading

    def _rehearsed(self) -> tuple[Model, float]:
        return load_model(self.settings, self._head, self.vocabulary), time.monotonic()

    def _look(self, keyframes: Iterable[Keyframe], clock: _Stopwatch) -> tuple[list[Keyframe], Features]:
        """All keyframes, without their pixels, and the features (n, d) of the kept ones, in order."""
        frames: list[Keyframe] = []
        batch: list[Pixels] = []
        model = self.model()  # before the first frame: what is wrong with it is known at once
        parts: list[Features] = [model.nothing]
        for frame in keyframes:
            frames.append(replace(frame, pixels=EMPTY))  # a view would keep the picture
            if frame.kept:
                batch.append(squash(frame.pixels, model.backbone.input_size))
            if len(batch) == model.backbone.batch_size:
                parts.append(clock.look(model, batch))
                batch = []
        if batch:
            parts.append(clock.look(model, batch))
        return frames, np.concatenate(parts)


def extract(path: Path | str, settings: Settings | None = None) -> TagReport:
    """Returns the report of one film: `Tagger(settings).extract(path)`."""
    return Tagger(settings).extract(path)


class _Stopwatch:
    """Seconds spent in the two halves of the work."""

    scan_s = 0.0
    infer_s = 0.0

    def scan(self, keyframes: Generator[Keyframe, None, None]) -> Generator[Keyframe, None, None]:
        begun = time.monotonic()
        yield from keyframes
        self.scan_s = time.monotonic() - begun

    def look(self, model: Model, pictures: list[Pixels]) -> Features:
        begun = time.monotonic()
        features = model.features(pictures)
        self.infer_s += time.monotonic() - begun
        return features


def _tagged(frame: Keyframe, tags: tuple[ShotTag, ...]) -> TaggedShot:
    return TaggedShot(
        frame.shot, frame.frame, frame.time_s, frame.off_middle_frames, frame.entropy_bits, frame.kept, tags
    )


def _settings(settings: Settings, network: Backbone) -> dict[str, str | int | float | None]:
    """Every option that changes the result; the batch size does in the seventh digit."""
    return {
        "batch_size": network.batch_size,
        "device": settings.device,
        "precision": network.device.precision,
        "hwaccel": settings.hwaccel,
        "backbone": settings.backbone,
        "vocabulary": settings.vocabulary,
        "scan": settings.scan,
        "detector": settings.detector,
        "min_shot_s": settings.min_shot_s,
        "min_entropy_bits": settings.min_entropy_bits,
        "reservoir_bytes": settings.reservoir_bytes,
    }


def _judge(scanned: Scanned) -> tuple[str, tuple[str, ...]]:
    """Whether the film is whole, and what its reader should know."""
    video, frames, warnings = scanned.video, scanned.frames, []
    # A film that was trimmed without encoding still declares the frames that its edit list hides.
    found, declared, unit = video.duration_s, video.declared_duration_s, "seconds"
    if declared is None:
        found, declared, unit = float(video.frame_count), video.declared_frames, "frames"
    truncated = declared is not None and found < TRUNCATED_BELOW * declared
    if truncated:
        warnings.append(f"truncated: only {found:g} of {declared:g} {unit} that the file declares could be decoded")
    if video.decode_failures:
        warnings.append(f"damaged: {video.decode_failures} packets could not be decoded")
    if not any(frame.kept for frame in frames):
        warnings.append("no keyframe has enough in it to be tagged (--min-entropy): all weights are 0")
    farthest = max((frame.off_middle_frames for frame in frames), default=0)
    if farthest and scanned.how.used == "full":  # a fast scan goes for frames that cost little
        warnings.append(f"long shots: keyframes lie up to {farthest} frames from the middle (reservoir_bytes)")
    return ("truncated" if truncated else "ok"), tuple(warnings)
