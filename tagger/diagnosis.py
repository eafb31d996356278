"""What this installation consists of, for bug reports."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tagger import __version__, vocabulary
from tagger.architectures import common

PACKAGES = (
    "av",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "opencv-python",
    "scenedetect",
    "numpy",
    "pandas",
    "click",
    "tqdm",
)
DECODERS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg2video", "mpeg4", "prores", "vc1")


def facts() -> Iterator[tuple[str, str]]:
    """Yields name and value of everything a bug report should say; imports no network library."""
    import av
    from av.codec.hwaccel import hwdevices_available

    yield "movietags", __version__
    yield "python", f"{platform.python_version()} ({platform.platform()})"
    yield "processor", f"{platform.machine()}, {os.cpu_count()} cores"
    yield "keras backend", os.environ.get("KERAS_BACKEND", "tensorflow (default)")
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    yield (
        "ffmpeg",
        ", ".join(f"{name} {'.'.join(map(str, v))}" for name, v in sorted(av.library_versions.items())),
    )
    yield "decoders", " ".join(name for name in DECODERS if name in av.codecs_available)
    yield "hardware", " ".join(hwdevices_available()) or "none"
    for name in vocabulary.shipped_names():
        found = vocabulary.load(name)
        yield "vocabulary", f"{name}: {len(found.tags)} tags, heads for {', '.join(found.heads)}"
    for made in common():
        for file in made.files:
            if file.path.is_file():
                yield "weights", f"{made.name}: {file.path}"
