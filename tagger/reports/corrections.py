"""What a person put right: NAME.corrections.json beside NAME.tags.json, as the page of a film saves it.

    {"schema": "movietags-corrections/1", "film": "FINGERPRINT", "struck": ["war"], "added": ["Wedding"],
     "shots": [{"frame": 812, "struck": ["drama"], "added": ["car-chase"]}]}

`frame` is that of a keyframe; what is said of it holds for the shot in which it lies, also where shots were found anew.
The report itself stays as it was made: who reads it gets it put right (`read_report`), with a line that says so.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from tagger.errors import BadReport, reason
from tagger.files import is_file
from tagger.records import PERSON, TOP_TAGS, RankedTag, ShotTag, TaggedShot, TagReport
from tagger.reports import json_report
from tagger.reports.json_report import SUFFIX as REPORT_SUFFIX
from tagger.settings import SIGMOID
from tagger.typed_json import convert, parse
from tagger.video_info import Count
from tagger.vocabulary import slug

log = logging.getLogger(__name__)

SUFFIX = ".corrections.json"
SCHEMA = "movietags-corrections/1"
BYTES_MAX = 2**26
AGAIN = "save them anew from the film's page, or take the file away"
OF_ANOTHER = "corrections are there, but of another film: not heeded"


@dataclass(frozen=True, slots=True)
class ShotCorrection:
    """What was put right in one shot; tags by name or slug."""

    frame: Count
    struck: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was put right in one film."""

    schema: str
    film: str
    """Its fingerprint."""
    struck: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    shots: tuple[ShotCorrection, ...] = ()

    def by_shot(self, report: TagReport) -> dict[int, ShotCorrection]:
        """Returns those of shots that are in the report, by its index; where two are in one shot, the last."""
        return {
            shot.index: one
            for one in self.shots
            for shot in report.shots
            if shot.start_frame <= one.frame < shot.end_frame
        }


def corrections_file(report: Path) -> Path:
    """Returns where the corrections of a film are.

    Args:
        report: path of its JSON, NAME.tags.json.
    """
    return report.with_name(report.name.removesuffix(REPORT_SUFFIX) + SUFFIX)


def read_corrections(report: Path) -> Corrections | None:
    """Returns what was put right in a film; None where nothing was.

    Args:
        report: path of its JSON, NAME.tags.json.

    Raises:
        BadReport: its corrections are no such file, or cannot be read.
    """
    path = corrections_file(report)
    if not os.path.lexists(path):
        return None
    try:
        found = convert(Corrections, parse(_body(path)))
    except (OSError, ValueError) as error:
        raise BadReport(f"{path}: are no corrections ({reason(error)}): {AGAIN}") from error
    if found.schema != SCHEMA:
        raise BadReport(f"{path}: schema {found.schema!r:.60}, this version reads {SCHEMA!r}: {AGAIN}")
    return found


def _body(path: Path) -> bytes:
    if not is_file(path):
        raise ValueError("no regular file")
    with path.open("rb") as file:
        body = file.read(BYTES_MAX + 1)
    if len(body) > BYTES_MAX:
        raise ValueError(f"over {BYTES_MAX // 2**20} MiB")
    return body


def read_report(path: Path | str, corrected: bool = True) -> TagReport:
    """Returns a report, put right where a person did that.

    Args:
        path: of its JSON.
        corrected: heeds NAME.corrections.json beside it; a warning of the report says so.

    Raises:
        BadPath, BadReport: as `tagger.reports.json_report.read_report`; or its corrections cannot be read.
    """
    report = json_report.read_report(path)
    found = read_corrections(Path(path)) if corrected else None
    if found is None:
        return report
    right = put_right(report, found)
    log.info("%s: %s", path, right.warnings[-1])
    return right


def put_right(report: TagReport, found: Corrections) -> TagReport:
    """Returns the report with what a person said in place of what the network said.

    A struck tag is not in its shot, or not in the film; one that was added is, for certain. A shot's tag is the film's
    too. Tags are ranked anew; those that were added come first, those that were struck last. Tags exclude one another
    no more, so that `model.activation` is `sigmoid`, whose probabilities need not sum to 1.
    """
    if found.film != report.video.fingerprint:
        return replace(report, warnings=(*report.warnings, OF_ANOTHER))
    report, found = _with_all_tags(report, found)
    of_shots = found.by_shot(report)
    shots = tuple(_shot(shot, of_shots.get(shot.index), report.slugs) for shot in report.shots)
    struck = {*found.struck}
    added = {*found.added, *(tag for one in of_shots.values() for tag in one.added)} - struck
    touched = {tag for one in of_shots.values() for tag in (*one.struck, *one.added)}
    tags = (_counted(tag, shots, report.slugs) if tag.slug in touched else tag for tag in report.tags)
    said = tuple(_tag(tag, added, struck) for tag in tags)
    return replace(
        report, tags=_ranked(said, added, struck), shots=shots,
        model=replace(report.model, activation=SIGMOID), warnings=(*report.warnings, _in_words(found, len(of_shots))),
    )  # fmt: skip


