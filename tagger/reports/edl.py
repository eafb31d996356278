"""Segments as an edit decision list (CMX 3600), which editing programs read as a list of clips.

Its timecodes count frames, at the film's rate rounded to a whole number and without drop frames, so that each names
exactly one frame of the film: 23.976 frames/s count as 24. The source begins at 00:00:00:00; on the record side the
segments follow one another.
"""

from __future__ import annotations

from collections.abc import Iterator

from tagger.errors import BadSettings
from tagger.records import TagReport
from tagger.segments import Segments
from tagger.text import printable
from tagger.video_info import VideoInfo

BASE_MAX = 100  # frames in a second: 00 to 99 have two digits
RATES = (24, 25, 30, 48, 50, 60, 100)  # of SMPTE timecode, as many programs have no other
DAY_S = 24 * 3600  # where timecode ends
TITLE_LETTERS_MAX = 70
EVENTS_MAX = 999  # of CMX 3600, whose event numbers have three digits
OFF_FRAMES_MAX = 0.5  # more, and a frame's number and its time name two pictures


def as_edl(segments: Segments) -> str:
    """Returns the list: a title, and an event for each segment with the film's name and the tag.

    Raises:
        BadSettings: there are more frames in a second, or more hours, than a timecode can name.
    """
    video = segments.report.video
    base = _base(video)
    tags = ", ".join(tag.tag for tag in segments.tags)
    title = printable(f"{video.name}: {tags}").encode("ascii", "replace").decode()[:TITLE_LETTERS_MAX]
    lines = [f"TITLE: {title}", "FCM: NON-DROP FRAME"]
    record = 0
    for number, segment in enumerate(segments.segments, 1):
        end = record + segment.end_frame - segment.start_frame
        if max(end, segment.end_frame) >= DAY_S * base:
            raise BadSettings(
                f"EDL of {video.name}: goes on for over a day, where timecode ends: "
                "ask for fewer tags, or take csv, json or vtt"
            )
        codes = " ".join(timecode(at, base) for at in (segment.start_frame, segment.end_frame, record, end))
        lines += [
            f"{number:03}  AX       V     C        {codes}",
            f"* FROM CLIP NAME: {printable(video.name)}",
            f"* COMMENT: {printable(segment.tag)}",
        ]
        record = end
    return "\n".join(lines) + "\n"


def timecode(frame: int, base: int) -> str:
    """Returns the non-drop timecode of a frame, HH:MM:SS:FF, where a second counts `base` frames."""
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"


def cautions(segments: Segments) -> Iterator[str]:
    """Yields what may go wrong when the list is read, a line for each.

    Raises:
        BadSettings: as `as_edl`, for the rate.
    """
    name, base = segments.report.video.name, _base(segments.report.video)
    if _uneven(segments.report):
        yield (
            f"{name}: frames are missing or come unevenly ({segments.report.video.fps:g} a second on average): the EDL "
            "counts frames, so programs that go by time will be off; csv, json and vtt have the times"
        )
    if base not in RATES:
        yield (
            f"{name}: the EDL counts {base} frames a second, and some programs know only {', '.join(map(str, RATES))}: "
            "make a copy of the film at one of these, and tag that"
        )
    if len(segments.segments) > EVENTS_MAX:
        yield (
            f"{name}: {len(segments.segments)} events in the EDL, and CMX 3600 numbers {EVENTS_MAX}: "
            "some programs will not read all"
        )


def _base(video: VideoInfo) -> int:
    """How many frames a second of timecode counts."""
    if not 0 < video.fps < BASE_MAX + 0.5:  # also refuses NaN
        raise BadSettings(
            f"EDL of {video.name}: {video.fps:g} frames a second, and a timecode names up to {BASE_MAX}: "
            "take csv, json or vtt"
        )
    return max(1, round(video.fps))


def _uneven(report: TagReport) -> bool:
    """Whether the times of shots are not those that their frame numbers have at the film's mean rate.

    The end of the film counts too: a film of one shot has no other mark.
    """
    if not report.shots:
        return False
    first, last = report.shots[0], report.shots[-1]
    marks = [(tagged.start_frame, tagged.start_s) for tagged in report.shots]
    return any(
        abs((time_s - first.start_s) * report.video.fps - (frame - first.start_frame)) > OFF_FRAMES_MAX
        for frame, time_s in (*marks, (last.end_frame, last.end_s))
    )
