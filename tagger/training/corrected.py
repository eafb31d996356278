"""Films that a person put right -> pictures to train with: keyframes out of the films, under their tags."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tagger.errors import BadPath, BadReport, MovieTagsError, because
from tagger.files import NAME_BYTES_MAX, output_folder, write_atomically
from tagger.images import large_jpeg, without_bars
from tagger.records import TaggedShot, TagReport
from tagger.reports.corrections import corrections_file, put_right, read_corrections
from tagger.reports.film_file import film_of, opening_of
from tagger.reports.folder import reports_below
from tagger.reports.json_report import read_report
from tagger.video.stills import stills
from tagger.vocabulary import slug

NAME_LETTERS = 40  # that are shown of one that is too long
SOURCE_LETTERS = 12  # of a film's fingerprint, by which its pictures are called
OURS = re.compile(r"[0-9a-f]{12}__\d{8}\.jpg")


def gather(folders: Sequence[Path], images: Path, say: Callable[[str], None]) -> int:
    """Puts keyframes of films that were put right into a folder of pictures, and returns how many.

    Of each shot in which a person struck or added a tag, the picture stands under those that it has now. Pictures that
    were put there before of the same film are replaced. A film that cannot be read costs a line.

    Args:
        folders: of reports, with corrections beside them.
        images: the folder of pictures: IMAGES/SLUG/FILM__FRAME.jpg.
        say: is told of each film whose pictures cannot be had, in one line.

    Raises:
        BadPath: there is no such folder, or no film below it was put right whose pictures can be had.
        OutputRefused: nothing can be written to the folder.
    """
    count = 0
    for file in (file for folder in folders for file in reports_below(folder)):
        if os.path.lexists(corrections_file(file)):
            try:
                count += _film(file, images)
            except MovieTagsError as error:
                say(str(error))
            except OSError as error:
                say(because(file, error))
    if not count:
        raise BadPath(
            f"{folders[0]}: no shot below it was put right whose film can be read: correct some on their pages"
        )
    return count


def _film(file: Path, images: Path) -> int:
    """How many pictures of a film there are now."""
    report, found = read_report(file), read_corrections(file)
    if found is None or found.film != report.video.fingerprint:
        raise BadReport(f"{corrections_file(file)}: is of another film")
    right = put_right(report, found)
    shots = {right.shots[index].keyframe.time_s: right.shots[index] for index in found.by_shot(report)}
    for name in (tag.slug for shot in shots.values() for tag in shot.tags if len(tag.slug.encode()) > NAME_BYTES_MAX):
        raise BadReport(
            f"{corrections_file(file)}: the tag {name[:NAME_LETTERS]!r} is too long for the name of a folder: "
            "shorten it on the film's page"
        )
    tagged = {time_s: shot for time_s, shot in shots.items() if shot.tags}
    source = report.video.fingerprint[:SOURCE_LETTERS]
    made = dict(_pictures(file, report, tagged, source))
    for old in images.glob(f"*/{source}__*.jpg"):
        if OURS.fullmatch(old.name):
            old.unlink(missing_ok=True)
    for path, body in made.items():
        output_folder(images / path.parent)
        write_atomically(images / path, body)
    return len({path.name for path in made})


def _pictures(
    file: Path, report: TagReport, shots: dict[float, TaggedShot], source: str
) -> Iterator[tuple[Path, bytes]]:
    for time_s, pixels in stills(film_of(file, report), shots, opening_of(report)) if shots else ():
        shot = shots[time_s]
        for tag in shot.tags:
            if name := slug(tag.slug):
                yield Path(name, f"{source}__{shot.keyframe.frame:08}.jpg"), large_jpeg(without_bars(pixels))
