"""JSON into records: every field of the kind that its annotation says, its numbers finite, nothing converted.

Fields that a record does not have are left out, those with a default may be missing; what a record's own
`__post_init__` refuses is refused. `msgspec.json.decode` does all this in one step, several times as fast; but it takes
no file name that is no UTF-8 (those are written as lone surrogates, PEP 383), and says of less what is wrong with it.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def parse(body: bytes) -> Any:
    """Returns what a JSON text holds.

    Raises:
        ValueError: it is none, a number in it is not finite, or it is nested too deeply.
    """
    try:
        return json.loads(body, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("no text") from error


def convert(kind: type[T], value: object) -> T:
    """Returns what was parsed as a record, or records, of this kind.

    Raises:
        ValueError: a field is missing, of another kind or out of its bounds; the message says which, as in
            "Expected `int`, got `bool` - at `$.tags[0].rank`".
    """
    return msgspec.convert(value, kind)


def decode(kind: type[T], body: bytes) -> T:
    """Returns what a JSON text holds, as a record, or records, of this kind.

    Raises:
        ValueError: as `parse` and `convert`.
    """
    quick = at_once(kind, body)
    return convert(kind, parse(body)) if quick is None else quick


def at_once(kind: type[T], body: bytes) -> T | None:
    """Returns what `parse` and `convert` give together; None where only these can take it, or say why not."""
    try:
        if not body.isascii():
            body.decode()  # what is skipped is to be UTF-8, too
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        return None


def _finite(number: str) -> float:
    """What JSON can say with a point or an exponent: not 1e400, and not Python's NaN and Infinity."""
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} is no finite number")
    return value
