"""Colour of high dynamic range and of wide gamuts -> what an ordinary screen shows of it: BT.709 at gamma 2.4.

The pictures that networks learn from, and films of standard range, are made for such a screen. FFmpeg's scaler leaves
curves and primaries alone, so that PQ and HLG come out pale and dark; its own conversion takes two seconds a picture.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

from tagger.images import Pixels

Codes = NDArray[np.uint16]  # (height, width, 3), RGB, full range
Light = NDArray[np.float32]  # of a screen; 1 is reference white

PQ, HLG = int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)
LEVELS = 2**16
WHITE_NITS = 203.0  # reference white of HDR (ITU-R BT.2408), that of SDR here
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2  # of the screen that HLG is made for (BT.2100)
SDR_GAMMA = 2.4  # BT.1886
PQ_M1, PQ_M2, PQ_C1, PQ_C2, PQ_C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875  # SMPTE ST 2084
PQ_NITS = 10_000.0
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073  # BT.2100
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
PEAK_PERCENTILE = 99.9  # what is brighter is a glint, and may be white
CURVE_POINTS = 1024
# Linear RGB of these primaries -> of BT.709; both have a white of D65.
TO_BT709 = {
    int(ColorPrimaries.BT2020): np.array(
        [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
        np.float32,
    ),
    int(ColorPrimaries.SMPTE432): np.array(  # Display P3: telephones
        [[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]], np.float32
    ),
}


def is_hdr(picture: VideoFrame) -> bool:
    """Returns whether its curve is PQ or HLG."""
    return picture.color_trc in (PQ, HLG)


def needs_conversion(picture: VideoFrame) -> bool:
    """Returns whether its colours differ from those of an ordinary film: HDR, or the primaries of BT.2020 or P3."""
    return is_hdr(picture) or picture.color_primaries in TO_BT709


def shown(codes: Codes, transfer: int, primaries: int) -> Pixels:
    """Returns what an ordinary screen shows of a picture, uint8 of the same shape.

    HDR up to reference white keeps its brightness; where a picture has more, BT.2390 makes room for it.

    Args:
        codes: uint16 RGB, full range, coded as the film is.
        transfer: `ColorTrc` of the film; all but PQ and HLG are BT.1886.
        primaries: `ColorPrimaries` of the film; those of HDR that says nothing are BT.2020's.
    """
    light: Light = _curve(transfer if transfer in (PQ, HLG) else 0)[codes]
    if transfer == HLG:  # the curve gives light of the scene
        luma = np.maximum(light @ BT2020_LUMA, 1e-6)[..., None]
        light *= luma ** (HLG_GAMMA - 1) * (HLG_PEAK_NITS / WHITE_NITS)
    if transfer in (PQ, HLG):
        brightest = light.max(axis=2)
        light *= _compression(brightest)[..., None]
        primaries = primaries if primaries in (int(ColorPrimaries.BT709), *TO_BT709) else int(ColorPrimaries.BT2020)
    if primaries in TO_BT709:
        light = np.asarray(cv2.transform(light, TO_BT709[primaries]), np.float32)
    coded = cv2.pow(np.clip(light, 0, 1), 1 / SDR_GAMMA)
    return np.asarray(np.rint(coded * 255), np.uint8)


@cache
def _curve(transfer: int) -> Light:
    """The light of each code: of a screen, 1 is white; for HLG of the scene, 1 is the brightest."""
    coded = np.arange(LEVELS) / (LEVELS - 1)
    if transfer == PQ:
        light = _nits(coded) / WHITE_NITS
    elif transfer == HLG:
        light = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - HLG_C) / HLG_A) + HLG_B) / 12)
    else:
        light = coded**SDR_GAMMA
    return light.astype(np.float32)


def _nits(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ codes, 0 to 1 -> cd/m2."""
    root = coded ** (1 / PQ_M2)
    return PQ_NITS * (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)


def _pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse."""
    root = (nits / PQ_NITS) ** PQ_M1
    return ((PQ_C1 + PQ_C2 * root) / (1 + PQ_C3 * root)) ** PQ_M2


def _compression(brightest: Light) -> Light:
    """What each pixel is multiplied by so that the brightest are white (the EETF of ITU-R BT.2390, black at 0)."""
    peak = float(np.percentile(brightest, PEAK_PERCENTILE))
    if peak <= 1:
        return np.ones_like(brightest)
    highest, white = _pq(np.array([peak * WHITE_NITS, WHITE_NITS]))
    level = np.linspace(0, 1, CURVE_POINTS)  # PQ, 1 is the peak
    largest = white / highest
    knee = 1.5 * largest - 0.5
    above = np.clip((level - knee) / (1 - knee), 0, 1)
    bent = (
        (2 * above**3 - 3 * above**2 + 1) * knee
        + (above**3 - 2 * above**2 + above) * (1 - knee)
        + (3 * above**2 - 2 * above**3) * largest
    )
    light, kept = _nits(level * highest), _nits(np.where(level < knee, level, bent) * highest)
    gains = np.divide(kept, light, out=np.ones_like(kept), where=light > 0)
    return np.interp(brightest, light / WHITE_NITS, gains).astype(np.float32)
