"""What a machine has besides its processor: decoders in hardware, and GPUs for the networks of Keras."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.errors import DeviceMissing
from tagger.settings import AUTO, BFLOAT16, FLOAT32

GPU = "gpu"


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network is built and called, and what pays there."""

    name: str = ""  # as Keras says it, "gpu:0"; empty: what its backend takes by itself
    is_gpu: bool = False
    asked: str = AUTO  # precision, as in `Settings`

    @property
    def precision(self) -> str:
        """How it computes, on a GPU as a `dtype_policy` of Keras; features are float32 in any case.

        Not by itself in bfloat16 on a processor that has it: with MobileNetV2 that changed most films' first tags.
        """
        if self.is_gpu:
            return {FLOAT32: FLOAT32, BFLOAT16: "mixed_bfloat16"}.get(self.asked, "mixed_float16")
        return FLOAT32 if self.asked == AUTO else self.asked

    @property
    def batch_size(self) -> int:
        """Pictures per call; a processor gains nothing from more."""
        return 64 if self.is_gpu else 16

    def scope(self) -> AbstractContextManager[Any]:
        """Returns what a network is built and called within."""
        if not self.name:
            return nullcontext()
        import keras

        scope: AbstractContextManager[Any] = keras.device(self.name)
        return scope


PROCESSOR = Device()
# What the drivers of GPUs put there: NVIDIA's, Windows's within Linux, AMD's.
DRIVERS = tuple(map(Path, ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")))


def gpu_likely() -> bool:
    """Returns whether it is worth to ask Keras for GPUs, which takes seconds."""
    return any(driver.exists() for driver in DRIVERS)


def keras_devices() -> list[str]:
    """Returns the devices of the best kind that the backend of Keras has: gpu:0, gpu:1, ..., else cpu:0."""
    import keras

    if keras.backend.backend() == "torch":  # the one that Keras lists no devices of
        gpus = importlib.import_module("torch").cuda.device_count()
        return [f"{GPU}:{index}" for index in range(gpus)] or ["cpu:0"]
    return list(keras.distribution.list_devices())


def choose(wanted: str, available: Sequence[str]) -> Device:
    """Returns the device that `Settings.device` means where `available` are those of Keras.

    Raises:
        DeviceMissing: there is no such GPU.
    """
    gpus = [name for name in available if name.startswith(GPU)]
    if wanted == "auto":
        return Device(is_gpu=bool(gpus))
    if wanted == "cpu":
        return PROCESSOR
    name = gpus[0] if wanted == GPU and gpus else wanted
    if name not in gpus:
        raise DeviceMissing(
            f"--device {wanted}: Keras finds {', '.join(available) or 'nothing'} here: use --device cpu, "
            f"or install movietags[gpu] where there is a GPU"
        )
    return Device(name, is_gpu=True)
