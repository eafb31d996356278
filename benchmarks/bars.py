"""What do bars cost, and what is left of that when they are taken off?

    python benchmarks/bars.py FILM...

Keyframes of these films (without bars of their own) are put into bars of several kinds, and tagged: as they are, and
with the bars taken off. Counts the pictures whose first tag is not that of the picture alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from tagger import Settings, Tagger
from tagger.errors import FilmError
from tagger.images import Pixels, squash, without_bars
from tagger.shots.scan import scan
from tagger.video.film import Film

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import media

PICTURES, EACH = 40, 4  # in all, and of one film at most
WIDE, UPRIGHT = (360, 640), (640, 360)


def main(films: list[Path]) -> None:
    """Measures and prints a row for each kind of bars."""
    plain = [picture for film in films for picture in keyframes(film)][:PICTURES]
    with Tagger(backbone="compact") as tagger:
        right = first_tags(tagger, plain)
        print(f"first tags that change, of {len(plain)} pictures   as they are   bars taken off")
        for kind, framed in KINDS.items():
            pictures = [framed(picture) for picture in plain]
            with patch("tagger.pipeline.prepare", squash):
                kept = first_tags(tagger, pictures)
            off = first_tags(tagger, pictures)
            changed = (sum(a != b for a, b in zip(right, found, strict=True)) for found in (kept, off))
            print(f"{kind:40}", *(f"{count:14}" for count in changed))


def keyframes(film: Path) -> list[Pixels]:
    """The first pictures of a film that is tagged and has no bars."""
    with suppress(FilmError), Film(film) as opened:
        found = [picture.pixels for picture in scan(opened, Settings()).shots if picture.shot.keyframe.kept]
        return [pixels for pixels in found if without_bars(pixels).shape == pixels.shape][:EACH]
    return []


def first_tags(tagger: Tagger, pictures: list[Pixels]) -> list[str]:
    """The first tag of each picture; nothing where it has none."""
    return [tags[0].slug if tags else "" for tags in tagger.tag(pictures)]


def within(
    size: tuple[int, int], top: int, bottom: int, left: int, right: int, level: int = 0
) -> Callable[..., Pixels]:
    """Puts a picture into a frame of this size, with bars of these widths."""

    def framed(picture: Pixels) -> Pixels:
        whole = np.full((*size, 3), level, np.uint8)
        inner = whole[top : size[0] - bottom, left : size[1] - right]
        inner[:] = cv2.resize(picture, inner.shape[1::-1], interpolation=cv2.INTER_AREA)
        return whole

    return framed


CLEAN, PILLARS = within(WIDE, 45, 45, 0, 0), within(WIDE, 0, 0, 80, 80)
KINDS: dict[str, Callable[[Pixels], Pixels]] = {
    "black": CLEAN,
    "subtitles in the lower bar": lambda picture: media.subtitled(CLEAN(picture), 345),
    "subtitles across the edge": lambda picture: media.subtitled(CLEAN(picture), 324),
    "a logo beside a 4:3 picture": lambda picture: media.with_logo(PILLARS(picture)),
    "noise and torn lines of a tape": lambda picture: media.taped(CLEAN(picture)),
    "uneven": within(WIDE, 22, 80, 0, 0),
    "white": within(WIDE, 45, 45, 0, 0, level=255),
    "an upright film in a wide frame": within(WIDE, 0, 0, 219, 219),
    "a wide film in an upright frame": within(UPRIGHT, 219, 218, 0, 0),
}


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
