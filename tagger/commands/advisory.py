"""`movietags advisory`: what parents ask of a film."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands.console import FAILED, errors, fail, messages, options, refuse_to_overwrite
from tagger.errors import BadSettings, MovieTagsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagger.advisory.notes import Advisory
    from tagger.advisory.rules import Rules

CSV, JSON = "csv", "json"
ENDING = ".advisory.json"  # of one film among others


@click.command()
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), metavar="FILE.toml",
              help="What to look for, in place of advisory.toml in the vocabulary's folder.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="FILE.csv, one table of all films, or FILE.json; of several films with --format json, a folder for "
                   "NAME.advisory.json.")  # fmt: skip
@click.option("--format", "form", type=click.Choice((CSV, JSON)),
              help="Format of FILE, whatever its ending; without FILE, of stdout in place of the table.")  # fmt: skip
@options("csv_for", "quiet", "verbose")
def advisory(
    reports: tuple[Path, ...], rules_file: Path | None, output: Path | None, form: str | None, csv_for: str,
    quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Show what parents ask of films: violence, horror, drinking, smoking, ..., from a REPORT, NAME.tags.json.

    REPORT may also be a folder of reports. For each note: how likely the film shows it, how sure that is, how long,
    since when, and at which places; and what the tags are too weak for, or have no word for, as was measured. What is
    not found may have been missed: the notes say how often that happens. They are no rating for age.
    """
    refuse_to_overwrite(output, [rules_file] if rules_file else [], "the file of rules")
    messages(quiet, verbose)
    with errors(verbose):
        failed = _write(reports, rules_file, output, form or _by_ending(output), csv_for)
    sys.exit(FAILED if failed else 0)


def _by_ending(output: Path | None) -> str | None:
    """The format that the name of a file stands for; None where no file is named."""
    if output is None:
        return None
    form = output.suffix.lower().removeprefix(".")
    if form not in (CSV, JSON):
        raise BadSettings(f"{output}: name a file that ends in .csv or .json, or name the format with --format")
    return form


def _write(
    reports: tuple[Path, ...], rules_file: Path | None, output: Path | None, form: str | None, csv_for: str
) -> int:
    """Puts the advisories where they are wanted; how many reports failed."""
    from tagger.advisory.rules import read_rules
    from tagger.batch.export import named_reports
    from tagger.reports import advisory_table, csv_advisory, json_advisory

    several = len(reports) > 1 or reports[0].is_dir()
    if form == JSON and several and (output is None or output.suffix.lower() == f".{JSON}"):
        raise click.UsageError(
            "JSON of several reports is a file of each: name a folder for them with -o, and --format json"
        )
    found = named_reports(reports)
    refuse_to_overwrite(output, found.values())
    advised = _Advised(read_rules(rules_file) if rules_file else None, raises=len(found) == 1)
    rows: list[list[object]] = []
    for name, answer in advised.answers(found):
        if form == CSV:
            rows += csv_advisory.rows(answer)
        elif form == JSON and output:
            _put(output.joinpath(name + ENDING) if several else output, json_advisory.as_json(answer))
        elif form == JSON:
            process.put(json_advisory.as_json(answer))
        if output or form is None:
            process.put(advisory_table.as_table(answer) + "\n" + "\n" * several)
    if form == CSV:
        table = csv_advisory.table(rows, csv_for)
        _put(output, table) if output else process.put(table.encode("utf-8", "backslashreplace"))
    return advised.failed


def _put(path: Path, text: str) -> None:
    from tagger.files import output_folder, write_atomically

    output_folder(path.parent)
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


class _Advised:
    """Advisories by rules, or by those of each report's vocabulary."""

    def __init__(self, rules: Rules | None, *, raises: bool) -> None:
        """Takes the rules, and whether a report that cannot be read ends all."""
        self._rules, self._raises, self.failed = rules, raises, 0

    def answers(self, found: dict[str, Path]) -> Iterator[tuple[str, Advisory]]:
        """Yields those of reports by their names; one that cannot be had is said."""
        from tagger.advisory.notes import advise
        from tagger.advisory.rules import rules_of
        from tagger.reports.corrections import read_report

        for name, file in found.items():
            try:
                report = read_report(file)
                answer = advise(report, self._rules or rules_of(report))
            except MovieTagsError as error:
                if self._raises:
                    raise
                fail(f"{file}: {error}" if str(file) not in str(error) else str(error), verbose=False)
                self.failed += 1
            else:
                yield name, answer
