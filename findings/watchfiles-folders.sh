#!/usr/bin/env bash
# watchfiles: what it does not say of a folder in which files arrive. A name that is no UTF-8 ends the watch; of a
# folder that is moved in, or made with others in it, only the folder is named; with ignore_permission_denied a folder
# that is not there is "watched" in silence; with a filter that leaves something out no timeout comes; polling does not
# see a file that grows and keeps its time.
# Measured with watchfiles 1.3.0 on Linux.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: watchfiles==1.3.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import os
import threading
import time
from importlib.metadata import version

from watchfiles import watch

TICKS, TICK_MS = 12, 100
print("watchfiles", version("watchfiles"))


def seen(folder, act, **how):
    """The names that are reported while something happens, or the error."""
    names = set()
    how = {"watch_filter": None, "rust_timeout": TICK_MS, "yield_on_timeout": True, **how}
    try:
        stream = watch(folder, **how)
        next(stream)
        act()
        for _, changes in zip(range(TICKS), stream):
            names |= {os.path.relpath(path, folder) for _, path in changes}
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(os.getcwd(), "...")
    return sorted(names)


def write(path, body=b"1"):
    with open(path, "wb") as file:
        file.write(body)


os.makedirs("a")
odd = seen("a", lambda: write(b"a/\xff.mkv"))
print("a name that is no UTF-8:", odd)

os.makedirs("b")
os.makedirs("aside/deep")
write("aside/deep/film.mkv")
moved = seen("b", lambda: os.rename("aside", "b/in"))
print("a folder that is moved in, with a film in it:", moved)

plain, ignoring = (seen("none", lambda: None, ignore_permission_denied=ignore) for ignore in (False, True))
print("a folder that is not there:", plain, "- with ignore_permission_denied:", ignoring)

os.makedirs("c/out")
ended = threading.Event()


def reports():
    while not ended.wait(0.02):
        write("c/out/report")


writer = threading.Thread(target=reports)
writer.start()
ticks = []


def count():
    for _ in watch("c", watch_filter=lambda _, path: "out" not in path, rust_timeout=TICK_MS, yield_on_timeout=True,
                   stop_event=ended):
        ticks.append(1)


counter = threading.Thread(target=count)
counter.start()
time.sleep(2)
starved = len(ticks)
ended.set()
writer.join()
counter.join()
print(f"timeouts of {TICK_MS} ms in 2 s while only what is left out changes:", starved)

os.makedirs("d")
write("d/film.mkv")
os.utime("d/film.mkv", (1, 1))


def grow():
    with open("d/film.mkv", "ab") as file:
        file.write(b"more")
    os.utime("d/film.mkv", (1, 1))


polled = seen("d", grow, force_polling=True, poll_delay_ms=100)
print("polling, a film that grows and keeps its time:", polled)

assert odd.startswith("WatchfilesRustInternalError: Unable to decode path") and moved == ["in"]
assert plain.startswith("FileNotFoundError") and ignoring == [] and starved <= 3 and polled == []
PY
