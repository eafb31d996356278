"""Small pictures of a film's kept keyframes beside its report, NAME.keyframes.zip: HTML is made of them without a film.

It is a zip of JPEG files, SHOT.jpg, which anybody may look at; its first member, `manifest.json`, says which film and
which frames they are of. The same pictures give the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from tagger.errors import BadPath
from tagger.files import regular_file
from tagger.images import Pixels, small_jpeg
from tagger.models.kept import names
from tagger.records import TagReport
from tagger.typed_json import decode

SUFFIX = ".keyframes.zip"
FORMAT = "movietags-keyframes/1"
ANY_FORMAT = b'"movietags-keyframes/'
MANIFEST = "manifest.json"
PICTURES_BYTES_MAX = 8 * 2**20  # of a film; 1,500 usual ones are less. More are made smaller
BYTES_MAX = 4 * PICTURES_BYTES_MAX  # of a file that is read
SMALLEST = 32  # pixels
JPEG_START = b"\xff\xd8\xff"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: str
    film: str  # fingerprint
    shots: tuple[int, ...]  # index of the shot of each picture
    frames: tuple[int, ...]  # the keyframe of that shot: pictures of other shots are known by it


def by_shot(jpegs: Sequence[bytes], report: TagReport) -> dict[int, bytes]:
    """Returns pictures by the index of their shot.

    Args:
        jpegs: of the kept keyframes, in order.
        report: of the film.
    """
    kept = (shot.index for shot in report.shots if shot.keyframe.kept)
    return dict(zip(kept, jpegs, strict=True))


def bounded(pictures: Mapping[int, bytes], bytes_max: int = PICTURES_BYTES_MAX) -> dict[int, bytes]:
    """Returns pictures that together have no more bytes: where these have, smaller ones, and at last fewer."""
    shown, side = dict(pictures), 160
    while sum(map(len, shown.values())) > bytes_max:
        if side >= SMALLEST:
            shown = {shot: _smaller(jpeg, side) for shot, jpeg in shown.items()}
            side = side * 3 // 4
        else:
            shown = {shot: jpeg for place, (shot, jpeg) in enumerate(shown.items()) if place % 2 == 0}
    return shown


def body(pictures: Mapping[int, bytes], report: TagReport) -> bytes:
    """Returns what the file holds.

    Args:
        pictures: JPEG, by the index of their shot.
        report: of the film.
    """
    shown, frames = bounded(pictures), {shot.index: shot.keyframe.frame for shot in report.shots}
    facts = _Manifest(FORMAT, report.video.fingerprint, tuple(shown), tuple(frames[shot] for shot in shown))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST, EPOCH), json.dumps(asdict(facts)))
        for shot, jpeg in shown.items():
            archive.writestr(zipfile.ZipInfo(f"{shot:06}.jpg", EPOCH), jpeg)
    return packed.getvalue()


def is_ours(path: Path) -> bool:
    """Returns whether such a file is there, whole or damaged; of whatever else lies there, False."""
    return names(path, ANY_FORMAT)


def read(path: Path, report: TagReport) -> dict[int, bytes]:
    """Returns the pictures of a film's keyframes, JPEG, by the index of their shot.

    None where the file is missing, damaged, or of another film; of a shot whose keyframe is another, there is none.
    """
    try:
        if regular_file(path).stat().st_size > BYTES_MAX:
            return {}
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > BYTES_MAX:
                return {}
            told = decode(_Manifest, archive.read(MANIFEST))
            if (told.format, told.film) != (FORMAT, report.video.fingerprint):
                return {}
            frames = {shot.index: shot.keyframe.frame for shot in report.shots if shot.keyframe.kept}
            there = {shot for shot, frame in zip(told.shots, told.frames, strict=True) if frames.get(shot) == frame}
            found = {shot: archive.read(f"{shot:06}.jpg") for shot in sorted(there)}
    except BadPath:
        return {}
    except Exception:  # zip has dozens of ways to be malformed; a page without pictures is better than none
        return {}
    return {shot: jpeg for shot, jpeg in found.items() if jpeg.startswith(JPEG_START)}


def _smaller(jpeg: bytes, side: int) -> bytes:
    pixels: Pixels = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return small_jpeg(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8), side, side)
