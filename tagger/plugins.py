"""What other packages add to this one: their entry points, loaded when somebody asks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from tagger.errors import reason

BACKBONES, REPORTS = GROUPS = ("movietags.backbones", "movietags.reports")

log = logging.getLogger(__name__)


def load(group: str, name: str | None = None) -> Iterator[tuple[str, Any]]:
    """Yields name and object of the entry points of a group, or of those of one name.

    One that cannot be imported costs a warning, which names its package, and nothing else.
    """
    for point, package in _points(group):
        if name in (None, point.name):
            try:
                added = point.load()
            except (Exception, SystemExit) as error:  # a stranger's module may do anything when it is imported
                log.warning("%s: its plugin %s cannot be used (%s)", package, point.name, reason(error))
                continue
            yield point.name, added


def installed(group: str) -> dict[str, str]:
    """Returns the names of a group's entry points with package and version of each, without importing any."""
    return {point.name: package for point, package in _points(group)}


def _points(group: str) -> Iterator[tuple[Any, str]]:
    from importlib.metadata import entry_points  # only here: it reads the metadata of every installed package

    for point in entry_points(group=group):
        yield point, f"{point.dist.name} {point.dist.version}" if point.dist else point.module
