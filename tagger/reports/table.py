"""The table on the terminal: the first tags, how strong, and where in the film."""

from __future__ import annotations

from collections.abc import Iterator

from tagger.records import SURE, RankedTag, TagReport
from tagger.text import moment, printable

PLACES = 3  # moments named per tag
COLUMNS = f"{'':>3}  {'tag':<20} {'score':>5}  {'confidence':>10}  {'weight':>7}  {'shots':>5}  strongest at"


def as_table(report: TagReport, top: int) -> str:
    """Returns a title line, one line for each of the first `top` tags that have any weight, and what else is sure."""
    video = report.video
    kept = sum(shot.keyframe.kept for shot in report.shots)
    counted = "1 shot" if len(report.shots) == 1 else f"{len(report.shots)} shots"
    title = f"{printable(video.name)}: {moment(video.duration_s)}, {counted}, {kept} with a picture to tag"
    first = [tag for tag in report.tags[:top] if tag.weight > 0]
    rows = [
        f"{tag.rank:>3}  {printable(tag.tag):<20} {tag.score:>5.2f}  {told(tag.confidence):>10}  {tag.weight:>7.3f}  "
        f"{tag.frames:>5}  {_places(report, tag.slug)}"
        for tag in first
    ]
    ranking = [COLUMNS, *rows] if rows else ["no tag has any weight"]
    return "\n".join([title, *ranking, *(_sure(report, first) if rows or report.sure else ())])


def told(confidence: float | None) -> str:
    """Returns confidence for people, "-" where nothing says it; what is not sure never looks so for being rounded."""
    if confidence is None:
        return "-"
    return f"{confidence if confidence >= SURE else min(confidence, SURE - 0.01):.2f}"


def _sure(report: TagReport, first: list[RankedTag]) -> Iterator[str]:
    """A line where the ranking is of guesses, or what is sure stands further down; nothing where nobody knows."""
    known = [tag for tag in report.tags if tag.confidence is not None]
    if further := [
        f"{printable(tag.tag)} ({tag.rank}, {told(tag.confidence)})" for tag in report.sure if tag not in first
    ]:
        yield f"sure and further down (rank, confidence): {', '.join(further)}"
    elif known and not report.sure:
        likeliest = max(known, key=lambda tag: tag.confidence or 0.0)  # of equals the first
        name = printable(likeliest.tag)
        yield f"nothing sure: {name} is the likeliest, confidence {told(likeliest.confidence)} of {SURE:g}"


def _places(report: TagReport, slug: str) -> str:
    """When the shots begin that carry the tag most probably, in the order of the film."""
    found = [(tag.probability, shot.start_s) for shot in report.shots for tag in shot.tags if tag.slug == slug]
    best = sorted(found, reverse=True)[:PLACES]
    return " ".join(dict.fromkeys(moment(start_s) for _, start_s in sorted(best, key=lambda place: place[1])))
