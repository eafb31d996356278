"""How far films agree, as tables: on the terminal and as CSV files."""

from __future__ import annotations

from pathlib import Path

from tagger.compare.agreement import TOPS, Agreement, Sure, TagPair, shared_of
from tagger.compare.pairs import Average, PairAgreement, PairsAgreement
from tagger.reports.table import told
from tagger.text import PROGRAMS, aligned, printable, safe_cell, write_rows

COLUMNS = (
    "tag", "slug", "rank_a", "rank_b", "score_a", "score_b", "difference", "weight_a", "weight_b", "trained",
    "confidence_a", "confidence_b",
)  # fmt: skip
SURE_COLUMNS = ("sure_both", "sure_a", "sure_b")  # numbers of tags; empty where a report does not say it
PAIR_COLUMNS = ("row", "name", "film_a", "film_b", *(f"shared_{first}" for first in TOPS), "tau_b", *SURE_COLUMNS)
HEADER = ("tag", "rank A", "score A", "rank B", "score B", "B - A", "confidence A", "confidence B")
UNDEFINED = "-"
DIGITS = 2  # of tau-b and of means, behind the point


def as_table(agreement: Agreement, top: int) -> str:
    """Returns a title, the shared tags, tau-b, and a line for each tag that either film has among its first `top`.

    A tag that a film does not have at all has no rank there. The sure tags are named where both reports say what is
    sure, and confidence has columns where one does.
    """
    lines = [f"A {agreement.a}, B {agreement.b}"]
    for shared in (shared_of(agreement.tags, first) for first in sorted({*TOPS, top})):
        count = f"shared of the first {shared.first} or fewer: {len(shared.slugs)} of {shared.possible}"
        lines.append(f"{count}{': ' if shared.slugs else ''}{printable(', '.join(shared.slugs))}")
    lines += _sure_lines(agreement.sure) if agreement.sure else []
    lines.append(f"Kendall's tau-b over {agreement.ranked} trained tags: {shown(agreement.tau_b)}")
    columns = HEADER if agreement.a.says_confidence or agreement.b.says_confidence else HEADER[:-2]
    rows = [_row(tag)[: len(columns)] for tag in agreement.top(top)]
    return "\n".join([*lines, aligned([columns, *rows]) if rows else "no tag has any weight"])


def _sure_lines(sure: Sure) -> list[str]:
    kinds = (("both", sure.both), ("A alone", sure.only_a), ("B alone", sure.only_b))
    return [f"sure in {where}: {len(tags)}{': ' if tags else ''}{printable(', '.join(tags))}" for where, tags in kinds]


def _row(tag: TagPair) -> tuple[str, ...]:
    """Of `HEADER`."""
    return (
        printable(tag.tag),
        str(tag.rank_a) if tag.weight_a else UNDEFINED,
        f"{tag.score_a:.2f}",
        str(tag.rank_b) if tag.weight_b else UNDEFINED,
        f"{tag.score_b:.2f}",
        f"{round(tag.difference, 2) + 0:+.2f}",  # no -0.00
        told(tag.confidence_a),
        told(tag.confidence_b),
    )


def as_pairs_table(compared: PairsAgreement) -> str:
    """Returns a title, a line for each pair, and the means with their standard deviations."""
    pairs = "1 pair" if len(compared.pairs) == 1 else f"{len(compared.pairs)} pairs"
    title = f"{pairs}: tags shared of the first {', '.join(map(str, TOPS))} or fewer, and Kendall's tau-b"
    sure = any(pair.agreement.sure for pair in compared.pairs)
    rows = [_pair_row(pair, sure) for pair in compared.pairs]
    header = ("pair", *(average.what for average in compared.averages))
    means = ("mean ± deviation", *map(mean, compared.averages))
    return f"{title}\n{aligned([header, *rows, means])}"


def _pair_row(pair: PairAgreement, sure: bool) -> tuple[str, ...]:
    """Of its name and each of the averages; `sure` is whether any pair says what is."""
    agreement = pair.agreement
    counts = [str(len(shared.slugs)) for shared in agreement.shared]
    both = [str(len(agreement.sure.both)) if agreement.sure else UNDEFINED] if sure else []
    return (printable(pair.name), *counts, *both, shown(agreement.tau_b))


def compared_csv(agreement: Agreement, path: Path, csv_for: str = PROGRAMS) -> None:
    """Writes a row per tag, for that reader.

    Raises:
        OutputRefused: it cannot be written.
    """
    rows = (
        (
            *map(safe_cell, (tag.tag, tag.slug)),
            tag.rank_a if tag.weight_a else None,  # without weight it was not found: its rank says nothing
            tag.rank_b if tag.weight_b else None,
            *(getattr(tag, name) for name in COLUMNS[4:-3]),
            str(tag.trained).lower(),
            *(tag.confidence_a, tag.confidence_b),
        )
        for tag in agreement.tags
    )
    write_rows(path, COLUMNS, rows, csv_for)


def pairs_csv(pairs: PairsAgreement, path: Path, csv_for: str = PROGRAMS) -> None:
    """Writes a row per pair, for that reader.

    Raises:
        OutputRefused: it cannot be written.
    """
    rows = (
        (
            pair.row,
            *map(safe_cell, (pair.name, pair.agreement.a.name, pair.agreement.b.name)),
            *(len(shared.slugs) for shared in pair.agreement.shared),
            pair.agreement.tau_b,
            *_sure_counts(pair.agreement.sure),
        )
        for pair in pairs.pairs
    )
    write_rows(path, PAIR_COLUMNS, rows, csv_for)


def _sure_counts(sure: Sure | None) -> tuple[int | None, ...]:
    """Of `SURE_COLUMNS`."""
    return (len(sure.both), len(sure.only_a), len(sure.only_b)) if sure else (None,) * len(SURE_COLUMNS)


def mean(average: Average) -> str:
    """Returns a mean and its deviation, for people."""
    return average.text(DIGITS) or UNDEFINED


def shown(tau_b: float | None) -> str:
    """Returns Kendall's tau-b, for people."""
    return UNDEFINED if tau_b is None else f"{tau_b:.{DIGITS}f}"
