"""A decoded picture -> upright RGB as a player shows it: its colours, its orientation, one of its two fields."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from numpy.typing import NDArray

from tagger.images import Pixels
from tagger.video import light

KEYFRAME_SHORT_SIDE = 512  # pixels; more than any backbone takes (331), so 8K films cost no more memory
UNSPECIFIED = 2  # in H.273, for matrix, primaries and transfer
SD_LINES, SD_COLUMNS = 576, 1279  # what is larger and says nothing is BT.709 to players, what is not BT.601
# Matrices of H.273 that FFmpeg's scaler knows or takes for one that it knows. It refuses all others, whose names are:
MATRICES = {0, 1, 2, 4, 5, 6, 7, 9}
NO_MATRIX = {0, UNSPECIFIED}  # 0: it is RGB, which luma and colour cannot be
REFUSED = {
    8: "YCgCo", 10: "BT.2020 with constant luminance", 11: "SMPTE 2085", 12: "chromaticity-derived",
    13: "chromaticity-derived with constant luminance", 14: "ICtCp", 15: "IPT", 16: "YCgCo-Re", 17: "YCgCo-Ro",
}  # fmt: skip
KNOWN_PRIMARIES = {int(known) for known in ColorPrimaries}
KNOWN_TRANSFERS = {int(known) for known in ColorTrc}

LOOKS = 64  # key frames of a film that are asked how they are turned
COPY_SIDE = 16
COMB_COLUMNS = 128  # of all lines, in which combs are looked for
LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12"}  # the usual formats whose first plane is 8-bit luma
COMB_BLOCK = 16  # lines and columns
COMBED = 1.5  # times as far from the next line, of the other field, as from the one after it
COMB_LEVELS = 4.0  # grey levels; below, it is noise
COMB_SHARE = 0.01  # of the blocks


def settle(picture: VideoFrame) -> None:
    """Gives a picture a colour matrix where it has none, or one that FFmpeg's scaler refuses, as players do.

    What is tagged as reserved is taken for unspecified: the scaler refuses it too.
    """
    if picture.color_primaries not in KNOWN_PRIMARIES:
        picture.color_primaries = UNSPECIFIED
    if picture.color_trc not in KNOWN_TRANSFERS:
        picture.color_trc = UNSPECIFIED
    if picture.colorspace in MATRICES and (picture.format.is_rgb or picture.colorspace not in NO_MATRIX):
        return
    wide = light.is_hdr(picture) or picture.color_primaries == ColorPrimaries.BT2020
    large = picture.height > SD_LINES or picture.width > SD_COLUMNS
    known = Colorspace.BT2020 if wide else Colorspace.ITU709 if large else Colorspace.ITU601
    picture.colorspace = int(known)


def remarks(matrix: int) -> list[str]:
    """Returns what a reader should know of colours that cannot be had, from the matrix that a film names."""
    if matrix not in REFUSED:
        return []
    return [f"colours: its matrix is {REFUSED[matrix]}, which cannot be converted; brightness is right"]


class Orientation:
    """How a film is turned and mirrored: as the first of its pictures says that says anything, for all of them.

    Display matrices of containers come with every picture, the words of an H.264 or HEVC stream with some key frames.
    Threads may share it.
    """

    def __init__(self) -> None:
        """Upright, until a picture says otherwise."""
        self._turn = (False, False, False)  # axes swapped, then rows and columns in reverse order
        self._since: int | None = None  # time stamp of the picture that said so
        self._looks = 0
        self._one_at_a_time = threading.Lock()

    def see(self, picture: VideoFrame) -> None:
        """Takes the orientation that comes with a picture, unless one before it in time had one."""
        stamp = picture.pts or 0
        with self._one_at_a_time:
            may_say = self._looks < LOOKS and (picture.key_frame or not self._looks)
            if may_say and (self._since is None or stamp < self._since):
                self._looks += 1
                if turn := _turn(picture):
                    self._turn, self._since = turn, stamp

    @property
    def is_turned(self) -> bool:
        """Whether pictures are to be seen in another way than they are stored."""
        return any(self._turn)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Returns width and height of a picture of this size once it is upright."""
        return (height, width) if self._turn[0] else (width, height)

    def upright(self, pixels: Pixels) -> Pixels:
        """Returns a picture (height, width, 3) as it is to be seen."""
        swapped, down, across = self._turn
        turned = pixels.swapaxes(0, 1) if swapped else pixels
        return np.ascontiguousarray(turned[:: -1 if down else 1, :: -1 if across else 1])


