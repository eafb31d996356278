"""Whole pictures and parts of them, as encoders, cameras and downloads leave them."""

from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import media
import numpy as np
import pytest

from tagger.images import decode_picture
from tagger.partial import JPEG_END, PNG_END

KINDS = {
    "baseline": [],
    "optimised": [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 2],
}
PART = "is a part of a JPEG|or a part of one|is no picture"


def jpeg(kind: str = "baseline", seed: int = 1) -> bytes:
    return cv2.imencode(".jpg", media.scenery(seed, 320, 240), KINDS[kind])[1].tobytes()


def with_thumbnail(body: bytes, thumbnail: bytes) -> bytes:
    """The JPEG with another one in its APP1, as cameras put it there."""
    return body[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail + body[2:]


def is_used(body: bytes) -> bool:
    try:
        decode_picture(body)
    except ValueError as error:
        assert "\n" not in str(error) and "part" in str(error)
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_where_only_the_end_mark_is_missing_the_picture_is_the_same(kind: str) -> None:
    body = with_thumbnail(jpeg(kind), cv2.imencode(".jpg", media.scenery(2, 64, 48))[1].tobytes())
    whole = decode_picture(body)
    for cut in (body[:-1], body[:-2], body[:-2] + b"\0" * 100, body + b"\0" * 100, body + body[:500]):
        assert np.array_equal(decode_picture(cut), whole)


@pytest.mark.parametrize("end", [b"", JPEG_END, b"\0" * 4000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_left_out_however_it_ends(kind: str, end: bytes) -> None:
    """An end mark behind half a picture is what tools write that mend a file; zeros, what a stopped download leaves."""
    body = with_thumbnail(jpeg(kind), cv2.imencode(".jpg", media.scenery(2, 64, 48))[1].tobytes())
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.95):
        assert not is_used(body[: int(share * len(body))] + end), share


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_left_out_wherever_it_is_cut(kind: str) -> None:
    """Within marks and stuffed bytes too."""
    body = jpeg(kind)
    stuffed = [place for place in range(len(body) // 3, 2 * len(body) // 3) if body[place] == 0xFF][:20]
    assert stuffed
    for place in stuffed:
        for end in (place, place + 1, place + 2):
            assert not is_used(body[:end] + JPEG_END), end


def test_how_much_is_missing_is_said() -> None:
    body = jpeg()
    for share in (0.25, 0.5, 0.75):
        with pytest.raises(ValueError, match=r"^is a part of a JPEG: \d\d% of its picture is missing$") as caught:
            decode_picture(body[: int(share * len(body))] + JPEG_END)
        said = int(str(caught.value).split()[6].removesuffix("%")) / 100
        assert said == pytest.approx(1 - share, abs=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_that_nobody_misses_does_not_matter(kind: str) -> None:
    assert is_used(jpeg(kind)[:-6])


def test_a_progressive_picture_of_its_first_passes_is_a_part() -> None:
    """All of it is there, and blurred."""
    body = jpeg("progressive")
    scans = [place for place in range(len(body)) if body[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for place in scans[1:]:
        with pytest.raises(ValueError, match="is a part of a JPEG: whole passes over its picture are missing"):
            decode_picture(body[:place] + JPEG_END)
    with pytest.raises(ValueError, match=r"is a part of a JPEG: \d+% of its picture"):
        decode_picture(body[: (scans[-1] + len(body)) // 2] + JPEG_END)


def test_grey_pictures_are_whole(orient: Callable[[bytes, int], bytes]) -> None:
    """Also where their corners look as what decoders put in place of a missing part."""
    grey = np.full((240, 320, 3), 128, np.uint8)
    grey[80:160, 100:200] = media.scenery(3, 100, 80)
    for kind, options in KINDS.items():
        body = cv2.imencode(".jpg", grey, options)[1].tobytes()
        assert is_used(body), kind
        assert is_used(orient(body, 6)), kind
    half = jpeg()
    assert not is_used(orient(half[: len(half) // 2] + JPEG_END, 3))  # the missing part is its beginning


@pytest.fixture
def orient() -> Callable[[bytes, int], bytes]:
    def oriented(body: bytes, orientation: int) -> bytes:
        exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        return body[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + body[2:]

    return oriented


def test_a_png_without_its_last_chunk_is_used_and_parts_are_not() -> None:
    picture = media.scenery(1, 160, 120)
    body = cv2.imencode(".png", picture)[1].tobytes()
    assert body.endswith(PNG_END)
    for cut in range(13):
        assert np.array_equal(decode_picture(body[: len(body) - cut]), picture[..., ::-1])
    assert is_used(body + b"trailing bytes")
    for end in (13, 200, len(body) // 2):
        assert not is_used(body[:-end])
        assert not is_used(body[:-end] + PNG_END)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_parts_of_webp_are_left_out(share: float) -> None:
    for quality in (80, 101):  # lossy, lossless
        body = cv2.imencode(".webp", media.scenery(1, 160, 120), [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        assert is_used(body)
        assert not is_used(body[: int(share * len(body))])


@pytest.mark.parametrize("body", [b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"text", b"\x89PNG\r\n\x1a\n"])
def test_what_is_hardly_a_picture_at_all(body: bytes) -> None:
    with pytest.raises(ValueError, match=PART):
        decode_picture(body)
