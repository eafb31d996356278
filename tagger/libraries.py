"""Libraries that some of the work needs and a slim installation does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tagger.errors import LibraryMissing

# What to install, where that is not the name of what is imported.
PACKAGES = {"keras": "keras tensorflow", "cv2": "opencv-python"}


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
        install = PACKAGES.get(library, library)
        raise LibraryMissing(f"{work} needs {library}, which is not installed: pip install {install}") from error
