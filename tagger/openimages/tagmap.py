"""Which classes of Open Images mean which tag: `openimages.tsv` in the folder of a vocabulary.

A row is a class of a tag: `slug`, `grade` (A means the tag, B stands for it, C is weak) and `mid` (how Open Images
names the class); other columns are for people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tagger.errors import BadVocabulary, reason
from tagger.text import read_csv
from tagger.vocabulary import Vocabulary

NAME = "openimages.tsv"
COLUMNS = ("slug", "grade", "mid")
GRADES = ("A", "B", "C")  # best first
MID = re.compile(r"/[a-z]/\w+")


@dataclass(frozen=True, slots=True)
class TagClass:
    """One class of one tag."""

    slug: str
    grade: str  # of GRADES
    mid: str


class TagMap:
    """The classes of all tags; a class may be of several."""

    def __init__(self, classes: Iterable[TagClass]) -> None:
        """Takes one or more, in the order of the file."""
        self.classes = tuple(classes)
        self._grades: dict[str, dict[str, str]] = {}  # by class, then tag
        for tag_class in self.classes:
            self._grades.setdefault(tag_class.mid, {})[tag_class.slug] = tag_class.grade

    @property
    def slugs(self) -> tuple[str, ...]:
        """The tags that have a class, in the order of the map."""
        return tuple(dict.fromkeys(tag_class.slug for tag_class in self.classes))

    @property
    def sha256(self) -> str:
        """Digest of all rows."""
        return hashlib.sha256(repr(self.classes).encode()).hexdigest()

    def __contains__(self, mid: str) -> bool:
        """Whether it is a class of any tag."""
        return mid in self._grades

    def best_grade(self, slug: str) -> str:
        """The best grade that a picture of this tag can have."""
        return min(tag_class.grade for tag_class in self.classes if tag_class.slug == slug)

    def tag_of(self, image_id: str, mids: Collection[str]) -> TagClass | None:
        """The tag that a picture with these classes (one or more of the map) is used for, by its best class.

        It can be used for a tag if all its classes are of that tag; a picture with classes of two tags that share none
        is used for neither (None). Where several tags remain, since all its classes are of all of them, its
        number decides: the same picture is never under two tags, however many are asked for.
        """
        grades = [self._grades[mid] for mid in mids]
        tags = sorted(set.intersection(*map(set, grades)))
        if not tags:
            return None
        slug = tags[int(image_id, 16) % len(tags)]
        grade, mid = min((of[slug], mid) for of, mid in zip(grades, mids, strict=True))
        return TagClass(slug, grade, mid)


def read_map(words: Vocabulary) -> TagMap:
    """Returns the map of a vocabulary.

    Raises:
        BadVocabulary: it has none, or one with other columns, tags or grades.
    """
    path = words.folder / NAME
    try:
        rows = list(read_csv(path.read_bytes()).rows)
    except FileNotFoundError as error:
        raise BadVocabulary(
            f"vocabulary {words.name} has no {NAME}, which says what classes of Open Images its tags are: "
            f"write {path} with the columns {', '.join(COLUMNS)}, or name another with --vocab"
        ) from error
    except (OSError, ValueError) as error:
        raise BadVocabulary(f"{path}: cannot be read ({reason(error)})") from error
    classes = []
    for row in rows:
        slug, grade, mid = (row.cells.get(name, "") for name in COLUMNS)
        if slug not in words.slugs or grade not in GRADES or not MID.fullmatch(mid):
            raise BadVocabulary(
                f"{path}, line {row.line}: slug {slug!r}, grade {grade!r}, mid {mid!r}: a slug of {words.name} "
                f"(`movietags vocab show` lists them), a grade {', '.join(GRADES)}, and a mid such as /m/09d_r"
            )
        classes.append(TagClass(slug, grade, mid))
    if not classes:
        raise BadVocabulary(f"{path}: names no class")
    return TagMap(classes)
