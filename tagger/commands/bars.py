"""What people see of a batch while it runs: a bar for all films, one for each that is being read, a line per film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from tagger import process
from tagger.batch.ledger import LedgerEntry
from tagger.batch.listener import Listener
from tagger.batch.plan import Plan, Task
from tagger.commands.console import bar, progress_of
from tagger.records import FilmProgress, TagReport

ALL_BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}"
TAGS = 3  # named in a film's line


class BatchBars(Listener):
    """Counts, tells, and moves the bars where somebody looks."""

    def __init__(self, plan: Plan, quiet: bool, opened: ExitStack, then: Callable[[Task], None]) -> None:
        """Shows the bar of all films, which counts their bytes: what is known of them before they are opened."""
        self._then = then
        self.failures = self.incomplete = 0
        self._films, self._ended, self._quiet = len(plan.tasks), 0, quiet
        total = float(sum(task.film.size_bytes for task in plan.tasks))
        self._all = opened.enter_context(bar(quiet, desc=self._count, total=total, bar_format=ALL_BAR, position=0))
        opened.callback(self._close)
        self._shown: dict[
            Task, tuple[int, ExitStack, FilmProgress | None]
        ] = {}  # place of a film's bar, and what moves it
        self._read_bytes: dict[Task, float] = {}

    @property
    def _count(self) -> str:
        return f"{self._ended} of {self._films} films"

    def started(self, task: Task) -> None:
        """Shows a film's bar, below those that are there."""
        taken = {place for place, *_ in self._shown.values()}
        place = next(place for place in range(1, len(taken) + 2) if place not in taken)
        one = ExitStack()
        self._shown[task] = (place, one, one.enter_context(progress_of(task.film.path, self._quiet, place)))

    def at(self, task: Task, time_s: float, length_s: float | None) -> None:
        """Moves a film's bar, and that of all by as much."""
        *_, show = self._shown[task]
        if show is None:
            return
        show(time_s, length_s)
        self._advance(task, min(1.0, time_s / length_s) if length_s else 0.0)

    def done(self, task: Task, report: TagReport) -> None:
        """Says what the film is about."""
        tags = ", ".join(tag.tag for tag in report.tags[:TAGS] if tag.weight > 0) or "no tag has any weight"
        self.incomplete += report.status != "ok"
        took = f"{report.timing.total_s:.1f} s" if task.same_as is None else f"the same as {task.same_as}"
        status = f", {report.status}" if report.status != "ok" else ""
        self._end(task, f"{task.report}: {tags} ({took}{status})")
        self._then(task)

    def failed(self, task: Task, reason: str) -> None:
        """Says why, also with -q."""
        self.failures += 1
        self._end(task, f"error: {reason}", always=True)

    def completed(self, entry: LedgerEntry, reason: str) -> None:
        """Says what it is now, or, also with -q, why it is not."""
        self.failures += bool(reason)
        if reason or not self._quiet:
            process.say(f"error: {reason}" if reason else f"{entry.report}: what it lacked is made of its report")

    def skipped(self, task: Task, reason: str) -> None:
        """Says why."""
        self._end(task, f"no film: {reason}")

    def _end(self, task: Task, line: str, *, always: bool = False) -> None:
        self._ended += 1
        if task in self._shown:
            self._advance(task, 1.0)
            self._shown.pop(task)[1].close()
            self._read_bytes.pop(task, None)
        if self._all is not None:
            self._all.set_description_str(self._count)
        if always or not self._quiet:
            with self._all.external_write_mode() if self._all is not None else nullcontext():
                process.say(line)

    def _close(self) -> None:
        for _, one, _ in self._shown.values():
            one.close()

    def _advance(self, task: Task, share: float) -> None:
        if self._all is not None:
            read = share * task.film.size_bytes
            self._all.update(read - self._read_bytes.get(task, 0.0))
            self._read_bytes[task] = read


@contextmanager
def batch_bars(plan: Plan, quiet: bool, then: Callable[[Task], None] = lambda _: None) -> Iterator[BatchBars]:
    """Gives what shows how a batch goes, and what is done with each film then; the bars are gone at the end."""
    with ExitStack() as opened:
        yield BatchBars(plan, quiet, opened, then)
