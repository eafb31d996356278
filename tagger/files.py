"""Writing so that a reader never sees half a file, and naming so that no film overwrites another's report."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import unquote

from tagger.errors import BadPath, MovieTagsError, OutputLocked, OutputRefused, PathMissing, reason

SAMPLE_BYTES = 2**20  # from each end of a film, for its fingerprint
NAME_BYTES_MAX = 255  # of one path component, on every file system in common use
HOLDER_BYTES = 300  # a host name has up to 255
FAR_BYTE = 2**30
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what a lock that another has gives
MARK_LETTERS = 8  # hex digits that tell two films of one name apart
DISCS = ("VIDEO_TS", "BDMV")  # folders in copies of discs
# What systems put beside the files of people, besides what is hidden by a dot; in lower case.
SYSTEM_NAMES = frozenset((
    "@eadir", "#recycle", "@recycle", "#snapshot", "~snapshot", "@recently-snapshot", "lost+found", "$recycle.bin",
    "recycler", "system volume information", "found.000", "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini",
    "icon\r",
))  # fmt: skip


def write_atomically(path: Path, body: bytes) -> None:
    """Puts `body` at `path` whole or not at all.

    Raises:
        OutputRefused: as `written_whole`.
    """
    with written_whole(path) as file:
        file.write(body)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Gives a file, which is at `path` afterwards, whole or not at all: written aside, flushed to disk, renamed.

    Raises:
        OutputRefused: the place cannot be written; what stood there before still stands.
    """
    aside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with aside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(ValueError):
            aside.unlink(missing_ok=True)
        ours = isinstance(error, MovieTagsError)
        if isinstance(error, OSError | ValueError) and not ours:  # the second of what can be no name
            raise OutputRefused(
                f"{path}: cannot write it ({reason(error)}): free space, or name another place"
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    """Makes a rename survive a power cut; Windows has no such call and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def output_folder(path: Path) -> Path:
    """Returns the folder, made if it was missing and proven writable before any work is done.

    Raises:
        OutputRefused: it is a file, or nothing can be written in it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".{secrets.token_hex(8)}.tmp"
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise OutputRefused(f"{path}: no folder to write to ({error.strerror}): name another with -o") from error
    return path


@contextmanager
def unless_used(folder: Path, lock: Path) -> Iterator[None]:
    """Takes a folder away again that was made within, if nothing is in it at the end but the file of its lock."""
    made = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        yield
    finally:
        with suppress(OSError):
            if made and all(path == lock or path.is_dir() for path in folder.rglob("*")) and not holder(lock):
                lock.unlink(missing_ok=True)
                for place in (*reversed(list(folder.rglob("*"))), *made):
                    place.rmdir()


class Lock:
    """Holds a place for this process until it is closed or the process ends, however that ends."""

    def __init__(self, path: Path) -> None:
        """Takes the lock that a file stands for, made if it was missing, and writes into it who holds it.

        Raises:
            OutputLocked: another process has it; says which.
            OutputRefused: the file cannot be written.
        """
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be written ({error.strerror}): name another folder with -o") from error
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            if error.errno in HELD:
                who = _text(path) or "unknown"
                raise OutputLocked(f"{path.parent}: in use by process {who}: wait, or stop it") from error
            raise OutputRefused(f"{path}: cannot be locked ({error.strerror}): name another folder with -o") from error
        try:
            os.truncate(self._file, 0)
            os.write(self._file, f"{os.getpid()} on {platform.node()}\n".encode())
        except OSError as error:
            os.close(self._file)
            raise OutputRefused(f"{path}: cannot be written ({error.strerror}): free space or use -o") from error

    def __enter__(self) -> Lock:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go."""
        self.close()

    def close(self) -> None:
        """Lets go; the file stays, empty: were it removed, two others could hold one of that name each."""
        os.truncate(self._file, 0)
        os.close(self._file)


def holder(path: Path) -> str:
    """Returns which process holds the lock that a file stands for, as "PID on HOST"; nothing if none does."""
    who = _text(path)
    try:
        with path.open("rb") as file:
            if who:  # else it is free: others should find it so
                _lock(file.fileno(), shared=True)
    except OSError:
        return who
    return ""


def _text(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        return file.read(HOLDER_BYTES).decode(errors="replace").strip()
    return ""


def _lock(file: int, *, shared: bool = False) -> None:
    """Takes the lock of an open file, or raises OSError at once; the system lets go when the process is gone."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, FAR_BYTE, os.SEEK_SET)  # what is locked there cannot be read
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def held(file: IO[bytes]) -> bool:
    """Locks an open file for this process until it is closed; returns whether none other has it."""
    try:
        _lock(file.fileno())
    except OSError as error:
        if error.errno not in HELD:
            raise
        return False
    return True


def is_file(path: Path) -> bool:
    """Returns whether a regular file is there; of what can be no name (too long, NUL), False."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def of_system(name: str) -> bool:
    """Returns whether a file or folder of this name is a system's (hidden, thumbnails, bins), and none of people's."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def folders_in(folder: Path) -> list[os.DirEntry[str]]:
    """Returns the folders of people in a folder of pictures, in the order of their names.

    Raises:
        PathMissing: there is none of this name.
        BadPath: it is no folder, or cannot be looked into.
    """
    try:
        with os.scandir(folder) as entries:
            folders = [entry for entry in entries if not of_system(entry.name) and _is_folder(entry)]
            return sorted(folders, key=lambda entry: entry.name)
    except FileNotFoundError as error:
        raise PathMissing(f"{folder}: no folder of pictures ({reason(error)})") from error
    except (OSError, ValueError) as error:
        raise BadPath(f"{folder}: no folder of pictures ({reason(error)})") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one, or leads to one; of links that lead to themselves the system has no answer but an error."""
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()  # noqa: PTH112  # raises nothing


def regular_file(path: Path) -> Path:
    """Returns the path itself once it is known to name a regular file (links are followed).

    Raises:
        BadPath: nothing there, a folder, or a device, pipe or socket (which are never opened).
    """
    try:
        if path.is_file():
            return path
        kind = _kind_of_folder(path) if path.is_dir() else "no regular file"
        found = path.exists()
    except (OSError, ValueError) as error:
        raise BadPath(f"{path}: cannot look at it ({error})") from error
    if not found:
        raise PathMissing(absent(path))
    raise BadPath(f"{path}: is {kind}")


def _kind_of_folder(path: Path) -> str:
    """What to say of a folder where a file is needed."""
    disc = path.parent if path.name.upper() in DISCS else path
    if not any((path / name).is_dir() for name in DISCS) and disc == path:
        return "a folder: name the films in it"
    return f"a disc, which is read as one film by `movietags batch {shlex.quote(str(disc))} -o OUT`"


def absent(path: Path, kind: str = "file") -> str:
    """Returns what to say of a path where nothing of a kind is: no such file; but some name none on any disk here."""
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/+|(?=www\.)", str(path))
    if os.name == "posix" and re.match(r"[A-Za-z]:[\\/]|\\\\", str(path)):
        return f"{path}: a path of Windows, and this is none: name the place where its disk is mounted"
    if not address:
        return f"{path}: no such {kind}"
    scheme, rest = (address[1] or "https").lower(), str(path)[address.end() :]
    if scheme == "file":
        return f"file:///{rest}: addresses are not read: name the file itself, /{unquote(rest)}"
    return f"{scheme}://{rest}: addresses are not read: download it (or mount what it is on), and name the file"


def fingerprint(path: Path, sample_bytes: int = SAMPLE_BYTES) -> str:
    """Returns 32 hex digits from the size of a file and so many bytes from each end; no times are used."""
    size = path.stat().st_size
    sha = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        sha.update(file.read(sample_bytes))
        file.seek(max(0, size - sample_bytes))
        sha.update(file.read(sample_bytes))
    return sha.hexdigest()[:32]


def with_name(path: Path) -> Path:
    """Returns a path that ends in a name: not in "." or "..", as a folder of pictures may be called."""
    return path.resolve() if path.name in ("", "..") else path


def distinct_name(film: Path, suffix: str, mark_letters: int) -> str:
    """Returns a file name for a report of `film`: its stem and a mark of so many letters.

    The mark (hex digits of the absolute path) is the same on every run. Stems too long for a file
    system's 255 bytes are cut, and marked in any case.
    """
    stem, digits = with_name(film).stem, hashlib.sha256(os.fsencode(film.absolute())).hexdigest()
    room = NAME_BYTES_MAX - len(suffix.encode()) - len(digits) - 1
    whole = os.fsencode(stem)
    if len(whole) > room:
        return f"{whole[:room].decode('utf-8', 'ignore')}-{digits[: max(mark_letters, MARK_LETTERS)]}{suffix}"
    return f"{stem}-{digits[:mark_letters]}{suffix}" if mark_letters else stem + suffix
