"""Segments as an edit decision list (CMX 3600), which editing programs read as a list of clips.

Its timecodes count frames, at the film's rate rounded to a whole number, so that each names exactly one frame of the
film: 23.976 frames/s count as 24. The source begins with the timecode that the film says its first frame has, and drops
numbers where that does; without one, at 00:00:00:00. On the record side the segments follow one another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tagger.errors import BadSettings
from tagger.records import TagReport
from tagger.segments import Segment, Segments
from tagger.text import printable
from tagger.timecode import BASES, NTSC, Numbering, numbering
from tagger.video_info import VideoInfo

BASE_MAX = 100  # frames in a second: 00 to 99 have two digits
TITLE_LETTERS_MAX = 70
EVENTS_MAX = 999  # of CMX 3600, whose event numbers have three digits
REEL_LETTERS_MAX = 8
MARKER = "RED    "  # colour of a locator, which editing programs make a marker of
NO_REEL, BLACK = "AX", "BL"  # words of CMX 3600 that stand in place of a reel
OFF_FRAMES_MAX = 0.5  # more, and a frame's number and its time name two pictures


def as_edl(segments: Segments, reel: str | None = None, handles: int = 0) -> str:
    """Returns the list: a title, and an event for each segment with the film's name, the tag, and a locator for it.

    Args:
        segments: of one film; its locator is where it begins, behind a handle.
        reel: what events are said to be from: up to 8 letters and digits. None: the reel that the file names, if any.
        handles: frames more on both sides of each segment, as far as the film goes; events may overlap by them.

    Raises:
        BadSettings: there are more frames in a second, or more hours, than a timecode can name; or such a reel or such
            handles are none.
    """
    video = segments.report.video
    numbers, first = _start(video)
    name = _reel(video, reel)
    tags = ", ".join(tag.tag for tag in segments.tags)
    title = printable(f"{video.name}: {tags}").encode("ascii", "replace").decode()[:TITLE_LETTERS_MAX]
    lines = [f"TITLE: {title}", f"FCM: {'' if numbers.drop else 'NON-'}DROP FRAME"]
    record = 0
    for number, segment in enumerate(segments.segments, 1):
        start, end = _with_handles(segment, video, handles)
        record_end = record + end - start
        if max(end, record_end) >= numbers.day:
            raise BadSettings(
                f"EDL of {printable(video.name)}: goes on for over a day, where timecode ends: "
                "ask for fewer tags, or take csv, json or vtt"
            )
        codes = " ".join(numbers.code(at) for at in (first + start, first + end, record, record_end))
        lines += [
            f"{number:03}  {name:<{REEL_LETTERS_MAX}} V     C        {codes}",
            f"* FROM CLIP NAME: {printable(video.name)}",
            f"* COMMENT: {printable(segment.tag)}",
            f"* LOC: {numbers.code(record + segment.start_frame - start)} {MARKER} {printable(segment.tag)}",
        ]
        record = record_end
    return "\n".join(lines) + "\n"


def cautions(segments: Segments, reel: str | None = None, handles: int = 0) -> Iterator[str]:
    """Yields what may go wrong when the list is read, a line for each.

    Raises:
        BadSettings: as `as_edl`, for the rate.
    """
    video = segments.report.video
    name, (numbers, _) = printable(video.name), _start(video)
    if _uneven(segments.report):
        yield (
            f"{name}: frames are missing or come unevenly ({video.fps:g} a second on average): the EDL "
            "counts frames, so programs that go by time will be off; csv, json and vtt have the times"
        )
    if numbers.base not in BASES:
        yield (
            f"{name}: the EDL counts {numbers.base} frames a second, and some programs know only "
            f"{', '.join(map(str, BASES))}: make a copy of the film at one of these, and tag that"
        )
    yield from cautions_of_scan(segments.report)
    yield from _of_source(segments, reel, handles)
    if len(segments.segments) > EVENTS_MAX:
        yield (
            f"{name}: {len(segments.segments)} events in the EDL, and CMX 3600 numbers {EVENTS_MAX}: "
            "some programs will not read all"
        )


def cautions_of_scan(report: TagReport) -> Iterator[str]:
    """Yields how far boundaries may lie from the frame, where not every frame was decoded."""
    name, how = report.video.name, report.scan
    exact = "--exact looks at them again"
    if how.used == "references":
        yield f"{name}: boundaries were looked for in frames that others need: events may be a frame off; {exact}"
    elif how.used == "fast" and how.unseen != 0:  # None in reports of before it was said
        many = f"{how.unseen} of {len(report.shots) - 1}" if how.unseen else "some"
        yield (
            f"{name}: {many} boundaries stand where the encoder put a key frame, and what is before was not decoded: "
            f"events may be some frames off; {exact}"
        )


def _of_source(segments: Segments, reel: str | None, handles: int) -> Iterator[str]:
    """What may go wrong with the timecode or the reel that the file names."""
    video = segments.report.video
    name, code, own = printable(video.name), video.declared.timecode, video.declared.reel
    numbers, first = _start(video)
    if code and numbers.frame(code) is None:
        yield f"{name}: begins at {code}, it says, which no frame has at {video.fps:g} a second: the EDL counts from 0"
    if numbers.drop and abs(video.fps - numbers.base) < abs(video.fps - numbers.base * NTSC):
        yield (
            f"{name}: begins at {code}, which drops numbers, and has {video.fps:g} frames a second: some programs "
            "know that at 29.97 and 59.94 only"
        )
    spans = [_with_handles(segment, video, handles) for segment in segments.segments]
    if any((first + start) // numbers.day < (first + end) // numbers.day for start, end in spans):
        yield f"{name}: begins at {code}, and an event ends past midnight, before it begins: some programs refuse that"
    if own and reel is None and own != _reel(video, None):
        yield (
            f"{name}: its reel {printable(own)!r} is {_reel(video, None)} in the EDL, as CMX 3600 has up to "
            f"{REEL_LETTERS_MAX} capital letters and digits: --reel names another"
        )


def _start(video: VideoInfo) -> tuple[Numbering, int]:
    """How frames are numbered, and the place of the film's first among them."""
    if not 0 < video.fps < BASE_MAX + 0.5:  # also refuses NaN
        raise BadSettings(
            f"EDL of {printable(video.name)}: {video.fps:g} frames a second, and a timecode names up to {BASE_MAX}: "
            "take csv, json or vtt"
        )
    numbers = numbering(video.fps, video.declared.timecode)
    return numbers, numbers.frame(video.declared.timecode or "") or 0


def _reel(video: VideoInfo, asked: str | None) -> str:
    """The reel in capital letters and digits: the one asked for, or what these make of the file's own."""
    if asked is not None:
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,{REEL_LETTERS_MAX}}}", asked) or asked.upper() == BLACK:
            raise BadSettings(
                f"reel {asked!r}: takes 1 to {REEL_LETTERS_MAX} letters and digits, and not {BLACK}, black"
            )
        return asked.upper()
    own = re.sub("[^A-Z0-9]", "", (video.declared.reel or "").upper())[:REEL_LETTERS_MAX]
    return NO_REEL if own in ("", BLACK) else own


def _with_handles(segment: Segment, video: VideoInfo, handles: int) -> tuple[int, int]:
    """First frame of an event, and the one after its last."""
    if handles < 0:
        raise BadSettings(f"handles = {handles}: frames, from 0")
    film_end = max(video.frame_count, segment.end_frame)
    return max(0, segment.start_frame - handles), min(film_end, segment.end_frame + handles)


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
