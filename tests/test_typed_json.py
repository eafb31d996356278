"""JSON becomes records as their fields say, or is refused in a line that names the field."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tagger.records import Shot
from tagger.typed_json import at_once, convert, decode, parse


@dataclass(frozen=True, slots=True)
class Everything:
    text: str
    whole: int
    number: float
    flag: bool
    texts: tuple[str, ...] = ()
    perhaps: float | None = None


GOOD = '"text": "a", "whole": 1, "number": 2, "flag": true'


def test_fields_are_what_their_annotations_say() -> None:
    assert decode(Everything, f'{{{GOOD}, "texts": ["\\udcff"], "mood": [[]]}}'.encode()) == Everything(
        "a", 1, 2.0, True, ("\udcff",)
    )
    assert type(decode(Everything, f"{{{GOOD}}}".encode()).number) is float


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("text", wrong) for wrong in ("null", "1", "true", "[]", "{}")),
        *(("whole", wrong) for wrong in ("null", "1.0", "true", '"1"', "[]", "{}", "1e2")),
        *(("number", wrong) for wrong in ("null", "true", '"1"', "[]", "{}", "9" * 400)),
        *(("flag", wrong) for wrong in ("null", "0", '"no"', "[]", "{}")),
        *(("texts", wrong) for wrong in ("null", '"abc"', "[1]", "{}", "5")),
        *(("perhaps", wrong) for wrong in ("true", '"x"', "[]", "{}")),
    ],
)
def test_nothing_is_converted(field: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=rf"^[^\n]+ - at `\$\.{field}\b[^\n]*`$"):
        decode(Everything, f'{{{GOOD}, "{field}": {wrong}}}'.encode())  # the last of two counts


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000])
def test_numbers_are_finite(number: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        decode(Everything, f'{{{GOOD}, "number": {number}}}'.encode())


@pytest.mark.parametrize("left_out", ["1e400", '"\\udcff"', "[[[]]]", '"\xff"', "1e9", "NaN", "01", '"'])
def test_in_one_step_or_in_two_it_is_the_same(left_out: str) -> None:
    body = f'{{{GOOD}, "else": {left_out}}}'.encode("latin-1")
    quick = at_once(Everything, body)
    try:
        slow = convert(Everything, parse(body))
    except ValueError:
        assert quick is None or left_out == "1e400"  # what is left out need not be a number that there is
    else:
        assert quick in (None, slow)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 10**5, b'{"a":' * 10**5, b"{} {}", bytes(9)])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        decode(Everything, body)


def test_a_record_refuses_for_itself() -> None:
    body = b'[{"index": 0, "start_s": 2, "end_s": 1, "start_frame": 0, "end_frame": 9}]'
    with pytest.raises(ValueError, match=r"no shot: .*2.0 to 1.0 s - at `\$\[0\]`"):
        decode(tuple[Shot, ...], body)
    with pytest.raises(ValueError, match=r"missing required field `whole`"):
        decode(Everything, b'{"text": ""}')
