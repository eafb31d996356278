"""A batch as a table: a row per film, for pandas and for spreadsheets, and how far it is in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tagger.batch.ledger import DONE, FAILED, FOLDER, PENDING, SKIPPED, LedgerEntry
from tagger.batch.plan import Shard
from tagger.files import holder
from tagger.reports.json_report import SUFFIX
from tagger.text import PROGRAMS, printable, safe_row, some_lines, write_rows
from tagger.video.sequence import is_there

FILE = "summary.csv"
COLUMNS = (
    "film", "status", "reason", "tags", "shots", "shots_tagged", "duration_s", "seconds", "realtime_factor", "scan",
    "warnings", "report", "finished", "path", "same_as", "sure",
)  # fmt: skip
WAITING = "pending"
SEPARATOR = "; "
NAMED_MAX = 20  # failed films, in the text for people


def write(output: Path, known: Mapping[str, LedgerEntry], csv_for: str = PROGRAMS) -> Path:
    """Puts summary.csv into the output folder and returns where: a row per film, in the order of their names.

    The status of a film is `ok`, `truncated` or `damaged` (tagged), `failed` (`reason` says why), `skipped` (no film
    after all) or `pending` (not done yet).

    Raises:
        OutputRefused: it cannot be written.
    """
    names = {entry.report for entry in known.values()}
    rows = [_row(entry, names) for entry in in_order(known.values())]
    write_rows(output / FILE, COLUMNS, map(safe_row, rows), csv_for)
    return output / FILE


def counted(known: Mapping[str, LedgerEntry]) -> str:
    """Returns how many films there are, how many of each status, and in how many of the done ones nothing is sure.

    Of films of earlier versions, and of heads that cannot tell, nobody knows: they do not count among the last.
    """
    films = in_order(known.values())
    states = [entry.state for entry in films]
    unsure = sum(entry.state == DONE and entry.sure == () for entry in films)
    done = f"done (nothing sure in {unsure})" if unsure else "done"
    kinds = {done: (DONE,), "pending": PENDING, "failed": (FAILED,), "skipped (no films)": (SKIPPED,)}
    counts = {name: sum(state in kind for state in states) for name, kind in kinds.items()}
    return ("1 film: " if len(states) == 1 else f"{len(states)} films: ") + (
        ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
    )


def in_words(output: Path, known: Mapping[str, LedgerEntry]) -> str:
    """Returns how far a batch is: counts, who is at work, and the films that failed with their reasons."""
    failed = [f"failed: {printable(entry.reason)}" for entry in in_order(known.values()) if entry.state == FAILED]
    return "\n".join([counted(known), *_at_work(output), *some_lines(failed, NAMED_MAX)])


def in_order(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Returns films by name, without those that were found once and are gone before anything was done with them."""
    there = (entry for entry in entries if entry.state not in PENDING or is_there(Path(entry.film)) is not False)
    return sorted(there, key=lambda entry: entry.report)


def status_of(entry: LedgerEntry) -> str:
    """Returns what became of a film, as the table says it."""
    return entry.status if entry.state == DONE else WAITING if entry.state in PENDING else entry.state


def _row(entry: LedgerEntry, names: set[str]) -> list[object]:
    done = entry.state == DONE
    speed = entry.duration_s / entry.seconds if entry.duration_s is not None and entry.seconds else None
    return [
        entry.report,
        status_of(entry),
        entry.reason,
        SEPARATOR.join(entry.tags),
        entry.shots,
        entry.kept,
        entry.duration_s,
        entry.seconds,
        speed,
        entry.scan,
        SEPARATOR.join(entry.warnings),
        f"{entry.report}{SUFFIX}" if done else "",
        entry.at if entry.state not in PENDING else "",
        entry.path,
        entry.same_as if entry.same_as in names else "",
        SEPARATOR.join(entry.sure or ()),
    ]


def _at_work(output: Path) -> list[str]:
    """A line for each process that is at it."""
    holders = ((path.name.removeprefix("lock-"), holder(path)) for path in sorted((output / FOLDER).glob("lock-*")))
    return [f"at work: process {who}" + f", shard {part}" * (part != str(Shard())) for part, who in holders if who]
