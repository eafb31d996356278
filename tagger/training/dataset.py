"""Pictures that people sorted by tag, as training takes them: each once, with all its tags, its near copies known.

    IMAGES/TAG/.../picture      one sub-folder per tag; what is nested below belongs to the tag

Files with the very same bytes are one picture, of all the tags under which they stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from tagger.errors import BadPath, BadSettings, reason
from tagger.evaluation.images import FILE_BYTES_MAX
from tagger.evaluation.walk import Skipped
from tagger.images import decode_picture
from tagger.process import cores
from tagger.queues import ahead
from tagger.records import Bools, CountProgress, Ints
from tagger.text import some_lines
from tagger.training.copies import Fingerprints, families, fingerprint
from tagger.training.folders import ODD_MAX, Folders, find, listed
from tagger.vocabulary import TAGS_MAX, TAGS_MIN

PICTURES_MIN = 2  # of a tag: one to learn from, one to ask about
STAMP_BYTES = 8  # of a fingerprint
STAMPS_AT_A_TIME = 256  # put away: so many are lost at most when stopped
READERS_MAX = 8  # threads, each with one picture in memory
AHEAD = 4  # files that each of them may be ahead
CHUNK_BYTES = 2**20


class Stamps(Protocol):
    """Fingerprints of pictures that were decoded before, 8 bytes each, by the SHA-256 of the files.

    Why a picture cannot be used is not kept: that is found quickly, and depends on the version and limits of OpenCV.
    """

    def get(self, sha256: list[bytes], /) -> dict[bytes, bytes]:
        """Returns those that are known."""
        ...

    def put(self, stamps: dict[bytes, bytes], /) -> None:
        """Keeps new ones."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """n pictures with the tags they stand under, in the order of their SHA-256."""

    tags: tuple[str, ...]  # names of the folders, sorted by slug, or those that were asked for
    paths: tuple[Path, ...]  # (n) one file of each picture: exact copies are one
    sha256: tuple[bytes, ...]  # (n) of the file
    right: Bools  # (n, tags) the tags under which a file with these bytes stands
    family: Ints  # (n,) the same number for near copies, which a split keeps together
    skipped: tuple[Skipped, ...]  # what could not be used
    left_out: tuple[str, ...]  # sub-folders that are none of the tags that were asked for
    others: int = 0  # pictures in these

    @property
    def tag(self) -> Ints:
        """The first right tag of each picture (n,)."""
        return np.asarray(self.right.argmax(1), np.int64)

    @property
    def digest(self) -> str:
        """SHA-256 of the pictures and of their tags, in hex."""
        return hashlib.sha256(b"".join((*self.sha256, self.right.tobytes()))).hexdigest()

    def among(self, chosen: Ints | Bools) -> Dataset:
        """Returns the pictures `chosen` alone: their places, in this order, or a mask (n,)."""
        places = np.arange(len(self.paths))[chosen]
        return replace(
            self,
            paths=tuple(self.paths[place] for place in places),
            sha256=tuple(self.sha256[place] for place in places),
            right=self.right[places],
            family=self.family[places],
        )


def collect(
    roots: Sequence[Path],
    *,
    limit_per_tag: int | None = None,
    seed: int = 0,
    known: Stamps | None = None,
    progress: CountProgress | None = None,
    tags: Sequence[str] | None = None,
) -> Dataset:
    """Returns the pictures below the sub-folders of `roots`; the same for the same files, wherever they lie.

    Args:
        roots: folders with one sub-folder per tag; those of one slug are one tag, the first is its name.
        limit_per_tag: so many pictures are drawn for each tag; one drawn for another tag may come on top.
        seed: of that draw.
        known: fingerprints of an earlier call; new ones are put there. What it holds is not decoded again.
        progress: is told after each file; the second number grows when it is known which have to be decoded.
        tags: these are wanted, in this order, with any number of pictures or none; other sub-folders are left out.

    Raises:
        BadPath: a root is no folder; some sub-folders cannot be tags (all are named, with reasons); no picture.
        BadSettings: `limit_per_tag` is too small.
    """
    if limit_per_tag is not None and limit_per_tag < PICTURES_MIN:
        raise BadSettings(f"limit_per_tag is {limit_per_tag}: a tag needs at least {PICTURES_MIN} pictures")
    folders = find(roots, tags)
    pictures = _Pictures(folders, seed, known, progress)
    few = pictures.first(PICTURES_MIN)  # soon known: what cannot be learned is refused before the rest is decoded
    if tags is None:
        _refuse(roots, folders, pictures, few)
    elif not any(few):
        first = "".join(f": {file.path} {file.reason}" for _, file in pictures.skipped()[:1])
        raise BadPath(f"{listed(roots)}: the folders of the tags hold no picture{first}")
    chosen = sorted({sha256 for usable in pictures.first(limit_per_tag) for sha256 in usable})
    return Dataset(
        folders.tags,
        tuple(pictures.paths[sha256] for sha256 in chosen),
        tuple(chosen),
        pictures.right(chosen),
        families(pictures.fingerprints(chosen)),
        (*folders.skipped, *(file for _, file in pictures.skipped())),
        folders.left_out,
        folders.others,
    )


def _refuse(roots: Sequence[Path], folders: Folders, pictures: _Pictures, few: list[list[bytes]]) -> None:
    """Raises one error for all folders that cannot be tags, if there are any."""
    odd = list(folders.odd)
    for tag, usable in enumerate(few):
        if len(usable) < PICTURES_MIN:
            files = sum(place == tag for _, place in folders.files)
            bad = [f" ({Path(file.path).name} {file.reason})" for place, file in pictures.skipped() if place == tag]
            odd.append(f"{folders.tags[tag]!r} needs {PICTURES_MIN} pictures, has {len(usable)} in {files} files")
            odd[-1] += "".join(bad[:1])
    if len(folders.tags) < TAGS_MIN:
        odd.append(f"a vocabulary has {TAGS_MIN} to {TAGS_MAX} tags, here are {len(folders.tags)}")
    if odd:
        shown = "; ".join(some_lines(odd, ODD_MAX))
        raise BadPath(f"{listed(roots)}: each sub-folder is a tag, so mend or move: {shown}")


class _Pictures:
    """The files of all tags by their bytes, and the fingerprints of those that were asked for."""

    def __init__(self, folders: Folders, seed: int, known: Stamps | None, progress: CountProgress | None) -> None:
        self.paths: dict[bytes, Path] = {}  # the first of each SHA-256
        self._known, self._each = known, _Readers(progress)
        self._files: list[tuple[Path, int, bytes]] = []  # with tag and SHA-256
        self._unread: list[tuple[int, Skipped]] = []  # with the tag
        self._stamps: dict[bytes, bytes] = {}
        self._refused: dict[bytes, str] = {}  # why a picture cannot be used
        of_tag: list[set[bytes]] = [set() for _ in folders.tags]
        digests = self._each(_digest, [path for path, _ in folders.files])
        for (path, tag), digest in zip(folders.files, digests, strict=True):
            if isinstance(digest, Skipped):
                self._unread.append((tag, digest))
            else:
                self._files.append((path, tag, digest))
                self.paths.setdefault(digest, path)
                of_tag[tag].add(digest)
        rng = np.random.default_rng(seed)
        self._drawn = [[ordered[place] for place in rng.permutation(len(ordered))] for ordered in map(sorted, of_tag)]

    def first(self, count: int | None) -> list[list[bytes]]:
        """The first `count` pictures of each tag, in the order drawn, that can be used; all without a count."""
        most = len(self.paths) if count is None else count
        while unknown := dict.fromkeys(sha256 for drawn in self._drawn for sha256 in self._unknown(drawn, most)):
            self._fingerprint(list(unknown))
        return [list(islice(filter(self._stamps.__contains__, drawn), most)) for drawn in self._drawn]

    def skipped(self) -> list[tuple[int, Skipped]]:
        """The files that cannot be used, as far as is known, each with its tag."""
        files = ((path, tag, self._refused.get(sha256)) for path, tag, sha256 in self._files)
        return self._unread + [(tag, Skipped(str(path), why)) for path, tag, why in files if why is not None]

    def right(self, chosen: list[bytes]) -> Bools:
        """The tags under which the pictures stand, (n, tags)."""
        number = {sha256: place for place, sha256 in enumerate(chosen)}
        right = np.zeros((len(chosen), len(self._drawn)), bool)
        for _, tag, sha256 in self._files:
            if sha256 in number:
                right[number[sha256], tag] = True
        return right

    def fingerprints(self, chosen: list[bytes]) -> Fingerprints:
        """Those of the pictures, (n,)."""
        return np.frombuffer(b"".join(self._stamps[sha256] for sha256 in chosen), np.uint64)

    def _unknown(self, drawn: list[bytes], count: int) -> list[bytes]:
        """What has to be looked at next so that `count` become known: more each time, where most cannot be used."""
        usable = refused = 0
        for place, sha256 in enumerate(drawn):
            if usable == count:
                break
            if sha256 in self._stamps:
                usable += 1
            elif sha256 in self._refused:
                refused += 1
            else:
                return drawn[place : place + max(count - usable, refused)]
        return []

    def _fingerprint(self, wanted: list[bytes]) -> None:
        """Finds the fingerprints of pictures, or why there are none."""
        if self._known:
            kept = self._known.get(wanted)
            self._stamps |= {sha256: stamp for sha256, stamp in kept.items() if len(stamp) == STAMP_BYTES}
        new = [sha256 for sha256 in wanted if sha256 not in self._stamps and sha256 not in self._refused]
        stamps = zip(new, self._each(_stamp, [self.paths[sha256] for sha256 in new]), strict=True)
        while some := list(islice(stamps, STAMPS_AT_A_TIME)):
            self._refused |= {sha256: stamp.reason for sha256, stamp in some if isinstance(stamp, Skipped)}
            usable = {sha256: stamp for sha256, stamp in some if isinstance(stamp, bytes)}
            self._stamps |= usable
            if self._known:
                self._known.put(usable)


class _Readers:
    """Work on many files at once, which tells how far it is."""

    def __init__(self, progress: CountProgress | None) -> None:
        self._progress, self._done, self._all = progress, 0, 0

    def __call__(self, work: Callable[[Path], bytes | Skipped], paths: Sequence[Path]) -> Iterator[bytes | Skipped]:
        """Yields what `work` makes of each file, in order."""
        self._all += len(paths)
        readers = min(cores(), READERS_MAX)
        with ThreadPoolExecutor(readers) as pool, closing(ahead(pool, work, paths, AHEAD * readers)) as done:
            for made in done:
                self._done += 1
                if self._progress:
                    self._progress(self._done, self._all)
                yield made


def _digest(path: Path) -> bytes | Skipped:
    """The SHA-256 of a file."""
    sha256 = hashlib.sha256()
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return Skipped(str(path), f"is over {FILE_BYTES_MAX} bytes, more than are read")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                sha256.update(chunk)
    except OSError as error:
        return Skipped(str(path), reason(error))
    return sha256.digest()


def _stamp(path: Path) -> bytes | Skipped:
    """The fingerprint of a picture."""
    try:
        return fingerprint(decode_picture(path.read_bytes())).tobytes()
    except (OSError, ValueError) as error:
        return Skipped(str(path), reason(error))
