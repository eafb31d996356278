"""`--format nfo`: tags in the sidecars beside films, for the commands that write reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagger import process
from tagger.commands.console import fail
from tagger.errors import BadSettings
from tagger.reports.nfo import FORMAT as NFO
from tagger.text import some_lines

if TYPE_CHECKING:
    from tagger.batch.renew import Sidecars

FAULTS_MAX = 10  # of sidecars, that are named


def sidecars_asked(
    names: tuple[str, ...], min_score: float | None, remove: bool = False, corrected: bool = True
) -> tuple[tuple[str, ...], Sidecars | None]:
    """Returns the formats that have files of their own, and what renews sidecars, if that is asked for.

    Args:
        names: of formats, as they were given.
        min_score: of the tags for sidecars.
        remove: our tags are taken out of them.
        corrected: heeds what a person put right.

    Raises:
        BadSettings: something is chosen for sidecars, which are not asked for.
    """
    if NFO not in names:
        if min_score is not None or remove:
            raise BadSettings(f"{'--remove' if remove else '--min-score'} is of sidecars: add --format nfo")
        return names, None
    from tagger.batch.renew import Sidecars

    return tuple(name for name in names if name != NFO), Sidecars(min_score, remove, corrected)


def say_sidecars(sidecars: Sidecars | None, quiet: bool) -> int:
    """Says what was done with sidecars, and why some could not be renewed; returns how many these are."""
    if sidecars is None:
        return 0
    for line in some_lines(sidecars.faults, FAULTS_MAX, "not renewed"):
        fail(line, verbose=False)
    for line in () if quiet else sidecars.lines():
        process.say(line)
    return len(sidecars.faults)
