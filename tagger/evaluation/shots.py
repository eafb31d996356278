"""How good shot boundaries are when the truth is known: reading the truth, and counting (nothing is decoded).

A boundary is the first frame of a new shot, counted from 0 in presentation order. The truth is one of

    truth.json     {"cuts": [250, 391], "gradual": [[500, 524]]}      "gradual" may be missing, other keys are ignored
    truth.csv      one column `frame`: cuts
    truth.csv      columns `start,end`: a gradual change where end > start, a cut where end is empty or equals start

in any order; what is named twice counts once. Frame 0 begins the film and is no cut: it is left out.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tagger.errors import BadPath, BadTruth, reason
from tagger.files import regular_file
from tagger.text import json_text, read_csv

JSON_FORM = 'write {"cuts": [frame, ...], "gradual": [[first mixed frame, first frame of the new shot], ...]}'
CSV_FORM = "write a header `frame` (cuts) or `start,end` (gradual changes) and a row for each"


@dataclass(frozen=True, slots=True, order=True)
class Gradual:
    """A fade, dissolve or wipe."""

    start: int  # first mixed frame
    end: int  # first frame wholly of the new shot

    def __post_init__(self) -> None:
        """Checks that there is a mixed frame."""
        if not 0 <= self.start < self.end:
            raise ValueError(f"a gradual change from frame {self.start} to {self.end} has no mixed frame")


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the shots of a film begin."""

    cuts: tuple[int, ...]  # first frames of new shots, from 1, growing
    gradual: tuple[Gradual, ...] = ()  # growing

    def __post_init__(self) -> None:
        """Checks the order."""
        growing = sorted({cut for cut in self.cuts if cut > 0}), sorted({*self.gradual})
        if (list(self.cuts), list(self.gradual)) != growing:
            raise ValueError(f"cuts {self.cuts} or gradual changes {self.gradual} do not grow")


@dataclass(frozen=True, slots=True)
class Changes:
    """The true changes of one kind, and how many were found."""

    true: int
    right: int
    recall: float | None  # right / true; None if there are none


@dataclass(frozen=True, slots=True)
class Boundaries:
    """How good the boundaries of one film are.

    A share of nothing is 0, but without true changes no boundary is the right answer: then all three are 1.
    """

    tolerance: int  # frames
    true: int  # cuts and gradual changes
    found: int  # boundaries
    right: int  # boundaries that belong to a true change, each to its own
    precision: float  # right / found
    recall: float  # right / true
    f1: float  # harmonic mean of both
    cuts: Changes
    gradual: Changes
    missed: tuple[int, ...]  # first frames of the true changes that were not found, growing
    false: tuple[int, ...]  # boundaries that belong to no true change, growing


def score(found: Sequence[int], truth: Truth, tolerance: int) -> Boundaries:
    """Returns how well the boundaries `found` agree with the truth.

    Cuts come first, see `match`. A gradual change is found by one of the boundaries that are left, from
    `tolerance` frames before its first mixed frame to as many after the first frame of the new shot; where such
    stretches overlap, as many changes are found as can be. Further boundaries in the same change are wrong.

    Args:
        found: first frames of new shots, in any order; what is named twice counts once.
        truth: of the same film.
        tolerance: frames, from 0.
    """
    frames = sorted({*found})
    of_cuts = match(frames, truth.cuts, tolerance)
    left = sorted({*frames} - {*of_cuts.values()})
    missed = [cut for cut in truth.cuts if cut not in of_cuts]
    for change in sorted(truth.gradual, key=lambda change: change.end):
        first = bisect_left(left, change.start - tolerance)
        if first < len(left) and left[first] <= change.end + tolerance:
            del left[first]
        else:
            missed.append(change.start)
    true, right = len(truth.cuts) + len(truth.gradual), len(frames) - len(left)
    empty = float(not true and not frames)
    return Boundaries(
        tolerance,
        true,
        len(frames),
        right,
        right / len(frames) if frames else empty,
        right / true if true else empty,
        2 * right / (true + len(frames)) if true or frames else empty,
        _changes(len(truth.cuts), len(of_cuts)),
        _changes(len(truth.gradual), right - len(of_cuts)),
        tuple(sorted(missed)),
        tuple(left),
    )


