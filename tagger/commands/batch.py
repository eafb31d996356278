"""`movietags batch`: every film below a folder, resumable."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.beside import say_sidecars, sidecars_asked
from tagger.commands.console import FAILED, TAGGING, engine_of, errors, fail, messages, options
from tagger.commands.rounds import Rounds
from tagger.errors import BadPath, BadSettings, MovieTagsError, reason
from tagger.libraries import needed
from tagger.text import printable

if TYPE_CHECKING:
    from tagger.batch.ignore import Ignore
    from tagger.batch.outlook import Outlook
    from tagger.batch.plan import Shard, Task, Wanted
    from tagger.batch.renew import Sidecars
    from tagger.batch.watch import Arrivals, Pace
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
@click.option("--exclude", multiple=True, metavar="GLOB",
              help="Leave out files and folders, written as in gitignore; may be repeated.")  # fmt: skip
@click.option("--all", "every", is_flag=True,
              help="Also samples, trailers and extras; and each file of a stack or a disc by itself.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Also those that failed before.")
@click.option("--replace", is_flag=True,
              help="Write over reports that were changed by hand, or are of another vocabulary.")  # fmt: skip
@click.option("--prune", is_flag=True, help="Take away reports and rows of films that are gone.")
@click.option("--strict", is_flag=True, help="Exit code 1 also for films that failed before, or are cut off.")
@click.option("--keep-features/--no-keep-features", default=None,
              help="Keep the features of keyframes beside each report, for `movietags retag`, and small pictures for "
                   "html: yes, unless you say no; if you say yes, films that lack them are done again.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be done, and why; write nothing.")
@click.option("--status", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="OUT",
              help="Say how far the batch in OUT is, and end.")  # fmt: skip
@click.option("--memory-limit", "memory_mib", type=click.IntRange(min=64), default=4096, show_default=True,
              metavar="MIB", help="A film whose decoding takes more is given up.")  # fmt: skip
@click.option("--min-speed", type=click.FloatRange(min=0), default=0.02, show_default=True, metavar="FACTOR",
              help="A film that is decoded slower than this times real time, over a minute, is given up.")  # fmt: skip
@click.option("--watch", is_flag=True,
              help="Go on: tag films as they arrive, each when it has come to rest; Ctrl-C ends.")  # fmt: skip
@click.option("--settle", "settle_s", type=float, metavar="SECONDS",
              help="With --watch: a film is taken when its size and time rested for so long.  [10]")  # fmt: skip
@click.option("--look-every", "look_every_s", type=float, metavar="SECONDS",
              help="With --watch: look at all folders so often, also where no change is reported.  [30 on network "
                   "drives, 600 on others]")  # fmt: skip
@click.option("--library", type=click.Path(path_type=Path), metavar="FILE",
              help="Add what was done to this library, too (movietags library).")  # fmt: skip
@options("formats", "min_score", "csv_for", *TAGGING, "quiet", "verbose")
def batch(
    roots: tuple[Path, ...], output: Path | None, status: Path | None, jobs: int | None, shard: str,
    limit: int | None, newer_than: datetime | None, exclude: tuple[str, ...], every: bool, retry_failed: bool,
    replace: bool, prune: bool, strict: bool, keep_features: bool | None, dry_run: bool, memory_mib: int,
    min_speed: float, watch: bool, settle_s: float | None, look_every_s: float | None, library: Path | None,
    names: tuple[str, ...], min_score: float | None, csv_for: str, quiet: bool, verbose: bool, **chosen: Any,
) -> None:  # fmt: skip
    """Rank the tags of every film below DIR, into OUT. Run it again and it goes on where it stopped.

    Films are known by what is in the files; 24 or more numbered pictures (scan_000001.dpx, ...) are a film, too.
    Samples, trailers and extras beside their film are left out, and parts and discs are one film, unless --all. DIR
    may also be a film, a pattern in quotes, or - for a list on stdin (a path per line, or separated by NUL). For each
    film OUT has DIR's folders and, as NAME.EXT.tags.json and so on, its reports; summary.csv has a row per film. What
    is done is not done again unless the film, the settings, the model or the vocabulary changed; a format that a film
    lacks is made of its JSON.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.batch import index, ledger, summary
        from tagger.batch.ignore import Ignore
        from tagger.batch.plan import Shard, Wanted, hold
        from tagger.library import store
        from tagger.reports.formats import DEFAULTS, JSON, PAGE, usable

        pace = _pace(watch, settle_s, look_every_s, roots, once=dry_run or limit is not None or status is not None)
        if status:
            if not any((status / ledger.FOLDER).glob(ledger.LEDGERS)):
                raise BadPath(f"{status}: no batch has written here")
            process.put(summary.in_words(status, ledger.read(status)) + "\n")
            return
        if not roots or output is None:
            raise click.UsageError("name a folder of films, and with -o one for the reports")
        part, ignore = Shard.parse(shard), Ignore(exclude, markers=not every)
        beside = partial(sidecars_asked, names or DEFAULTS, min_score)
        names, _ = beside()
        names = usable(names or (JSON.name,))
        if PAGE in names:
            index.check(output)
        if library and not dry_run:
            store.check(library)
        with nullcontext() if dry_run else hold(output, part):
            engine = engine_of(chosen, quiet)
            keep, bare = keep_features is not False, keep_features is True
            since = _nanoseconds(newer_than)
            wanted = Wanted(engine.identity, part, retry_failed, since, limit, replace, keep, bare, names)
            look = partial(_look, roots, output, ignore, every, engine.vocabulary.slugs)
            work = (engine, output, part, prune, jobs or process.cores(), memory_mib, min_speed)
            run = partial(_run, *work, names, csv_for, keep, quiet, strict, lambda: beside()[1], library, wanted)
            if pace:
                Rounds(look, run, wanted, roots, prune=prune, quiet=quiet).watch(output, pace)
            outlook = look(wanted)
            for problem in outlook.problems:
                fail(problem, verbose=False)
            for line in () if quiet else outlook.lines(roots, prune):
                process.say(line)
            if dry_run:
                process.put("".join(f"{printable(line)}\n" for line in outlook.details(prune)))
                failed = outlook.plan.failed + outlook.plan.incomplete if strict else 0
            else:
                failed = run(outlook)
    sys.exit(FAILED if failed or outlook.problems else 0)


