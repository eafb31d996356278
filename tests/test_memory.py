"""Memory, files and threads stay what they were, however long the film, however many shots, however many films.

Each figure is taken in a process of its own without TensorFlow: what it held beyond its own beginning. Not by
`getrusage`, whose maximum Linux hands down from the process that started it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import media
import numpy as np
import pytest

import tagger
from tagger.shots.pyscenedetect import KINDS, PySceneDetect

MB = 2**20
JUNK_S = 1.0
JUNK_MB, ODD_MB, HUGE_MB = 150, 200, 700  # what refusing, decoding something odd, and decoding 8K may take
LOOP_MB = 4  # from a tenth of a long film to its end; every frame of it kept would be four times as much
SHOTS, SHOTS_MB = 10_000, 85  # 2048 features of 4 bytes each
RANKING_MB = 85  # for a moment, while tags are ranked
FILMS, FIRST_FILMS, FILM_MB = 100, 20, 0.5
ENDING = 1  # a thread that Python has done with, and the system not yet
CORES = 2  # a decoder thread for each, and in each some pictures

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads what Linux says of a process")

# What every measurement begins with: the arguments, and memory in MB, now and at its highest.
PRELUDE = """
import json, os, sys, time
from pathlib import Path

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name + ":")))

def held():
    return status("VmRSS") / 1024

def most():
    return status("VmHWM") / 1024

def tell(**figures):
    print(json.dumps(figures), flush=True)

given = sys.argv[1:]
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(given.pop(0))])
from tagger.shots.scan import scan
from tagger.settings import Settings
from tagger.video.film import Film
from tagger.errors import MovieTagsError
begun = held()
"""

READ = """
for name in given:
    since, shots, error = time.monotonic(), 0, ""
    try:
        with Film(Path(name)) as film:
            shots = sum(1 for _ in scan(film, Settings(min_entropy_bits=0.0)).shots)
    except MovieTagsError as refused:
        error = type(refused).__name__
    tell(shots=shots, error=error, took_s=time.monotonic() - since, grown_mb=most() - begun)
"""

LOOPED = """
from tagger.shots import evidence, scan as reader

film, asked = Film(Path(given[0])), given[1]
reader.choose = lambda film, _: evidence.Choice(asked, "told to", evidence.group_lengths(film)[0])
seen = []
def look(time_s, length_s):
    if len(seen) < 100 * time_s / length_s:
        seen.append((held(), len(os.listdir("/proc/self/fd")), status("Threads")))
with film:
    scanning = scan(film, Settings(), look)
    shots = sum(1 for _ in scanning.shots)
observer = scanning.observer
tell(used=scanning.how.used, shots=shots, frames=observer.frame_count, seconds=observer.end_s, seen=seen)
"""

MANY_SHOTS = """
import numpy as np
from tagger.models import nudity
from tagger.models.runtime import Network
from tagger.pipeline import Engine
from tagger.records import Keyframe, Scan, ScannedShot, ShotPicture
from tagger.settings import Settings
from tagger.shots import scan as reader
from tagger.video.observer import Observer

film, count = Path(given[0]), int(given[1])

def shots():
    for at in range(count):
        keyframe = Keyframe(25 * at + 12, at + 0.5, 0, 7.0, True)
        picture = np.full((72, 128, 3), at % 256, np.uint8)
        yield ShotPicture(ScannedShot(at, at, at + 1, 25 * at, 25 * at + 25, keyframe), picture)

reader.scan = lambda *_: reader.Scanning(Scan("full", "full", "made up"), shots(), Observer())
nudity.place = lambda *_: None  # another network, whose memory does not depend on the film
one = Engine(Settings(backbone="compact"))
backbone, numbers = one.model().backbone, np.random.default_rng(0)
Network.__call__ = lambda _, planes: numbers.random((len(planes), backbone.feature_count), np.float32)
begun, held_mb, report = held(), [], one.report
one.report = lambda *given: held_mb.append(held() - begun) or report(*given)
found = one.extract(film)
tell(shots=len(found.shots), held_mb=held_mb[0], grown_mb=most() - begun)
"""

MANY_FILMS = """
from tagger import Tagger
one = Tagger()
after = []
for _ in range(int(given[1])):
    assert len(one.extract(given[0]).shots) == 1
    after.append((held(), len(os.listdir("/proc/self/fd")), status("Threads")))
