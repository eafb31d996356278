"""Pictures that people sorted by tag: the files below the folders of tags, and where to look if these are elsewhere.

    IMAGES/TAG/.../picture      one sub-folder per tag; what is nested below belongs to the tag

What systems put beside people's files (`tagger.files.of_system`) is neither tag nor picture.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import BadPath, reason
from tagger.files import folders_in, is_file, of_system
from tagger.images import may_be_picture
from tagger.text import some
from tagger.vocabulary import slug

NAMED_MAX = 10  # folders, in an error
# What people call the parts of a split.
TRAINING = ("train", "training", "trainset")
OTHERS = ("val", "valid", "validation", "dev", "eval", "test", "testing", "testset")
TESTS = ("test", "testing", "testset")
NOWHERE = "is a link that leads nowhere"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something below the folder of a tag that was not looked at."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A folder whose sub-folders are no tags, as these lie deeper."""

    what: str  # for people
    learn: tuple[Path, ...]  # what to learn from in its place
    tests: tuple[Path, ...]  # what to be asked about at the end
    sure: bool  # whether its sub-folders are no tags even where nobody knows the tags, and there are several


def files_below(folder: Path, named: Sequence[Path], skipped: list[Skipped]) -> Iterator[Path]:
    """Yields the regular files below the folder of a tag, which may be a link; what is none goes to `skipped`.

    Links to files are followed, links to folders where they stay inside what was named; each folder is entered once.

    Args:
        folder: of a tag.
        named: the folders of tags' folders.
        skipped: gets the rest.
    """
    inside = [os.path.realpath(root) for root in (*named, folder)]
    seen: set[str] = set()
    waiting = [folder]
    if leads_back(folder):
        skipped.append(Skipped(str(folder), "is a link to a folder that holds it"))
        waiting.clear()
    while waiting:
        place = waiting.pop()
        if (real := os.path.realpath(place)) in seen:
            continue
        seen.add(real)
        deeper, links = [], []
        for path in _entries(place, skipped):
            if not os.path.isdir(path):  # noqa: PTH112  # raises nothing
                if is_file(path):
                    yield path
                else:
                    skipped.append(Skipped(str(path), NOWHERE if _leads_nowhere(path) else "is no regular file"))
            elif not path.is_symlink():
                deeper.append(path)
            elif why := _leads_away(path, inside):
                skipped.append(Skipped(str(path), f"is a link to a folder, which is not followed: {why}"))
            else:
                links.append(path)
        waiting = [*reversed(links), *waiting, *reversed(deeper)]


def dangling(root: Path) -> Iterator[Skipped]:
    """Yields the links beside the folders of tags that lead nowhere, or to themselves."""
    return (Skipped(str(path), NOWHERE) for path in _entries(root, []) if _leads_nowhere(path))


def leads_back(folder: Path) -> bool:
    """Returns whether a folder is a link to one that holds it, so that all else would be found below it again."""
    return Path(os.path.realpath(folder.parent)).is_relative_to(os.path.realpath(folder))


def pictures_in(folders: Iterable[Path], named: Sequence[Path]) -> int:
    """Returns how many files below these folders begin as pictures do."""
    return sum(may_be_picture(path) for folder in folders for path in files_below(folder, named, []))


def misplaced(root: Path) -> Misplaced | None:
    """Returns where the tags seem to be if the sub-folders of `root` are none, or nothing."""
    names = [entry.name for entry in folders_in(root)]
    if len(names) == 1:
        deeper = root / names[0]
        if not (within := _tags(deeper)):
            return None
        what = f"{root}: holds one folder, {names[0]}, in which the tags seem to be ({some(sorted(within), NAMED_MAX)})"
        return misplaced(deeper) or Misplaced(what, (deeper,), (), False)
    return _split(root, names) or _collections(root, names)


def _split(root: Path, names: Sequence[str]) -> Misplaced | None:
    """Where to look if the sub-folders are parts of a split, by their names and with tags in common."""
    parts = {name: _tags(root / name) for name in names if name.lower() in (*TRAINING, *OTHERS)}
    learned = next((within for name, within in parts.items() if name.lower() in TRAINING), set())
    if len(parts) < 2 or len(learned) < 2 or not all(within & learned for within in parts.values() if within):
        return None
    tests = tuple(root / name for name, within in parts.items() if within and name.lower() in TESTS)
    learn = tuple(root / name for name, within in parts.items() if within and name.lower() not in TESTS)
    what = f"{root}: {', '.join(parts)} are parts of a split and no tags, which are the folders in them"
    return Misplaced(what, learn, tests, True)


def _collections(root: Path, names: Sequence[str]) -> Misplaced | None:
    """Where to look if the sub-folders are collections: no picture in them, but tags, of which some have the same.

    Folders of tags may have the same sub-folders too (where the pictures are from), but then these are the fewer.
    """
    within = {name: tags for name in names if (tags := _tags(root / name))}
    count = Counter(tag for tags in within.values() for tag in tags)
    if not 2 <= len(within) <= len(count) or max(count.values()) < 2 or any(_pictures_at(root / one) for one in names):
        return None
    what = (
        f"{root}: {some(list(within), NAMED_MAX)} hold no pictures but folders that seem to be the tags "
        f"({some(sorted(count), NAMED_MAX)}), unless a picture is put beside these"
    )
    return Misplaced(what, tuple(root / name for name in within), (), True)


def _pictures_at(folder: Path) -> bool:
    """Whether a picture lies in a folder, and not deeper."""
    return any(is_file(path) and may_be_picture(path) for path in _entries(folder, []))


def typed(folders: Iterable[Path]) -> str:
    """Returns folders as they are typed in a command."""
    return " ".join(shlex.quote(str(folder)) for folder in folders)


def _tags(folder: Path) -> set[str]:
    """The sub-folders of a folder, as tags; none where it cannot be looked into."""
    try:
        return {slug(entry.name) for entry in folders_in(folder)}
    except BadPath:
        return set()


def _entries(folder: Path, skipped: list[Skipped]) -> list[Path]:
    """What people put into a folder, in the order of names."""
    try:
        with os.scandir(folder) as listing:
            return sorted(Path(entry.path) for entry in listing if not of_system(entry.name))
    except OSError as error:
        skipped.append(Skipped(str(folder), f"cannot be listed ({reason(error)})"))
        return []


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not os.path.exists(path)  # noqa: PTH110  # raises nothing


def _leads_away(link: Path, inside: Sequence[str]) -> str | None:
    """Why a link to a folder is not followed, if so."""
    if leads_back(link):
        return "it leads to a folder that holds it"
    target = Path(os.path.realpath(link))
    return None if any(target.is_relative_to(root) for root in inside) else "it leads out of what was named"
