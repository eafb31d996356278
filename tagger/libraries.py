"""Libraries that some of the work needs and a slim installation does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tagger.errors import LibraryMissing

# What to install, where that is not the name of what is imported.
PACKAGES = {"keras": "keras tensorflow", "cv2": "opencv-python-headless"}
# Extras of this package, that bring a library.
EXTRAS = {"pyarrow": "parquet", "opentimelineio": "otio", "duckdb": "library", "watchfiles": "watch"}
# What to install beside an OpenCV without windows: the other would bring one with them, into the same files.
HEADLESS = {"scenedetect": "scenedetect-headless"}


@contextmanager
def needed(work: str) -> Iterator[None]:
    """Within it, a library that is not installed is what this work needs, and what to install.

    Raises:
        LibraryMissing: some import did not find its library.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "tagger"):
            raise  # no library
        raise LibraryMissing(f"{work} needs {library}, which is not installed: {install(library)}") from error


def install(library: str) -> str:
    """Returns the command that installs what is imported by this name."""
    from importlib.metadata import PackageNotFoundError, version

    package = PACKAGES.get(library, library)
    with suppress(PackageNotFoundError):
        package = HEADLESS.get(library, package) if version("opencv-python-headless") else package
    extra = f" (the extra [{EXTRAS[library]}] of movietags)" if library in EXTRAS else ""
    return f"pip install {package}{extra}"
