"""Single pictures of a film, by the times at which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tagger.images import Pixels
from tagger.settings import USUAL_OPENING, Opening
from tagger.video.film import Film, Frame

SAME_S = 1e-6  # a time that went through a file may come back so much earlier


def stills(path: Path, times_s: Iterable[float], opening: Opening = USUAL_OPENING) -> Iterator[tuple[float, Pixels]]:
    """Yields each time with the frame that is shown then, uint8 (height, width, 3) RGB, upright; in the order of times.

    The film is read from its beginning, as a full scan reads it, up to the last of them: where a frame is that was
    counted, no file lies. A time after its last frame gives that.

    Args:
        path: the film.
        times_s: in seconds of its presentation clock.
        opening: how it is opened.

    Raises:
        BadPath, VideoUnreadable: the film cannot be read.
    """
    wanted = sorted(times_s)
    with Film(path, opening) as film:
        shown: Frame | None = None
        for frame in film.frames() if wanted else ():
            while wanted and shown is not None and frame.time_s > wanted[0] + SAME_S:
                yield wanted.pop(0), shown.pixels()
            if not wanted:
                return
            shown = frame
        if shown is not None:
            for time_s in wanted:
                yield time_s, shown.pixels()
