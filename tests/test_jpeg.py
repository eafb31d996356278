"""Whole JPEGs and parts of them, as encoders write them."""

from __future__ import annotations

import struct

import cv2
import media
import pytest

from tagger.images import is_cut_off

KINDS = {
    "baseline": [],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 2],
}


def jpeg(kind: str = "baseline", seed: int = 1) -> bytes:
    return cv2.imencode(".jpg", media.scenery(seed, 160, 120), KINDS[kind])[1].tobytes()


def with_thumbnail(body: bytes, thumbnail: bytes) -> bytes:
    """The JPEG with another one in its APP1, as cameras put it there."""
    return body[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail + body[2:]


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_jpeg_is_cut_off(kind: str) -> None:
    body = with_thumbnail(jpeg(kind), jpeg(seed=2))
    assert not is_cut_off(body)
    assert [end for end in range(2, len(body)) if not is_cut_off(body[:end])] == []


def test_what_follows_the_end_does_not_matter() -> None:
    assert not is_cut_off(jpeg() + b"\0" * 100)
    assert not is_cut_off(jpeg() + jpeg()[:500])  # a film in the file of a still begins so


def test_zeros_where_the_rest_should_be_do_not_make_it_whole() -> None:
    """What a download that was stopped leaves, if its room was reserved."""
    body = jpeg()
    assert is_cut_off(body[: len(body) // 2].ljust(len(body), b"\0"))


@pytest.mark.parametrize("body", [b"", b"\xff", cv2.imencode(".png", media.scenery(1, 16, 12))[1].tobytes(), b"text"])
def test_other_files_are_no_part_of_a_jpeg(body: bytes) -> None:
    assert not is_cut_off(body)
