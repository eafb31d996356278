"""The folders of tags below the roots of a training set, and what keeps one from being a tag."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import BadPath
from tagger.evaluation.walk import NAMED_MAX, Skipped, dangling, files_below, leads_back, misplaced, pictures_in, typed
from tagger.files import folders_in
from tagger.text import some
from tagger.vocabulary import TAGS_MAX, TAGS_MIN, slug

ODD_MAX = 50  # folders, in an error: all of them, unless the folder is a wrong one


@dataclass(frozen=True, slots=True)
class Folders:
    """What stands below the folders of tags."""

    tags: tuple[str, ...]
    files: tuple[tuple[Path, int], ...]  # with the index of the tag; in the order of roots and names
    skipped: tuple[Skipped, ...]  # no files
    left_out: tuple[str, ...]  # sub-folders that are none of the tags that were asked for
    others: int  # pictures in these
    odd: tuple[str, ...]  # sub-folders that cannot be tags, each with the reason


def find(roots: Sequence[Path], tags: Sequence[str] | None) -> Folders:
    """Returns what stands below the sub-folders of `roots`, those of one slug being one tag.

    Args:
        roots: folders with one sub-folder per tag.
        tags: wanted, in this order; without them every sub-folder is a tag, in the order of slugs.

    Raises:
        BadPath: a root is no folder or has no sub-folder; no sub-folder is one of `tags`; the tags seem to lie deeper;
            more than TAGS_MAX tags.
    """
    odd: list[str] = []
    left_out: list[Path] = []
    names = {slug(tag): tag for tag in tags or ()}
    places: list[tuple[Path, str]] = []  # folders, with their keys
    for root in roots:
        for name, why in _judged(root, alone=not tags):
            key = slug(name)
            if tags and (why or key not in names):
                left_out.append(root / name)
            elif why:
                odd.append(f"{name!r} {why}")
            else:
                names.setdefault(key, unicodedata.normalize("NFC", name))
                places.append((root / name, key))
    if not (tags and places):
        _refuse_deeper(roots, len(names) < TAGS_MIN or bool(tags))
    if tags and not places:
        there = some([folder.name for folder in left_out], NAMED_MAX)
        raise BadPath(f"{listed(roots)}: no sub-folder is one of the {len(tags)} tags (found: {there})")
    if len(names) > TAGS_MAX:
        too_many = f"{listed(roots)}: {len(names)} sub-folders, a vocabulary has {TAGS_MIN} to {TAGS_MAX} tags"
        raise BadPath(too_many + (f"; {some(odd, NAMED_MAX)}" if odd else ""))
    index = {key: place for place, key in enumerate(names if tags else sorted(names))}
    skipped = [link for root in roots for link in dangling(root)]
    files = tuple((path, index[key]) for folder, key in places for path in files_below(folder, roots, skipped))
    others = pictures_in(left_out, roots)
    no_tags = tuple(folder.name for folder in left_out)
    return Folders(tuple(names[key] for key in index), files, tuple(skipped), no_tags, others, tuple(odd))


def listed(roots: Iterable[Path]) -> str:
    """Returns the names of the roots, for a message."""
    return ", ".join(map(str, roots))


def _refuse_deeper(roots: Sequence[Path], few: bool) -> None:
    """Raises an error where the tags seem to lie deeper: in parts of a split or in collections, or if few are here."""
    for place, found in enumerate(map(misplaced, roots)):
        if found and (found.sure or few):
            learn = (*roots[:place], *found.learn, *roots[place + 1 :])
            tests = "".join(f" --test {typed([test])}" for test in found.tests)
            raise BadPath(f"{found.what}: `movietags train {typed(learn)} --name NAME{tests}`")


def _judged(root: Path, alone: bool) -> list[tuple[str, str | None]]:
    """The sub-folders of a root by name, each with what keeps it from being a tag, if anything does.

    Only one of them may be of the same tag if they are to be `alone`.
    """
    entries = folders_in(root)
    if not entries:
        raise BadPath(f"{root}: holds no folder: put the pictures of each tag in one that is named as the tag")
    oddities = {entry.name: _oddity(entry) for entry in entries}
    twins: dict[str, list[str]] = {}
    for name in (name for name, why in oddities.items() if not why):
        twins.setdefault(slug(name), []).append(name)
    for key, (first, *others) in twins.items():
        if alone and others:
            oddities |= dict.fromkeys(others, f"is the same tag as {first!r} ({key})")
            oddities[first] = f"is the same tag as {others[0]!r} ({key})"
    return list(oddities.items())


def _oddity(entry: os.DirEntry[str]) -> str | None:
    """Why a folder cannot be a tag whatever stands in it and beside it."""
    name = entry.name
    if not name.isprintable():
        return "has characters that cannot be printed"
    if name != name.strip():
        return "has a space at its start or end"
    if not any(letter.isalnum() for letter in name):
        return "has no letter or digit"
    return "is a link to a folder that holds it" if leads_back(Path(entry.path)) else None
