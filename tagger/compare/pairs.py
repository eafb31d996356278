"""How far the tags of many pairs of films agree: those of a table of pairs, and the means over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.compare.agreement import TOPS, Agreement, compare_files
from tagger.errors import BadPairs, BadPath, reason
from tagger.evaluation.metrics import Spread
from tagger.files import regular_file
from tagger.reports.json_report import SUFFIX
from tagger.text import read_csv

PAIRS_FORM = "write a header `a,b` or `name,a,b` and a row for each pair of reports"


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of a table of pairs."""

    row: int  # as spreadsheets count: the header is 1
    name: str
    a: Path | None  # of a report; None: the cell is empty
    b: Path | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far the two films of a row agree."""

    row: int
    name: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Average:
    """The mean of one figure over pairs."""

    what: str
    pairs: int  # for which it is defined
    mean: float | None  # None if there are none
    deviation: float | None  # of the sample; None if there is but one

    @classmethod
    def of(cls, what: str, values: Sequence[float]) -> Average:
        """Returns the mean of a figure by its values, one for each pair for which it is defined."""
        spread = Spread.of(values)
        return cls(what, len(values), spread.mean, spread.deviation) if spread else cls(what, 0, None, None)

    def text(self, digits: int) -> str | None:
        """Returns "mean ± deviation" for people; None if there is none."""
        return None if self.mean is None else Spread(self.mean, self.deviation).text(digits)


@dataclass(frozen=True, slots=True)
class PairsAgreement:
    """How far the films of several pairs agree."""

    pairs: tuple[PairAgreement, ...]
    averages: tuple[Average, ...]  # of the tags shared among the first of `TOPS`, those sure in both, if told, tau-b

    @classmethod
    def of(cls, pairs: Sequence[PairAgreement]) -> PairsAgreement:
        """Returns several pairs with the means over them."""
        agreements = [pair.agreement for pair in pairs]
        counts = [
            Average.of(f"first {first}", [len(agreement.shared[place].slugs) for agreement in agreements])
            for place, first in enumerate(TOPS)
        ]
        sure = [len(agreement.sure.both) for agreement in agreements if agreement.sure]
        tau_b = Average.of("tau-b", [agreement.tau_b for agreement in agreements if agreement.tau_b is not None])
        return cls(tuple(pairs), (*counts, *([Average.of("sure in both", sure)] if sure else []), tau_b))


def compare_pair(pair: Pair) -> PairAgreement:
    """Returns how far the two films of a row agree.

    Raises:
        BadPairs: a cell is empty.
        BadPath, BadReport: as `compare_files`.
    """
    if pair.a is None or pair.b is None:
        raise BadPairs(f"column {'a' if pair.a is None else 'b'} is empty: name a report")
    return PairAgreement(pair.row, pair.name, compare_files(pair.a, pair.b))


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Returns the rows of a CSV file with columns `a` and `b`, and perhaps `name`, but for empty ones.

    Paths are relative to its folder. A pair without a name is called by the report of its A.

    Raises:
        BadPath: no regular file, or one that may not be read.
        BadPairs: another form, or no row.
    """
    table = regular_file(path)
    try:
        return _pairs(table.read_bytes(), path.parent)
    except OSError as error:
        raise BadPath(f"{path}: cannot be read ({reason(error)})") from error
    except ValueError as error:
        raise BadPairs(f"{path}: no table of pairs ({reason(error)}): {PAIRS_FORM}") from error


def _pairs(body: bytes, folder: Path) -> tuple[Pair, ...]:
    table = read_csv(body)
    if not {"a", "b"} <= {*table.columns}:
        raise ValueError(f"its header is {','.join(table.columns)!r:.60}")
    pairs = []
    for row in table.rows:
        if any(row.cells.values()):  # else it is a note beside the table
            a, b = (folder / row.cells[column] if row.cells[column] else None for column in ("a", "b"))
            name = row.cells.get("name") or (a.name.removesuffix(SUFFIX) if a else "")
            pairs.append(Pair(row.number, name, a, b))
    if not pairs:
        raise ValueError("it has no rows")
    return tuple(pairs)
