"""A film as numbered pictures, a file each, as scanners of film write them: scan_%06d.dpx, or the folder of them.

FFmpeg opens them by a pattern, so every name that the pattern stands for is looked at here first: it is a regular
file, in that folder, and none is missing between the first and the last.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tagger import files
from tagger.errors import BadPath, PathMissing, VideoUnreadable, reason

FORMAT = "image2"  # FFmpeg's reader of them
DEFAULT_RATE = 24  # frames a second: of most films that are scanned
# Of pictures that FFmpeg knows by their names and that scanners, graders and renderers write.
SUFFIXES = frozenset((
    ".dpx", ".exr", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".j2c", ".bmp", ".tga",
))  # fmt: skip
FEWEST, SHARE = 24, 0.9  # a second of film, and how many of its numbers must be there for a folder to hold one
PATTERN = re.compile(r"((?:[^%]|%%)*)%(?:0([1-9]\d?))?d((?:[^%]|%%)*)")
NUMBERED = re.compile(r"(.*?)([0-9]+)(\.\w+)", re.DOTALL)
# Of a camera, by the rule of all (DCF): IMG_0001.JPG. They write capitals, and programs at most the ending otherwise.
PHOTO = re.compile(r"(?![0-9]{8})[A-Z0-9_]{4}[0-9]{4}\.(?:JPE?G|jpe?g)")
WRAP = "or wrap them yourself: ffmpeg -framerate 24 -i scan_%06d.dpx -c:v ffv1 film.mkv"


@dataclass(frozen=True, slots=True)
class Sequence:
    """The files of a film, all there."""

    folder: Path
    before: str
    digits: int
    """How many a number has at least, filled up with zeros."""
    after: str
    first: int
    count: int

    @property
    def name(self) -> str:
        """The pattern of their names, in which a % of these is %%."""
        before, after = (text.replace("%", "%%") for text in (self.before, self.after))
        return f"{before}%{f'0{self.digits}' if self.digits > 1 else ''}d{after}"

    @property
    def pattern(self) -> str:
        """The files as FFmpeg is given them: there a % of the folder is no number either."""
        return os.path.join(str(self.folder).replace("%", "%%"), self.name)  # noqa: PTH118  # no path of ours

    @property
    def options(self) -> dict[str, str]:
        """What FFmpeg is told besides."""
        return {"pattern_type": "sequence", "start_number": str(self.first), "framerate": str(DEFAULT_RATE)}

    def __iter__(self) -> Iterator[Path]:
        """Yields the files, in the order of their numbers."""
        for number in range(self.first, self.first + self.count):
            yield self.folder / f"{self.before}{number:0{self.digits}}{self.after}"


def find(path: Path) -> Sequence | None:
    """Returns the numbered pictures that a path names, by a pattern or as a folder; None if it names no such film.

    Raises:
        PathMissing: no file has a name of this pattern.
        BadPath: a folder has several films, or that of a pattern cannot be looked into.
        VideoUnreadable: a number is missing.
    """
    try:
        if path.is_file():
            return None
        names = list(patterns(_names(path))) if path.is_dir() else []
    except (OSError, ValueError):
        return None  # whoever opens it says why
    if len(names) > 1:
        raise BadPath(f"{path}: is a folder of {len(names)} films: name one of {', '.join(names)}")
    whole = path / names[0] if names else path
    if not (parts := _pattern(whole)):
        return None
    before, after = (parts[place].replace("%%", "%") for place in (1, 3))
    return _whole(whole, before, int(parts[2] or 1), after)


def stem(path: Path) -> str | None:
    """Returns what stands before the number in a pattern of numbered pictures; None if the path is no such pattern."""
    parts = _pattern(path)
    return parts[1].replace("%%", "%") if parts else None


def is_there(path: Path) -> bool | None:
    """Returns whether a film, or a part of it, is where it was; None where that cannot be told."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        if not _pattern(path):
            return False
    except (OSError, ValueError):
        return None
    else:
        return True
    try:
        return True if find(path) else None
    except PathMissing:
        return False
    except VideoUnreadable:
        return True  # all but some of its numbers
    except BadPath:
        return None


