"""The networks of `keras.applications` in Keras, on whichever backend it is set to: to train them, and for GPUs.

They are imported, built and called here alone, and only where they are wanted.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tagger import libraries
from tagger.errors import LibraryMissing
from tagger.models import devices
from tagger.models.architectures import Architecture
from tagger.models.devices import Device
from tagger.records import Floats

turn = threading.Lock()  # threads take turns: Keras keeps names, devices and compiled functions for the whole process


def place(wanted: str) -> Device:
    """Returns where networks run when `Settings.device` says this.

    Raises:
        DeviceMissing: there is no such GPU.
        LibraryMissing: one was asked for, and Keras or its backend is not installed.
    """
    if wanted == "cpu" or (wanted == "auto" and not devices.gpu_likely()):
        return devices.PROCESSOR
    try:
        with turn:
            start("a network on a GPU")
            return devices.choose(wanted, devices.keras_devices())
    except LibraryMissing:
        if wanted == "auto":
            return devices.PROCESSOR
        raise


def start(work: str = "a network that Keras trains") -> None:
    """Imports Keras and undoes what this user's keras.json may say about the layout of arrays.

    Raises:
        LibraryMissing: Keras or its backend is not installed.
    """
    try:
        with libraries.needed(work):
            import keras
    except LibraryMissing:
        raise
    except (ImportError, ValueError) as error:
        raise LibraryMissing(f"Keras cannot start its backend ({error}): set KERAS_BACKEND=tensorflow") from error
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def untrained(architecture: Architecture) -> Any:
    """Returns a network up to its features, with random numbers."""
    start()
    import keras

    size = {"input_shape": (architecture.input_size, architecture.input_size, 3)}
    width = {} if architecture.width is None else {"alpha": architecture.width}
    function = getattr(importlib.import_module(f"keras.applications.{architecture.module}"), architecture.function)
    if architecture.feature_layer == "avg_pool":
        return function(weights=None, include_top=False, pooling="avg", **size, **width)
    whole = function(weights=None, **size, **width)
    return keras.Model(whole.input, whole.get_layer(architecture.feature_layer).output)


def filled(architecture: Architecture, numbers: Sequence[Floats]) -> Any:
    """Returns a network up to its features, with these arrays of `Keras.Model.get_weights`."""
    network = untrained(architecture)
    network.set_weights(list(numbers))
    return network


def forget() -> None:
    """Frees the networks of Keras that nobody uses any more: it would keep all that were built."""
    if "keras" in sys.modules:
        import keras

        keras.utils.clear_session()
