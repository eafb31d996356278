"""Films below folders, found by what their files hold and not only by their names.

Links are followed, and whatever can be reached in several ways is found once: real entries come before links. What
is no regular file (pipes, sockets, devices) is never opened; names that begin with a dot are left out.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tagger.batch.ignore import MARKER, Ignore, LeftOut
from tagger.errors import MovieTagsError, reason
from tagger.files import absent, is_file, of_system
from tagger.video import sequence

# Not .ts, which is mostly TypeScript: MPEG-TS is known by its bytes.
SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".m2ts", ".mts", ".vob",
    ".flv", ".f4v", ".wmv", ".asf", ".ogv", ".ogm", ".3gp", ".3g2", ".mxf", ".gxf", ".rm", ".rmvb", ".dv", ".y4m",
    ".nut", ".ivf", ".264", ".h264", ".265", ".hevc", ".amv", ".wtv",
))  # fmt: skip
# What stands for a film in a collection, and holds none that could be read.
STUBS = {
    **dict.fromkeys((".iso", ".img", ".nrg"), "an image of a disc: mount it, or copy its folder out of it"),
    ".strm": "names a stream, and holds no picture",
    ".disc": "stands for a disc on a shelf",
}
# Of downloads under way.
UNFINISHED = frozenset((
    ".part", ".partial", ".crdownload", ".download", ".opdownload", ".!qb", ".!ut", ".bc!", ".ytdl", ".tmp",
    ".filepart",
))  # fmt: skip
HEAD_BYTES = 4096
# How files of containers that can hold moving pictures begin, in ISO files from byte 4 on.
STARTS = (
    b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\0\0\x01\xba", b"\0\0\x01\xb3",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01", b".RMF", b"nut/multimedia", b"YUV4MPEG2", b"DKIF",
)  # fmt: skip
ISO_BOXES = (b"ftyp", b"moov", b"wide", b"mdat")
# Brands of ISO files that hold sound or pictures at rest.
ISO_OTHERS = (b"M4A ", b"M4B ", b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
TS_SYNC, TS_PACKETS = 0x47, ((0, 188), (4, 192))  # first sync byte and distance: MPEG-TS, and that of Blu-rays


@dataclass(frozen=True, slots=True)
class FilmFile:
    """A film to be tagged: a file, or several that are one film together."""

    path: Path  # of its first file
    place: PurePosixPath  # below the root it was found in: what its report is called after
    size_bytes: int  # of all its files
    modified_ns: int  # of the one that was changed last
    named: bool  # by the user, as a file or by a pattern; else it was found below a folder
    more: tuple[Path, ...] = ()  # its other files, in the order in which they are shown

    @property
    def files(self) -> tuple[Path, ...]:
        """All its files, in order."""
        return (self.path, *self.more)


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, in the order of names, and what could not be looked at."""

    films: tuple[FilmFile, ...]
    problems: tuple[str, ...]  # one line each
    left_out: tuple[LeftOut, ...] = ()  # by rules
    folders: tuple[Path, ...] = ()  # those that were named


def find(roots: Sequence[Path], leave_out: Path, ignore: Ignore | None = None) -> Search:
    """Returns the films of files, folders and patterns.

    Args:
        roots: of these; with several folders each film's place begins with its folder's name.
        leave_out: a folder that is not looked into, that of the reports, unless it is one of the roots.
        ignore: what else is left out.
    """
    ignore = ignore or Ignore()
    spelled = list(dict.fromkeys(path for root in roots for path in _spelled_out(root)))
    folders = {os.path.realpath(path) for path in spelled if os.path.isdir(path)}  # noqa: PTH112  # raises nothing
    walk = _Walk() if os.path.realpath(leave_out) in folders else _Walk(leave_out)
    for path in spelled:
        if os.path.isdir(path):  # noqa: PTH112
            place = PurePosixPath(Path(os.path.realpath(path)).name if len(folders) > 1 else "")
            walk.folder(path, place, ignore.below(path))
            continue
        alone = (path, _place(path), ignore.below(Path(path.anchor)))
        if not walk.pictures(*alone, named=True):
            walk.file(*alone, named=True)
    walk.follow_links()
    named = tuple(path for path in spelled if os.path.isdir(path))  # noqa: PTH112
    return Search(tuple(walk.films), tuple(walk.problems), tuple(walk.left_out), named)


def _spelled_out(root: Path) -> list[Path]:
    """The path itself, or what a pattern stands for that no shell has spelled out."""
    if os.path.lexists(root) or not glob.has_magic(str(root)):
        return [root]
    fixed = Path()
    for place, part in enumerate(root.parts):
        if glob.has_magic(part) and not os.path.lexists(fixed / part):
            return sorted(fixed.glob(str(Path(*root.parts[place:])))) or [root]  # of links, `**` follows none
        fixed /= part
    return [root]


def _place(path: Path) -> PurePosixPath:
    """Of a file that was named: with its folders, if they lie below the current one."""
    below = not path.is_absolute() and ".." not in path.parts
    return PurePosixPath(path.as_posix() if below else path.name)


