"""The runner: films in, reports out. The only file that knows two stages.

    thread     scan                    -> keyframes     (KEYFRAMES_AHEAD)
    caller     network, head, ranking  -> report

and while the first film is being read, the network is still being loaded in another.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from tagger import __version__, backbone, head, ranking, vocabulary
from tagger.architectures import AUTO, EMBEDDED, REFERENCE, named
from tagger.backbone import Backbone
from tagger.classes import CLASSES as CLASS_COUNT
from tagger.errors import BadHead
from tagger.head import ANY_NETWORK, CLASSES, Head
from tagger.images import Pixels, squash
from tagger.keyframes import EMPTY
from tagger.queues import RunAhead
from tagger.records import (
    Keyframe,
    ModelInfo,
    Progress,
    Scan,
    ShotTag,
    TaggedShot,
    TagReport,
    TagScores,
    Timing,
    VideoInfo,
)
from tagger.scan import scan
from tagger.settings import Settings
from tagger.video import Film
from tagger.vocabulary import PORTABLE, Vocabulary

KEYFRAMES_AHEAD = 64  # what a trailer has, at up to 2 MB each: the scan need not wait for the network to load
TRUNCATED_BELOW = 0.98  # share of what the container declares; less was lost than the last GOP's rounding


@dataclass(frozen=True, slots=True)
class Model:
    """A network with the head trained on its features."""

    backbone: Backbone
    head: Head

    def scores(self, pictures: list[Pixels]) -> TagScores:
        """Returns the scores of pictures without bars."""
        see = self.backbone.class_evidence if self.head.reads == CLASSES else self.backbone.features
        return self.head.scores(see(pictures))

    def info(self, vocabulary_name: str) -> ModelInfo:
        """Returns what a report says about the model."""
        network = self.backbone.whole_sha256 if self.head.reads == CLASSES else self.backbone.sha256
        return ModelInfo(vocabulary_name, self.backbone.identity, self.head.sha256, network)


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
        network = _chosen(asked, self.vocabulary)
        if network != EMBEDDED:
            named(network)
        self.settings = replace(asked, backbone=network, weights=asked.weights or self.vocabulary.weights_path(network))
        self._head = head.load(self.vocabulary.head_path(self.settings.backbone), self.vocabulary)
        self._loading: Future[tuple[Model, float]] | None = None

    def describe(self) -> str:
        """Returns one line for people: which backbone, whose weights, which tags."""
        settings, trained = self.settings, sum(self._head.trained)
        where = settings.weights or ("embedded" if settings.backbone == EMBEDDED else "ImageNet weights")
        tags = len(self.vocabulary.tags)
        portable = ", its portable head" if self._head.backbone == ANY_NETWORK else ""
        model = f"backbone {settings.backbone} ({where}), vocabulary {self.vocabulary.name}{portable}"
        return f"{model}: {trained} of {tags} tags trained"

    def model(self) -> Model:
        """Returns the model, waiting for it if need be.

        Raises:
            BadHead: the head was trained on other weights of this network.
            BadWeights, WeightsMissing: as `tagger.backbone.load`.
        """
        return self._load().result()[0]

    def extract(self, path: Path | str, *, progress: Progress | None = None, since: float | None = None) -> TagReport:
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
            loading = self._load()
            how, scanned = scan(film, self.settings, progress)
            with RunAhead(clock.scan(scanned), KEYFRAMES_AHEAD, film.abandon) as keyframes:
                frames, scores = self._infer(keyframes, clock)
            video = film.info()
        model, ready = loading.result()
        status, warnings = _judge(video, frames, how)
        tags = iter(ranking.shot_tags(scores, self.vocabulary))
        total_s = time.monotonic() - begun
        return TagReport(
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            version=__version__,
            video=video,
            model=model.info(self.vocabulary.name),
            settings=_settings(self.settings, model.backbone),
            tags=ranking.rank(scores, self.vocabulary, model.head.trained),
            shots=tuple(_tagged(frame, next(tags) if frame.kept else ()) for frame in frames),
            status=status,
            scan=how,
            timing=Timing(total_s, max(0.0, ready - begun), clock.scan_s, clock.infer_s, video.duration_s / total_s),
            warnings=warnings,
        )

    def _load(self) -> Future[tuple[Model, float]]:
        """The model and when it stood ready; loading begins with the first call."""
        if self._loading is None:
            loader = ThreadPoolExecutor(1, "load")
            self._loading = loader.submit(self._load_model)
            loader.shutdown(wait=False)
        return self._loading

    def _load_model(self) -> tuple[Model, float]:
        asked = self.settings
        network = backbone.load(asked.backbone, asked.weights, asked.batch_size, asked.device)
        own = (self._head.backbone, self._head.backbone_sha256) == (network.identity, network.sha256)
        if not own and self._head.backbone != ANY_NETWORK:
            raise BadHead(
                f"the head for {network.name} in {self.vocabulary.folder} was trained on {self._head.backbone} "
                f"{self._head.backbone_sha256[:12]}, {network.source} holds {network.identity} {network.sha256[:12]}: "
                f"use the weights it was trained with, or train a vocabulary for these"
            )
        given = CLASS_COUNT if self._head.reads == CLASSES else network.feature_count
        if self._head.inputs != given:
            raise BadHead(
                f"the head for {network.name} in {self.vocabulary.folder} takes {self._head.inputs} features, "
                f"the network gives {given}"
            )
        model = Model(network, self._head)
        model.scores([np.zeros((1, 1, 3), np.uint8)] * network.rehearsal)
        return model, time.monotonic()

    def _infer(self, keyframes: RunAhead[Keyframe], clock: _Stopwatch) -> tuple[list[Keyframe], TagScores]:
        """All keyframes, without their pixels, and the scores of the kept ones, in order."""
        frames: list[Keyframe] = []
        batch: list[Pixels] = []
        parts: list[TagScores] = []
        model = self.model()  # before the first frame: what is wrong with it is known at once
        for frame in keyframes:
            frames.append(replace(frame, pixels=EMPTY))  # a view would keep the picture
            if frame.kept:
                batch.append(squash(frame.pixels, model.backbone.input_size))
            if len(batch) == model.backbone.batch_size:
                parts.append(clock.infer(model, batch))
                batch = []
        if batch:
            parts.append(clock.infer(model, batch))
        return frames, _stack(parts, len(self.vocabulary.tags))


def _chosen(settings: Settings, words: Vocabulary) -> str:
    """The backbone that `auto` stands for here: the better one that needs no download."""
    if settings.backbone != AUTO:
        return settings.backbone
    own = [name for name in words.heads if name != PORTABLE]
    if settings.weights is None and {REFERENCE, PORTABLE} & {*words.heads} and named(REFERENCE).with_top.path.is_file():
        return REFERENCE
    return own[0] if own and {EMBEDDED, PORTABLE}.isdisjoint(words.heads) else EMBEDDED


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

    def infer(self, model: Model, pictures: list[Pixels]) -> TagScores:
        begun = time.monotonic()
        scores = model.scores(pictures)
        self.infer_s += time.monotonic() - begun
        return scores


def _stack(parts: list[TagScores], tags: int) -> TagScores:
    rows = [TagScores(np.empty((0, tags), np.float32), np.empty((0, tags), np.float32)), *parts]
    return TagScores(
        np.concatenate([part.probabilities for part in rows]),
        np.concatenate([part.evidence for part in rows]),
    )


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


def _judge(video: VideoInfo, frames: list[Keyframe], how: Scan) -> tuple[str, tuple[str, ...]]:
    """Whether the film is whole, and what its reader should know."""
    warnings = []
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
    if farthest and how.used == "full":  # a fast scan goes for frames that cost little
        warnings.append(f"long shots: keyframes lie up to {farthest} frames from the middle (reservoir_bytes)")
    return ("truncated" if truncated else "ok"), tuple(warnings)
