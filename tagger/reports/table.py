"""The table on the terminal: the first tags, how strong, and where in the film."""

from __future__ import annotations

from collections.abc import Iterator

from tagger.confidence import SURE
from tagger.records import RankedTag, TagReport
from tagger.text import moment, printable

PLACES = 3  # moments named per tag
COLUMNS = f"{'':>3}  {'tag':<20} {'score':>5}  {'confidence':>10}  {'weight':>7}  {'shots':>5}  strongest at"


def as_table(report: TagReport, top: int) -> str:
    """Returns a title line, one line for each of the first `top` tags that have any weight, and whether any is sure."""
    video = report.video
    kept = sum(shot.keyframe.kept for shot in report.shots)
    counted = "1 shot" if len(report.shots) == 1 else f"{len(report.shots)} shots"
    title = f"{printable(video.name)}: {moment(video.duration_s)}, {counted}, {kept} with a picture to tag"
    rows = [
        f"{tag.rank:>3}  {printable(tag.tag):<20} {tag.score:>5.2f}  {_confidence(tag):>10}  {tag.weight:>7.3f}  "
        f"{tag.frames:>5}  {_places(report, tag.slug)}"
        for tag in report.tags[:top]
        if tag.weight > 0
    ]
    return "\n".join([title, *([COLUMNS, *rows, *_nothing_sure(report)] if rows else ["no tag has any weight"])])


def _confidence(tag: RankedTag) -> str:
    return "-" if tag.confidence is None else f"{tag.confidence:.2f}"


def _nothing_sure(report: TagReport) -> Iterator[str]:
    """A line where the ranking is of guesses; nothing where a tag is sure, or nobody knows."""
    told = [(tag.confidence, tag.tag) for tag in report.tags if tag.confidence is not None]
    if told and max(told)[0] < SURE:
        confidence, likeliest = max(told)
        yield f"nothing sure: {printable(likeliest)} is the likeliest, confidence {confidence:.2f} of {SURE:g}"


def _places(report: TagReport, slug: str) -> str:
    """When the shots begin that carry the tag most probably, in the order of the film."""
    found = [(tag.probability, shot.start_s) for shot in report.shots for tag in shot.tags if tag.slug == slug]
    best = sorted(found, reverse=True)[:PLACES]
    return " ".join(dict.fromkeys(moment(start_s) for _, start_s in sorted(best, key=lambda place: place[1])))
