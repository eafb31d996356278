"""The networks of `keras.applications` that this package runs by itself, one description per family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.models.architectures import Architecture
from tagger.models.evidence import CLASS_COUNT
from tagger.models.keras_layers import (
    Layer,
    added,
    average_pool,
    conv,
    dense,
    depthwise,
    flat,
    joined,
    max_pool,
    mean,
    norm,
    padded,
    picture,
    relu,
    relu6,
    separable,
)
from tagger.records import Floats

BGR_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # of ImageNet's pictures


@dataclass(frozen=True, slots=True)
class Description:
    """A network up to its features, and the layer behind these that tells ImageNet's classes."""

    features: Layer
    classifier: Layer
    means_only: bool  # the features are a mean, which a file without the classifier leads to


def described(architecture: Architecture) -> Description:
    """Returns what a network consists of."""
    body = _BODIES[architecture.module](picture(architecture.input_size), architecture.width or 1.0)
    vgg = architecture.feature_layer != "avg_pool"
    features = dense(dense(flat(body), FC, relu=True), FC, relu=True) if vgg else mean(body)
    top = conv(features, CLASS_COUNT, bias=True) if architecture.module == "mobilenet" else dense(features, CLASS_COUNT)
    return Description(features, top, not vgg)


def prepared(architecture: Architecture, squares: NDArray[np.uint8]) -> Floats:
    """Returns squares (n, s, s, 3), RGB 0 to 255, as the network takes them, like `preprocess_input` of its module."""
    if architecture.module in ("resnet", "vgg16", "vgg19"):
        return squares[..., ::-1].astype(np.float32) - BGR_MEAN
    pixels = squares.astype(np.float32)
    pixels /= np.float32(127.5)
    pixels -= np.float32(1)
    return pixels


FC = 4096  # units of VGG's two dense layers


def _inception_v3(x: Layer, _: float) -> Layer:
    def unit(x: Layer, channels: int, side: int | tuple[int, int] = 1, stride: int = 1, valid: bool = False) -> Layer:
        return relu(norm(conv(x, channels, side, stride, valid=valid), scale=False))

    def units(x: Layer, *given: tuple[int, int | tuple[int, int]]) -> Layer:
        for channels, side in given:
            x = unit(x, channels, side)
        return x

    def pooled(x: Layer, channels: int) -> Layer:
        return unit(average_pool(x, 3), channels)

    x = unit(unit(unit(x, 32, 3, 2, valid=True), 32, 3, valid=True), 64, 3)
    x = unit(unit(max_pool(x, 3, 2, valid=True), 80, valid=True), 192, 3, valid=True)
    x = max_pool(x, 3, 2, valid=True)
    for channels in (32, 64, 64):
        x = joined(unit(x, 64), units(x, (48, 1), (64, 5)), units(x, (64, 1), (96, 3), (96, 3)), pooled(x, channels))
    far = unit(units(x, (64, 1), (96, 3)), 96, 3, 2, valid=True)
    x = joined(unit(x, 384, 3, 2, valid=True), far, max_pool(x, 3, 2, valid=True))
    down, across = (7, 1), (1, 7)
    for c in (128, 160, 160, 192):
        near = units(x, (c, 1), (c, across), (192, down))
        far = units(x, (c, 1), (c, down), (c, across), (c, down), (192, across))
        x = joined(unit(x, 192), near, far, pooled(x, 192))
    near = unit(unit(x, 192), 320, 3, 2, valid=True)
    far = unit(units(x, (192, 1), (192, across), (192, down)), 192, 3, 2, valid=True)
    x = joined(near, far, max_pool(x, 3, 2, valid=True))
    for _time in range(2):
        alone, near, far = unit(x, 320), unit(x, 384), units(x, (448, 1), (384, 3))
        near, far = (joined(unit(branch, 384, (1, 3)), unit(branch, 384, (3, 1))) for branch in (near, far))
        x = joined(alone, near, far, pooled(x, 192))
    return x


