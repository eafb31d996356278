"""`movietags batch`: every film below a folder, resumable."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.console import FAILED, TAGGING, engine_of, errors, fail, messages, options
from tagger.errors import BadPath, BadSettings, reason
from tagger.text import printable

if TYPE_CHECKING:
    from tagger.batch.crew import Limits
    from tagger.batch.plan import Plan, Shard, Wanted
    from tagger.pipeline import Engine

LIST = Path("-")


@click.command()
@click.argument("roots", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR...]")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
              help="Folder for the reports, the ledger and summary.csv.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N",
              help="Films decoded at the same time, each by its own process; by default one per core.")  # fmt: skip
@click.option("--shard", default="1/1", metavar="I/N",
              help="Only one of N equal parts, for N processes or machines with one OUT.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many films in this run.")
@click.option("--newer-than", type=click.DateTime(), metavar="DATE",
              help="Only films changed after this time, as 2026-11-22 or '2026-11-22 18:30:00'.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Also those that failed before.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and why; write nothing.")
@click.option("--status", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="OUT",
              help="Say how far the batch in OUT is, and end.")  # fmt: skip
@click.option("--memory-limit", "memory_mib", type=click.IntRange(min=64), default=4096, show_default=True,
              metavar="MIB", help="A film whose decoding takes more is given up.")  # fmt: skip
@click.option("--min-speed", type=click.FloatRange(min=0), default=0.02, show_default=True, metavar="FACTOR",
              help="A film that is decoded slower than this times real time, over a minute, is given up.")  # fmt: skip
@options("csv_for", *TAGGING, "quiet", "verbose")
def batch(
    roots: tuple[Path, ...], output: Path | None, status: Path | None, jobs: int | None, shard: str,
    limit: int | None, newer_than: datetime | None, retry_failed: bool, dry_run: bool,
    memory_mib: int, min_speed: float, csv_for: str, quiet: bool, verbose: bool, **chosen: Any,
) -> None:  # fmt: skip
    """Rank the tags of every film below DIR, into OUT. Run it again and it goes on where it stopped.

    Films are known by what is in the files; 24 or more numbered pictures (scan_000001.dpx, ...) are a film, too. DIR
    may also be a film, a pattern in quotes, or - for a list on stdin (a path per line, or separated by NUL). For each
    film OUT has DIR's folders and, as NAME.EXT.tags.json and NAME.EXT.tags.csv, its reports; summary.csv has a row per
    film. What is done is not done again unless the film, the settings, the model or the vocabulary changed.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.batch import ledger, summary
        from tagger.batch.plan import Shard, Wanted, hold

        if status:
            if not any((status / ledger.FOLDER).glob(ledger.LEDGERS)):
                raise BadPath(f"{status}: no batch has written here")
            process.put(summary.in_words(status, ledger.read(status)) + "\n")
            return
        if not roots or output is None:
            raise click.UsageError("name a folder of films, and with -o one for the reports")
        part = Shard.parse(shard)
        with nullcontext() if dry_run else hold(output, part):
            engine = engine_of(chosen, quiet)
            wanted = Wanted(engine.identity, part, retry_failed, _nanoseconds(newer_than), limit)
            problems, planned = _plan(roots, output, wanted)
            if not (problems or planned.tasks or planned.done or planned.failed or quiet):
                process.say(f"{', '.join(map(str, roots))}: holds no film that is wanted")
            for problem in problems:
                fail(problem, verbose=False)
            if not quiet:
                process.say(str(planned))
            if dry_run:
                lines = (f"{printable(str(task.film.path))}: {task.why}\n" for task in planned.tasks)
                process.put("".join(lines))
                failed = planned.failed
            else:
                from tagger.batch.crew import Limits

                limits = Limits(memory_mib, min_speed)
                failed = _run(engine, output, part, planned, jobs or process.cores(), limits, csv_for, quiet)
    sys.exit(FAILED if failed or problems else 0)


def _plan(roots: tuple[Path, ...], output: Path, wanted: Wanted) -> tuple[tuple[str, ...], Plan]:
    """What could not be looked at, and what is to be done."""
    from tagger.batch import ledger
    from tagger.batch.find import find
    from tagger.batch.plan import plan

    named = [path for root in roots for path in (_listed() if root == LIST else [root])]
    search = find(named, output)
    return search.problems, plan(search.films, ledger.read(output), output, wanted)


def _nanoseconds(local: datetime | None) -> int | None:
    try:
        return None if local is None else round(local.timestamp() * 1e9)
    except (ValueError, OverflowError, OSError) as error:
        raise BadSettings(f"newer than {local:%Y-%m-%d}: no film is so old or so new ({reason(error)})") from error


def _listed() -> list[Path]:
    """The paths on stdin, separated by NUL where there is one, else one per line."""
    if sys.stdin is None:
        raise BadSettings("- is a list on stdin, and that is closed")
    listed = sys.stdin.buffer.read()
    separator = b"\0" if b"\0" in listed else b"\n"
    return [Path(os.fsdecode(name.removesuffix(b"\r"))) for name in listed.split(separator) if name.strip()]


def _run(
    engine: Engine, output: Path, part: Shard, planned: Plan, jobs: int, limits: Limits, csv_for: str, quiet: bool
) -> int:
    """Does it, and says where things stand; how many films failed, now or before."""
    from tagger.batch import ledger, summary
    from tagger.batch.run import Batch
    from tagger.commands.bars import watching

    with closing(ledger.Ledger(output, str(part))) as book:
        try:
            with watching(planned, quiet) as watch:
                Batch(engine, output, book, watch, csv_for).run(planned, jobs, limits)
        finally:
            known = ledger.read(output)
            table = summary.write(output, known, csv_for)
    if not quiet:
        process.put(f"{printable(str(table))}: {summary.counted(known)}\n")
    return planned.failed + watch.failures
