"""Ctrl-C, SIGTERM and SIGHUP at any moment of any command: one line, the exit code of shells, never a traceback."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import media
import pytest

from tagger import Settings, Tagger, signals
from tagger.reports.formats import write_report

# Put into the command from outside, by the hook that Python runs when it starts. Python's own start is not ours.
HOOK = """
import os, signal, sys, threading, time

where, number = os.environ["STOP_AT"], int(os.environ["STOP_BY"])
stop = os.killpg if "STOP_ALL" in os.environ else os.kill  # it leads its group

def wait():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.0005)
    time.sleep(float(where))
    stop(os.getpid(), number)

def seen(event, args):
    if event == "import" and args[0] == where:
        stop(os.getpid(), number)

sent = []

def at_once(event, args):  # no thread, which may come late on a busy machine
    if event == "import" and not sent and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        sent.append(stop(os.getpid(), number))

if "multiprocessing" not in " ".join(sys.orig_argv):
    if where == "0.000":
        sys.addaudithook(at_once)
    elif where[0].isdigit():
        threading.Thread(target=wait, daemon=True).start()
    else:
        sys.addaudithook(seen)
"""
LATEST_S = 2.0
FILM_S = 400  # longer than any command is let run
TAGS = ("animal", "desert", "horror")  # of movies50
IMPORTS = (
    "click", "tagger.process", "tagger.commands.batch", "tagger.pipeline", "numpy", "numpy.linalg",
    "numpy._core.multiarray", "av", "av._core", "av.video.frame", "cv2", "tagger.shots.learned", "tagger.video.film",
)  # fmt: skip
# They end with the best so far, and say so in their own words.
KEEPING = ("train", "study init", "study backbones", "study search")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that takes long, a truth about it, reports, pictures of three tags, and a hook."""
    folder = tmp_path_factory.mktemp("place")
    part = media.film(folder / "part.ts", (250,), options={"preset": "ultrafast"}).path
    (folder / "films").mkdir()
    (folder / "films/long.ts").write_bytes(part.read_bytes() * (FILM_S // 10))
    (folder / "truth.json").write_text('{"cuts": [100]}')
    report = Tagger(Settings()).extract(media.film(folder / "short.mp4").path)
    write_report(report, folder / "a.tags.json")
    for seed, tag in enumerate(TAGS):
        (folder / "images" / tag).mkdir(parents=True)
        for number in range(20):
            picture = media.scenery(20 * seed + number, 160, 120)
            picture[..., seed] = 255
            cv2.imwrite(str(folder / "images" / tag / f"{number}.png"), picture[..., ::-1])
    (folder / "hook").mkdir()
    (folder / "hook/sitecustomize.py").write_text(HOOK)
    return folder


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """A server that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


COMMANDS = {
    "extract": "films/long.ts -o out",
    "batch": "films -o out --jobs 1",
    "segments": "a.tags.json",
    "compare": "a.tags.json a.tags.json -o out",
    "evaluate images": "movies50 images",
    "evaluate shots": "films/long.ts truth.json",
    "train": "images --name colours -o out --epochs 100000 --patience 0 --cache cache",
    "study init": "images --epochs 100000 --cache cache",
    "study search": "images --trials 400 --jobs 1 --cache cache",
    "study backbones": "images --backbones compact --epochs 100000 --patience 0 --cache cache",
    "images fetch": "-o out",
    "info": "",
    "vocab show": "",
    "models list": "",
}


def started(
    place: Path, cwd: Path, command: str, where: str, number: int, ignored: bool = False, words: str | None = None
) -> subprocess.Popen[str]:
    """Starts a command that will be stopped, whatever this test's runner does with Ctrl-C."""
    cwd.mkdir(exist_ok=True)
    (cwd / "films").symlink_to(place / "films")
    (cwd / "images").symlink_to(place / "images")
    for name in ("a.tags.json", "truth.json"):
        (cwd / name).write_bytes((place / name).read_bytes())
    root = str(Path(__file__).parents[1])
    paths = [str(place / "hook"), root, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "STOP_AT": where, "STOP_BY": str(number)}
    answer = signal.SIG_IGN if ignored else signal.SIG_DFL
    return subprocess.Popen(
        [sys.executable, "-m", "tagger", *command.split(), *(COMMANDS[command] if words is None else words).split()],
        cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, answer), start_new_session=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], command: str, number: int) -> bool:
    """Checks how it ended; whether it was stopped, not done before."""
    said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said, said
    assert "Exception ignored" not in said
    assert process.returncode in (128 + number, 0), said
    if process.returncode and command not in KEEPING:
        assert said.splitlines()[-1] == "movietags: interrupted"
        assert said.count("interrupted") == 1
    return process.returncode != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("command", COMMANDS)