def patterns(names: Iterable[str]) -> dict[str, list[str]]:
    """Returns what among the files of a folder is a film, by its pattern: a second of pictures, nearly all there."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        parts = None if files.of_system(name) or PHOTO.fullmatch(name) else NUMBERED.fullmatch(name)
        if parts and parts[3].lower() in SUFFIXES:
            groups.setdefault((parts[1], parts[3]), []).append(parts[2])
    found = {}
    for (before, after), texts in sorted(groups.items()):
        widths = sorted({len(text) for text in texts})
        digits = max(widths, key=lambda width: sum(text == f"{int(text):0{width}}" for text in texts))
        numbers = [int(text) for text in texts if text == f"{int(text):0{digits}}"]
        if len(numbers) >= FEWEST and len(numbers) >= SHARE * (max(numbers) - min(numbers) + 1):
            pictures = Sequence(Path(), before, digits, after, min(numbers), len(numbers))
            found[pictures.name] = [f"{before}{number:0{digits}}{after}" for number in sorted(numbers)]
    return found


def checked(path: Path) -> Path:
    """Returns the path itself once it is known to name a regular file, or numbered pictures.

    Raises:
        BadPath, VideoUnreadable: as `find`, and as `tagger.files.regular_file`.
    """
    if find(path) is None:
        _refuse_a_few(path)
        return files.regular_file(path)
    return path


def size_and_times(film: Path | Sequence) -> tuple[int, int, int]:
    """Returns bytes, time of change and time of entry in ns of a film; of pictures their sum, and the latest times.

    Raises:
        OSError: it cannot be looked at.
    """
    pictures = film if isinstance(film, Sequence) else find(film) or (film,)
    return _summed(picture.stat() for picture in pictures)


def fingerprint(path: Path, sample_bytes: int = files.SAMPLE_BYTES) -> str:
    """Returns `tagger.files.fingerprint` of a film; of pictures, of all names and sizes, and the first and the last."""
    return looked_at(path, sample_bytes)[-1]


def looked_at(path: Path, sample_bytes: int = files.SAMPLE_BYTES) -> tuple[int, int, int, str]:
    """Returns `size_and_times` and `fingerprint` of a film, of whose pictures each is looked at once: there are many.

    Raises:
        OSError: it cannot be looked at, or read.
        VideoUnreadable: a picture is empty, at which FFmpeg would take the film to end.
    """
    pictures = find(path)
    if pictures is None:
        return (*size_and_times(path), files.fingerprint(path, sample_bytes))
    found = [(picture, picture.stat()) for picture in pictures]
    empty = next((picture.name for picture, status in found if not status.st_size), None)
    if empty is not None:
        raise VideoUnreadable(f"{path}: its picture {empty} is empty: put a copy of its neighbour there, {WRAP}")
    sha = hashlib.sha256()
    for picture, status in found:
        sha.update(os.fsencode(picture.name) + b"\0%d\0" % status.st_size)
    for end, _ in (found[0], found[-1]):
        sha.update(files.fingerprint(end, sample_bytes).encode())
    return (*_summed(status for _, status in found), sha.hexdigest()[:32])


def rational(rate: float) -> Fraction:
    """Returns a rate as FFmpeg takes it; 23.976 and 29.97 are what they stand for, 24000/1001 and 30000/1001."""
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    return ntsc if rate != round(rate) and abs(rate - ntsc) < 0.005 else Fraction(rate).limit_denominator(1001)


def hint(path: Path) -> str:
    """Returns what to do where one picture was named in place of a film; nothing if it is none."""
    parts = NUMBERED.fullmatch(path.name)
    if path.suffix.lower() not in SUFFIXES:
        return ""
    pattern = f"{parts[1]}%0{len(parts[2])}d{parts[3]}" if parts else "scan_%06d.dpx"
    return f": it is one picture: name all of a film, as {pattern} or by their folder, {WRAP}"


def _summed(found: Iterable[os.stat_result]) -> tuple[int, int, int]:
    """The bytes of files, and the latest times."""
    sizes, modified, entered = zip(*((one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found), strict=True)
    return sum(sizes), max(modified), max(entered)


def _names(folder: Path) -> list[str]:
    """The regular files of a folder."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_file()]


def _refuse_a_few(path: Path) -> None:
    """Says of a folder with pictures why it is no film."""
    try:
        names = sorted(_names(path)) if path.is_dir() else []
    except (OSError, ValueError):
        return  # `regular_file` says what is wrong
    pictures = [name for name in names if Path(name).suffix.lower() in SUFFIXES and not files.of_system(name)]
    photos = [name for name in pictures if PHOTO.fullmatch(name)]
    if len(photos) >= FEWEST:
        raise BadPath(
            f"{path}: is a folder of photos by their names, as cameras give them ({photos[0]}): if they are a film, "
            f"name it by a pattern, as {photos[0][:4]}%04d{photos[0][8:]}, {WRAP}"
        )
    if pictures:
        raise BadPath(
            f"{path}: is a folder without {FEWEST} numbered pictures in a row: name those of a film by a pattern, "
            f"as scan_%06d.dpx, {WRAP}"
        )


def _pattern(path: Path) -> re.Match[str] | None:
    """The parts of a pattern of numbered pictures."""
    return PATTERN.fullmatch(path.name) if path.suffix.lower() in SUFFIXES else None


def _whole(path: Path, before: str, digits: int, after: str) -> Sequence:
    """The files of a pattern, if none is missing."""
    name = re.compile(rf"{re.escape(before)}(\d{{{digits},}}){re.escape(after)}")
    try:
        texts = [found[1] for found in map(name.fullmatch, _names(path.parent)) if found]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PathMissing(f"{path}: no numbered pictures ({reason(error)})") from error
    except OSError as error:
        raise BadPath(f"{path}: its folder cannot be looked into ({reason(error)})") from error
    numbers = sorted(int(text) for text in texts if text == f"{int(text):0{digits}}")
    if not numbers:
        raise PathMissing(f"{path}: no such file, and none that has a number in its place")
    gap = next((at for at, number in enumerate(numbers, numbers[0]) if number != at), None)
    if gap is not None:
        others = numbers[-1] - numbers[0] - len(numbers)
        raise VideoUnreadable(
            f"{path}: of the pictures {numbers[0]} to {numbers[-1]} number {gap} is missing"
            f"{f', and {others} more' if others else ''}: put a copy of its neighbour there, {WRAP}"
        )
    return Sequence(path.parent.absolute(), before, digits, after, numbers[0], len(numbers))
