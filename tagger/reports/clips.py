"""Segments cut out of their film, each a file of its own, and a picture of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tagger.files import output_folder, write_atomically
from tagger.images import large_jpeg
from tagger.records import TaggedShot
from tagger.reports import csv_shots
from tagger.reports.film_file import film_of, opening_of
from tagger.reports.json_report import SUFFIX
from tagger.segments import Segment, Segments
from tagger.video.cut import cut, suffix_of
from tagger.video.stills import stills
from tagger.vocabulary import slug

STEM_BYTES, TAG_BYTES = 120, 60  # of the names of files, which have up to 255 bytes
MARK_LETTERS = 8  # hex digits that tell names apart that are alike where they are cut


def clips(file: Path, found: Segments, folder: Path, exact: bool = False) -> Iterator[Path]:
    """Writes each segment of a film to a file, NAME.TAG.001.mp4, and yields where.

    Args:
        file: the report, beside which the film is looked for too.
        found: its segments.
        folder: for the clips.
        exact: cuts at the very frames, which takes encoding; else packets are copied, from the key frame before.

    Raises:
        PathMissing: the film is not there.
        VideoUnreadable: it cannot be read, or holds nothing at a segment.
        OutputRefused: a clip cannot be written.
    """
    film = film_of(file, found.report) if found.segments else None
    output_folder(folder)
    for segment, name in _named(file, found):
        if film is not None:
            path = folder / f"{name}{suffix_of(film, exact)}"
            cut(film, segment.start_s, segment.end_s, path, exact, opening_of(found.report))
            yield path


def thumbnails(file: Path, found: Segments, folder: Path) -> Iterator[Path]:
    """Writes a picture of each segment, NAME.TAG.001.jpg, and yields where: the keyframe that shows its tag best.

    Raises:
        PathMissing, BadPath, VideoUnreadable: the film is not there, or cannot be read.
        OutputRefused: a picture cannot be written.
    """
    film = film_of(file, found.report) if found.segments else None
    output_folder(folder)
    names: dict[float, list[str]] = {}
    for segment, name in _named(file, found):
        names.setdefault(_best(found, segment).keyframe.time_s, []).append(name)
    if film is not None:
        for time_s, pixels in stills(film, names, opening_of(found.report)):
            for name in names[time_s]:
                path = folder / f"{name}.jpg"
                write_atomically(path, large_jpeg(pixels))
                yield path


def _named(file: Path, found: Segments) -> Iterator[tuple[Segment, str]]:
    """Each segment, and what its files are called: a tag's name is no path."""
    stem = _short(file.name.removesuffix(SUFFIX), STEM_BYTES)
    for tag in found.tags:
        for number, segment in enumerate(found.of(tag), 1):
            yield segment, f"{stem}.{_short(slug(tag.slug) or 'tag', TAG_BYTES)}.{number:03}"


def _short(name: str, bytes_max: int) -> str:
    """A part of a file's name, cut where it is too long, and marked then: others may begin as it does."""
    whole = os.fsencode(name)
    if len(whole) <= bytes_max:
        return name
    mark = hashlib.sha256(whole).hexdigest()[:MARK_LETTERS]
    return f"{whole[: bytes_max - MARK_LETTERS - 1].decode(errors='ignore')}-{mark}"


def _best(found: Segments, segment: Segment) -> TaggedShot:
    """The shot of a segment in which its tag, or the tags of its group, is the most probable."""
    members = next(tag.members for tag in found.tags if tag.slug == segment.slug)
    inside = [s for s in found.report.shots if segment.start_frame <= s.start_frame < segment.end_frame]

    def share(shot: TaggedShot) -> float:
        said = csv_shots.probabilities(found.report, shot)
        return sum(said.get(member, 0.0) for member in members)

    return max(inside, key=share)
