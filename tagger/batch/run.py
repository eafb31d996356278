"""The batch: one model tags what several decoding processes find, in full batches across films.

crew (decoders)  -> pictures of all films -> network, a full batch at a time -> head, ranking -> reports, ledger
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from tagger.batch.complete import complete
from tagger.batch.crew import Crew, Limits
from tagger.batch.guard import report_at
from tagger.batch.ledger import DONE, FAILED, FOUND, SKIPPED, STARTED, Ledger, facts, mark_of, same
from tagger.batch.listener import Listener
from tagger.batch.plan import NEW, Plan, Task
from tagger.batch.shelf import as_one, called_as, remove, take_over
from tagger.batch.worker import At, KeptPicture, Message, Orders, Read, Refused
from tagger.errors import MovieTagsError, OutputRefused, because, reason
from tagger.files import output_folder
from tagger.images import Pixels
from tagger.models.kept import KeptFeatures
from tagger.models.model import Features
from tagger.pipeline import Engine
from tagger.records import Scanned, TagReport
from tagger.reports import keyframes
from tagger.reports.formats import DEFAULTS, report_bodies, show_pictures, write_bodies
from tagger.reports.kept import NOTHING, Kept, bodies_at, pictures_at, put
from tagger.reports.keyframes import bounded, by_shot
from tagger.reports.manner import Manner
from tagger.reports.written import digest
from tagger.shots.detector import ShotDetector
from tagger.text import PROGRAMS

WAIT_S = 1.0  # a picture waits for others to fill the batch; longer, and a long film would hold up a short one's report


@dataclass(frozen=True, slots=True)
class _Made:
    """A report, and what goes with it."""

    report: TagReport
    kept: Kept
    pictures: Mapping[int, bytes]  # small keyframes, by shot


@dataclass(slots=True, eq=False)
class _Film:
    """A film under way."""

    task: Task
    mark: str
    begun: float
    parts: list[Features] = field(default_factory=list)
    small: list[bytes] = field(default_factory=list)  # keyframes to look at
    waiting: int = 0  # pictures that the network has not seen
    infer_s: float = 0.0  # its share of the network's time
    scanned: Scanned | None = None
    starts_s: tuple[float, ...] = ()  # of its files


@dataclass(frozen=True, slots=True)
class _End:
    """What became of a film."""

    state: str  # done, failed or skipped
    reason: str = ""
    lasting: bool = True  # else it is tried again


class Batch:
    """One run over the tasks of a plan."""

    def __init__(
        self, engine: Engine, output: Path, ledger: Ledger, listener: Listener, csv_for: str = PROGRAMS,
        keep_features: bool = False, names: Sequence[str] = DEFAULTS,
    ) -> None:  # fmt: skip
        """Takes what all films have in common; nothing is loaded or written yet."""
        self._engine, self._output, self._ledger, self._listener = engine, output, ledger, listener
        self._csv_for, self._keep_features, self._names = csv_for, keep_features, names
        self._asked = engine.identity
        self._films: dict[Task, _Film] = {}
        self._twins: dict[PurePosixPath, list[_Film]] = defaultdict(list)  # those that wait for a film of this report
        self._ended: dict[PurePosixPath, _End] = {}
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
        small = self._keep_features or show_pictures(self._names)
        orders = Orders(settings, self._engine.input_size, limits.memory_mib * 2**20, small)
        self._engine.load()
        plan = self._moved(plan)
        for entry, error in complete(self._output, self._ledger, plan.lacking, self._names, self._csv_for):
            self._listener.completed(entry, error)
        for task in (*plan.tasks, *plan.later):
            if task.why == NEW:
                self._ledger.add(task.film.path, task.report, FOUND, more=_more(task))
        with Crew[Task](orders, jobs, limits, lambda task: task.film.files) as crew:
            for said in crew.work(self._begun(plan)):
                if said is not None:
                    self._take(said[0], said[1], crew)
                if self._pictures and time.monotonic() - self._oldest > WAIT_S:
                    self._look()
            if self._pictures:
                self._look()

    def _moved(self, plan: Plan) -> Plan:
        """Takes over the reports of films that moved; tasks know then how they are written now."""
        noted = {}
        for entry, old in take_over(self._output, plan.moved):
            self._ledger.put(entry)
            remove(old, self._output)
            noted[entry.report] = entry
        wrote = {report: entry.wrote for report, entry in noted.items()}
        tasks = (replace(task, wrote=wrote.get(str(task.report), task.wrote)) for task in plan.tasks)
        lacking = (noted.get(entry.report, entry) for entry in plan.lacking)
        return replace(plan, tasks=tuple(tasks), lacking=tuple(entry for entry in lacking if entry.state == DONE))

    def _begun(self, plan: Plan) -> Iterator[Task]:
        """The tasks that are to be decoded, each noted before it is handed out."""
        names = {task.report for task in plan.tasks}
        for task in plan.tasks:
            film = _Film(task, "", time.monotonic())
            try:
                film.mark = mark_of(task.film.path, task.film.more)
            except (MovieTagsError, OSError) as error:
                self._end(film, _End(FAILED, f"{task.film.path}: cannot be read ({reason(error)})"))
                continue
            self._note(task, STARTED, film.mark)
            self._films[task] = film
            self._listener.started(task)
            if task.same_as is None:
                yield task
            elif task.same_as in names and task.same_as not in self._ended:
                self._twins[task.same_as].append(film)
            else:
                self._end_as(film, self._ended.get(task.same_as, _End(DONE)))

    def _take(self, task: Task, message: Message, crew: Crew[Task]) -> None:
        model = self._engine.model()  # what is wrong with it is no film's fault
        film = self._films.get(task)
        if film is None:  # given up already
            crew.drop(task)
            return
        match message:
            case At():
                self._listener.at(film.task, message.time_s, message.length_s)
            case KeptPicture():
                if not self._pictures:
                    self._oldest = time.monotonic()
                self._pictures.append((film, message.pixels))
                film.small += [message.small] if message.small else []
                film.waiting += 1
                if len(self._pictures) == model.backbone.batch_size:
                    self._look()
            case Read():
                film.scanned, film.starts_s = message.scanned, message.starts_s
                self._finish_if_complete(film)
            case Refused():
                self._end(film, _End(SKIPPED if message.no_film else FAILED, message.reason))

    def _look(self) -> None:
        """Shows the network all pictures that wait; if it fails with them, those of each film by themselves."""
        pictures, self._pictures = self._pictures, []
        films = list(dict.fromkeys(film for film, _ in pictures))
        try:
            self._show(pictures)
        except Exception as error:  # a network that fails costs the films it fails with
            if len(films) == 1:
                self._end(films[0], _End(FAILED, because(films[0].task.film.path, error)))
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
        scanned = film.scanned
        self._finish(film, lambda: self._report(film, scanned))

    def _finish(self, film: _Film, make: Callable[[], _Made], **known: object) -> None:
        """Writes the reports of a film and notes that it is done; what cannot be made or written is its own failure."""
        try:
            made = make()
            report, wrote = made.report, self._write(film, made)
        except OutputRefused as error:
            if error.of_the_disk:
                raise
            self._end(film, _End(FAILED, str(error)))
        except Exception as error:  # a defect costs this film, not the others
            self._end(film, _End(FAILED, because(film.task.film.path, error), lasting=film.task.same_as is None))
        else:
            self._forget(film)
            self._note(film.task, DONE, film.mark, **{**facts(report), "wrote": wrote, **known})
            self._listener.done(film.task, report)
            self._end_twins(film, _End(DONE))

    def _report(self, film: _Film, scanned: Scanned) -> _Made:
        file = film.task.film
        if not same(film.mark, file.path, file.more):
            raise MovieTagsError("changed while it was read: tag it again when it is complete")
        features = np.concatenate([self._engine.model().nothing, *film.parts])
        report = as_one(self._engine.report(scanned, features, film.begun, film.infer_s), file, film.starts_s)
        pictures = by_shot(film.small, report) if film.small else {}
        if not self._keep_features:
            return _Made(report, NOTHING, pictures)
        kept = KeptFeatures.of(self._engine.model(), features, report)
        return _Made(report, Kept(kept.body(), keyframes.body(pictures, report)), pictures)

    def _copied(self, film: _Film, original: PurePosixPath) -> _Made:
        """The report of a film that holds the same, as that of this one, and its features."""
        file, report = film.task.film, report_at(self._output / original)
        kept = bodies_at(self._output / original) if self._keep_features else NOTHING
        whole = None not in (kept.features, kept.keyframes) or not self._keep_features
        if report is None or not whole or not same(film.mark, file.path, file.more):
            raise MovieTagsError(f"it or the report of {original}, which held the same, was changed meanwhile")
        return _Made(called_as(report, file), kept, pictures_at(self._output / original, report))

    def _write(self, film: _Film, made: _Made) -> tuple[str, ...]:
        """Puts the reports in their place; what they are known again by."""
        stem = self._output / film.task.report
        output_folder(stem.parent)
        bodies = report_bodies(made.report, stem, self._names, Manner(self._csv_for, bounded(made.pictures)))
        wrote = tuple(map(digest, bodies.values()))
        if film.task.wrote:  # else, after a power cut now, they would be taken for changed
            self._note(film.task, STARTED, film.mark, wrote=(*film.task.wrote, *wrote))
        put(stem, made.kept)
        write_bodies(bodies)
        return wrote

    def _end(self, film: _Film, end: _End) -> None:
        """Ends a film that cannot be tagged, and those that hold the same."""
        self._forget(film)
        mark = film.mark if end.lasting else ""
        self._note(film.task, end.state, mark, reason=end.reason)
        (self._listener.skipped if end.state == SKIPPED else self._listener.failed)(film.task, end.reason)
        file = film.task.film
        self._end_twins(film, replace(end, lasting=same(film.mark, file.path, file.more)))

    def _end_twins(self, film: _Film, end: _End) -> None:
        self._ended[film.task.report] = end
        for twin in self._twins.pop(film.task.report, ()):
            self._end_as(twin, end)

    def _end_as(self, film: _Film, end: _End) -> None:
        """Ends a film as the one that holds the same has ended."""
        original = film.task.same_as
        assert original is not None
        if end.state == DONE:
            self._finish(film, lambda: self._copied(film, original), seconds=None, same_as=str(original))
        else:
            why = f"{film.task.film.path}: holds the same as {original}: {end.reason}"
            self._end(film, replace(end, reason=why))

    def _forget(self, film: _Film) -> None:
        self._films.pop(film.task, None)
        self._pictures = [(other, pixels) for other, pixels in self._pictures if other is not film]

    def _note(self, task: Task, state: str, mark: str, **known: object) -> None:
        known = {"wrote": task.wrote, **known, "more": _more(task)}
        self._ledger.add(task.film.path, task.report, state, mark=mark, asked=self._asked, **known)


def _more(task: Task) -> tuple[str, ...]:
    return tuple(map(str, task.film.more))
