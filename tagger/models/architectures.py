"""The networks of `keras.applications` that can serve as backbone, by the names people type.

`inceptionv3` is the reference of the source paper. MobileNets take a width and an input size:
`mobilenet-0.75-192`. This file knows names and numbers only; `tagger.models.keras_apps` builds networks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagger.models.weights import WeightsFile


@dataclass(frozen=True, slots=True)
class Architecture:
    """What `keras.applications` calls a network and where its published weights are."""

    name: str  # as typed
    module: str  # of keras.applications
    function: str
    input_size: int  # pixels, square
    feature_layer: str  # the input of the network's last dense layer
    feature_count: int
    with_top: WeightsFile
    without_top: WeightsFile
    width: float | None = None  # MobileNets' alpha

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """Files that hold the features, the one to fetch first."""
        # VGG's features are a layer of the part that the other file leaves out.
        if self.feature_layer == "fc2":
            return (self.with_top,)
        return (self.with_top, self.without_top)


def _named(
    name: str, module: str, function: str, size: int, features: int,
    parameters: tuple[int, int], md5s: tuple[str, str], stem: str | None = None,
) -> Architecture:  # fmt: skip
    files = [
        WeightsFile(f"{stem or module}_weights_tf_dim_ordering_tf_kernels{suffix}.h5", module, count, md5)
        for suffix, count, md5 in zip(("", "_notop"), parameters, md5s, strict=True)
    ]
    layer = "fc2" if name.startswith("vgg") else "avg_pool"
    return Architecture(name, module, function, size, layer, features, files[0], files[1])


_NAMED = {
    made.name: made
    for made in (
        _named("inceptionv3", "inception_v3", "InceptionV3", 299, 2048, (23_851_784, 21_802_784),
               ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")),
        _named("xception", "xception", "Xception", 299, 2048, (22_910_480, 20_861_480),
               ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")),
        _named("resnet50", "resnet", "ResNet50", 224, 2048, (25_636_712, 23_587_712),
               ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"), stem="resnet50"),
        _named("vgg16", "vgg16", "VGG16", 224, 4096, (138_357_544, 14_714_688),
               ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")),
        _named("vgg19", "vgg19", "VGG19", 224, 4096, (143_667_240, 20_024_384),
               ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")),
    )
}  # fmt: skip

# Parameters (with top, without) by width, at any input size.
_MOBILENET = {
    0.25: (475_544, 218_544), 0.5: (1_342_536, 829_536), 0.75: (2_601_976, 1_832_976), 1.0: (4_253_864, 3_228_864)
}  # fmt: skip
_MOBILENETV2 = {
    0.35: (1_691_208, 410_208), 0.5: (1_987_224, 706_224), 0.75: (2_663_064, 1_382_064), 1.0: (3_538_984, 2_257_984),
    1.3: (5_431_048, 3_766_048), 1.4: (6_156_712, 4_363_712),
}  # fmt: skip
_SIZES = {"mobilenet": (128, 160, 192, 224), "mobilenetv2": (96, 128, 160, 192, 224)}
_WIDE_TEXT = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
CHOICES = (  # for people who typed another name
    f"{', '.join(_NAMED)}, mobilenet[-WIDTH-SIZE] "
    f"(width {', '.join(map(str, _MOBILENET))}; size {', '.join(map(str, _SIZES['mobilenet']))}) or "
    f"mobilenetv2[-WIDTH-SIZE] (width {', '.join(map(str, _MOBILENETV2))}; from size 96)"
)


def named(name: str) -> Architecture:
    """Returns the architecture of a name in lower case.

    Raises:
        KeyError: no such name, width or size.
    """
    if name in _NAMED:
        return _NAMED[name]
    variant = re.fullmatch(r"(mobilenet|mobilenetv2)(?:-(\d+(?:\.\d+)?)-(\d+))?", name)
    if variant:
        kind, width, size = variant[1], float(variant[2] or 1.0), int(variant[3] or 224)
        if width in (_MOBILENET if kind == "mobilenet" else _MOBILENETV2) and size in _SIZES[kind]:
            return _mobilenet(name, width, size) if kind == "mobilenet" else _mobilenetv2(name, width, size)
    raise KeyError(name)


def common() -> tuple[Architecture, ...]:
    """Returns the architectures that `movietags models list` shows."""
    return (*_NAMED.values(), named("mobilenet"), named("mobilenetv2"))


def _mobilenet(name: str, width: float, size: int) -> Architecture:
    stem = f"mobilenet_{_WIDE_TEXT[width]}_{size}_tf"
    files = [WeightsFile(f"{stem}{end}.h5", "mobilenet", count, None)
             for end, count in zip(("", "_no_top"), _MOBILENET[width], strict=True)]  # fmt: skip
    count = int(1024 * width)
    return Architecture(name, "mobilenet", "MobileNet", size, "avg_pool", count, files[0], files[1], width)


def _mobilenetv2(name: str, width: float, size: int) -> Architecture:
    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{size}"
    files = [WeightsFile(f"{stem}{end}.h5", "mobilenet_v2", count, None)
             for end, count in zip(("", "_no_top"), _MOBILENETV2[width], strict=True)]  # fmt: skip
    count = 1280 if width <= 1.0 else int(1280 * width)
    return Architecture(name, "mobilenet_v2", "MobileNetV2", size, "avg_pool", count, files[0], files[1], width)