def test_at_any_moment(
    place: Path, tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch, campaign: Callable[[int, int], int],
    command: str, number: signal.Signals,
) -> None:  # fmt: skip
    monkeypatch.setenv("MOVIETAGS_OPENIMAGES_URL", silent)
    draw = random.Random(f"{command}{number}")
    moments = [0.0, *(draw.uniform(0.02, LATEST_S) ** 2 / LATEST_S for _ in range(campaign(2, 20)))]
    stopped = 0
    for turn in range(0, len(moments), 3):  # so many at the same time
        group = [
            started(place, tmp_path / f"{at}", command, f"{at:.3f}", number) for at in moments[turn : turn + 3]
        ]  # fmt: skip
        stopped += sum([ended(process, command, number) for process in group])
    assert stopped


@pytest.mark.parametrize("module", IMPORTS)
def test_in_the_middle_of_an_import(place: Path, tmp_path: Path, module: str) -> None:
    process = started(place, tmp_path / "here", "extract", module, signal.SIGINT)
    assert ended(process, "extract", signal.SIGINT)


def test_nothing_is_loaded_before_ctrl_c_is_heard() -> None:
    code = (
        "import sys, tagger.signals\ntagger.signals.leave_when_asked = lambda: sys.exit(' '.join(sys.modules))\n"
        "from tagger.__main__ import main\nmain()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.split()
    assert {name for name in said if name.startswith("tagger")} == {
        "tagger", "tagger.errors", "tagger.version", "tagger.signals", "tagger.__main__"
    }  # fmt: skip
    assert not {*said} & {"click", "numpy", "cv2", "av", "logging", "importlib.metadata", "dataclasses"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_ignored_stays_ignored(place: Path, tmp_path: Path, number: int) -> None:
    """As nohup does it, and shells with what runs in the background."""
    process = started(place, tmp_path / "here", "segments", "0.0", number, ignored=True)
    assert not ended(process, "segments", number)


def test_a_hangup_is_129(place: Path, tmp_path: Path) -> None:
    assert ended(started(place, tmp_path / "here", "extract", "1.0", signal.SIGHUP), "extract", signal.SIGHUP)


@pytest.mark.parametrize("command", ["batch", "study search"])
def test_a_terminal_sends_ctrl_c_to_the_children_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, campaign: Callable[[int, int], int], command: str
) -> None:
    """With -v, so that what they print is seen: they start while it comes."""
    monkeypatch.setenv("STOP_ALL", "1")
    draw = random.Random(command)
    for attempt in range(campaign(3, 20)):
        at, words = f"{draw.uniform(0.3, 2.5):.3f}", COMMANDS[command] + " -v"
        process = started(place, tmp_path / f"{attempt}", command, at, signal.SIGINT, words=words)
        assert ended(process, command, signal.SIGINT)


def test_a_training_that_is_terminated_keeps_its_best(place: Path, tmp_path: Path) -> None:
    process = started(place, tmp_path / "here", "train", "60", signal.SIGTERM)
    end = time.monotonic() + 60
    while not (tmp_path / "here/out/training/run.json").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(2)  # epochs of a hundredth each
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143, said
    assert (tmp_path / "here/out/labels.txt").exists()


def test_an_interrupt_that_falls_into_a_destructor_counts() -> None:
    code = (
        "import signal, time\nfrom tagger import signals\nsignals.leave_when_asked()\n"
        "class Old:\n    def __del__(self):\n        signal.raise_signal(signal.SIGINT)\n        time.sleep(1)\n"
        "with signals.raised():\n    old = Old()\n    del old\n    time.sleep(10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=9)
    assert (done.returncode, done.stderr) == (130, "movietags: interrupted\n")


def test_what_was_before_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_last", signals._last)  # put back for those after this
    before = {name: signal.getsignal(getattr(signal, name)) for name in signals.NAMES}
    with pytest.raises(KeyboardInterrupt), signals.raised():
        signal.raise_signal(signal.SIGTERM)
    assert signals.exit_code() == 143
    assert {name: signal.getsignal(getattr(signal, name)) for name in signals.NAMES} == before
