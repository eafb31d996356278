"""Getting the pictures of a plan into a folder: many at once, and going on where an earlier run stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass
from itertools import islice
from threading import Event

from tagger.errors import FetchFailed, ServerUnreachable
from tagger.openimages.folder import PictureFolder
from tagger.openimages.tables import Picture
from tagger.records import CountProgress

AHEAD = 2  # pictures given out for each thread, so that none waits for the next one
LOST_IN_A_ROW = 16  # pictures without an answer after all tries: the server is gone, not a picture
POLL_S = 0.5  # Ctrl-C is looked at this often where the system does not interrupt a wait
STOP_S = 1.0  # for pictures that are just being written


@dataclass(frozen=True, slots=True)
class TagCount:
    """How far one tag has come, in pictures."""

    slug: str
    wanted: int
    found: int  # in the plan, with those to spare
    fetched: int  # in the folder, from earlier runs too
    failed: int  # in this run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    tags: tuple[TagCount, ...]
    failures: tuple[str, ...]  # one line for each picture that could not be had
    gone: str | None  # why the server was given up, if it was


def download(
    pictures: Sequence[Picture], slugs: Sequence[str], per_tag: int, folder: PictureFolder, jobs: int,
    progress: CountProgress | None = None,
) -> Outcome:  # fmt: skip
    """Puts up to `per_tag` pictures of each tag into `folder`, and sources.csv, which says whose they are.

    What is there is not fetched again. Pictures that cannot be had are replaced by spare ones of the plan. sources.csv
    is written at the end, also of a run that is interrupted; one that is killed leaves pictures that the next run
    takes up.

    Args:
        pictures: the plan, best first.
        slugs: the tags, all that are to be counted.
        per_tag: 1 or more.
        folder: where to, one run at a time.
        jobs: pictures asked for at once.
        progress: is told after each picture.

    Raises:
        OutputRefused: the folder cannot be written.
    """
    waiting = {slug: [picture for picture in pictures if picture.tag == slug] for slug in slugs}
    planned = {slug: len(of_tag) for slug, of_tag in waiting.items()}
    total = sum(min(per_tag, number) for number in planned.values())
    fetched: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    failures: list[str] = []
    lost, gone = 0, None
    with _Fetchers(folder, jobs) as fetchers:
        while not gone and (batch := _next(waiting, fetched, per_tag)):
            for picture, error in fetchers.fetch(batch):
                lost = lost + 1 if isinstance(error, ServerUnreachable) else 0
                if error:
                    failed[picture.tag] += 1
                    failures.append(str(error))
                else:
                    fetched[picture.tag] += 1
                if progress:
                    progress(fetched.total(), total)
                if lost == LOST_IN_A_ROW:
                    gone = failures[-1]
                    break
        if lost:  # also where no more were asked for
            gone = failures[-1]
    counts = (TagCount(slug, per_tag, planned[slug], fetched[slug], failed[slug]) for slug in slugs)
    return Outcome(tuple(counts), tuple(failures), gone)


def _next(waiting: dict[str, list[Picture]], fetched: Counter[str], per_tag: int) -> list[Picture]:
    """Takes as many pictures of each tag as it still lacks."""
    batch = []
    for slug, of_tag in waiting.items():
        lacking = per_tag - fetched[slug]
        batch += of_tag[:lacking]
        del of_tag[:lacking]
    return batch


class _Fetchers:
    """Threads that fetch pictures into a folder; at the end of the context its sources.csv is written."""

    def __init__(self, folder: PictureFolder, jobs: int) -> None:
        self._folder, self._jobs = folder, jobs
        self._pool = ThreadPoolExecutor(jobs)
        self._running: dict[Future[None], Picture] = {}
        self._stopped = Event()

    def __enter__(self) -> _Fetchers:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in self._running if not future.cancelled()], STOP_S)
        self._folder.write_sources()

    def fetch(self, pictures: list[Picture]) -> Iterator[tuple[Picture, FetchFailed | None]]:
        """Yields each picture when it is there, or with the reason why it is not."""
        waiting = iter(pictures)
        self._give(islice(waiting, AHEAD * self._jobs))
        while self._running:
            done, _ = wait(self._running, POLL_S, FIRST_COMPLETED)
            for future in done:
                picture = self._running.pop(future)
                self._give(islice(waiting, 1))
                try:
                    future.result()
                except FetchFailed as error:
                    yield picture, error
                else:
                    yield picture, None

    def _give(self, pictures: Iterator[Picture]) -> None:
        self._running |= {self._pool.submit(self._folder.take, picture, self._pause): picture for picture in pictures}

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise FetchFailed("stopped")


def as_table(outcome: Outcome) -> str:
    """Returns a title, a line for each tag, and the totals."""
    row = "{:<24} {:>7} {:>7} {:>8} {:>7}".format
    lines = [("tag", "wanted", "found", "fetched", "failed"), *map(astuple, outcome.tags)]
    totals = [sum(column) for column in zip(*lines[1:], strict=True) if isinstance(column[0], int)]
    return "\n".join(row(*line) for line in (*lines, ("all", *totals)))