def _xception(x: Layer, _: float) -> Layer:
    def unit(x: Layer, channels: int) -> Layer:
        return norm(separable(x, channels, 3))

    def shrinking(x: Layer, *channels: int, begun: bool = False) -> Layer:
        rest = norm(conv(x, channels[-1], stride=2))
        y = unit(x if begun else relu(x), channels[0])
        return added(max_pool(unit(relu(y), channels[1]), 3, 2), rest)

    x = relu(norm(conv(x, 32, 3, 2, valid=True)))
    x = relu(norm(conv(x, 64, 3, valid=True)))
    x = shrinking(x, 128, 128, begun=True)
    x = shrinking(shrinking(x, 256, 256), 728, 728)
    for _time in range(8):
        x = added(unit(relu(unit(relu(unit(relu(x), 728)), 728)), 728), x)
    x = shrinking(x, 728, 1024)
    return relu(unit(relu(unit(x, 1536)), 2048))


def _resnet50(x: Layer, _: float) -> Layer:
    def unit(x: Layer, channels: int, side: int = 1, stride: int = 1, valid: bool = False) -> Layer:
        return norm(conv(x, channels, side, stride, valid=valid, bias=True), epsilon=1.001e-5)

    x = relu(unit(padded(x, (3, 3, 3, 3)), 64, 7, 2, valid=True))
    x = max_pool(padded(x, (1, 1, 1, 1)), 3, 2, valid=True)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        channels = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            rest = x if block else unit(x, 4 * channels, 1, stride)
            y = relu(unit(relu(unit(x, channels, 1, stride)), channels, 3))
            x = relu(added(rest, unit(y, 4 * channels)))
    return x


def _vgg(*repeats: int) -> Callable[[Layer, float], Layer]:
    def body(x: Layer, _: float) -> Layer:
        for channels, times in zip((64, 128, 256, 512, 512), repeats, strict=True):
            for _time in range(times):
                x = conv(x, channels, 3, bias=True, relu=True)
            x = max_pool(x, 2, 2, valid=True)
        return x

    return body


def _mobilenet(x: Layer, width: float) -> Layer:
    x = relu6(norm(conv(x, int(32 * width), 3, 2)))
    strided = {128: 2, 256: 2, 512: 2, 1024: 2}  # the first of each
    for channels in (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024):
        x = relu6(norm(_depthwise(x, strided.pop(channels, 1), (0, 0, 1, 1))))
        x = relu6(norm(conv(x, int(channels * width))))
    return x


def _mobilenet_v2(x: Layer, width: float) -> Layer:
    x = relu6(norm(conv(x, _rounded(32 * width), 3, 2)))
    stages = ((1, 1, 1, 16), (2, 2, 6, 24), (3, 2, 6, 32), (4, 2, 6, 64), (3, 1, 6, 96), (3, 2, 6, 160), (1, 1, 6, 320))
    for repeats, first_stride, expansion, wide in stages:
        for repeat in range(repeats):
            channels, stride, y = _rounded(int(wide * width)), 1 if repeat else first_stride, x
            if expansion > 1:
                y = relu6(norm(conv(y, expansion * x.channels)))
            before = x.size % 2  # an even size is padded behind alone
            y = relu6(norm(_depthwise(y, stride, (before, before, 1, 1))))
            y = norm(conv(y, channels))
            x = added(x, y) if stride == 1 and channels == x.channels else y
    return relu6(norm(conv(x, _rounded(1280 * max(width, 1.0)))))


def _depthwise(x: Layer, stride: int, pads: tuple[int, int, int, int]) -> Layer:
    """Of 3 pixels; with a stride, padded in a layer of its own."""
    return depthwise(x, 3) if stride == 1 else depthwise(padded(x, pads), 3, stride, valid=True)


def _rounded(channels: float) -> int:
    """To whole eights, never down by more than a tenth."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found


_BODIES = {
    "inception_v3": _inception_v3,
    "xception": _xception,
    "resnet": _resnet50,
    "vgg16": _vgg(2, 2, 3, 3, 3),
    "vgg19": _vgg(2, 2, 4, 4, 4),
    "mobilenet": _mobilenet,
    "mobilenet_v2": _mobilenet_v2,
}
