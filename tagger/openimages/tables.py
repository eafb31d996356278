"""What is kept of pictures in tables of the training folder: where they come from, whose they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from tagger.errors import BadPath, reason
from tagger.files import write_atomically

IMAGE_ID = re.compile("[0-9a-f]{16}")
SLUG = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of Open Images that is wanted for a tag. Texts are safe in a spreadsheet (`safe_cell`)."""

    tag: str  # slug
    grade: str  # of its best class for this tag
    image_id: str
    subset: str
    rotation_deg: int  # counter-clockwise, to make it upright; 0 also where nobody knows
    licence: str  # URL
    author: str
    title: str
    landing_url: str
    original_url: str

    def __post_init__(self) -> None:
        """Refuses what would name a file elsewhere."""
        if not (IMAGE_ID.fullmatch(self.image_id) and SLUG.fullmatch(self.tag) and SLUG.fullmatch(self.subset)):
            raise ValueError(f"picture {self.image_id!r} of {self.subset!r} for {self.tag!r}")

    @property
    def file(self) -> str:
        """Where it lies in the training folder."""
        return f"{self.tag}/{self.image_id}.jpg"


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that is in the training folder: a row of sources.csv."""

    file: str  # in the folder: TAG/IMAGEID.jpg
    tag: str
    image_id: str
    subset: str
    licence: str
    author: str
    title: str
    landing_url: str
    original_url: str
    rotation_deg: int
    bytes: int
    sha256: str  # of the file as it lies there


Row = TypeVar("Row", Picture, Source)


def write_table(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Puts a CSV file with a column per field at `path`, whole or not at all.

    Raises:
        OutputRefused: it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(field.name for field in fields(kind))
    table.writerows(map(astuple, rows))
    write_atomically(path, text.getvalue().encode("utf-8", "backslashreplace"))


def read_table(path: Path, kind: type[Row]) -> list[Row]:
    """Returns the rows that `write_table` put there; none where there is no file.

    Raises:
        BadPath: it cannot be read, or somebody else wrote it.
    """
    names = [field.name for field in fields(kind)]
    types: list[type[Any]] = [int if field.type == "int" else str for field in fields(kind)]
    try:
        with path.open(encoding="utf-8", newline="") as text:
            header, *rows = csv.reader(text)
        if header != names:
            raise ValueError(f"columns {', '.join(header)}")
        return [kind(*(read(cell) for read, cell in zip(types, row, strict=True))) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        raise BadPath(f"{path}: is not as this command writes it ({reason(error)}): move it away") from error