def _in_words(found: Corrections, shots: int) -> str:
    lost = len({one.frame for one in found.shots}) - shots
    words = f"put right by hand: {len(found.added)} tags added to the film, {len(found.struck)} struck, {shots} shots"
    return words + (f"; {lost} corrections are of no shot, or of one that has another" if lost > 0 else "")


def _with_all_tags(report: TagReport, found: Corrections) -> tuple[TagReport, Corrections]:
    """The report with a tag for each that was added, one that is new to its vocabulary too; and all by their slugs."""
    slugs = {name: tag.slug for tag in report.tags for name in (slug(tag.tag), slug(tag.slug), tag.slug)}
    new: dict[str, str] = {}
    for tag in (*found.added, *(tag for one in found.shots for tag in one.added)):
        if slug(tag) and tag not in slugs and slug(tag) not in slugs:
            new.setdefault(slug(tag), tag)
    slugs |= {name: name for name in new}

    def called(tags: tuple[str, ...]) -> tuple[str, ...]:
        found = (slugs.get(tag) or slugs.get(slug(tag)) for tag in tags)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    first = len(report.tags) + 1
    tags = (RankedTag(first + i, tag, name, 0, 0, 0, 0, True, PERSON) for i, (name, tag) in enumerate(new.items()))
    shots = (
        replace(shot, probabilities=(*shot.probabilities, *[0.0] * len(new))) if shot.probabilities else shot
        for shot in report.shots
    )
    whole = replace(
        report, tags=(*report.tags, *tags), shots=tuple(shots), slugs=(*report.slugs, *new) if report.slugs else ()
    )
    of_shots = (replace(one, struck=called(one.struck), added=called(one.added)) for one in found.shots)
    own = replace(found, struck=called(found.struck), added=called(found.added), shots=tuple(of_shots))
    return whole, own


def _shot(shot: TaggedShot, found: ShotCorrection | None, slugs: tuple[str, ...]) -> TaggedShot:
    if found is None:
        return shot
    kept = (tag for tag in shot.tags if tag.slug not in (*found.struck, *found.added))
    said = zip(slugs, shot.probabilities, strict=True) if shot.probabilities else ()
    probabilities = tuple(
        1.0 if name in found.added else 0.0 if name in found.struck else share for name, share in said
    )
    tags = (*(ShotTag(name, 1.0) for name in found.added), *kept)
    return replace(shot, tags=tags[: max(TOP_TAGS, len(found.added))], probabilities=probabilities)


def _counted(tag: RankedTag, shots: tuple[TaggedShot, ...], slugs: tuple[str, ...]) -> RankedTag:
    """A tag with its numbers from shots, as stage 5 computes them; a dropped shot counts where a person added to it."""
    kept = [shot for shot in shots if shot.keyframe.kept or shot.tags]
    frames = sum(any(one.slug == tag.slug for one in shot.tags) for shot in kept)
    place = slugs.index(tag.slug) if tag.slug in slugs else None
    total = sum(
        shot.probabilities[place]
        if shot.probabilities and place is not None
        else sum(one.probability for one in shot.tags if one.slug == tag.slug)
        for shot in kept
    )
    count = max(1, len(kept))
    return replace(tag, frames=frames, weight=frames / count * total, mean_probability=min(1.0, total / count))


def _tag(tag: RankedTag, added: set[str], struck: set[str]) -> RankedTag:
    if tag.slug in struck:
        return replace(tag, weight=0.0, confidence=0.0, answered_by=PERSON)
    return replace(tag, confidence=1.0, trained=True, answered_by=PERSON) if tag.slug in added else tag


def _ranked(tags: tuple[RankedTag, ...], added: set[str], struck: set[str]) -> tuple[RankedTag, ...]:
    weights = [tag.weight for tag in tags]
    low, high = min(weights, default=0.0), max(weights, default=0.0)
    order = sorted(tags, key=lambda tag: (tag.slug in struck, tag.slug not in added, -tag.weight, tag.rank))
    scores = {tag.slug: (tag.weight - low) / (high - low) if high > low else 0.0 for tag in tags}
    scores |= dict.fromkeys(added, 1.0)
    return tuple(replace(tag, rank=rank, score=scores[tag.slug]) for rank, tag in enumerate(order, 1))
