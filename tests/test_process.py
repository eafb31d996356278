"""A child process ends with its parent, whatever became of that."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

CHILD = """
import multiprocessing, os, time
from tagger.process import end_with_parent

def serve(pipe):
    end_with_parent({check})
    pipe.send(os.getpid())
    time.sleep(60)

ours, theirs = multiprocessing.Pipe()
multiprocessing.get_context("fork").Process(target=serve, args=(theirs,)).start()
print(ours.recv(), flush=True)
time.sleep(60)
"""


def ends(child: psutil.Process) -> bool:
    """Whether it ends within seconds; nobody may be there to take its exit code."""
    for _ in range(100):
        try:
            if child.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize("check", ["", "lambda: None"])
def test_a_child_ends_when_its_parent_is_killed(check: str) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD.format(check=check)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(0.3)
        assert child.is_running() and child.status() != psutil.STATUS_ZOMBIE
        parent.kill()
    assert ends(child)


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_check_may_end_a_child_before() -> None:
    code = CHILD.format(check="lambda: os._exit(3)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert ends(psutil.Process(int(parent.stdout.readline())))
        parent.kill()
