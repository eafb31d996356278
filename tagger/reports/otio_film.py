"""What OpenTimelineIO says of a film: its media, and ranges of its frames. Reports and segments are written with it.

Names are on one line: adapters put them into lines of other formats, as those of an EDL.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tagger.errors import BadSettings
from tagger.frames import utf8
from tagger.text import printable
from tagger.timecode import numbering
from tagger.video_info import VideoInfo

OURS = "movietags"  # what we say in metadata stands below it
RATE_MAX = 1000.0  # frames a second


class OtioFilm:
    """A film as media of a timeline."""

    def __init__(self, video: VideoInfo) -> None:
        """Takes what is known of the film; frames count from the timecode that it names, else from 0.

        Raises:
            ModuleNotFoundError: opentimelineio is not installed.
            BadSettings: nobody knows how long its frames last.
        """
        import opentimelineio as otio

        if not 0 < video.fps <= RATE_MAX:  # also refuses NaN
            raise BadSettings(f"OTIO of {printable(video.name)}: {video.fps:g} frames a second: take csv or json")
        self.otio, self._video = otio, video
        self._first = numbering(video.fps, video.declared.timecode).frame(video.declared.timecode or "") or 0

    def timeline(self, clips: Iterable[Any], name: str, metadata: dict[str, Any]) -> str:
        """Returns a timeline with these clips on one track, as the text of its file."""
        track = self.otio.schema.Track(name="movietags", kind="Video", children=list(clips))
        made = self.otio.schema.Timeline(name=printable(name), metadata={OURS: metadata})
        made.tracks.append(track)
        return str(made.to_json_string(indent=1)) + "\n"

    def clip(self, name: str, start: int, end: int, metadata: dict[str, Any]) -> Any:
        """Returns a clip of the film from one frame up to another."""
        reference = self.otio.schema.ExternalReference(_url(self._video), self.range(0, self._video.frame_count))
        reference.name = printable(self._video.name)
        return self.otio.schema.Clip(printable(name), reference, self.range(start, end), metadata={OURS: metadata})

    def gap(self, frames: int) -> Any:
        """Returns so many frames of nothing."""
        return self.otio.schema.Gap(duration=self._time(frames))

    def marker(self, name: str, start: int, end: int, metadata: dict[str, Any]) -> Any:
        """Returns a mark on a stretch of the film."""
        return self.otio.schema.Marker(printable(name), self.range(start, end), metadata={OURS: metadata})

    def range(self, start: int, end: int) -> Any:
        """Returns the frames of the film from one up to another, by their numbers on its tape."""
        return self.otio.opentime.TimeRange(self._time(self._first + start), self._time(end - start))

    def _time(self, frames: int) -> Any:
        return self.otio.opentime.RationalTime(frames, self._video.fps)


def _url(video: VideoInfo) -> str:
    """Where the film is; a path that goes on from a folder stays so, as nobody knows from which."""
    path = Path(utf8(video.path))
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
