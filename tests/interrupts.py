"""Processes that Ctrl-C ends, also where the tests run as a background job."""

from __future__ import annotations

import signal
import subprocess
from typing import Any


def started(words: list[str], **how: Any) -> subprocess.Popen[str]:
    """Starts a process that hears SIGINT, whose output can be read as text.

    A shell lets its background jobs ignore SIGINT, and what is ignored stays so in every process that they start.
    What is handled does not: it is back to normal there.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    finally:
        signal.signal(signal.SIGINT, before)
