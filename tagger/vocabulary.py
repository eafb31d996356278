"""A vocabulary: an ordered list of tags in a folder that people can read and copy.

movies50/
    labels.txt           one tag per line; the order is the order of a head's outputs
    groups.txt           GROUP: TAG, TAG, ... a line for each; need not be there
    advisory.toml        notes for parents, and the tags that speak for them; need not be there
    heads/NAME.npz+json  a trained head per backbone, and one named portable for any ImageNet network
    backbones/NAME.npz+json  weights of a backbone that was tuned together with its head; most have none
    card.md              data, figures, what was never trained
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import BadVocabulary
from tagger.files import is_file

TAGS_MIN, TAGS_MAX = 2, 1000
PORTABLE = "portable"  # the head that serves every ImageNet network
LABELS_BYTES_MAX = 2**20
GROUPS_FORM = "write NAME: TAG, TAG, ... a line for each group"

_HERE = Path(__file__).parent
# In a wheel vocab/ lies inside the package; in a checkout it stands beside it.
SHIPPED = next((folder for folder in (_HERE / "vocab", _HERE.parent / "vocab") if folder.is_dir()), _HERE / "vocab")


@dataclass(frozen=True, slots=True)
class Group:
    """Tags that are asked for together."""

    name: str
    slugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tags of a folder, in order."""

    name: str
    folder: Path
    tags: tuple[str, ...]

    @property
    def slugs(self) -> tuple[str, ...]:
        """The tags as names for files and columns: lower case, words joined by "-"."""
        return tuple(slug(tag) for tag in self.tags)

    @property
    def sha256(self) -> str:
        """Digest of the ordered tags: a head trained for other tags, or another order, is refused by it."""
        return hashlib.sha256("\n".join(self.tags).encode()).hexdigest()

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of its tags, in the order of their file; none where it has no such file.

        Raises:
            BadVocabulary: a line is none, names a tag that the vocabulary does not have, or a group that is there.
        """
        path = self.folder / "groups.txt"
        return _groups(path, self.slugs) if is_file(path) else ()

    @property
    def heads(self) -> tuple[str, ...]:
        """The backbones for which this vocabulary has a trained head."""
        return tuple(sorted(path.stem for path in (self.folder / "heads").glob("*.json")))

    def head_path(self, backbone: str) -> Path:
        """Where the head for a backbone lies: its own, else the portable one.

        Raises:
            BadVocabulary: this vocabulary has neither; says which it has.
        """
        name = backbone if backbone in self.heads else PORTABLE
        path = self.folder / "heads" / f"{name}.npz"
        if name not in self.heads:
            have = ", ".join(self.heads) or "no backbone"
            raise BadVocabulary(
                f"vocabulary {self.name} has a head for {have}, none for {backbone}: "
                f"name one of those with --backbone, or a vocabulary trained for {backbone} with --vocab"
            )
        return path

    def weights_path(self, backbone: str) -> Path | None:
        """The weights of a backbone that was tuned together with its head; None: the usual ones."""
        path = self.folder / "backbones" / f"{backbone}.npz"
        return path if path.is_file() else None


def slug(tag: str) -> str:
    """Returns the tag in lower case with "-" between its words: "Beach/Sea" and "beach_sea" give "beach-sea".

    Whatever names a tag (folders, tables, options) is matched by this. Letters that macOS takes apart from their
    accents are the same as others.
    """
    return "-".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", tag).lower()))


def shipped_names() -> tuple[str, ...]:
    """Returns the names of the vocabularies that came with the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob("*/labels.txt")))


def load(name: Path | str) -> Vocabulary:
    """Returns the vocabulary of a shipped name, or of a folder that holds a labels.txt.

    Raises:
        BadVocabulary: no such name or folder; fewer than 2 or more than 1000 tags; two tags alike.
    """
    shipped = str(name) in shipped_names()
    folder = SHIPPED / name if shipped else Path(name)
    labels = folder / "labels.txt"
    if not is_file(labels):
        raise BadVocabulary(
            f"vocabulary {name}: neither shipped ({', '.join(shipped_names())}) nor a folder with a labels.txt"
        )
    tags = _lines(labels, f"one tag per line, at most {TAGS_MAX}")
    _check(labels, tags)
    return Vocabulary(str(name) if shipped else folder.resolve().name, folder, tags)


def _lines(path: Path, form: str) -> tuple[str, ...]:
    """The lines of a text in which something is."""
    if path.stat().st_size > LABELS_BYTES_MAX:
        raise BadVocabulary(f"{path} is over {LABELS_BYTES_MAX} bytes: {form}")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadVocabulary(f"{path} is not UTF-8 text ({error.reason})") from error
    return tuple(line.strip() for line in lines if line.strip())


def _groups(path: Path, slugs: tuple[str, ...]) -> tuple[Group, ...]:
    groups: dict[str, Group] = {}
    for line in _lines(path, GROUPS_FORM):
        if line.startswith("#"):
            continue
        name, _, listed = (part.strip() for part in line.partition(":"))
        members = tuple(dict.fromkeys(slug(tag) for tag in listed.split(",") if tag.strip()))
        if not slug(name) or not members:
            raise BadVocabulary(f"{path}: {line!r:.60} is no group: {GROUPS_FORM}")
        if unknown := [tag for tag in members if tag not in slugs]:
            raise BadVocabulary(f"{path}: group {name} has {unknown[0]!r}, which is no tag of labels.txt")
        if slug(name) in groups:
            raise BadVocabulary(f"{path}: group {name} is there twice")
        groups[slug(name)] = Group(name, members)
    return tuple(groups.values())


def _check(labels: Path, tags: tuple[str, ...]) -> None:
    if not TAGS_MIN <= len(tags) <= TAGS_MAX:
        raise BadVocabulary(f"{labels} lists {len(tags)} tags: a vocabulary has {TAGS_MIN} to {TAGS_MAX}")
    seen: dict[str, str] = {}
    for tag in tags:
        key = slug(tag)
        if not key:
            raise BadVocabulary(f"{labels}: tag {tag!r} has no letter or digit")
        if key in seen:
            raise BadVocabulary(f"{labels}: tags {seen[key]!r} and {tag!r} are the same ({key})")
        seen[key] = tag
