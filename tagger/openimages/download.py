"""Getting the pictures of a plan: many at once, checked, and going on where an earlier run stopped.

A file lies at its name only when all of it arrived and it was decoded. Pictures that are to be turned (about 3 of 100)
get an EXIF orientation, unless they have EXIF data of their own: their pixels stay as they are.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from threading import Event

from tagger.errors import FetchFailed, ServerUnreachable
from tagger.files import output_folder, write_atomically
from tagger.images import decode_picture
from tagger.jpeg import is_cut_off
from tagger.openimages import web
from tagger.openimages.tables import Picture, Source, read_table, write_table

SOURCES = "sources.csv"
AHEAD = 2  # pictures given out for each thread, so that none waits for the next one
LOST_IN_A_ROW = 16  # pictures without an answer after all tries: the server is gone, not a picture
POLL_S = 0.5  # Ctrl-C is looked at this often where the system does not interrupt a wait
STOP_S = 1.0  # for pictures that are just being written
ORIENTATIONS = {90: 8, 180: 3, 270: 6}  # EXIF's number for a picture to be turned so far counter-clockwise

Progress = Callable[[int, int], None]  # pictures done, and all that are to be


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
    pictures: Sequence[Picture], slugs: Sequence[str], per_tag: int, folder: Path, jobs: int,
    progress: Progress | None = None,
) -> Outcome:  # fmt: skip
    """Puts up to `per_tag` pictures of each tag into `folder`, and sources.csv, which says whose they are.

    What is there is not fetched again: files as large as sources.csv says, and others that can be decoded. Pictures
    that cannot be had are replaced by spare ones of the plan. sources.csv is written at the end, also of a run that is
    interrupted; one that is killed leaves pictures that the next run takes up.

    Args:
        pictures: the plan, best first.
        slugs: the tags, all that are to be counted.
        per_tag: 1 or more.
        folder: is there.
        jobs: pictures asked for at once.
        progress: is told after each picture.

    Raises:
        OutputRefused: the folder cannot be written.
        BadPath: its sources.csv is none of ours.
        BadSettings: as `web.base`.
    """
    waiting = {slug: [one for one in pictures if one.tag == slug] for slug in slugs}
    found = {slug: len(ones) for slug, ones in waiting.items()}
    total = sum(min(per_tag, number) for number in found.values())
    fetched: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    failures: list[str] = []
    lost, gone = 0, None
    with _Fetcher(folder, jobs) as fetcher:
        while not gone and (batch := _next(waiting, fetched, per_tag)):
            for picture, error in fetcher.fetch(batch):
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
    counts = (TagCount(slug, per_tag, found[slug], fetched[slug], failed[slug]) for slug in slugs)
    return Outcome(tuple(counts), tuple(failures), gone)


def _next(waiting: dict[str, list[Picture]], fetched: Counter[str], per_tag: int) -> list[Picture]:
    """Takes as many pictures of each tag as it still lacks."""
    batch = []
    for slug, ones in waiting.items():
        lacking = per_tag - fetched[slug]
        batch += ones[:lacking]
        del ones[:lacking]
    return batch


class _Fetcher:
    """Threads that fetch pictures into a folder, and the sources of all that are there."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder, self._jobs = folder, jobs
        self._server = web.base(web.PICTURES_VARIABLE, web.PICTURES)
        kept = read_table(folder / SOURCES, Source)
        self._sources = {row.file: row for row in kept if _size(folder / row.file) == row.bytes}
        self._stopped = Event()
        self._running: dict[Future[None], Picture] = {}
        self._pool = ThreadPoolExecutor(jobs)

    def __enter__(self) -> _Fetcher:
        for aside in self._folder.glob("*/.*.tmp"):  # half-written by a run that was killed
            aside.unlink(missing_ok=True)
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait([one for one in self._running if not one.cancelled()], STOP_S)
        rows = self._sources.copy()  # a thread that hangs could still add to them
        write_table(self._folder / SOURCES, Source, (rows[file] for file in sorted(rows)))

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
        self._running |= {self._pool.submit(self._put, one): one for one in pictures}

    def _put(self, picture: Picture) -> None:
        """Puts the picture into the folder, if it is not there (in a thread)."""
        if picture.file in self._sources:
            return
        path = self._folder / picture.file
        body = _usable(path)
        if body is None:
            url = f"{self._server}/{picture.subset}/{picture.image_id}.jpg"
            body = web.get(url, self._pause)
            try:
                _check(body)
            except ValueError as error:
                raise FetchFailed(f"{url}: {error}") from error
            body = turned(body, picture.rotation_deg)
            if not path.parent.is_dir():
                output_folder(path.parent)
            write_atomically(path, body)
        self._sources[picture.file] = _source(picture, body)

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise FetchFailed("stopped")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _usable(path: Path) -> bytes | None:
    """The file that is there already, if it is a whole picture."""
    try:
        body = path.read_bytes()
        _check(body)
    except (OSError, ValueError):
        return None
    return body


def _check(body: bytes) -> None:
    """ValueError says why it is no picture."""
    if is_cut_off(body):  # not every OpenCV sees it
        raise ValueError("is a part of a picture")
    decode_picture(body)


def _source(picture: Picture, body: bytes) -> Source:
    return Source(
        picture.file, picture.tag, picture.image_id, picture.subset, picture.licence, picture.author, picture.title,
        picture.landing_url, picture.original_url, picture.rotation_deg, len(body), hashlib.sha256(body).hexdigest(),
    )  # fmt: skip


def turned(body: bytes, rotation_deg: int) -> bytes:
    """Returns a JPEG file that is shown turned counter-clockwise by 0, 90, 180 or 270 degrees.

    One that has EXIF data, or is no JPEG, comes back as it is.
    """
    start, exif = b"\xff\xd8", b"Exif\0\0"
    if rotation_deg not in ORIENTATIONS or not body.startswith(start) or exif in body[: web.PIECE_BYTES]:
        return body
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, ORIENTATIONS[rotation_deg], 0)  # orientation, one short
    data = exif + b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)  # one directory of one entry
    return start + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + body[len(start) :]


def as_table(outcome: Outcome) -> str:
    """Returns a title, a line for each tag, and the totals."""
    row = "{:<24} {:>7} {:>7} {:>8} {:>7}".format
    lines = [("tag", "wanted", "found", "fetched", "failed"), *map(astuple, outcome.tags)]
    totals = [sum(column) for column in zip(*lines[1:], strict=True) if isinstance(column[0], int)]
    return "\n".join(row(*line) for line in (*lines, ("all", *totals)))
