"""The CSV of shots: one row per shot with its times, its keyframe and how probable each tag is in it."""

from __future__ import annotations

from collections.abc import Iterator

from tagger.records import TaggedShot, TagReport
from tagger.text import PROGRAMS, csv_text, safe_cell, safe_row

COLUMNS = (
    "film", "shot", "start_s", "end_s", "start_frame", "end_frame", "keyframe_s", "keyframe_frame", "entropy_bits",
    "kept", "tags",
)  # fmt: skip
SEPARATOR = "; "  # between the up to three tags of a shot
PROBABILITY = "p_"  # before a tag's slug: no tag is called as another column


def as_csv(report: TagReport, csv_for: str = PROGRAMS) -> str:
    """Returns a header and one row per shot, as `csv_text` gives them.

    A cell is empty where the report does not say how probable a tag is: of dropped keyframes, and of all but the up to
    three tags of each shot in reports of before the others were kept.
    """
    film, tags = safe_cell(report.video.name), slugs(report)
    header = (*COLUMNS, *(safe_cell(PROBABILITY + tag) for tag in tags))
    rows = ((film, *safe_row(row(report, shot))) for shot in report.shots)
    return csv_text(header, rows, csv_for)


def slugs(report: TagReport) -> tuple[str, ...]:
    """Returns the tags of whose probability there is a column: in the vocabulary's order, or in old reports by rank."""
    return report.slugs or tuple(tag.slug for tag in report.tags)


def row(report: TagReport, shot: TaggedShot) -> Iterator[object]:
    """Yields the cells of a shot, all but that of the film."""
    key = shot.keyframe
    yield from (shot.index, shot.start_s, shot.end_s, shot.start_frame, shot.end_frame)
    yield from (key.time_s, key.frame, key.entropy_bits, str(key.kept).lower())
    yield SEPARATOR.join(tag.slug for tag in shot.tags)
    said = probabilities(report, shot)
    yield from (said.get(slug, "") for slug in slugs(report))


def probabilities(report: TagReport, shot: TaggedShot) -> dict[str, float]:
    """Returns how probable tags are in a shot, by slug, as far as its report says it."""
    if shot.probabilities:
        return dict(zip(report.slugs, shot.probabilities, strict=True))
    return {tag.slug: tag.probability for tag in shot.tags}
