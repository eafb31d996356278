"""Networks of `keras.applications` with random numbers, on disk as the published ones are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
from keras.src.legacy.saving import legacy_h5_format

from tagger.models.architectures import named

QUICKLY = "--xla_backend_optimization_level=0"  # for XLA: compiled in half the time, for the few pictures of a test
KEPT = 0.05  # share of a layer's variance: random layers shrink what they see, and nothing would be left at the end


def save(name: str, path: Path, *, include_top: bool = True) -> Path:
    """Writes a network of this name to `path`, in the format that its name says; the same numbers each time."""
    made = named(name)
    function = getattr(getattr(keras.applications, made.module), made.function)
    width = {} if made.width is None else {"alpha": made.width}
    keras.utils.set_random_seed(0)
    shape = (made.input_size, made.input_size, 3)
    network = function(weights=None, include_top=include_top, input_shape=shape, **width)
    if made.width is not None:  # a MobileNet, whose ReLU6 bounds what grows
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                *others, variance = layer.get_weights()
                layer.set_weights([*others, variance * KEPT])
    path.parent.mkdir(parents=True, exist_ok=True)
    return written(network, path)


def written(network: Any, path: Path) -> Path:
    """Writes a network of Keras as `.weights.h5`, as `.keras`, or in the format of published weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Keras, reading its own variables
        if path.name.endswith(".weights.h5"):
            network.save_weights(path)
        elif path.suffix == ".keras":
            network.save(path)
        else:
            with h5py.File(path, "w") as file:
                legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def in_cache(name: str, *, include_top: bool = True) -> Path:
    """Writes it where Keras caches the published file."""
    made = named(name)
    return save(name, (made.with_top if include_top else made.without_top).path, include_top=include_top)
