"""Choices of `movietags segments` that only one format has, and where files of segments go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import BadSettings

if TYPE_CHECKING:
    from tagger.reports.formats import Format
    from tagger.segments import Segments

ONLY_EDL = "--reel and --handles are of an EDL: add -o FILE.edl or --format edl"
ONLY_KODI = "--action and --beside are of a skip file: add --format kodi-edl"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen of an EDL, and of a skip file of Kodi."""

    reel: str | None
    handles: int
    action: str | None
    beside: bool  # its film, whatever folder is named

    def made(self, forms: Sequence[Format[Segments]]) -> list[Format[Segments]]:
        """Returns formats as they are wanted.

        Raises:
            BadSettings: something was chosen that none of them has.
        """
        from tagger.reports import edl, kodi_edl
        from tagger.reports.formats import EDL, KODI_EDL

        if (self.reel is not None or self.handles) and EDL not in forms:
            raise BadSettings(ONLY_EDL)
        if (self.action or self.beside) and KODI_EDL not in forms:
            raise BadSettings(ONLY_KODI)
        as_edl = partial(edl.as_edl, reel=self.reel, handles=self.handles)
        as_skips = partial(kodi_edl.as_kodi_edl, action=self.action or next(iter(kodi_edl.ACTIONS)))
        wanted = {
            EDL: replace(EDL, render=as_edl, cautions=partial(edl.cautions, reel=self.reel, handles=self.handles)),
            KODI_EDL: replace(KODI_EDL, render=as_skips),
        }
        return [wanted.get(form, form) for form in forms]

    def write(self, file: Path, answer: Segments, form: Format[Segments], path: Path, body: bytes) -> Path | None:
        """Writes a file of segments at this path, or beside its film, and returns where; None if there is none.

        Raises:
            OutputRefused, PathMissing: as `kodi_edl.write_beside`.
        """
        from tagger.files import output_folder, write_atomically
        from tagger.reports import kodi_edl

        if self.beside and _for_kodi(form):
            return kodi_edl.write_beside(file, answer, body)
        output_folder(path.parent)
        write_atomically(path, body)
        return path


def cautions_of_place(path: Path, form: Format[Segments], answer: Segments) -> Iterator[str]:
    """Returns what Kodi makes of a file of segments at this place, a line for each."""
    from tagger.reports import kodi_edl

    return kodi_edl.cautions_of_place(path, answer, for_kodi=_for_kodi(form))


def _for_kodi(form: Format[Segments]) -> bool:
    from tagger.reports.formats import KODI_EDL

    return form.name == KODI_EDL.name