tell(after=after, tensorflow="tensorflow" in sys.modules)
"""


def measured(code: str, *words: str | Path | int, cores: int = CORES) -> list[dict[str, Any]]:
    """What a process that runs the code says of itself, a line each time."""
    command = [sys.executable, "-c", PRELUDE + code, str(cores), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def looped(part: Path, path: Path, times: int) -> Path:
    """The film so many times one after the other, its packets as they are."""
    with av.open(str(part)) as old:
        stream = old.streams.video[0]
        packets = [packet for packet in old.demux(stream) if packet.dts is not None]
        length, base = int(stream.duration or 0), stream.time_base or Fraction(1)
        with av.open(str(path), "w") as new:
            target = new.add_stream_from_template(stream)
            for shift in range(0, times * length, length):
                for source in packets:
                    packet = av.Packet(bytes(source))
                    packet.pts, packet.dts = (source.pts or 0) + shift, (source.dts or 0) + shift
                    packet.duration, packet.time_base = source.duration, base
                    packet.is_keyframe, packet.stream = source.is_keyframe, target
                    new.mux(packet)
    return path


def test_what_is_no_video_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    """Nothing, five bytes, noise, and half a film whose index was to stand at its end."""
    whole = media.film(tmp_path / "whole.mp4").path.read_bytes()
    assert b"moov" not in whole[: len(whole) // 2]
    bodies = (b"", b"hello", np.random.default_rng(1).bytes(100_000), whole[: len(whole) // 2])
    films = [tmp_path / f"{place}.mp4" for place in range(len(bodies))]
    for film, body in zip(films, bodies, strict=True):
        film.write_bytes(body)
    for found in measured(READ, *films):
        assert found["error"] == "VideoUnreadable"
        assert found["took_s"] < JUNK_S
        assert found["grown_mb"] < JUNK_MB


def test_odd_formats_cost_little_memory(tmp_path: Path) -> None:
    quiet = {"x265-params": "log-level=none"}
    made = [
        media.film(tmp_path / "ten-bit.mkv", codec="libx265", pix_fmt="yuv420p10le", options=quiet),
        media.film(tmp_path / "full-chroma.mp4", width=321, height=241, pix_fmt="yuv444p"),
        media.film(tmp_path / "gray.mkv", pix_fmt="gray"),
    ]
    for found in measured(READ, *(truth.path for truth in made)):
        assert (found["error"], found["shots"]) == ("", 3)
        assert found["grown_mb"] < ODD_MB


def test_a_film_in_8k_fits(tmp_path: Path) -> None:
    """Long enough to fill what is decoded ahead and what waits for the middle of the shot."""
    picture = np.full((4320, 7680, 3), np.linspace(0, 255, 7680)[:, None], np.uint8)
    part = media.write(tmp_path / "two.mp4", iter([picture] * 2), options={"preset": "ultrafast", "qp": "40"})
    (found,) = measured(READ, looped(part.path, tmp_path / "8k.mp4", 12))
    assert (found["error"], found["shots"]) == ("", 1)
    assert found["grown_mb"] <= HUGE_MB


@pytest.mark.parametrize("asked", ["full", "references", "fast"])
def test_a_long_film_takes_no_more_than_its_first_tenth(asked: str, tmp_path: Path) -> None:
    """Twenty minutes; a film is as long as its shots are many, and none may stay."""
    part = media.film(
        tmp_path / "part.mp4", (12, 18, 10, 20), width=64, height=36, rate=4, options={"preset": "superfast"}
    )
    (found,) = measured(LOOPED, looped(part.path, tmp_path / "long.mp4", 80), asked)
    assert (found["used"], found["frames"]) == (asked, 4800)
    assert found["seconds"] == pytest.approx(1200, abs=1)
    assert found["shots"] == 320
    held, files, threads = zip(*found["seen"][10:], strict=True)
    assert len(held) >= 85
    assert max(held) - held[0] <= LOOP_MB
    assert len(set(files)) == 1
    second_half = threads[len(threads) // 2 :]  # pools of threads are made when they are first needed
    assert max(second_half) - min(second_half) <= ENDING


def test_ten_thousand_shots_keep_their_features_alone(film: media.Truth) -> None:
    (found,) = measured(MANY_SHOTS, film.path, SHOTS)
    assert found["shots"] == SHOTS
    assert found["held_mb"] <= SHOTS_MB
    assert found["grown_mb"] <= RANKING_MB


def test_a_hundred_films_leave_nothing_behind(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "tiny.mp4", (8,), width=64, height=36)
    (found,) = measured(MANY_FILMS, truth.path, FILMS)
    assert not found["tensorflow"]
    held, files, threads = zip(*found["after"][FIRST_FILMS:], strict=True)
    slope_mb = np.polyfit(np.arange(len(held)), held, 1)[0]
    assert slope_mb < FILM_MB
    assert len(set(files)) == 1
    assert max(threads) - min(threads) <= ENDING


def test_no_detector_stores_what_it_saw_of_every_frame() -> None:
    """Which a StatsManager of PySceneDetect would."""
    for detector in KINDS:
        assert PySceneDetect(detector, 0.6)._detector.stats_manager is None
    sources = [path.read_text() for path in Path(tagger.__file__).parent.rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = {getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None) for node in nodes}
    assert "StatsManager" not in names
