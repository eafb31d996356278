"""The report as a page to look at: ranked tags, when they are, the keyframes, and what was used."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from tagger.files import is_file
from tagger.measured import measured
from tagger.records import SURE, TaggedShot, TagReport
from tagger.reports import csv_shots
from tagger.reports.corrections import put_right
from tagger.reports.film_file import film_beside
from tagger.reports.manner import USUAL, Manner
from tagger.reports.page import page, part
from tagger.reports.table import told
from tagger.reports.vtt import milliseconds, timestamp
from tagger.text import moment

FIRST = 15  # tags that are shown at once
PLACES = 3  # shots named per tag
UNSAID, STEPS = 255, 254  # a probability as a byte: not said; 1.0


def as_html(report: TagReport, manner: Manner = USUAL) -> str:
    """Returns the page.

    Args:
        report: any.
        manner: its keyframes, and the folder from which the film is named if it lies where the report says.

    Raises:
        LibraryMissing: Jinja2 is not installed.
    """
    names = {tag.slug: tag.tag for tag in report.tags}
    pictures = {shot: part(base64.b64encode(jpeg).decode()) for shot, jpeg in manner.pictures.items()}
    return page(
        "report", f"{report.video.name}: tags", _data(report, manner), report=report, names=names, pictures=pictures,
        kept=sum(shot.keyframe.kept for shot in report.shots), sure=report.sure, notes=list(_notes(report, manner)),
        strongest=list(_strongest(report)), measured=measured(report), facts=list(_facts(report)),
        film=_film(report, manner.folder), moment=moment, told=told, SURE=SURE, FIRST=FIRST,
        timestamp=lambda time_s: timestamp(milliseconds(time_s)).removeprefix("00:"),
    )  # fmt: skip


def _notes(report: TagReport, manner: Manner) -> Iterator[str]:
    """What the reader must know: warnings of the report, and that something was put right."""
    yield from report.warnings
    if manner.corrections:
        yield from put_right(report, manner.corrections).warnings[len(report.warnings) :]


def _data(report: TagReport, manner: Manner) -> dict[str, object]:
    """What the script of the page knows: tags by rank, shots, and how probable each tag is in each shot."""
    places = {tag.slug: place for place, tag in enumerate(report.tags)}
    right = manner.corrections
    return {
        "film": report.video.fingerprint,
        "name": report.video.name,
        "corrections": None if right is None or right.film != report.video.fingerprint else asdict(right),
        "slugs": [tag.slug for tag in report.tags],
        "tags": [tag.tag for tag in report.tags],
        "trained": [tag.trained for tag in report.tags],
        "first": FIRST,
        "length": max([report.video.duration_s, *(shot.end_s for shot in report.shots)]),
        "shots": [
            {
                "start": round(shot.start_s, 3),
                "end": round(shot.end_s, 3),
                "from": shot.start_frame,
                "to": shot.end_frame,
                "frame": shot.keyframe.frame,
                "kept": shot.keyframe.kept,
                "first": [places.get(tag.slug, -1) for tag in shot.tags],  # of a foreign tag no place
            }
            for shot in report.shots
        ],
        "probabilities": base64.b64encode(b"".join(_shares(report, shot) for shot in report.shots)).decode(),
    }


def _shares(report: TagReport, shot: TaggedShot) -> bytes:
    """A byte for each tag, by rank."""
    said = csv_shots.probabilities(report, shot)
    return bytes(round(STEPS * said[tag.slug]) if tag.slug in said else UNSAID for tag in report.tags)


def _strongest(report: TagReport) -> Iterator[list[TaggedShot]]:
    """For each tag the shots that carry it most probably, in the order of the film."""
    carriers: dict[str, list[tuple[float, TaggedShot]]] = {tag.slug: [] for tag in report.tags}
    for shot in report.shots:
        for said in shot.tags:
            carriers.get(said.slug, []).append((said.probability, shot))
    for found in carriers.values():
        best = sorted(found, key=lambda one: -one[0])[:PLACES]
        yield sorted((shot for _, shot in best), key=lambda shot: shot.index)


def _facts(report: TagReport) -> Iterator[tuple[str, str]]:
    """What was used, name and value."""
    video, model, timing = report.video, report.model, report.timing
    trained = sum(tag.trained for tag in report.tags)
    yield "film", f"{video.path}, {video.size_bytes:,} bytes, fingerprint {video.fingerprint}"
    yield (
        "pictures",
        f"{video.width}x{video.height}, {video.codec}, {video.fps:.6g} frames a second, {video.frame_count:,} frames",
    )
    yield "seen", "whole" if report.status == "ok" else report.status
    yield "scan", f"{report.scan.used} ({report.scan.reason})"
    yield "vocabulary", f"{model.vocabulary}: {trained} of {len(report.tags)} tags trained"
    yield "network", f"{model.backbone}, {model.backbone_sha256[:16]}"
    yield "head", f"{model.head_sha256[:16]}{f', {model.activation}' if model.activation else ''}"
    yield "settings", ", ".join(f"{name} {value}" for name, value in report.settings.items() if value is not None)
    yield "made", f"{report.created}, movietags {report.version}, in {timing.total_s:.1f} s"


def _film(report: TagReport, folder: Path | None) -> str | None:
    """How the page names the film: beside it, or where the report says, if that film is there."""
    path = None if folder is None else film_beside(report, folder)
    if path is None or not is_file(path):  # numbered pictures are no film for a browser
        return None
    with suppress(ValueError):  # on another disk of Windows
        return quote(os.fsencode(Path(os.path.relpath(path, folder)).as_posix()))
    return None
