"""Decoding processes: they last, they are replaced, they are stopped, and they never outlive their parent."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import media
import psutil
import pytest

from tagger.batch import crew as crew_module
from tagger.batch.crew import Crew, Limits
from tagger.batch.worker import At, KeptPicture, Message, Orders, Read, Refused
from tagger.errors import BadSettings, DecodersFailed
from tagger.records import ScannedShot
from tagger.settings import Settings

ORDERS = Orders(Settings(), 32, 2**32)


def scanned(
    films: list[Path], size: int, limits: Limits | None = None, orders: Orders = ORDERS
) -> dict[str, list[Message]]:
    """What a crew says of films, by name."""
    said: dict[str, list[Message]] = {film.name: [] for film in films}
    with Crew[Path](ORDERS, size, limits or Limits(), lambda film: (film,)) as crew:
        for film, message in filter(None, crew.work(films)):
            said[film.name].append(message)
    return said


@pytest.fixture
def hooked(faults: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", faults["PYTHONPATH"])


@pytest.fixture
def films(film: media.Truth, tmp_path: Path) -> dict[str, Path]:
    names = ("a", "b crash", "c", "d hang", "e")
    return {name: Path(shutil.copy(film.path, tmp_path / f"{name}.mp4")) for name in names}


def test_pictures_come_before_what_is_known_of_their_film(film: media.Truth) -> None:
    (said,) = scanned([film.path], 1).values()
    pictures = [message for message in said if isinstance(message, KeptPicture)]
    assert [picture.pixels.shape for picture in pictures] == [(32, 32, 3)] * 3
    last = said[-1]
    assert isinstance(last, Read)
    assert [shot.keyframe.frame for shot in last.scanned.shots] == [15, 52, 87]
    assert {type(shot) for shot in last.scanned.shots} == {ScannedShot}  # without pixels
    assert last.scanned.video.frame_count == 100


def test_a_crash_costs_one_film_and_the_process_is_replaced(hooked: None, films: dict[str, Path]) -> None:
    said = scanned([films["a"], films["b crash"], films["c"]], 1)
    assert isinstance(said["a.mp4"][-1], Read)
    assert isinstance(said["c.mp4"][-1], Read)
    assert said["b crash.mp4"] == [Refused(f"{films['b crash']}: the decoder crashed (signal 11)")]


def test_a_process_that_dies_while_it_waits_costs_no_film(film: media.Truth) -> None:
    with Crew[Path](ORDERS, 1, Limits(), lambda film: (film,)) as crew:
        for _ in range(2):
            said = [message for _, message in filter(None, crew.work([film.path]))]
            assert isinstance(said[-1], Read)
            (child,) = multiprocessing.active_children()
            child.kill()
            child.join()


def test_a_decoder_that_hangs_is_stopped(hooked: None, films: dict[str, Path]) -> None:
    begun = time.monotonic()
    said = scanned([films["d hang"], films["e"]], 1, Limits(min_speed=0.01, patience_s=3.0))
    (refused,) = said["d hang.mp4"]
    assert isinstance(refused, Refused)
    assert refused.reason.endswith("stopped, as it advanced 0.0 s in 3 s (--min-speed)")
    assert isinstance(said["e.mp4"][-1], Read)
    assert 3 < time.monotonic() - begun < 20


def test_a_caller_who_takes_long_is_no_film_that_hangs(film: media.Truth) -> None:
    with Crew[Path](ORDERS, 1, Limits(min_speed=1.0, patience_s=3.0), lambda film: (film,)) as crew:
        found = []
        for _, message in filter(None, crew.work([film.path])):
            found.append(message)
            time.sleep(1.0)
    assert isinstance(found[-1], Read)
    assert len(found) > 3


def test_processes_last_from_film_to_film(film: media.Truth, tmp_path: Path) -> None:
    """And what they hold does not grow: R3."""
    films = [Path(shutil.copy(film.path, tmp_path / f"{number}.mp4")) for number in range(100)]
    pids, memory, handles, threads = set(), [], [], []
    with Crew[Path](ORDERS, 1, Limits(), lambda film: (film,)) as crew:
        for _, message in filter(None, crew.work(films)):
            if isinstance(message, Read):
                (child,) = decoders(os.getpid())
                pids.add(child.pid)
                memory.append(child.memory_info().rss / 2**20)
                handles.append(child.num_fds())
                threads.append(child.num_threads())
    assert len(pids) == 1
    assert (memory[-1] - memory[20]) / 79 < 0.5  # MiB a film
    assert max(handles[20:]) - min(handles[20:]) <= 4
    assert max(threads[20:]) - min(threads[20:]) <= 8  # a film's own threads come and go


def test_none_is_left_when_the_work_is_over_or_given_up(hooked: None, films: dict[str, Path]) -> None:
    scanned([films["a"]], 2)
    assert decoders(os.getpid()) == []
    with pytest.raises(RuntimeError), Crew[Path](ORDERS, 2, Limits(), lambda film: (film,)) as crew:
        for _ in crew.work([films["a"], films["d hang"]]):
            raise RuntimeError
    assert decoders(os.getpid()) == []


PARENT = """
import sys
from pathlib import Path
from tagger.batch.crew import Crew, Limits
from tagger.batch.worker import Orders
from tagger.settings import Settings

