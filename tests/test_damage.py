"""Files that were broken on the way: every frame that is left is seen, and nothing crashes or hangs."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import media
import pytest

from tagger.errors import VideoUnreadable
from tagger.shots.thumbnails import VALUES, Shrinker
from tagger.video.film import Film

KINDS: dict[str, dict[str, Any]] = {
    "a.mp4": {"options": {"g": "12"}},
    "b.mkv": {"options": {"g": "25", "bf": "3"}},
    "c.ts": {"options": {"g": "12"}},
    "d.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
}
TRIES = 25


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: media.film(folder / name, (25, 25), **how).path.read_bytes() for name, how in KINDS.items()}


def damaged(body: bytes, attempt: int) -> bytes:
    """The file cut off somewhere, or with 1, 5 or 60 bytes changed."""
    rng = random.Random(attempt)
    if attempt % 4 == 3:
        return body[: rng.randrange(len(body) // 3, len(body))]
    changed = bytearray(body)
    for _ in range(rng.choice([1, 5, 60])):
        changed[rng.randrange(2000 if attempt % 4 < 2 else 0, len(body))] = rng.randrange(256)
    return bytes(changed)


def decodable(path: Path) -> int:
    """How many frames FFmpeg gives without threads, packet by packet."""
    count = 0
    with suppress(av.error.FFmpegError), av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        packets: list[object] = []
        with suppress(av.error.FFmpegError, IndexError):
            packets.extend(packet for packet in container.demux(stream) if packet.size)
        for packet in [*packets, None]:
            with suppress(av.error.FFmpegError):
                count += len(stream.codec_context.decode(packet))  # type: ignore[arg-type]
    return count


@pytest.mark.skipif(
    int(av.__version__.split(".")[0]) < 18, reason="PyAV before 18 drops frames decoded beside a bad one"
)
@pytest.mark.parametrize("name", KINDS)
def test_threads_lose_no_frame_of_a_damaged_file(whole: dict[str, bytes], name: str, tmp_path: Path) -> None:
    differ = []
    for attempt in range(TRIES):
        path = tmp_path / name
        path.write_bytes(damaged(whole[name], attempt))
        found = 0
        begun = time.monotonic()
        with suppress(VideoUnreadable), Film(path) as film:
            for frame in film.frames():
                found += 1
                assert Shrinker()(frame.picture).values.shape == (VALUES,)
                assert frame.pixels().dtype == "uint8"
        assert time.monotonic() - begun < 10, f"attempt {attempt} hung"
        if found != decodable(path):
            differ.append((attempt, found, decodable(path)))
    assert differ == []


def test_a_size_that_changes_in_mid_stream_is_one_film(tmp_path: Path) -> None:
    """Two streams of different size, one after the other in one MPEG-TS."""
    parts = [media.film(tmp_path / f"{w}.ts", (20,), width=w, height=h) for w, h in ((320, 180), (480, 272))]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    with Film(joined) as film:
        sizes, shapes, times_s = [], set(), []
        for frame in film.frames():
            sizes.append(frame.picture.width)
            shapes.add(Shrinker()(frame.picture).values.shape)
            times_s.append(frame.time_s)
    assert sizes == [320] * 20 + [480] * 20
    assert shapes == {(VALUES,)}
    assert times_s == sorted(set(times_s))
