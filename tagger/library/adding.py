"""Many reports into a library.

They are read in processes of their own and written by the hundred, in one transaction each time: who adds the same
again after a stop goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from pathlib import Path

from tagger.frames import utf8
from tagger.library.places import Place, place_of
from tagger.library.reading import Known, Read, Rows, read
from tagger.library.store import reading, writing
from tagger.library.writing import Added, write
from tagger.process import cores, end_with_parent
from tagger.queues import ahead, processes
from tagger.records import CountProgress
from tagger.reports.folder import reports_below
from tagger.reports.kept import report_of
from tagger.signals import kept_from_children

TOGETHER = 300  # reports in a transaction: each costs something, the more the larger the library is
ALONE = 50  # so many are read before other processes would have begun


def reports_at(paths: Iterable[Path]) -> list[Path]:
    """Returns the reports at these places, each once: files, and all below folders.

    Raises:
        BadPath: there is no such folder, or no report below it.
    """
    found = (file for path in paths for file in (reports_below(path) if path.is_dir() else [report_of(path)]))
    return list({file.absolute(): file for file in found}.values())


def add(library: Path, reports: Sequence[Path], failed: Callable[[str], None], progress: CountProgress) -> Added:
    """Adds reports to a library, which is made if there is none.

    Args:
        library: its file.
        reports: paths of them.
        failed: is told of each that cannot be read, and of features that cannot, in one line.
        progress: is told after each.

    Raises:
        OutputRefused: the library cannot be made.
        BadLibrary, OutputLocked, LibraryMissing: it cannot be used. What was added before stays.
    """
    done, known = Added(), _known(library, reports)
    with closing(_read(reports, known)) as found:
        rows: list[Rows] = []
        for count, one in enumerate(found, 1):
            if one.wrong:
                failed(one.wrong)
                done.failed += 1
            done.same += not one.rows and not one.wrong
            rows += [one.rows] if one.rows else []
            if rows and (len(rows) == TOGETHER or count == len(reports)):
                with writing(library) as store:
                    write(store, rows, done)
                rows = []
            progress(count, len(reports))
    return done


def _known(library: Path, reports: Sequence[Path]) -> dict[str, Known]:
    """What a library has of these report files, if there is one."""
    if not os.path.lexists(library):
        return {}
    with reading(library) as store:
        rows = store.execute(
            "SELECT file, digest, path, disk, named, name, size_bytes FROM store.reports JOIN store.films USING (film) "
            "WHERE file IN (SELECT unnest(?::VARCHAR[]))",
            [[utf8(str(report.absolute())) for report in reports]],
        ).fetchall()
    return {
        file: Known(digest, Place(path, disk) == place_of(named, name, size, Path(file).parent))
        for file, digest, path, disk, named, name, size in rows
    }


def _read(reports: Sequence[Path], known: dict[str, Known]) -> Generator[Read, None, None]:
    """Reads reports, in their order; many of them in other processes."""
    asked = [(report, known.get(utf8(str(report.absolute())))) for report in reports]
    if len(reports) <= ALONE:
        yield from map(_one, asked)
        return
    done = 0
    try:
        with _processes() as pool, closing(ahead(pool, _one, asked, 2 * TOGETHER)) as found:
            for done, one in enumerate(found, 1):  # noqa: B007  # below
                yield one
    except BrokenProcessPool:  # one was killed, for want of memory perhaps, or none can be started from this script
        yield from map(_one, asked[done:])


def _one(asked: tuple[Path, Known | None]) -> Read:
    return read(*asked)


@contextmanager
def _processes() -> Iterator[ProcessPoolExecutor]:
    """Gives processes that read, one for each core."""
    with processes(cores(), _start) as pool:
        with kept_from_children():
            for _ in range(cores()):
                pool.submit(os.getpid)  # starts one now
        yield pool


def _start() -> None:
    """Begins one of these processes: what it reads is in no circles that would have to be looked for."""
    import gc

    gc.disable()
    end_with_parent()
