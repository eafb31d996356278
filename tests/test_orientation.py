"""Pictures that ask to be turned, and pictures that are transparent in places, in every format that can be."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.images import GROUND, decode_picture
from tagger.orientation import orientation

FORMATS = ("TIFF", "AVIF", "WEBP", "PNG", "JPEG")
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def image() -> Any:
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def corners() -> Picture:
    """Red, green, blue and black."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30], picture[:20, 30:], picture[20:, :30] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return picture


def saved(picture: Any, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    try:
        picture.save(file, form, **options)
    except KeyError:
        pytest.skip(f"this Pillow writes no {form}")
    body = file.getvalue()
    if form == "AVIF" and cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) is None:
        pytest.skip("this OpenCV reads no AVIF")
    return body


def alike(found: Picture, expected: Picture) -> bool:
    return found.shape == expected.shape and bool(np.abs(found.astype(int) - expected).mean() < 12)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_pictures_stand_upright_in_every_format(image: Any, corners: Picture, form: str, alpha: bool) -> None:
    """Pillow turns them too, and writes the orientation of AVIF as `irot` and `imir`."""
    turn = pytest.importorskip("PIL.ImageOps").exif_transpose
    for asked in range(1, 9):
        picture = image.fromarray(corners)
        if alpha and form != "JPEG":
            picture.putalpha(255)
        exif = picture.getexif()
        exif[0x0112] = asked
        body = saved(picture, form, exif=exif, **({"quality": 95} if form in ("AVIF", "WEBP") else {}))
        expected = np.asarray(turn(image.open(io.BytesIO(body))).convert("RGB"))
        assert alike(decode_picture(body), expected), asked
        assert form in ("TIFF", "JPEG") or orientation(body) == asked


def test_an_avif_that_only_exif_turns(image: Any, corners: Picture) -> None:
    exif = image.fromarray(corners).getexif()
    exif[0x0128] = 6  # a unit, of which we make an orientation
    body = saved(image.fromarray(corners), "AVIF", exif=exif, quality=95)
    body = body.replace(b"\x28\x01\x03\x00", b"\x12\x01\x03\x00").replace(b"\x01\x28\x00\x03", b"\x01\x12\x00\x03")
    assert alike(decode_picture(body), np.rot90(corners, -1))


def test_what_is_damaged_asks_for_nothing(image: Any, corners: Picture) -> None:
    exif = image.fromarray(corners).getexif()
    exif[0x0112] = 6
    for form in ("AVIF", "WEBP", "PNG"):
        body = saved(image.fromarray(corners), form, exif=exif)
        for end in range(8, len(body), 7):
            assert orientation(body[:end]) in (1, 6)
    assert orientation(b"") == orientation(b"text") == 1


def cut_out(corners: Picture) -> Picture:
    """The corners, the first of them wholly transparent and the second by half."""
    picture = np.dstack([corners, np.full(corners.shape[:2], 255, np.uint8)])
    picture[:20, :30, 3], picture[:20, 30:, 3] = 0, 128
    return picture


@pytest.mark.parametrize("form", ["TIFF", "AVIF", "WEBP", "PNG"])
def test_what_is_transparent_is_grey_and_not_the_colour_that_is_hidden_there(
    image: Any, corners: Picture, form: str
) -> None:
    options: dict[str, Any] = {"quality": 95} if form == "AVIF" else {"lossless": True} if form == "WEBP" else {}
    found = decode_picture(saved(image.fromarray(cut_out(corners), "RGBA"), form, **options)).astype(int)
    assert np.abs(found[10, 15] - GROUND).max() <= 2
    assert np.abs(found[10, 45] - (64, 192, 64)).max() <= 6
    assert np.abs(found[30, 15] - (0, 0, 255)).max() <= 6
    assert np.abs(found[30, 45]).max() <= 6


def test_transparent_in_16_bits_in_grey_and_by_one_colour(image: Any, corners: Picture) -> None:
    bgra = np.multiply(cut_out(corners)[..., [2, 1, 0, 3]], 257, dtype=np.uint16)
    deep = decode_picture(cv2.imencode(".png", bgra)[1].tobytes())
    assert [deep[y, x].tolist() for y, x in ((10, 15), (30, 15))] == [[GROUND] * 3, [0, 0, 255]]
    grey = image.fromarray(np.dstack([corners[..., 0], 255 - corners[..., 0]]), "LA")
    assert np.unique(decode_picture(saved(grey, "PNG"))).tolist() == [0, GROUND]
    for picture, hidden in ((image.fromarray(corners), (255, 0, 0)), (image.fromarray(corners).convert("P"), None)):
        index = picture.getpixel((5, 5)) if hidden is None else hidden
        assert decode_picture(saved(picture, "PNG", transparency=index))[5, 5].tolist() == [GROUND] * 3


def test_inks_are_no_transparency(image: Any, corners: Picture) -> None:
    """Four channels too."""
    for form in ("TIFF", "JPEG"):
        body = saved(image.fromarray(corners).convert("CMYK"), form)
        assert np.abs(decode_picture(body)[10, 15].astype(int) - (255, 0, 0)).max() <= 6


def test_a_picture_of_nothing_is_refused(corners: Picture) -> None:
    nothing = np.dstack([corners, np.zeros(corners.shape[:2], np.uint8)])
    with pytest.raises(ValueError, match=r"^is transparent everywhere: there is nothing to be seen$"):
        decode_picture(cv2.imencode(".png", nothing)[1].tobytes())


def test_a_png_of_other_tools_with_the_chunk_before_the_pixels(corners: Picture) -> None:
    body = cv2.imencode(".png", corners[..., ::-1])[1].tobytes()
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 8, 0, 0)
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    assert np.array_equal(decode_picture(body[:33] + chunk + body[33:]), np.rot90(corners))
