"""Whatever a stream is like, and whatever its packets say that is not so: each frame is in one shot, in every scan."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import media
import pytest
from av.packet import Packet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.errors import VideoUnreadable
from tagger.settings import Settings
from tagger.shots import evidence
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan, reference_scan
from tagger.shots.scan import scan
from tagger.video.film import Film
from tagger.video.observer import Observer

LENGTHS = (30, 20, 27, 16, 40)
SMALL: dict[str, Any] = {"width": 160, "height": 90}
STREAMS: dict[str, dict[str, Any]] = {
    "placed.mkv": {"options": {"preset": "superfast"}},
    "open.mkv": {"options": {"preset": "superfast", "x264-params": "open-gop=1:keyint=24:bframes=5"}},
    "refreshed.mkv": {"options": {"x264-params": "intra-refresh=1:keyint=30", "preset": "superfast"}},
    "vp9.mkv": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime", "g": "40"}},
}


@dataclass(frozen=True)
class Lies:
    """What is done to the packets of a film."""

    lost: frozenset[int]
    keys: frozenset[int]  # are said to be key frames
    no_keys: frozenset[int]  # are said to be none
    stuck: frozenset[int]  # have the time of the packet before
    emptied: frozenset[int]  # hold nothing but zeros


PLACES = st.frozensets(st.integers(0, sum(LENGTHS) - 1), max_size=6)
LIES = st.builds(
    Lies, PLACES.map(lambda places: places - {0}), PLACES, PLACES, st.frozensets(st.integers(1, 50), max_size=1), PLACES
)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("streams")
    return {name: media.film(folder / name, LENGTHS, **SMALL, **how).path for name, how in STREAMS.items()}


def told(source: Path, target: Path, lies: Lies) -> Path:
    """A film with packets that lie, without encoding."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        before: Packet[Any] | None = None
        for place, packet in enumerate([packet for packet in old.demux(video=0) if packet.size]):
            packet.is_keyframe = (packet.is_keyframe or place in lies.keys) and place not in lies.no_keys
            if place in lies.stuck and before is not None:
                packet.pts = before.pts
            if place in lies.emptied:
                packet.update(bytes(packet.size))
            before = packet
            if place not in lies.lost:
                packet.stream = stream
                with suppress(ValueError):  # no file can hold such times
                    new.mux(packet)
    return target


def assert_covered(path: Path, read: Callable[[Film, Observer], Any]) -> None:
    """The shots follow each other from the first frame to the last."""
    observer = Observer()
    with Film(path) as film:
        shots = [found.shot for found in read(film, observer)]
        count, length_s = film.info(observer).frame_count, film.info(observer).duration_s
    assert [0, *(shot.end_frame for shot in shots)] == [*(shot.start_frame for shot in shots), count]
    assert [shot.index for shot in shots] == list(range(len(shots)))
    assert shots[-1].end_s == length_s
    assert all(shot.start_frame <= shot.keyframe.frame < shot.end_frame for shot in shots)


WAYS: dict[str, Callable[[Film, Observer], Any]] = {
    "full": lambda film, observer: full_scan(film, Settings(), observer, None),
    "references": lambda film, observer: reference_scan(film, Settings(), observer, None),
    "fast": lambda film, observer: fast_scan(film, Settings(), {250}, 2, observer, None),
}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(STREAMS)), LIES)
def test_each_frame_is_in_one_shot_whatever_packets_say(
    streams: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lies: Lies
) -> None:
    path = told(streams[name], tmp_path / name, lies)
    monkeypatch.setattr(evidence, "MOST_SHARE", 10.0)  # as if all of it were the beginning of a long film

    def chosen(film: Film, observer: Observer) -> Any:
        scanning = scan(film, Settings(scan="fast"))
        yield from scanning.shots
        vars(observer).update(vars(scanning.observer))

    # Where key frames are none, the choice finds it out.
    for way in (chosen, *(way for kind, way in WAYS.items() if (kind, name) != ("fast", "refreshed.mkv"))):
        try:
            assert_covered(path, way)
        except VideoUnreadable as error:
            assert "gave no picture" in str(error)
