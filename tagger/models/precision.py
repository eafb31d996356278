"""How precisely networks are computed on the processor: float32 as they were trained, or in half the numbers."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadSettings
from tagger.models import int8
from tagger.models.onnx_bytes import Graph
from tagger.models.runtime import Network
from tagger.records import Floats
from tagger.settings import BFLOAT16, INT8

PROCESSORS = Path("/proc/cpuinfo")  # Linux alone says there what a processor can do


def ready(made: Graph, prepared: Callable[[NDArray[np.uint8]], Floats], precision: str, large: bool = False) -> Network:
    """Returns a network that stands ready.

    Args:
        made: the network.
        prepared: squares (n, s, s, 3) uint8 -> planes (n, 3, s, s), as the network takes them.
        precision: as in `Settings`; `auto` is float32.
        large: as of `Network`.

    Raises:
        BadSettings: this processor does not compute so.
        LibraryMissing: as `Network`.
    """
    if precision == BFLOAT16 and not computes_bfloat16():
        raise BadSettings(
            f"--precision {precision}: ONNX Runtime computes so on ARM processors with bf16 alone, this is "
            f"{platform.machine() or 'another'}: use float32 or int8, or a GPU"
        )
    if precision == INT8:
        made = int8.quantised(made, prepared(int8.leaves(int8.PICTURES, made.picture.size)))
    return Network(made.body(), large, half=precision == BFLOAT16)


def computes_bfloat16() -> bool:
    """Returns whether ONNX Runtime multiplies in bfloat16 on this processor."""
    try:
        return platform.machine() in ("aarch64", "arm64") and " bf16" in PROCESSORS.read_text()
    except OSError:
        return False
