"""The batch: one model tags what several decoding processes find, in full batches across films.

crew (decoders)  -> pictures of all films -> network, a full batch at a time -> head, ranking -> reports, ledger
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tagger.batch.crew import Crew, Limits
from tagger.batch.ledger import DONE, FAILED, FOUND, SKIPPED, STARTED, Ledger, facts, mark_of, same
from tagger.batch.plan import NEW, Plan, Task
from tagger.batch.worker import At, KeptPicture, Message, Orders, Read, Refused
from tagger.errors import MovieTagsError, OutputRefused, reason
from tagger.files import output_folder
from tagger.images import Pixels
from tagger.models.model import Features
from tagger.pipeline import Engine
from tagger.records import Scanned, TagReport
from tagger.reports.formats import write_report_files
from tagger.shots.detector import ShotDetector
from tagger.text import PROGRAMS

# The disk says these of every file; other errors are one file's.
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}

WAIT_S = 1.0  # a picture waits for others to fill the batch; longer, and a long film would hold up a short one's report


class Watch:
    """Is told how a batch goes; this one does nothing with it."""

    def started(self, task: Task) -> None:
        """A film is handed to a decoder."""

    def at(self, task: Task, time_s: float, length_s: float | None) -> None:
        """A film has been read up to here, in seconds of it."""

    def done(self, task: Task, report: TagReport) -> None:
        """The reports of a film are written."""

    def failed(self, task: Task, reason: str) -> None:
        """A film cannot be tagged; the reason is one line with its path."""

    def skipped(self, task: Task) -> None:
        """A file that was taken for a film by its first bytes is none."""


@dataclass(slots=True, eq=False)
class _Film:
    """A film under way."""

    task: Task
    mark: str
    begun: float
    parts: list[Features] = field(default_factory=list)
    waiting: int = 0  # pictures that the network has not seen
    infer_s: float = 0.0  # its share of the network's time
    scanned: Scanned | None = None


class Batch:
    """One run over the tasks of a plan."""

    def __init__(self, engine: Engine, output: Path, ledger: Ledger, watch: Watch, csv_for: str = PROGRAMS) -> None:
        """Takes what all films have in common; nothing is loaded or written yet."""
        self._engine, self._output, self._ledger, self._watch = engine, output, ledger, watch
        self._csv_for = csv_for
        self._asked = engine.identity
        self._films: dict[Task, _Film] = {}
        self._pictures: list[tuple[_Film, Pixels]] = []  # less than a full batch
        self._oldest = 0.0  # when the first of them came

    def run(self, plan: Plan, jobs: int, limits: Limits) -> None:
        """Tags the films of a plan; each one's reports are on the disk before the ledger says so.

        Args:
            plan: what is to be done.
            jobs: films that are decoded at the same time, each by a process of its own.
            limits: what a film may cost before it is given up.

        Raises:
            OutputRefused: the disk takes no more; what was done stands.
            BadHead, BadWeights, WeightsMissing, ...: as `Engine.model`.
            LibraryMissing: the detector needs one that is not installed.
        """
        settings = self._engine.settings
        ShotDetector(settings.detector, settings.min_shot_s)  # a library that it misses is no film's fault
        orders = Orders(settings, self._engine.input_size, limits.memory_mib * 2**20)
        self._engine.load()
        for entry in plan.moved:
            self._ledger.put(entry)
        for task in (*plan.tasks, *plan.later):
            if task.why == NEW:
                self._ledger.add(task.film.path, task.report, FOUND)
        with Crew[Task](orders, jobs, limits, lambda task: task.film.path) as crew:
            for said in crew.work(self._begun(plan)):
                if said is not None:
                    self._take(said[0], said[1], crew)
                if self._pictures and time.monotonic() - self._oldest > WAIT_S:
                    self._look()
            if self._pictures:
                self._look()

    def _begun(self, plan: Plan) -> Iterator[Task]:
        """The tasks, each noted before it is handed out."""
        for task in plan.tasks:
            try:
                mark = mark_of(task.film.path)
            except (MovieTagsError, OSError) as error:
                self._fail(task, "", f"{task.film.path}: cannot be read ({reason(error)})")
                continue
            self._note(task, STARTED, mark)
            self._films[task] = _Film(task, mark, time.monotonic())
            self._watch.started(task)
            yield task

    def _take(self, task: Task, message: Message, crew: Crew[Task]) -> None:
        model = self._engine.model()  # what is wrong with it is no film's fault
        film = self._films.get(task)
        if film is None:  # given up already
            crew.drop(task)
            return
        match message:
            case At():
                self._watch.at(film.task, message.time_s, message.length_s)
            case KeptPicture():
                if not self._pictures:
                    self._oldest = time.monotonic()
                self._pictures.append((film, message.pixels))
                film.waiting += 1
                if len(self._pictures) == model.backbone.batch_size:
                    self._look()
            case Read():
                film.scanned = message.scanned
                self._finish_if_complete(film)
            case Refused():
                if message.no_film and not film.task.film.named:
                    self._forget(film)
                    self._note(film.task, SKIPPED, film.mark, reason=message.reason)
                    self._watch.skipped(film.task)
                else:
                    self._give_up(film, message.reason)

    def _look(self) -> None:
        """Shows the network all pictures that wait; if it fails with them, those of each film by themselves."""
        pictures, self._pictures = self._pictures, []
        films = list(dict.fromkeys(film for film, _ in pictures))
        try:
            self._show(pictures)
        except Exception as error:  # a network that fails costs the films it fails with
            if len(films) == 1:
                self._give_up(films[0], _because(films[0].task, error))
            else:
                for one in films:
                    self._pictures = [(film, pixels) for film, pixels in pictures if film is one]
                    self._look()
        for film in films:
            self._finish_if_complete(film)

    def _show(self, pictures: list[tuple[_Film, Pixels]]) -> None:
        begun = time.monotonic()
        features = self._engine.model().features([pixels for _, pixels in pictures])
        each_s = (time.monotonic() - begun) / len(pictures)
        for row, (film, _) in enumerate(pictures):
            film.parts.append(features[row : row + 1])
            film.waiting -= 1
            film.infer_s += each_s

    def _finish_if_complete(self, film: _Film) -> None:
        if film.scanned is None or film.waiting or film.task not in self._films:
            return
        self._forget(film)
        try:
            report = self._report(film, film.scanned)
            self._write(film, report)
        except OutputRefused as error:
            if getattr(error.__cause__, "errno", None) in DISK_TROUBLE:
                raise
            self._fail(film.task, film.mark, str(error))
        except Exception as error:  # a defect costs this film, not the others
            self._fail(film.task, film.mark, _because(film.task, error))
        else:
            self._note(film.task, DONE, film.mark, **facts(report))
            self._watch.done(film.task, report)

    def _report(self, film: _Film, scanned: Scanned) -> TagReport:
        path = film.task.film.path
        if not same(film.mark, path):
            raise MovieTagsError("changed while it was read: tag it again when it is complete")
        features = np.concatenate([self._engine.model().nothing, *film.parts])
        return self._engine.report(scanned, features, film.begun, film.infer_s)

    def _write(self, film: _Film, report: TagReport) -> None:
        stem = self._output / film.task.report
        output_folder(stem.parent)
        write_report_files(report, stem, csv_for=self._csv_for)

    def _give_up(self, film: _Film, why: str) -> None:
        self._forget(film)
        self._fail(film.task, film.mark, why)

    def _forget(self, film: _Film) -> None:
        self._films.pop(film.task, None)
        self._pictures = [(other, pixels) for other, pixels in self._pictures if other is not film]

    def _fail(self, task: Task, mark: str, why: str) -> None:
        self._note(task, FAILED, mark, reason=why)
        self._watch.failed(task, why)

    def _note(self, task: Task, state: str, mark: str, **known: object) -> None:
        self._ledger.add(task.film.path, task.report, state, mark=mark, asked=self._asked, **known)


def _because(task: Task, error: Exception) -> str:
    """Why a film failed, on one line."""
    known = isinstance(error, MovieTagsError)
    return f"{task.film.path}: " + (str(error) if known else f"{type(error).__name__}: {reason(error)}")
