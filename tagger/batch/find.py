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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tagger.errors import MovieTagsError, reason
from tagger.files import absent, of_system
from tagger.video import sequence

# Not .ts, which is mostly TypeScript: MPEG-TS is known by its bytes.
SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".m2ts", ".mts", ".vob",
    ".flv", ".f4v", ".wmv", ".asf", ".ogv", ".ogm", ".3gp", ".3g2", ".mxf", ".gxf", ".rm", ".rmvb", ".dv", ".y4m",
    ".nut", ".ivf", ".264", ".h264", ".265", ".hevc", ".amv", ".wtv",
))  # fmt: skip
# Of downloads under way.
UNFINISHED = frozenset((".part", ".partial", ".crdownload", ".download", ".!qb", ".ytdl", ".tmp"))
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
    """A file to be tagged."""

    path: Path
    place: PurePosixPath  # below the root it was found in: what its report is called after
    size_bytes: int
    modified_ns: int
    named: bool  # has the name of a film, or was named by the user; else it is known by its first bytes


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, in the order of names, and what could not be looked at."""

    films: tuple[FilmFile, ...]
    problems: tuple[str, ...]  # one line each


def find(roots: Sequence[Path], leave_out: Path) -> Search:
    """Returns the films of files, folders and patterns.

    Args:
        roots: of these; with several folders each film's place begins with its folder's name.
        leave_out: a folder that is not looked into, that of the reports, unless it is one of the roots.
    """
    spelled = list(dict.fromkeys(path for root in roots for path in _spelled_out(root)))
    folders = {os.path.realpath(path) for path in spelled if os.path.isdir(path)}  # noqa: PTH112  # raises nothing
    walk = _Walk() if os.path.realpath(leave_out) in folders else _Walk(leave_out)
    for path in spelled:
        if os.path.isdir(path):  # noqa: PTH112
            walk.folder(path, PurePosixPath(Path(os.path.realpath(path)).name if len(folders) > 1 else ""))
        elif not walk.pictures(path, _place(path)):
            walk.file(path, _place(path), named=True)
    walk.follow_links()
    return Search(tuple(walk.films), tuple(walk.problems))


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
        self._links: deque[tuple[Path, PurePosixPath]] = deque()
        self._seen: set[tuple[int, int]] = set()
        if leave_out is not None:
            with suppress(OSError):
                self._first_sight(leave_out.stat())

    def folder(self, path: Path, place: PurePosixPath) -> None:
        """Walks a folder; links wait until everything that is none has been seen."""
        waiting = [(path, place)]
        while waiting:
            folder, below = waiting.pop()
            folders = []
            entries = list(self._entries(folder))
            numbered = sequence.patterns(entry.name for entry in entries)
            pictures = {name for names in numbered.values() for name in names}
            for pattern in numbered:
                self.pictures(folder / pattern, below / pattern)
            for entry in entries:
                if entry.name in pictures:
                    continue
                inside = (folder / entry.name, below / entry.name)
                if entry.is_symlink():
                    self._links.append(inside)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(inside)
                else:
                    self.file(*inside)
            waiting += reversed(folders)

    def file(self, path: Path, place: PurePosixPath, *, named: bool = False) -> None:
        """Takes a file that is a film; if the user named it, whatever it is."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                if named:
                    self.problems.append(f"{path}: is no regular file")
                return
            suffix = path.suffix.lower()
            known = named or suffix in SUFFIXES
            if (known or (suffix not in UNFINISHED and _holds_film(path))) and self._first_sight(status):
                self.films.append(FilmFile(path, place, status.st_size, status.st_mtime_ns, known))
        except FileNotFoundError:
            self.problems.append(absent(path, "file or folder"))
        except (OSError, ValueError) as error:
            self.problems.append(f"{path}: cannot be looked at ({reason(error)})")

    def pictures(self, path: Path, place: PurePosixPath) -> bool:
        """Takes numbered pictures that a pattern names, as one film; returns whether it names any."""
        try:
            found = sequence.find(path)
            if found is None:
                return False
            if self._first_sight(next(iter(found)).stat()):
                size, modified, _ = sequence.size_and_times(path)
                self.films.append(FilmFile(path, place, size, modified, named=True))
        except (MovieTagsError, OSError) as error:
            self.problems.append(str(error))
        return True

    def follow_links(self) -> None:
        """Looks where links lead; those found on the way come after."""
        while self._links:
            path, place = self._links.popleft()
            try:
                status = path.stat()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # those lead nowhere
                    self.problems.append(f"{path}: cannot be followed ({reason(error)})")
                continue
            if stat.S_ISDIR(status.st_mode):
                self.folder(path, place)
            else:
                self.file(path, place)

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """What is in a folder that was not seen before, in the order of names."""
        try:
            if not self._first_sight(folder.stat()):
                return
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(f"{folder}: cannot be looked into ({reason(error)})")
            return
        yield from (entry for entry in entries if not of_system(entry.name))

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
