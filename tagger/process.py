"""This process, as the operating system sees it."""

from __future__ import annotations

import os
import sys
import time

import psutil


def began() -> float:
    """Returns the `time.monotonic()` at which this process was started."""
    return time.monotonic() - (time.time() - float(psutil.Process().create_time()))


def silence_native_code() -> None:
    """Sends what C libraries print to nowhere; Python's own stderr stays.

    TensorFlow prints about processors and missing GPUs before any of its log levels can be set.
    """
    real = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = real
