"""Reports into a library: each film once, whatever it is called and wherever it went.

A film is known by its fingerprint, and has the newest report of each vocabulary. Reports are read in processes of their
own and written by the hundred, each hundred in one transaction: who adds the same again after a stop goes on there.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from tagger.library.places import Place, place_of
from tagger.library.reading import Known, Read, Rows, read
from tagger.library.store import reading, writing
from tagger.library.writing import Added, write
from tagger.process import cores, end_with_parent
from tagger.queues import ahead
from tagger.records import CountProgress
from tagger.reports.folder import reports_below
from tagger.reports.kept import report_of
from tagger.signals import kept_from_children

TOGETHER = 300  # reports in a transaction: each costs something, the more the larger the library is
ALONE = 50  # so many are read before other processes would have begun


def named_reports(paths: Iterable[Path]) -> list[Path]:
    """Returns the reports that a person named, each once: files, and all below folders.

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
        progress: is told after each hundred.

    Raises:
        OutputRefused: the library cannot be made.
        BadLibrary, OutputLocked, LibraryMissing: it cannot be used. What was added before stays.
    """
    with writing(library):
        pass  # before any report is read
    done, known = Added(), _known(library)
    with closing(_read(reports, known)) as found:
        for first in range(0, len(reports), TOGETHER):
            rows: list[Rows] = []
            for one in islice(found, TOGETHER):
                if one.wrong:
                    failed(one.wrong)
                    done.failed += 1
                if one.rows:
                    rows.append(one.rows)
                done.same += not one.rows and not one.wrong
            if rows:
                with writing(library) as store:
                    write(store, rows, done)
            progress(min(first + TOGETHER, len(reports)), len(reports))
    return done


def _known(library: Path) -> dict[str, Known]:
    """What a library has of each report file."""
    with reading(library) as store:
        rows = store.execute(
            "SELECT file, digest, path, disk, named, name, size_bytes FROM store.reports JOIN store.films USING (film)"
        ).fetchall()
    return {
        file: Known(digest, Place(path, disk) == place_of(named, name, size, Path(file).parent))
        for file, digest, path, disk, named, name, size in rows
    }


def _read(reports: Sequence[Path], known: dict[str, Known]) -> Generator[Read, None, None]:
    """Reads reports, in their order; many of them in other processes."""
    asked = [(report, known.get(str(report.absolute()))) for report in reports]
    if len(reports) <= ALONE:
        yield from map(_one, asked)
        return
    with _processes() as pool, closing(ahead(pool, _one, asked, 2 * TOGETHER)) as found:
        yield from found


def _one(asked: tuple[Path, Known | None]) -> Read:
    return read(*asked)


@contextmanager
def _processes() -> Iterator[ProcessPoolExecutor]:
    """Gives processes that read, one for each core."""
    others = set(multiprocessing.active_children())
    with kept_from_children():
        pool = ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn"), _start, ())
        for _ in range(cores()):
            pool.submit(os.getpid)  # starts one now
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()  # nobody waits for what it may still do
            child.join()


def _start() -> None:
    """Begins one of these processes: what it reads is in no circles that would have to be looked for."""
    import gc

    gc.disable()
    end_with_parent()
