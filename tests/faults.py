"""Decoders that fail: put into decoding processes from outside, by the hook that Python runs when it starts.

A film whose name holds one of these words makes the process that opens it crash, hang, take all memory, or be slow.
"""

from __future__ import annotations

import os
from pathlib import Path

HOOK = """
import os, signal, sys, time

if "multiprocessing.spawn" in " ".join(sys.orig_argv):
    from tagger.shots import decoders, scan
    from tagger.video import container, film

    real = container.open_video

    def faulty(path, opened, *how):
        if "crash" in path.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in path.name:
            time.sleep(3600)
        if "greedy" in path.name:
            hoard = []
            while True:
                hoard.append(bytearray(b"x" * 2**23))
                time.sleep(0.01)
        if "slow" in path.name:
            time.sleep(0.5)
        return real(path, opened, *how)

    for module in (container, decoders, scan, film):
        module.open_video = faulty
"""


def environment(folder: Path) -> dict[str, str]:
    """Returns what to set in the environment; `folder` is where the hook goes."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(HOOK)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
