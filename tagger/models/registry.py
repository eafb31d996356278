"""The backbones by the names people type: a row for each, and what "auto" stands for. Loads no network by itself.

A family of networks is a file with `entry`, `entries` and `CHOICES`, and a place in `FAMILIES`. Other packages add
a backbone by an entry point "movietags.backbones": its name, and a `tagger.models.entry.Entry` of that name.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tagger import plugins
from tagger.errors import BadSettings, MovieTagsError, NetworkFailed, WeightsMissing, reason
from tagger.files import is_file
from tagger.models import compact, efficientnet_lite, ensemble, head, keras_apps, keras_models, residual
from tagger.models.backbone import Backbone
from tagger.models.entry import Entry
from tagger.settings import AUTO as DEFAULT_PRECISION
from tagger.settings import DEFAULT_BACKBONE, DEFAULT_DEVICE
from tagger.vocabulary import PORTABLE, Vocabulary

log = logging.getLogger(__name__)

EMBEDDED = residual.NAME  # needs nothing but this package
PACKAGED = "efficientnet-lite0"  # a network of ImageNet that pip brings, whole
REFERENCE = "inceptionv3"  # of the source paper
PREFERRED = (REFERENCE, PACKAGED, EMBEDDED)  # what "auto" takes the first of that is here
AUTO = DEFAULT_BACKBONE
CLEARLY = 0.03  # a difference of top-3 that people are told of


class Family(Protocol):
    """A module about networks that are loaded alike."""

    CHOICES: str  # its names, for people

    def entry(self, name: str) -> Entry:
        """Returns the row of a name; raises KeyError where it is none of the family's."""

    def entries(self) -> tuple[Entry, ...]:
        """Returns the rows that people look for."""


FAMILIES: tuple[Family, ...] = (compact, efficientnet_lite, ensemble, keras_apps)


def entry(name: str) -> Entry:
    """Returns the row of a backbone; plugins are looked up only for a name that is none of ours.

    Raises:
        BadSettings: there is no such backbone; lists what there is.
    """
    row = _ours(name)
    if row is None:
        row = next(iter(_added(name)), None)
    if row is None:
        choices = [family.CHOICES for family in FAMILIES]
        choices += [f"{other} (of {package})" for other, package in plugins.installed(plugins.BACKBONES).items()]
        raise BadSettings(f"backbone {name!r}: choose {', '.join(choices)}")
    return row


def entries() -> tuple[Entry, ...]:
    """Returns the rows that people look for, plugins last."""
    return (*(row for family in FAMILIES for row in family.entries()), *_added())


def choose(name: str, weights: Path | None, heads: Collection[str] | None = None, tunable: bool = False) -> str:
    """Returns the backbone that is meant: `auto` is the first of PREFERRED that is here, any other name itself.

    Args:
        name: as typed.
        weights: a file that was named; nobody knows of which network, so that `auto` is the embedded one.
        heads: the backbones that a vocabulary has heads for, in order; None: a head is still to be trained.
        tunable: it is to be trained itself.
    """
    if name != AUTO:
        return name
    served = [one for one in PREFERRED if heads is None or one in heads or PORTABLE in heads]
    for row in map(entry, served if weights is None else ()):
        if _usable_here(row, heads) and (row.tunable or not tunable):
            return row.name
    others = [head for head in heads or () if head != PORTABLE]
    return EMBEDDED if EMBEDDED in served or not others else others[0]


def advice(name: str, words: Vocabulary) -> str | None:
    """Returns a line about a backbone that is measured clearly better with this vocabulary than `name`, if one is.

    Of several it names the one that `auto` would take first; heads that cannot be read, or of plugins that are not
    installed, are no advice.
    """
    own = head.measured(words.head_path(name))
    for better in sorted({*words.heads} - {PORTABLE, name}, key=lambda one: (one not in PREFERRED, one)):
        top3 = head.measured(words.head_path(better))
        with suppress(BadSettings):
            row = entry(better)
            if own is not None and top3 is not None and top3 >= own + CLEARLY:
                here = row.shipped or row.here
                how = "" if here else f"{row.published[0].wanted}, then " if row.published else ""
                estimate = "" if name in words.heads else ", an estimate"
                return (
                    f"{better} finds more: the right tag is among its first three for {top3:.0%} of pictures, "
                    f"for {own:.0%} with {name}{estimate}: {how}--backbone {better}"
                )
    return None


def _usable_here(row: Entry, heads: Collection[str] | None) -> bool:
    """Whether its numbers are on this machine, as far as a head needs them."""
    # A head may build on the classifier, which the first file alone has; training does not.
    return any(file.here for file in (row.published if heads is None else row.published[:1]))


def load(
    name: str,
    weights: Path | None,
    batch_size: int | None = None,
    device: str = DEFAULT_DEVICE,
    precision: str = DEFAULT_PRECISION,
) -> Backbone:
    """Returns a backbone that is ready to run.

    Args:
        name: of an entry.
        weights: a file in place of its usual numbers.
        batch_size: pictures per call of the network; None: what pays on the device.
        device: `auto`, `cpu`, `gpu` or `gpu:N`; the embedded network runs on the processor in any case.
        precision: `auto`, `float32`, `int8` or `bfloat16`.

    Raises:
        BadSettings: no such name, or that precision is none of the device's.
        DeviceMissing: there is no such GPU.
        BadWeights: the file does not fit the network.
        WeightsMissing: there is no such file, or none in the cache and none to be fetched.
        LibraryMissing: the Keras backend that the environment or keras.json names is not installed.
        NetworkFailed: the network cannot be built here.
    """
    row = entry(name)
    if weights and not is_file(weights):
        raise WeightsMissing(f"{weights}: no such weights file")
    try:
        return row.open(weights, batch_size, device, precision)
    except MovieTagsError:
        raise
    except Exception as error:  # each library of networks has its own kinds
        raise NetworkFailed(
            f"backbone {name} ({row.origin}) cannot be built here ({reason(error)}): "
            f"try --device cpu, or another --backbone"
        ) from error


def forget() -> None:
    """Frees the networks that nobody uses any more."""
    keras_models.forget()


def _ours(name: str) -> Entry | None:
    for family in FAMILIES:
        with suppress(KeyError):
            return family.entry(name)
    return None


@cache  # what is wrong with a plugin is said once
def _added(name: str | None = None) -> tuple[Entry, ...]:
    """The rows of plugins, or those of one name."""
    packages = plugins.installed(plugins.BACKBONES)
    return tuple(
        replace(row, origin=f"plugin {packages[point]}")
        for point, row in plugins.load(plugins.BACKBONES, name)
        if _usable(point, packages[point], row)
    )


def _usable(point: str, package: str, row: Any) -> bool:
    """Whether it is a row, of the name that people will type and that nothing of ours has; else says what is wrong."""
    wrong = ""
    if not isinstance(row, Entry) or row.name != point:
        wrong = f"is no tagger.models.entry.Entry of the name {point}"
    elif _ours(point) or point == AUTO:
        wrong = "has a name of movietags"
    if wrong:
        log.warning("%s: its plugin %s cannot be used (%s)", package, point, wrong)
    return not wrong