class _Walk:
    """One walk over all roots; what it has seen it does not enter again."""

    def __init__(self, leave_out: Path | None = None) -> None:
        self.films: list[FilmFile] = []
        self.problems: list[str] = []
        self.left_out: list[LeftOut] = []
        self._links: deque[tuple[Path, PurePosixPath, Ignore]] = deque()
        self._seen: set[tuple[int, int]] = set()
        if leave_out is not None:
            with suppress(OSError):
                self._first_sight(leave_out.stat())

    def folder(self, path: Path, place: PurePosixPath, ignore: Ignore) -> None:
        """Walks a folder; links wait until everything that is none has been seen."""
        waiting = [(path, place, ignore)]
        while waiting:
            folder, below, ignore = waiting.pop()
            folders = []
            listing = self._listing(folder, named=folder == path)
            names = [entry.name for entry in listing]
            if ignore.markers and MARKER in names and folder != path:
                self.left_out.append(LeftOut(folder, f"holds {MARKER}"))
                continue
            try:
                ignore = ignore.inside(folder, names)
            except (OSError, ValueError) as error:
                self.problems.append(f"{folder}: its rules cannot be read, so it is not looked into ({reason(error)})")
                continue
            numbered = sequence.patterns(names)
            pictures = {name for group in numbered.values() for name in group}
            for pattern in numbered:
                self.pictures(folder / pattern, below / pattern, ignore)
            for entry in listing:
                if of_system(entry.name) or entry.name in pictures:
                    continue
                inside = (folder / entry.name, below / entry.name, ignore)
                if entry.is_symlink():
                    self._links.append(inside)
                elif not entry.is_dir(follow_symlinks=False):
                    self.file(*inside)
                elif not self._ruled_out(folder / entry.name, ignore, folder=True):
                    folders.append(inside)
            waiting += reversed(folders)

    def file(self, path: Path, place: PurePosixPath, ignore: Ignore, *, named: bool = False) -> None:
        """Takes a file that is a film; if the user named it, whatever it is."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                if named:
                    self.problems.append(f"{path}: is no regular file")
                return
            suffix = path.suffix.lower()
            known = named or suffix in SUFFIXES
            if ignore.rule(path):
                if known:  # of others nobody asked
                    self._ruled_out(path, ignore)
            elif (known or (suffix not in UNFINISHED and _holds_film(path))) and self._first_sight(status):
                self.films.append(FilmFile(path, place, status.st_size, status.st_mtime_ns, named))
            elif suffix in STUBS and not known:
                self.left_out.append(LeftOut(path, STUBS[suffix]))
        except FileNotFoundError:  # what was only listed has gone since: renamed, as at the end of a copy
            if named:
                self.problems.append(absent(path, "file or folder"))
        except (OSError, ValueError) as error:
            self.problems.append(f"{path}: cannot be looked at ({reason(error)})")

    def pictures(self, path: Path, place: PurePosixPath, ignore: Ignore, *, named: bool = False) -> bool:
        """Takes numbered pictures that a pattern names, as one film; returns whether it names any."""
        if sequence.stem(path) is None or is_file(path):
            return False
        if self._ruled_out(path, ignore):
            return True
        try:
            found = sequence.find(path)
            if found is None:
                return False
            if self._first_sight(next(iter(found)).stat()):
                size, modified, _ = sequence.size_and_times(found)
                self.films.append(FilmFile(path, place, size, modified, named))
        except (MovieTagsError, OSError) as error:
            self.problems.append(str(error))
        return True

    def follow_links(self) -> None:
        """Looks where links lead; those found on the way come after."""
        while self._links:
            path, place, ignore = self._links.popleft()
            try:
                status = path.stat()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # those lead nowhere
                    self.problems.append(f"{path}: cannot be followed ({reason(error)})")
                continue
            if not stat.S_ISDIR(status.st_mode):
                self.file(path, place, ignore)
            elif not self._ruled_out(path, ignore, folder=True):
                self.folder(path, place, ignore)

    def _ruled_out(self, path: Path, ignore: Ignore, *, folder: bool = False) -> bool:
        """Whether a rule leaves it out, which is noted."""
        rule = ignore.rule(path, folder=folder)
        if rule:
            self.left_out.append(LeftOut(path, rule))
        return bool(rule)

    def _listing(self, folder: Path, *, named: bool) -> list[os.DirEntry[str]]:
        """What is in a folder that was not seen before, in the order of names."""
        try:
            if not self._first_sight(folder.stat()):
                return []
            with os.scandir(folder) as listing:
                return sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if named or not isinstance(error, FileNotFoundError):
                self.problems.append(f"{folder}: cannot be looked into ({reason(error)})")
            return []

    def _first_sight(self, status: os.stat_result) -> bool:
        mark = (status.st_dev, status.st_ino)
        if mark in self._seen:
            return False
        self._seen.add(mark)
        return True


def _holds_film(path: Path) -> bool:
    """Whether a regular file begins like one that can hold moving pictures."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(STARTS):
        return True
    if head[4:8] in ISO_BOXES:
        return head[8:12] not in ISO_OTHERS
    if head.startswith(b"RIFF"):
        return head[8:12] == b"AVI "
    if head.startswith(b"OggS"):
        return b"theora" in head
    return any(len(head) > 3 * step and set(head[first::step]) == {TS_SYNC} for first, step in TS_PACKETS)
