"""Who is told how a batch goes."""

from __future__ import annotations

from tagger.batch.ledger import LedgerEntry
from tagger.batch.plan import Task
from tagger.records import TagReport


class Listener:
    """Is told how a batch goes; this one does nothing with it."""

    def started(self, task: Task) -> None:
        """A film is handed to a decoder."""

    def at(self, task: Task, time_s: float, length_s: float | None) -> None:
        """A film has been read up to here, in seconds of it."""

    def done(self, task: Task, report: TagReport) -> None:
        """The reports of a film are written."""

    def failed(self, task: Task, reason: str) -> None:
        """A film cannot be tagged; the reason is one line with its path."""

    def completed(self, entry: LedgerEntry, reason: str) -> None:
        """A film that was done before has now the formats that it lacked; or the reason why not, one line."""

    def skipped(self, task: Task, reason: str) -> None:
        """A file that was taken for a film is none; the reason is one line with its path."""