def _pace(
    watch: bool, settle_s: float | None, look_every_s: float | None, roots: tuple[Path, ...], *, once: bool
) -> Pace | None:
    """How patient a watch is to be; None where nothing is watched."""
    if not watch:
        if settle_s is not None or look_every_s is not None:
            raise click.UsageError("--settle and --look-every are of --watch")
        return None
    if once:
        raise click.UsageError("--watch goes on and on: leave out --dry-run, --limit and --status")
    for root in roots:
        if not root.is_dir():
            raise click.UsageError(f"--watch: {printable(str(root))} is no folder: name folders in which films arrive")
    with needed("--watch"):
        import watchfiles  # noqa: F401  # is it there?
    from tagger.batch.watch import SETTLE_S, Pace

    return Pace(SETTLE_S if settle_s is None else settle_s, look_every_s)


def _look(
    roots: tuple[Path, ...], output: Path, ignore: Ignore, every: bool, slugs: tuple[str, ...], wanted: Wanted,
    arrivals: Arrivals | None = None,
) -> Outlook:  # fmt: skip
    """What is there, what is to be done, and what is gone; of films that arrive, only those that are at rest."""
    from tagger.batch import ledger
    from tagger.batch.find import find
    from tagger.batch.guard import other_vocabulary
    from tagger.batch.kinds import arranged
    from tagger.batch.outlook import Outlook
    from tagger.batch.plan import OTHERWISE, plan
    from tagger.batch.prune import departed

    named = [path for root in roots for path in (_listed() if root == LIST else [root])]
    search = find(named, output, ignore)
    search = search if every else arranged(search)
    search = arrivals.at_rest(search) if arrivals else search
    known = ledger.read(output)
    planned = plan(search.films, known, output, wanted)
    redone = [str(task.report) for task in planned.tasks if task.why == OTHERWISE]
    if not wanted.replace and (other := other_vocabulary(known, redone, wanted.asked, slugs, output)):
        raise BadSettings(
            f"{output}: holds reports of the vocabulary {other}: name another folder with -o, "
            f"or --replace to write over them"
        )
    return Outlook(search, planned, departed(search, known, planned.moved, wanted.shard))


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
    engine: Engine, output: Path, part: Shard, prune_gone: bool, jobs: int, memory_mib: int, min_speed: float,
    names: tuple[str, ...], csv_for: str, keep_features: bool, quiet: bool, strict: bool,
    beside: Callable[[], Sidecars | None], library: Path | None, wanted: Wanted, outlook: Outlook,
) -> int:  # fmt: skip
    """Does it, and says where things stand; how many films failed, if it is strict also before."""
    from tagger.batch import index, ledger, summary
    from tagger.batch.crew import Limits
    from tagger.batch.prune import prune
    from tagger.batch.run import Batch
    from tagger.commands.bars import batch_bars
    from tagger.reports.formats import PAGE, json_file

    sidecars = beside()  # of this round: the next renews what this one did

    def renew(task: Task) -> None:
        if sidecars:
            sidecars.renew(json_file(output / task.report), task.film.files)

    planned = outlook.plan
    with closing(ledger.Ledger(output, str(part))) as book:
        try:
            for line in prune(output, book, outlook.departed.gone if prune_gone else ()):
                process.say(line)
            with batch_bars(planned, quiet, renew) as bars:
                work = Batch(engine, output, book, bars, csv_for, keep_features, names)
                work.run(planned, jobs, Limits(memory_mib, min_speed))
        finally:
            known = ledger.read(output)
            table = summary.write(output, known, csv_for)
            index.write(output, known, wanted=PAGE in names)
    if not quiet:
        process.put(f"{printable(str(table))}: {summary.counted(known)}\n")
    if sidecars:  # those of films that were done before
        sidecars.renew_all(output, filter(wanted.takes, outlook.search.films))
    failed = bars.failures + say_sidecars(sidecars, quiet) + (_collected(library, output, quiet) if library else 0)
    return failed + (planned.failed + planned.incomplete + bars.incomplete if strict else 0)


def _collected(library: Path, output: Path, quiet: bool) -> int:
    """Adds the reports of a batch to a library, where they are not in it; how many could not be added."""
    from tagger.library import adding

    lines: list[str] = []
    try:
        done = adding.add(library, adding.reports_at([output]), lines.append, lambda *_: None)
    except BadPath:  # there is no report yet
        return 0
    except MovieTagsError as error:  # what the batch did stands, and a watch goes on
        fail(str(error), verbose=False)
        return 1
    for line in lines:
        fail(line, verbose=False)
    if not quiet:
        process.say(f"{library}: {done.in_words()}")
    return done.failed
