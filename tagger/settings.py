"""Every choice of a run in one frozen value; the unit is in each name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from tagger.errors import BadSettings
from tagger.process import hardware_decoders

DETECTORS = ("learned", "adaptive", "content", "histogram", "hash")  # ours, then those of PySceneDetect
SCANS = ("auto", "full", "fast")
SOFTMAX, SIGMOID = ACTIVATIONS = ("softmax", "sigmoid")  # of heads: tags exclude one another, or each by itself
AUTO, FLOAT32, INT8, BFLOAT16 = PRECISIONS = ("auto", "float32", "int8", "bfloat16")
HWACCELS = ("none", "auto")  # and each of `hardware_decoders`
DEFAULT_DEVICE = "auto"
DEFAULT_BACKBONE = "auto"
DEFAULT_VOCABULARY = "movies50"
MIN_SHOT_S = 0.6  # PySceneDetect's 15 frames at 25 frames/s, as a time
# Of 76 keyframes of real clips all black, blank and flat ones lie below 2.7 bits, all others above 4.3.
MIN_ENTROPY_BITS = 4.0
RESERVOIR_BYTES = 256 * 2**20
ENTROPY_BITS_MAX = 8.0  # log2 of 256 grey levels
BATCH_SIZE_MAX = 1024
RATE_MIN, RATE_MAX = 0.1, 1000.0  # frames a second
STREAM_MAX = 8191  # MPEG-TS numbers no more
TEXT, NUMBER = ((str,), "text"), ((Real,), "a number")
# What each field may be; numbers of numpy are numbers, and become Python's.
KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "backbone": TEXT, "scan": TEXT, "detector": TEXT, "hwaccel": TEXT, "device": TEXT,
    "precision": TEXT,
    "min_shot_s": NUMBER, "min_entropy_bits": NUMBER,
    "weights": ((str, Path, type(None)), "a path or None"),
    "vocabulary": ((str, Path), "a name or a path"),
    "rate": ((Real, type(None)), "a number or None"),
    "batch_size": ((Integral, type(None)), "a whole number or None"),
    "stream": ((Integral, type(None)), "a whole number or None"),
    "reservoir_bytes": ((Integral,), "a whole number"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opening:
    """How a film's file is opened."""

    stream: int | None = None
    """Number of the stream of pictures in the file; None: the largest that moves."""
    rate: float | None = None
    """Frames a second, where the file has no times: of numbered pictures (24 without it) and raw streams."""


USUAL_OPENING = Opening()


@dataclass(frozen=True, slots=True)
class Settings:
    """How a film is turned into tags.

    Raises:
        BadSettings: a value outside its range, named with the range.
    """

    backbone: str = DEFAULT_BACKBONE
    weights: Path | str | None = None  # a file for the backbone; None: its usual one
    vocabulary: Path | str = DEFAULT_VOCABULARY  # a shipped name, or a folder
    stream: int | None = None  # of the file, from 0: where its pictures are; None: the largest that moves
    scan: str = SCANS[0]
    detector: str = DETECTORS[0]
    min_shot_s: float = MIN_SHOT_S
    min_entropy_bits: float = MIN_ENTROPY_BITS
    hwaccel: str = HWACCELS[0]  # decodes the film in a full scan
    rate: float | None = None  # frames a second of what has no times; None: 24 of numbered pictures, else the file's
    device: str = DEFAULT_DEVICE  # auto, cpu, gpu or gpu:N; for the networks of Keras
    precision: str = AUTO  # of the network; auto: float32, on a GPU half precision
    batch_size: int | None = None  # pictures per call of the network; None: what pays on the device
    reservoir_bytes: int = RESERVOIR_BYTES  # decoded frames held to find each shot's middle

    @property
    def opening(self) -> Opening:
        """How films are opened."""
        return Opening(self.stream, self.rate)

    @property
    def weights_file(self) -> Path | None:
        """The file of `weights`."""
        return None if self.weights is None else Path(self.weights)

    @classmethod
    def of(cls, settings: Settings | None, choices: Mapping[str, Any]) -> Settings:
        """Returns `settings`, or the defaults, with these fields in their place.

        Raises:
            BadSettings: there is no such field, or a value is outside its range.
        """
        if not isinstance(settings, cls | None):
            raise BadSettings(f"settings = {settings!r:.60}: takes a tagger.Settings; single choices go by name")
        names = [field.name for field in fields(cls)]
        unknown = [name for name in choices if name not in names]
        if unknown:
            close = get_close_matches(unknown[0], names, 1)
            hint = f"do you mean {close[0]}?" if close else f"there are {', '.join(names)}"
            raise BadSettings(f"no setting is called {unknown[0]!r}: {hint}")
        return replace(settings or cls(), **choices)

    def __post_init__(self) -> None:
        """Checks every kind and range, and converts paths and numbers to the kind that is declared."""
        for name, (kinds, what) in KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise BadSettings(f"{name} = {value!r}: takes {what}")
        if isinstance(self.weights, str):
            object.__setattr__(self, "weights", Path(self.weights))
        object.__setattr__(self, "vocabulary", str(self.vocabulary))
        if self.detector not in DETECTORS:
            raise BadSettings(f"detector {self.detector!r}: choose one of {', '.join(DETECTORS)}")
        if self.scan not in SCANS:
            raise BadSettings(f"scan {self.scan!r}: choose one of {', '.join(SCANS)}")
        _in_range("min_shot_s", self.min_shot_s, 0.0, 3600.0)
        _in_range("min_entropy_bits", self.min_entropy_bits, 0.0, ENTROPY_BITS_MAX)
        if self.hwaccel not in HWACCELS and self.hwaccel not in hardware_decoders():
            known = ", ".join((*HWACCELS, *hardware_decoders()))
            raise BadSettings(f"hwaccel {self.hwaccel!r}: choose one of {known}")
        if not re.fullmatch(r"auto|cpu|gpu(:\d{1,3})?", self.device):
            raise BadSettings(f"device {self.device!r}: choose auto, cpu, gpu or gpu:N")
        if self.precision not in PRECISIONS:
            raise BadSettings(f"precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")
        if self.batch_size is not None:
            _in_range("batch_size", self.batch_size, 1, BATCH_SIZE_MAX)
        if self.rate is not None:
            _in_range("rate", self.rate, RATE_MIN, RATE_MAX)
        if self.stream is not None:
            _in_range("stream", self.stream, 0, STREAM_MAX)
        _in_range("reservoir_bytes", self.reservoir_bytes, 0, 2**40)
        for name, (kinds, _) in KINDS.items():
            value = getattr(self, name)
            if isinstance(value, Integral) and Integral in kinds:
                object.__setattr__(self, name, int(value))
            elif isinstance(value, Real):
                object.__setattr__(self, name, float(value))


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise BadSettings(f"{name} = {value}: from {low:g} to {high:g}")
