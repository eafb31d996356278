"""Films that the tests make themselves, each with the truth about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
FIRST_SEED = 650  # from here neighbours differ enough for every detector, the perceptual hash too
PAN = 60  # pixels that a shot moves sideways, one a frame
MARKS_ACROSS = 40  # frame-number squares are this share of the width: small, so that no detector sees them


@dataclass(frozen=True)
class Truth:
    """What was put into a film."""

    path: Path
    cuts: tuple[int, ...]  # first frames of the shots after the first
    frame_count: int
    times_s: tuple[float, ...]


def scenery(seed: int, width: int, height: int) -> Picture:
    """A still with shapes and texture, different for each seed; rich enough for the entropy filter."""
    rng = np.random.default_rng(FIRST_SEED + seed)
    darkest = 130 * (seed % 2)  # neighbours differ in their histograms too
    coarse = rng.integers(darkest, 125 + darkest, (6, 8, 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    picture += rng.integers(-20, 21, (height, width, 1), np.int16)
    return np.clip(picture, 0, 255).astype(np.uint8)


def coloured(folder: Path, tags: Sequence[str], each: int, first: int, width: int = 160, height: int = 120) -> Path:
    """Scenes with a cast of their tag's colour, in a folder for each of three tags; their seeds go from `first` on."""
    rng = np.random.default_rng(first)
    for place, tag in enumerate(tags):
        (folder / tag).mkdir(parents=True)
        for number in range(each):
            picture = scenery(first + 1000 * place + number, width, height) // 3
            picture[..., place] = np.minimum(picture[..., place] + rng.integers(60, 150), 255)  # OpenCV writes BGR
            cv2.imwrite(str(folder / tag / f"{number}.jpg"), picture)
    return folder


def numbered(picture: Picture, frame: int) -> Picture:
    """The picture with its frame number written as 16 small black or white squares."""
    marked = picture.copy()
    side = max(2, picture.shape[1] // MARKS_ACROSS)
    for bit in range(16):
        marked[:side, bit * side : (bit + 1) * side] = 255 if frame >> bit & 1 else 0
    return marked


def read_number(picture: Picture) -> int:
    """The frame number that `numbered` wrote, from a decoded picture."""
    side = max(2, picture.shape[1] // MARKS_ACROSS)
    centres = [picture[side // 2, bit * side + side // 2].mean() for bit in range(16)]
    return sum(1 << bit for bit, level in enumerate(centres) if level > 127)


def shots(lengths: tuple[int, ...], width: int = 320, height: int = 180, number: bool = True) -> Iterator[Picture]:
    """Frames of shots of these lengths, each another scenery, slowly panned."""
    frame = 0
    for seed, length in enumerate(lengths):
        still = scenery(seed, width + PAN, height)
        for step in range(length):
            shift = min(step, PAN)
            picture = still[:, shift : shift + width]
            yield numbered(picture, frame) if number else picture
            frame += 1


def write(
    path: Path,
    pictures: Iterator[Picture],
    *,
    cuts: tuple[int, ...] = (),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    durations: tuple[int, ...] | None = None,
    options: dict[str, str] | None = None,
    start: int = 0,
    title: str = "",
) -> Truth:
    """Encodes pictures (RGB) at `rate`; `durations` in ticks of 1/rate make the rate variable."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = pix_fmt
        tick, ticks = start, []
        for count, picture in enumerate(pictures):
            if count == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, rate)
            ticks.append(tick)
            tick += durations[count] if durations else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Truth(path, cuts, len(ticks), tuple((t - ticks[0]) / rate for t in ticks))


def film(path: Path, lengths: tuple[int, ...] = (30, 45, 25), width: int = 320, height: int = 180, **how: Any) -> Truth:
    """A film of shots with hard cuts, by default 4 s at 25 frames/s, 320x180, H.264 with B-frames."""
    cuts = tuple(int(c) for c in np.cumsum(lengths)[:-1])
    return write(path, shots(lengths, width, height), cuts=cuts, **how)


def with_sound(
    path: Path, codecs: tuple[str, str], video_s: int = 4, sound_s: int = 4, offset_s: int = 0, late_s: int = 0
) -> Truth:
    """A film of two shots of half its length each, at 25 frames/s, and silence beside it.

    Both begin at `offset_s`, the pictures so much later.
    """
    rate, sampled, count = 25, 48_000, 25 * video_s
    with av.open(str(path), "w") as container:
        quick = {"deadline": "realtime", "cpu-used": "8"} if codecs[0] == "libvpx" else {}
        stream = container.add_stream(codecs[0], rate=rate, options=quick)
        sound = container.add_stream(codecs[1], rate=sampled)
        assert isinstance(stream, VideoStream) and isinstance(sound, AudioStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        sound.layout = "stereo"
        pictures, step = shots((count // 2, count - count // 2)), sound.frame_size or 1024
        told = 0  # samples of sound
        for at in range(rate * max(late_s + video_s, sound_s)):  # both in the order of time
            if rate * late_s <= at < rate * late_s + count:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(next(pictures)), "rgb24")
                frame.pts, frame.time_base = offset_s * rate + at, Fraction(1, rate)
                container.mux(stream.encode(frame))
            while told * rate < (at + 1) * sampled and at < rate * sound_s:
                silence = av.AudioFrame(sound.format.name, "stereo", step)
                for plane in silence.planes:
                    plane.update(bytes(plane.buffer_size))
                silence.sample_rate, silence.pts = sampled, offset_s * sampled + told
                silence.time_base = Fraction(1, sampled)
                container.mux(sound.encode(silence))
                told += step
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))
    return Truth(path, (count // 2,), count, tuple(at / rate for at in range(count)))


# What lies over pictures


def subtitled(picture: Picture, *lines: int) -> Picture:
    """With white text on these lines."""
    for line in lines:
        cv2.putText(picture, "Where have you been all night?", (60, line), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255,) * 3, 2)
    return picture


def with_logo(picture: Picture) -> Picture:
    """With a red disc at the left, above the middle."""
    cv2.circle(picture, (40, 60), 30, (220, 40, 40), -1)
    return picture


def taped(picture: Picture) -> Picture:
    """With the noise of a tape, and its last lines torn."""
    noise = np.random.default_rng(0).normal(14, 12, picture.shape[:2])
    noisy = np.clip(picture + noise[..., None], 0, 255).astype(np.uint8)
    noisy[-6:] = np.random.default_rng(1).integers(0, 255, noisy[-6:].shape, np.uint8)
    return noisy
