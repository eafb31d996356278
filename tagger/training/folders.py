"""The folders of tags below the roots of a training set, and what keeps one from being a tag."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import BadPath, reason
from tagger.evaluation import NAMED_MAX, Skipped, _files
from tagger.vocabulary import TAGS_MAX, TAGS_MIN, slug

ODD_MAX = 50  # folders, in an error: all of them, unless the folder is a wrong one


@dataclass(frozen=True, slots=True)
class Folders:
    """What stands below the folders of tags."""

    tags: tuple[str, ...]
    files: tuple[tuple[Path, int], ...]  # with the index of the tag; in the order of roots and names
    skipped: tuple[Skipped, ...]  # no files
    left_out: tuple[str, ...]  # sub-folders that are none of the tags that were asked for
    odd: tuple[str, ...]  # sub-folders that cannot be tags, each with the reason


def find(roots: Sequence[Path], tags: Sequence[str] | None) -> Folders:
    """Returns what stands below the sub-folders of `roots`, those of one slug being one tag.

    Args:
        roots: folders with one sub-folder per tag. Links to folders are not followed.
        tags: wanted, in this order; without them every sub-folder is a tag, in the order of slugs.

    Raises:
        BadPath: a root is no folder or has no sub-folder; no sub-folder is one of `tags`; more than TAGS_MAX tags.
    """
    odd: list[str] = []
    left_out: list[str] = []
    names = {_key(tag): tag for tag in tags or ()}
    places: list[tuple[Path, str]] = []  # folders, with their keys
    for root in roots:
        entries = _entries(root)
        twins: dict[str, list[str]] = {}
        for entry in entries:
            if not _oddity(entry):
                twins.setdefault(_key(entry.name), []).append(entry.name)
        for entry in entries:
            name, key = entry.name, _key(entry.name)
            why = _oddity(entry) or (None if tags else _clash(name, twins[key]))
            if tags and (why or key not in names):
                left_out.append(name)
            elif why:
                odd.append(f"{name!r} {why}")
            else:
                names.setdefault(key, unicodedata.normalize("NFC", name))
                places.append((root / name, key))
    if tags and not places:
        shown = ", ".join(left_out[:NAMED_MAX]) + (", ..." if len(left_out) > NAMED_MAX else "")
        raise BadPath(f"{listed(roots)}: no sub-folder is one of the {len(tags)} tags (found: {shown})")
    if len(names) > TAGS_MAX:
        more = f"; {'; '.join(odd[:NAMED_MAX])}" if odd else ""
        raise BadPath(
            f"{listed(roots)}: {len(names)} sub-folders, a vocabulary has {TAGS_MIN} to {TAGS_MAX} tags{more}"
        )
    order = list(names) if tags else sorted(names)
    skipped: list[Skipped] = []
    files = tuple((path, order.index(key)) for folder, key in places for path in _files(folder, skipped))
    return Folders(tuple(names[key] for key in order), files, tuple(skipped), tuple(left_out), tuple(odd))


def listed(roots: Iterable[Path]) -> str:
    """Returns the names of the roots, for a message."""
    return ", ".join(map(str, roots))


def _entries(root: Path) -> list[os.DirEntry[str]]:
    """The sub-folders of a root by name."""
    try:
        found = sorted((entry for entry in os.scandir(root) if entry.is_dir()), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise BadPath(f"{root}: no folder of pictures ({reason(error)})") from error
    if not found:
        raise BadPath(f"{root}: holds no folder: put the pictures of each tag in one that is named as the tag")
    return found


def _key(name: str) -> str:
    """What two names of one tag have in common; macOS takes letters with accents apart."""
    return slug(unicodedata.normalize("NFC", name))


def _oddity(entry: os.DirEntry[str]) -> str | None:
    """Why a folder cannot be a tag whatever stands in it and beside it."""
    name = entry.name
    if name.startswith("."):
        return "is hidden"
    if not name.isprintable():
        return "has characters that cannot be printed"
    if name != name.strip():
        return "has a space at its start or end"
    if not any(letter.isalnum() for letter in name):
        return "has no letter or digit"
    return "is a link to a folder, which is not followed" if entry.is_symlink() else None


def _clash(name: str, twins: list[str]) -> str | None:
    """Which other folder of the same root is the same tag."""
    other = next((twin for twin in twins if twin != name), None)
    return None if other is None else f"is the same tag as {other!r} ({_key(name)})"
