"""`movietags batch --watch`: rounds of one batch, as films arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from tagger import process
from tagger.commands.console import fail

if TYPE_CHECKING:
    from pathlib import Path

    from tagger.batch.outlook import Outlook
    from tagger.batch.plan import Wanted
    from tagger.batch.watch import Arrivals, Pace


class Rounds:
    """What is found by looking again and again, and done as soon as it is at rest."""

    def __init__(
        self, look: Callable[[Wanted, Arrivals], Outlook], run: Callable[[Outlook], int], wanted: Wanted,
        roots: Sequence[Path], *, prune: bool, quiet: bool,
    ) -> None:  # fmt: skip
        """Takes how films are found and done, which, and below which folders."""
        self._look, self._run, self._wanted, self._roots = look, run, wanted, roots
        self._prune, self._quiet = prune, quiet
        self._begun = False  # a first round was made, if only to say that there is nothing to do
        self._problems: frozenset[str] = frozenset()  # those of the last look

    def watch(self, output: Path, pace: Pace) -> NoReturn:
        """Makes a round of what is there, and of what arrives, until it is interrupted."""
        from tagger.batch.watch import network_drive, watch

        if not self._quiet:
            drive = network_drive(self._roots)
            how = f" ({drive})" if drive else ""
            process.say(
                f"watching {', '.join(map(str, self._roots))}: a film is taken when it has not changed for "
                f"{pace.settle_s:g} s; all is looked at every {pace.every_s(drive):g} s{how}; Ctrl-C ends"
            )
        watch(self._roots, output, pace, self._round)

    def _round(self, arrivals: Arrivals) -> None:
        """Looks, says what is new, and does what is to be done."""
        from tagger.batch.prune import Departed

        outlook = self._look(self._wanted, arrivals)
        settled = arrivals.due_s is None
        if not settled:  # a film that is gone may be one that arrives under another name
            outlook = replace(outlook, departed=Departed((), ()))
        for problem in dict.fromkeys(outlook.problems):
            if problem not in self._problems:
                fail(problem, verbose=False)
        self._problems = frozenset(outlook.problems)
        if not (outlook.has_work(self._prune) or (settled and not self._begun)):
            return
        for line in () if self._quiet else outlook.lines(self._roots, self._prune):
            process.say(line)
        self._run(outlook)
        self._begun = True
        self._wanted = replace(self._wanted, retry_failed=False)  # from now on when they change
