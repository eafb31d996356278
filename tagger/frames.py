"""Records as a pandas table, with a column for each of their fields; pandas is imported when a table is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from tagger import libraries

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")


def frame(kind: type, records: Iterable[Any], **same: object) -> DataFrame:
    """Returns a table with a row for each record.

    A field that is a record itself gives a column for each of its fields, named `field_inner`; one of several records
    likewise, with a tuple in each cell. Where a number is missing that may be, there is NaN. Text that is no UTF-8 (a
    file's name) is escaped, as in CSV files.

    Args:
        kind: of all records, a dataclass.
        records: of this kind.
        **same: columns that come first, and the value that all their cells have.

    Raises:
        LibraryMissing: pandas is not installed.
    """
    parts = [(field.name, _parts(hint)) for field, hint in _hints(kind)]
    columns = [f"{name}_{part}" if part else name for name, inner in parts for part in inner or [""]]
    made = table([*same, *columns], ((*same.values(), *_cells(record, parts)) for record in records))
    numbers = [field.name for field, hint in _hints(kind) if {*get_args(hint)} == {float, type(None)}]
    return made.astype(dict.fromkeys(numbers, "float64"))  # a column of None alone is none of numbers by itself


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> DataFrame:
    """Returns a table with these columns and rows; text is escaped as in `frame`.

    Raises:
        LibraryMissing: pandas is not installed.
    """
    with libraries.needed("a table of reports"):
        import pandas
    return pandas.DataFrame.from_records([[*map(utf8, row)] for row in rows], columns=[*map(utf8, columns)])


def _hints(kind: type) -> Iterator[tuple[Any, Any]]:
    hints = get_type_hints(kind)
    return ((field, hints[field.name]) for field in fields(kind))


def _parts(hint: Any) -> list[str]:
    """The fields of a record, or of the records of a tuple; none of anything else."""
    inner = next((kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)), None)
    return [field.name for field in fields(inner)] if inner else []


def _cells(record: Any, parts: Iterable[tuple[str, list[str]]]) -> Iterator[object]:
    for name, inner in parts:
        value = getattr(record, name)
        for part in inner:
            several = isinstance(value, tuple)
            yield tuple(getattr(one, part) for one in value) if several else getattr(value, part)
        if not inner:
            yield value


def utf8(cell: T) -> T:
    """Returns text with what is no UTF-8 escaped; anything else as it is."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell  # type: ignore[return-value]