def _turn(picture: VideoFrame) -> tuple[bool, bool, bool] | None:
    """Axes swapped, rows reversed, columns reversed, of the display matrix nearest to these; None: it has none."""
    # A frame of PyAV whose side data were looked at is not freed until Python collects garbage: look at a small copy.
    small: Any = picture.reformat(COPY_SIDE, COPY_SIDE, "gray", interpolation="POINT", threads=1)
    try:
        found = small.side_data.get(Type.DISPLAYMATRIX)
    except ValueError:  # PyAV 18 knows no EXIF, which FFmpeg 8 puts beside pictures of TIFF and JPEG
        return None
    if found is None:
        return None
    a, b, _, c, d = np.frombuffer(bytes(found), "=i4")[:5].tolist()  # (x, y) goes to (ax + cy, bx + dy)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, d < 0, a < 0
    return True, b < 0, c < 0


def rgb(picture: VideoFrame, orientation: Orientation) -> Pixels:
    """Returns the upright picture as uint8 RGB (height, width, 3), its short side at most `KEYFRAME_SHORT_SIDE`."""
    shrink = min(1.0, KEYFRAME_SHORT_SIDE / min(picture.width, picture.height))
    width, height = (max(1, round(side * shrink)) for side in (picture.width, picture.height))
    combed = _is_combed(picture)
    # The scaler shrinks the fields of an interlaced picture apart and weaves them again.
    lines = picture.height if combed or picture.interlaced_frame else height
    converts = light.needs_conversion(picture)
    pixels: NDArray[Any] = picture.to_ndarray(
        format="rgb48le" if converts else "rgb24", width=width, height=lines, interpolation="AREA"
    )
    pixels = pixels[::2] if combed else pixels
    if len(pixels) != height:
        shape = cv2.INTER_AREA if len(pixels) > height else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=shape))
    if converts:
        pixels = light.shown(pixels, picture.color_trc, picture.color_primaries)
    return orientation.upright(np.asarray(pixels, np.uint8))


def _lines(picture: VideoFrame) -> NDArray[np.uint8]:
    """All lines of its luma, of which some columns."""
    width, height, plane = picture.width, picture.height, picture.planes[0]
    if picture.format.name in LUMA_FIRST:  # as it lies there
        whole = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:height]
        return np.ascontiguousarray(whole[:, : width : max(1, width // COMB_COLUMNS)])
    columns = min(COMB_COLUMNS, width)
    small = picture.to_ndarray(format="gray", width=columns, height=height, interpolation="POINT", threads=1)
    return np.asarray(small, np.uint8)


def _is_combed(picture: VideoFrame) -> bool:
    """Whether its fields were taken at two moments, and something moved: whatever the stream says of it."""
    lines = _lines(picture)
    blocks = lines.shape[1] // COMB_BLOCK, (lines.shape[0] - 2) // COMB_BLOCK
    if min(blocks) < 1:
        return False
    across, down = (count * COMB_BLOCK for count in blocks)
    lines = lines[:, :across]
    # Between the fields, and within one.
    apart = [cv2.absdiff(lines[:down], lines[far : far + down]) for far in (1, 2)]
    between, within = (cv2.resize(far, blocks, interpolation=cv2.INTER_AREA).astype(float) for far in apart)
    combs = (between > COMBED * within) & (between > COMB_LEVELS)
    return bool(combs.mean() > COMB_SHARE)