def match(frames: Sequence[int], cuts: Sequence[int], tolerance: int) -> dict[int, int]:
    """Returns the boundary of each cut that has one, one-to-one.

    Of all pairs that are still free the nearest is joined first, among equals the one with the earlier cut, then
    with the earlier boundary, until none lie within the tolerance. (A near pair may so keep two wider ones apart.)

    Args:
        frames: boundaries, growing.
        cuts: likewise.
        tolerance: frames, from 0.
    """
    pairs = []
    for cut in cuts:
        near = frames[bisect_left(frames, cut - tolerance) : bisect_right(frames, cut + tolerance)]
        pairs += [(abs(frame - cut), cut, frame) for frame in near]
    joined: dict[int, int] = {}
    taken: set[int] = set()
    for _, cut, frame in sorted(pairs):
        if cut not in joined and frame not in taken:
            joined[cut] = frame
            taken.add(frame)
    return joined


def read_truth(path: Path) -> Truth:
    """Returns the truth in a file `NAME.json` or `NAME.csv`, whose forms stand above.

    Raises:
        BadPath: no regular file, or one that may not be read.
        BadTruth: it has another form, or what should be a frame is no whole number from 0.
    """
    forms = {".json": (_from_json, JSON_FORM), ".csv": (_from_csv, CSV_FORM)}
    if regular_file(path).suffix.lower() not in forms:
        raise BadTruth(f"{path}: a truth is named .json or .csv, not {path.suffix!r}")
    parse, form = forms[path.suffix.lower()]
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise BadPath(f"{path}: cannot be read ({reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise BadTruth(f"{path}: no truth about shots ({reason(error)}): {form}") from error


def as_json(boundaries: Boundaries) -> str:
    """Returns the figures as JSON text, their fields named as here; numbers are not rounded."""
    return json_text(asdict(boundaries))


def as_table(boundaries: Boundaries) -> str:
    """Returns a title and a line each for cuts, gradual changes and both."""
    row = "{:<18} {:>6} {:>6} {:>6}  {:>9}  {:>6}  {:>5}".format
    unit = "frame" if boundaries.tolerance == 1 else "frames"
    lines = [row(f"within {boundaries.tolerance} {unit}", "true", "found", "right", "precision", "recall", "F1")]
    for name, kind in (("cuts", boundaries.cuts), ("gradual", boundaries.gradual)):
        lines.append(row(name, kind.true, "-", kind.right, "-", _shown(kind.recall), "-"))
    shares = map(_shown, (boundaries.precision, boundaries.recall, boundaries.f1))
    lines.append(row("all", boundaries.true, boundaries.found, boundaries.right, *shares))
    return "\n".join(lines)


def _shown(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _changes(true: int, right: int) -> Changes:
    return Changes(true, right, right / true if true else None)


def _truth(cuts: Iterable[int], gradual: Iterable[Gradual]) -> Truth:
    return Truth(tuple(sorted({*cuts} - {0})), tuple(sorted({*gradual})))


def _from_json(body: bytes) -> Truth:
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("cuts"), list):
        raise ValueError("it has no list `cuts`")
    gradual = document.get("gradual", [])
    if not isinstance(gradual, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in gradual):
        raise ValueError("its `gradual` is no list of pairs")
    return _truth(map(_frame, document["cuts"]), [Gradual(_frame(start), _frame(end)) for start, end in gradual])


def _from_csv(body: bytes) -> Truth:
    table = read_csv(body)
    columns = table.columns
    if ("frame" in columns) == ({"start", "end"} <= {*columns}):
        raise ValueError(f"its header is {','.join(columns)!r:.60}")
    first, last = ("frame", "frame") if "frame" in columns else ("start", "end")
    cuts, gradual = [], []
    for row in table.rows:
        if not any(row.cells.values()):
            continue  # a note beside the table
        try:
            start = _cell(row.cells[first])
            end = _cell(row.cells[last] or row.cells[first])
            if start == end:
                cuts.append(start)
            else:
                gradual.append(Gradual(start, end))
        except ValueError as error:
            raise ValueError(f"line {row.line}: {error}") from error
    return _truth(cuts, gradual)


def _cell(text: str) -> int:
    return _frame(int(text) if text.isascii() and text.isdigit() else text)


def _frame(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.40} is no frame: a whole number from 0")
    return value
