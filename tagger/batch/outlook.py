"""What a run found and will do, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.batch.find import Search
from tagger.batch.plan import Plan, Task
from tagger.batch.prune import Departed
from tagger.text import some_lines

NAMED_MAX = 10  # films of one kind, in what is to be known at once


@dataclass(frozen=True, slots=True)
class Outlook:
    """A run before it begins."""

    search: Search
    plan: Plan
    departed: Departed

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be looked at or read, a line each."""
        return (*self.search.problems, *some_lines(self.plan.unread, NAMED_MAX, "not readable"))

    def has_work(self, prune: bool) -> bool:
        """Returns whether anything is to be done; of films that are gone only where these are pruned."""
        return bool(self.plan.tasks or self.plan.lacking or self.plan.moved or (prune and self.departed.gone))

    def lines(self, roots: Sequence[Path], prune: bool) -> Iterator[str]:
        """Yields what is to be known at once: how much there is to do, and what is not done that one might expect.

        Args:
            roots: that were named.
            prune: what is left of films that are gone will be taken away.
        """
        plan, gone = self.plan, len(self.departed.gone)
        if not (self.search.problems or plan.tasks or plan.done or plan.failed or plan.kept or plan.unread):
            yield f"{', '.join(map(str, roots))}: holds no film that is wanted"
        yield str(plan)
        yield from some_lines(plan.kept, NAMED_MAX, "kept")
        if left_out := len(self.search.left_out):
            yield f"{left_out} left out by rules (--dry-run lists them, --all has those that go by names)"
        if gone:
            yield f"{_films(gone)} gone" + (": reports and rows are taken away" if prune else " (--prune)")
        if prune:
            yield from self.departed.doubtful

    def details(self, prune: bool) -> Iterator[str]:
        """Yields a line for each film that something happens to, or does not, and why.

        Args:
            prune: as in `lines`.
        """
        for entry in self.plan.moved:
            yield f"{entry.path}: known from another place" + (f", where it was {entry.was}" if entry.was else "")
        for task in self.plan.tasks:
            yield f"{task.film.path}: {task.why}{_together(task)}"
        yield from (f"{entry.path}: lacks a format, which is made of its report" for entry in self.plan.lacking)
        yield from self.plan.kept
        for left_out in self.search.left_out:
            yield f"{left_out.path}: left out: {left_out.rule}"
        if prune:
            yield from (f"{entry.path}: gone: its reports will be taken away" for entry in self.departed.gone)


def _together(task: Task) -> str:
    """What a film has to do with others."""
    files = f" ({len(task.film.files)} files as one film, {task.film.place})" if task.film.more else ""
    return files + (f" (the same as {task.same_as})" if task.same_as else "")


def _films(count: int) -> str:
    return "1 film is" if count == 1 else f"{count} films are"
