"""`movietags extract`: films in, tables or files out."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.beside import say_sidecars, sidecars_asked
from tagger.commands.console import (
    FAILED,
    HOPELESS,
    STDOUT,
    TAGGING,
    engine_of,
    errors,
    fail,
    messages,
    options,
    progress_of,
)
from tagger.errors import MovieTagsError
from tagger.reports.nfo import FORMAT as NFO

if TYPE_CHECKING:
    from tagger.images import Pixels
    from tagger.models.kept import KeptFeatures
    from tagger.records import TagReport
    from tagger.reports.folder import Folder


@click.command()
@click.argument("films", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILM...")
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="Folder for NAME.tags.json and so on; - writes the report of one film to stdout.")  # fmt: skip
@click.option("--replace", is_flag=True, help="With -o, write over reports that were changed by hand, too.")
@click.option("--keep-features", is_flag=True,
              help="With -o DIR, keep the features of keyframes beside the report, for `movietags retag`, and small "
                   "pictures of them, for html.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit code 1 also for a film that is cut off or damaged.")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of the table.")
@click.option("--shots", is_flag=True, help="A row for each shot below the table.")
@options("formats", "min_score", "csv_for", *TAGGING, "quiet", "verbose")
def extract(
    films: tuple[Path, ...], output: Path | None, replace: bool, keep_features: bool, strict: bool, top: int,
    shots: bool, names: tuple[str, ...], min_score: float | None, csv_for: str, quiet: bool, verbose: bool,
    **chosen: Any,
) -> None:  # fmt: skip
    """Rank the tags of each FILM: a table on stdout, files with -o.

    A FILM may also be numbered pictures: a folder of them, or a pattern in quotes, 'scan_%06d.dpx'.
    """
    begun: float | None = process.began()
    _check(films, output, replace, keep_features, shots, names)
    messages(quiet, verbose)
    failed = 0
    with errors(verbose), _held(output):
        names, sidecars = sidecars_asked(names, min_score)
        target = _target(output, names or (("json",) if sidecars else ()), replace, keep_features, top, shots, csv_for)
        engine = engine_of(chosen, quiet)
        for film in films:
            try:
                target.check(film)
                with progress_of(film, quiet) as progress:
                    report, kept = engine.extract_with_features(film, progress, begun, target.look)
                for warning in () if quiet else report.warnings:
                    process.say(f"{film}: {warning}")
                written = target.write(film, report, kept)
                for path in written if not quiet else ():
                    process.say(f"wrote {path}")
                if sidecars:
                    sidecars.renew(written[-1], (film,)) if written else sidecars.put(report, (film,))
                failed += strict and report.status != "ok"
            except HOPELESS:
                raise
            except MovieTagsError as error:
                fail(str(error), verbose)
                failed += 1
            except Exception as error:  # the one broad net: a defect costs this film, not the others
                fail(f"{film}: {type(error).__name__}: {error} (a defect of movietags: -v shows where)", verbose)
                failed += 1
            begun = None
        failed += say_sidecars(sidecars, quiet)
    sys.exit(FAILED if failed else 0)


def _held(output: Path | None) -> AbstractContextManager[object]:
    """Holds the folder of the reports, as a batch of one part does: either could overwrite what the other writes."""
    if output is None or output == STDOUT:
        return nullcontext()
    from tagger.batch.plan import Shard, hold

    return hold(output, Shard())


def _check(
    films: tuple[Path, ...], output: Path | None, replace: bool, keep_features: bool, shots: bool,
    names: tuple[str, ...],
) -> None:  # fmt: skip
    """Refuses what cannot go together."""
    if output == STDOUT and (len(films) > 1 or len(names) > 1 or shots):
        raise click.UsageError("-o - writes the report of one film in one format: name one, or a folder")
    if keep_features and output in (None, STDOUT):
        raise click.UsageError("--keep-features keeps them beside the report: name its folder with -o")
    if replace and output in (None, STDOUT):
        raise click.UsageError("--replace writes over reports in a folder: name it with -o")
    if {*names} - {NFO} and output is None:
        raise click.UsageError("--format says what files are written: name their folder with -o, or - for stdout")


class _Shown:
    """Shows reports as tables on stdout."""

    def __init__(self, top: int, shots: bool) -> None:
        self._top, self._shots = top, shots

    def check(self, film: Path) -> None:
        """Takes any film."""

    def look(self, pixels: Pixels) -> None:
        """Is shown each keyframe."""

    def write(self, film: Path, report: TagReport, kept: KeptFeatures) -> tuple[Path, ...]:
        from tagger.reports.shots_table import as_table as as_shots
        from tagger.reports.table import as_table

        rows = [as_table(report, self._top), *([as_shots(report)] if self._shots else [])]
        process.put("\n\n".join(rows) + "\n")
        return ()


class _Printed(_Shown):
    """Puts a report on stdout, in one format."""

    def __init__(self, name: str, csv_for: str) -> None:
        super().__init__(0, shots=False)
        self._name, self._csv_for = name, csv_for
        self._small: list[bytes] = []

    def look(self, pixels: Pixels) -> None:
        from tagger.images import small_jpeg

        self._small.append(small_jpeg(pixels))

    def write(self, film: Path, report: TagReport, kept: KeptFeatures) -> tuple[Path, ...]:
        from tagger.reports.formats import named
        from tagger.reports.keyframes import bounded, by_shot
        from tagger.reports.manner import Manner

        manner = Manner(self._csv_for, bounded(by_shot(self._small, report)))
        process.put(named(self._name, type(report)).body(report, manner))
        return ()


class _Kept(_Shown):
    """Puts reports into a folder, too; one that cannot be written is refused now, before any decoding."""

    def __init__(self, folder: Folder, keep: bool, show: bool, top: int, shots: bool, csv_for: str) -> None:
        super().__init__(top, shots)
        self._folder, self._keep, self._show, self._csv_for = folder, keep, show, csv_for
        self._small: list[bytes] = []

    def check(self, film: Path) -> None:
        self._folder.check(film)
        self._small.clear()  # those of a film that failed

    def look(self, pixels: Pixels) -> None:
        from tagger.images import small_jpeg

        if self._show:
            self._small.append(small_jpeg(pixels))

    def write(self, film: Path, report: TagReport, kept: KeptFeatures) -> tuple[Path, ...]:
        from tagger.reports import keyframes
        from tagger.reports.kept import NOTHING, Kept
        from tagger.reports.manner import Manner

        small = keyframes.bounded(keyframes.by_shot(self._small, report)) if self._show else {}
        wanted = Kept(kept.body(), keyframes.body(small, report)) if self._keep else NOTHING
        written = self._folder.write(film, report, wanted, Manner(self._csv_for, small))
        super().write(film, report, kept)
        return written


def _target(
    output: Path | None, names: tuple[str, ...], replace: bool, keep: bool, top: int, shots: bool, csv_for: str
) -> _Shown:
    """Where reports go; formats that cannot be written are refused now, too."""
    if output is None:
        return _Shown(top, shots)
    from tagger.reports.folder import Folder
    from tagger.reports.formats import DEFAULTS, JSON, show_pictures, usable

    if output == STDOUT:
        return _Printed(usable(names or (JSON.name,))[0], csv_for)
    names = usable(names or DEFAULTS)
    return _Kept(Folder(output, replace, names), keep, keep or show_pictures(names), top, shots, csv_for)