if __name__ == "__main__":
    with Crew(Orders(Settings(), 32, 2**32), 2, Limits(), lambda film: (film,)) as crew:
        for said in crew.work([Path(name) for name in sys.argv[1:]]):
            print(type(said and said[1]).__name__, flush=True)
"""


def test_none_outlives_a_parent_that_is_killed(faults: dict[str, str], films: dict[str, Path], tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), str(films["d hang"]), str(films["a"])]
    parent = subprocess.Popen(command, env={**os.environ, **faults}, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    while parent.stdout.readline() != "Read\n":
        pass
    left = decoders(parent.pid)
    assert len(left) == 2  # one hangs, one waits
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(left, timeout=5)
    for orphan in alive:
        orphan.kill()
    parent.stdout.close()
    assert alive == []


def decoders(parent: int) -> list[psutil.Process]:
    """The decoding processes of a process; multiprocessing has one more, which tracks resources."""
    children = psutil.Process(parent).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_progress_comes_while_a_shot_goes_on(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "long.mp4", (2000,), options={"preset": "ultrafast"})
    (said,) = scanned([truth.path], 1).values()
    times_s = [message.time_s for message in said if isinstance(message, At)]
    assert times_s == sorted(times_s)
    assert times_s and times_s[0] < 80


def test_a_pause_of_everything_is_no_film_that_hangs(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-Z: an hour went by while nobody could do anything."""
    clock, paused = time.monotonic, [0.0]

    def wait_for_an_hour(pipes: Any, limit_s: float) -> Any:
        paused[0] += 3600.0
        return wait(pipes, limit_s)

    with Crew[Path](ORDERS, 1, Limits(min_speed=1.0, patience_s=5.0), lambda film: (film,)) as crew:
        said = crew.work([film.path])
        assert isinstance((next(filter(None, said)))[1], At | KeptPicture)
        monkeypatch.setattr(time, "monotonic", lambda: clock() + paused[0])
        monkeypatch.setattr(crew_module, "wait", wait_for_an_hour)
        next(said)
        monkeypatch.setattr(crew_module, "wait", wait)
        rest = [message for _, message in filter(None, said)]
    assert isinstance(rest[-1], Read)


SCRIPT = """
import sys
from pathlib import Path
from tagger.batch.crew import Crew, Limits
from tagger.batch.worker import Orders
from tagger.errors import DecodersFailed
from tagger.settings import Settings

with Crew(Orders(Settings(), 32, 2**32), 1, Limits(), lambda film: (film,)) as crew:
    try:
        print(list(crew.work([Path(sys.argv[1])])))
    except DecodersFailed as error:
        print(error)
"""


def test_a_script_that_cannot_be_imported_again_is_told_so(film: media.Truth, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, film.path], capture_output=True, text=True, check=False, timeout=60)
    assert "decoding processes cannot be started here" in done.stdout
    assert '`if __name__ == "__main__":`' in done.stdout


def test_no_descriptors_for_a_process_is_one_line(film: media.Truth) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 1, limits[1]))
    try:
        with pytest.raises(DecodersFailed, match="take fewer --jobs"):
            scanned([film.path], 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("speed", [float("nan"), float("inf"), -1.0])
def test_a_speed_that_no_film_has_is_refused(speed: float) -> None:
    with pytest.raises(BadSettings, match=r"min speed (nan|inf|-1.0): times real time, from 0"):
        Limits(min_speed=speed)
