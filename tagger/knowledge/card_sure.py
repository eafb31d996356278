"""What the card of the shipped vocabulary says of confidence."""

from __future__ import annotations

from typing import Any

from tagger.confidence import PART
from tagger.records import SURE

OFTEN_WRONG = 0.5  # of a tag's sure answers: below it they are named
BINS_SHOWN = "{confidence:.2f} | {true:.2f} | {tags}"

UNKNOWN = "No films could be made about {}: of these only what all tags have in common is known."

TEMPLATE = """## Confidence

How probable it is that a film really shows a tag, comparable between films of any length; from {sure:g} on a tag is
called sure. Learned from made-up films (draws of what heads say of pictures whose sources they had not seen, 3 to 2,000
keyframes) and judged by films of other sources, in five parts of the folds. A tag is true of such a film if {part:.0%}
of its keyframes were collected for it, or one of a short film. Films that show nothing: 1 to 20 frames of test cards,
titles, drawings, gradients, noise and logos that pass the filter of plain frames, of kinds that nothing was learned
from; tiny: labelled pictures shrunk to 16 x 16. The share of these that have any sure tag should be 0. Real: the films
of the stills above, whose keywords are incomplete, so that what is true there is a lower bound, beside truths dealt
anew.

Of {true_tags:.1f} true tags of a film:

| head | sure tags | right | of the true ones | ECE | Brier | nothing | tiny | real: sure, true, dealt anew |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{heads}

Of tags with such a confidence by {best}, the share that is true ({films} films):

| mean confidence | true | tags |
| --- | --- | --- |
{bins}

By number of keyframes ({best}): {lengths}.

Hardly ever sure ({best}; under one true tag in twenty): {never}. Wrong in over half of their sure answers: {wrong}.
{unknown}Made-up films are easier than real ones:
each of their frames was collected for a tag.

"""


def text(measured: dict[str, Any], tags: dict[str, str]) -> str:
    """Returns the card's section on confidence.

    Args:
        measured: by head, the default first, what `tagger.knowledge.certain` found.
        tags: names of the trained tags by slug.
    """
    best, first = next(iter(measured.items()))
    by_tag = first["by_tag"]
    never = [tag for tag, found in by_tag.items() if (found["recall"] or 0) < 0.05]
    wrong = [
        f"{tags[tag]} ({found['precision']:.2f})"
        for tag, found in by_tag.items()
        if found["precision"] is not None and found["precision"] < OFTEN_WRONG and tag not in never
    ]
    unknown = [name for tag, name in tags.items() if tag not in by_tag]
    return TEMPLATE.format(
        sure=SURE,
        part=PART,
        best=best,
        films=first["films"],
        true_tags=first["true_tags"],
        heads="\n".join(_head(name, found) for name, found in measured.items()),
        bins="\n".join(f"| {BINS_SHOWN.format(**row)} |" for row in first["reliability"]),
        lengths="; ".join(_length(row) for row in first["by_length"]),
        never=", ".join(tags[tag] for tag in never) or "none",
        wrong=", ".join(wrong) or "none",
        unknown=f"{UNKNOWN.format(', '.join(unknown))} " if unknown else "",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _head(name: str, found: dict[str, Any]) -> str:
    real = found.get("stills")
    told = f"{real['sure_tags']:.1f}, {real['true']:.2f}, {real['dealt_anew']:.2f}" if real else "-"
    cells = [
        f"{found['sure_tags']:.1f}", _share(found["precision"]), _share(found["recall"]),
        f"{found['calibration_error']:.3f}", f"{found['brier']:.3f}",
        *(f"{found[what]['with_anything_sure']:.1%}" for what in ("nothing", "tiny")), told,
    ]  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


def _length(row: dict[str, Any]) -> str:
    right, recall = _share(row["precision"]), _share(row["recall"])
    return f"from {row['keyframes_from']} on {row['sure_tags']:.1f} sure, {right} right, {recall} of the true ones"
