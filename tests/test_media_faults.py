"""Films that are broken, odd or hostile: each gives what is left of it, or one clear line."""

from __future__ import annotations

import itertools
import json
import os
import queue
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import jsonschema
import media
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from tagger import Settings, Tagger
from tagger.errors import BadPath, EmptyVideo, NoVideoStream, VideoUnreadable
from tagger.records import ShotPicture
from tagger.reports.json_report import SCHEMA_FILE, as_json
from tagger.settings import DETECTORS, Opening
from tagger.shots import scan as reading
from tagger.shots.evidence import Choice
from tagger.shots.scan import FilmReader, scan
from tagger.video.clock import Clock
from tagger.video.film import Film
from tagger.video_info import VideoInfo

SCHEMA = json.loads(SCHEMA_FILE.read_text())
FRAME_S = 0.04
FLIPPED_BYTES = 60
ASF_PICTURES = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")  # says that a stream is one of pictures
MUTATIONS, MUTATIONS_SAMPLE, PATIENCE_S = 200, 60, 10.0
SMALL: dict[str, dict[str, Any]] = {
    "a.mp4": {"options": {"g": "12"}},
    "b.mkv": {"options": {"g": "12", "bf": "3"}},
    "c.avi": {"codec": "mpeg4", "options": {"g": "12"}},
    "d.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
}


@pytest.fixture(scope="module")
def one() -> Tagger:
    return Tagger()


def scanned(path: Path, **settings: Any) -> tuple[list[ShotPicture], VideoInfo]:
    with Film(path) as film:
        scanning = scan(film, Settings(**{"scan": "full", "min_entropy_bits": 0.0, **settings}))
        return list(scanning.shots), film.info(scanning.observer)


def spans(pictures: list[ShotPicture]) -> list[tuple[float, float]]:
    return [(found.shot.start_s, found.shot.end_s) for found in pictures]


def together(path: Path, *films: Path, flags: tuple[int, ...] = (), cover: bytes = b"") -> Path:
    """A film whose streams are those of these films, as they are, with these dispositions, and a JPEG."""
    with av.open(str(path), "w") as new:
        packets = []
        for place, film in enumerate(films):
            old = av.open(str(film))
            stream = new.add_stream_from_template(old.streams.video[0])
            if flags:
                stream.disposition = flags[place]  # type: ignore[assignment]
            packets += [(packet.dts * packet.time_base, place, stream, packet) for packet in old.demux(video=0)
                        if packet.dts is not None]  # fmt: skip
        if cover:
            new.add_attachment("cover.jpg", "image/jpeg", cover)
        for _, _, stream, packet in sorted(packets, key=lambda found: found[:2]):
            packet.stream = stream
            new.mux(packet)
    return path


def with_index_first(film: Path, path: Path) -> Path:
    with av.open(str(film)) as old, av.open(str(path), "w", options={"movflags": "+faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return path


# What is not whole


def test_half_a_film_whose_index_stood_at_its_end_is_refused(film: media.Truth, tmp_path: Path) -> None:
    half = tmp_path / "half.mp4"
    half.write_bytes(film.path.read_bytes()[: film.path.stat().st_size // 2])
    with pytest.raises(VideoUnreadable, match="half.mp4: is no video that FFmpeg can open"):
        Film(half)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "nothing.mp4").touch()
    with pytest.raises(VideoUnreadable, match="nothing.mp4: is empty"):
        Film(tmp_path / "nothing.mp4")


def test_of_a_film_cut_at_sixty_percent_half_the_frames_count(one: Tagger, tmp_path: Path) -> None:
    whole = with_index_first(
        media.film(tmp_path / "plain.mp4", (25, 25), options={"g": "10"}).path, tmp_path / "whole.mp4"
    )
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    report = one.extract(cut)
    assert 24 <= report.video.frame_count < 50
    assert report.status == "truncated"
    assert report.shots[-1].end_frame == report.video.frame_count


def test_of_half_a_matroska_film_two_fifths_of_the_frames_count(one: Tagger, tmp_path: Path) -> None:
    whole = media.film(tmp_path / "whole.mkv", (25, 25), options={"g": "10"}).path
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    report = one.extract(cut)
    assert 20 <= report.video.frame_count < 50
    assert report.status == "truncated"


def test_sixty_bytes_flipped_cost_two_frames_at_most(one: Tagger, tmp_path: Path) -> None:
    """Of the pictures; the index is as it was."""
    body = media.film(tmp_path / "whole.mp4", (25, 25), options={"g": "10"}).path.read_bytes()
    first, last = body.index(b"mdat") + 800, body.index(b"moov")  # behind what x264 says of itself
    for attempt in range(6):
        rng, changed = random.Random(attempt), bytearray(body)
        for _ in range(FLIPPED_BYTES):
            changed[rng.randrange(first, last)] ^= 0xFF
        flipped = tmp_path / f"flipped {attempt}.mp4"
        flipped.write_bytes(changed)
        report = one.extract(flipped)
        assert abs(report.video.frame_count - 50) <= 2


def test_one_frame_is_one_shot_from_nothing_to_its_length(one: Tagger, tmp_path: Path) -> None:
    (shot,) = one.extract(media.film(tmp_path / "one.mp4", (1,)).path).shots
    keyframe = shot.keyframe
    assert (shot.start_s, keyframe.frame, keyframe.time_s, keyframe.kept) == (0.0, 0, 0.0, True)
    assert shot.end_s == pytest.approx(FRAME_S)


def test_a_stream_without_a_frame_is_an_empty_video(film: media.Truth, tmp_path: Path) -> None:
    """A live recording, stopped before the first of its fragments."""
    begun = tmp_path / "begun.mp4"
    with av.open(str(film.path)) as old, av.open(str(begun), "w", options={"movflags": "empty_moov"}) as new:
        new.add_stream_from_template(old.streams.video[0])
        new.start_encoding()
    begun.write_bytes(begun.read_bytes().partition(b"mfra")[0])
    with Film(begun) as opened, pytest.raises(EmptyVideo, match="begun.mp4: its h264 stream gave no picture"):
        list(opened.frames())
    for asked in ("full", "fast"):
        with pytest.raises(EmptyVideo):
            scanned(begun, scan=asked)


def test_a_container_without_a_stream_holds_no_video(film: media.Truth, tmp_path: Path) -> None:
    """What is left where a copy begins behind the end of its film."""
    with av.open(str(film.path)) as old, av.open(str(tmp_path / "none.mp4"), "w") as new:
        new.add_stream_from_template(old.streams.video[0])
        new.start_encoding()
    with pytest.raises(NoVideoStream, match="nothing at all"):
        Film(tmp_path / "none.mp4")


# What is rare


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_film_without_a_cut_is_one_shot(detector: str, tmp_path: Path) -> None:
    truth = media.film(tmp_path / "one.mp4", (40,))
    (found,) = scanned(truth.path, detector=detector)[0]
    assert (found.shot.start_frame, found.shot.end_frame, found.shot.keyframe.frame) == (0, 40, 20)


def test_cuts_where_the_rate_changes_have_their_time(tmp_path: Path) -> None:
    """One frame a second, then sixty, then one: a dark, a grey and a light shot of two seconds each."""
    lengths, ticks = (2, 120, 2), (60, 1, 60)
    noise = [np.random.default_rng(shot).integers(0, 80, (180, 320, 3), np.uint8) for shot in range(3)]
    shots = [still + np.uint8(80 * shot) for shot, still in enumerate(noise)]
    pictures = [still for still, length in zip(shots, lengths, strict=True) for _ in range(length)]
    durations = tuple(tick for tick, length in zip(ticks, lengths, strict=True) for _ in range(length))
    truth = media.write(tmp_path / "vfr.mkv", iter(pictures), rate=60, durations=durations)
    shown, info = scanned(truth.path)
    assert [start for start, _ in spans(shown)] == pytest.approx([0.0, 2.0, 4.0], abs=0.02)
    assert info.duration_s == pytest.approx(6.0, abs=1.0)


@pytest.mark.parametrize(
    ("name", "size", "how"),
    [
        ("ten-bit.mkv", (320, 180), {"codec": "libx265", "pix_fmt": "yuv420p10le",
                                     "options": {"x265-params": "log-level=none"}}),
        ("full-chroma.mp4", (321, 241), {"pix_fmt": "yuv444p"}),
        ("gray.mkv", (320, 180), {"pix_fmt": "gray"}),
        ("two.mkv", (2, 2), {}),
        ("one.mkv", (1, 1), {"codec": "ffv1", "pix_fmt": "yuv444p"}),
        ("line.mkv", (4000, 1), {"codec": "ffv1", "pix_fmt": "yuv444p"}),
    ],
)  # fmt: skip
def test_odd_formats_give_a_report(
    one: Tagger, name: str, size: tuple[int, int], how: dict[str, Any], tmp_path: Path
) -> None:
    still = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    pictures = iter([still] * 25) if min(size) < 16 else media.shots((25,), *size)
    report = one.extract(media.write(tmp_path / name, pictures, **how).path)
    jsonschema.validate(json.loads(as_json(report)), SCHEMA)
    assert (report.status, report.video.frame_count) == ("ok", 25)
    assert (report.video.width, report.video.height) == size
    assert len(report.shots) == 1


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_size_that_changes_is_no_obstacle_to_any_detector(detector: str, tmp_path: Path) -> None:
    parts = [media.film(tmp_path / f"{w}.ts", (30,), width=w, height=h) for w, h in ((320, 180), (240, 320))]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    shown, info = scanned(joined, detector=detector)
    assert info.frame_count == shown[-1].shot.end_frame == 60
    assert (info.width, info.height) == (320, 180)  # as it begins
    assert {found.pixels.shape[:2] for found in shown} <= {(180, 320), (320, 240)}
    assert all(one.shot.end_s == two.shot.start_s for one, two in itertools.pairwise(shown))


def test_pixels_that_are_not_square_are_no_error(one: Tagger, tmp_path: Path) -> None:
    """A DVD in wide screen: 16:11 each; the network sees the whole picture as a square in any case."""
    path = tmp_path / "anamorphic.mkv"
    with av.open(str(path), "w") as new:
        stream = new.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        for step, picture in enumerate(media.shots((20, 20), 360, 288)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = step, Fraction(1, 25)
            new.mux(stream.encode(frame))
        new.mux(stream.encode(None))
    with av.open(str(path)) as made:
        assert made.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
    report = one.extract(path)
    assert (report.status, len(report.shots)) == ("ok", 2)
    assert (report.video.width, report.video.height) == (360, 288)


def test_a_stream_that_names_no_rate_has_one(tmp_path: Path, film: media.Truth) -> None:
    raw = tmp_path / "raw.h264"
    with av.open(str(film.path)) as old, av.open(str(raw), "w", format="h264") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    with Film(raw) as opened:
        assert opened.declared.fps == 25.0
        times_s = [frame.time_s for frame in opened.frames()]
    assert times_s == pytest.approx([FRAME_S * at for at in range(100)], abs=1e-3)


def test_a_first_frame_before_the_beginning_is_at_zero() -> None:
    """The container says that it begins at one second, the stream does a tenth before."""
    clock = Clock(1_000_000, Fraction(1, 1000), FRAME_S)
    assert [clock.read(stamp) for stamp in (900, 940)] == pytest.approx([0.0, FRAME_S])


# What is beside the film


@pytest.fixture(scope="module")
def cover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture larger than the film, as a film of one frame."""
    picture = media.scenery(9, 640, 640)
    path = tmp_path_factory.mktemp("cover") / "cover.mp4"
    return media.write(path, iter([picture]), codec="mjpeg", pix_fmt="yuvj420p").path


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_of_a_cover_and_a_film_the_film_is_taken(
    first: bool, suffix: str, film: media.Truth, cover: Path, tmp_path: Path
) -> None:
    """Though nothing says that it is a cover, and in an MP4 the first stream is the one to be shown."""
    films = (cover, film.path) if first else (film.path, cover)
    shown, info = scanned(together(tmp_path / f"two{suffix}", *films))
    assert (info.width, info.frame_count, len(shown)) == (320, 100, 3)


def test_where_all_films_are_for_few_the_largest_is_taken_and_no_cover(tmp_path: Path) -> None:
    """FFmpeg prefers any stream to one for those who see little, and takes a cover for a stream."""
    sizes = ((96, 54), (320, 180), (64, 36))
    films = [media.film(tmp_path / f"{w}.mp4", (9,), width=w, height=h).path for w, h in sizes]
    cover = cv2.imencode(".jpg", media.scenery(9, 640, 640))[1].tobytes()
    path = together(tmp_path / "all.mkv", *films, flags=(Disposition.visual_impaired,) * 3, cover=cover)
    with av.open(str(path)) as opened:
        assert opened.streams.best("video") == opened.streams.video[-1]
        assert opened.streams.video[-1].disposition & Disposition.attached_pic
    assert scanned(path)[1].width == 320


def test_a_cover_alone_is_no_film(cover: Path, tmp_path: Path) -> None:
    """As in a song."""
    path = tmp_path / "song.m4a"
    with av.open(str(cover)) as old, av.open(str(path), "w", format="mp4") as new:
        sound = new.add_stream("aac", rate=48000)
        picture = new.add_stream_from_template(old.streams.video[0])
        picture.disposition = Disposition.attached_pic
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        frame.rate, frame.pts = 48000, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        packets = [*sound.encode(frame), *sound.encode(None)]
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                packets.append(packet)
        for packet in packets:
            new.mux(packet)
    with pytest.raises(NoVideoStream, match="song.m4a: holds no video stream \\(audio, video\\)"):
        Film(path)


def test_of_two_films_in_one_file_the_larger_is_taken_wherever_it_stands(film: media.Truth, tmp_path: Path) -> None:
    """A preview may come first."""
    other = media.film(tmp_path / "other.mp4", (50, 50), width=240, height=136)
    for name, films in (("two.mkv", (film.path, other.path)), ("owt.mp4", (other.path, film.path))):
        info = scanned(together(tmp_path / name, *films))[1]
        assert (info.width, info.stream) == (320, films.index(film.path))


def test_of_two_films_of_one_size_the_one_to_be_shown_is_taken_then_the_first(
    film: media.Truth, tmp_path: Path
) -> None:
    other = media.film(tmp_path / "other.mp4", (50, 50))
    both = (film.path, other.path)
    assert scanned(together(tmp_path / "two.mkv", *both, flags=(0, 0)))[1].stream == 0
    assert scanned(together(tmp_path / "other.mkv", *both, flags=(0, Disposition.default)))[1].stream == 1


@pytest.mark.parametrize("flag", [Disposition.visual_impaired, Disposition.hearing_impaired])
def test_a_larger_film_for_few_is_passed_over(flag: Disposition, film: media.Truth, tmp_path: Path) -> None:
    other = media.film(tmp_path / "other.mp4", (50, 50), width=640, height=360)
    path = together(tmp_path / "two.mkv", other.path, film.path, flags=(flag, 0))
    assert scanned(path)[1].width == 320


def test_a_larger_track_of_stills_is_passed_over(film: media.Truth, tmp_path: Path) -> None:
    """As cameras write beside the film, with several pictures and no sign that they are not the film."""
    still = {"codec": "mjpeg", "pix_fmt": "yuvj420p"}
    thumbs = media.film(tmp_path / "thumbs.avi", (5, 5), width=640, height=360, **still).path
    assert scanned(together(tmp_path / "two.mov", thumbs, film.path))[1].width == 320
    assert scanned(thumbs)[1].width == 640


@pytest.mark.parametrize("how", ["full", "references", "fast"])
def test_the_stream_that_is_asked_for_is_read_and_named(
    how: str, film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "choose", lambda *_: Choice(how, "told to", {250}))
    small = media.film(tmp_path / "small.mp4", (60, 40, 60), width=160, height=90).path
    path = together(tmp_path / "two.mkv", small, film.path)
    with FilmReader(path, Settings(stream=0)) as reader:
        pictures = list(reader.pictures(32))
        scanned_film = reader.scanned()
    assert scanned_film.scan.used == how
    assert (scanned_film.video.width, scanned_film.video.stream) == (160, 0)
    assert [shot.end_frame for shot in scanned_film.shots] == [60, 100, 160]
    assert len(pictures) == 3


@pytest.mark.parametrize("ext", ["mp4", "mkv", "ts"])
def test_a_large_stream_that_ends_at_once_is_no_film(ext: str, film: media.Truth, tmp_path: Path) -> None:
    large = media.film(tmp_path / "large.mp4", (10,), width=640, height=360).path
    with Film(together(tmp_path / f"two.{ext}", large, film.path)) as opened:
        assert sum(1 for _ in opened.frames()) == film.frame_count


def test_a_stream_that_is_not_there_is_one_line_that_names_those_there_are(film: media.Truth, tmp_path: Path) -> None:
    small = media.film(tmp_path / "small.mp4", (9,), width=160, height=90).path
    path = together(tmp_path / "two.mkv", small, film.path)
    with pytest.raises(NoVideoStream) as caught:
        Film(path, Opening(stream=5))
    assert str(caught.value) == (f"{path}: its stream 5 holds no pictures; there are 0: h264 160x90, 1: h264 320x180")


def test_a_stream_without_a_decoder_is_named_and_another_taken(film: media.Truth, tmp_path: Path) -> None:
    other = media.film(tmp_path / "other.mp4", (40,), width=96, height=54)
    body = together(tmp_path / "two.mkv", film.path, other.path).read_bytes()
    known, unknown = b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVC"
    (tmp_path / "none.mkv").write_bytes(body.replace(known, unknown))
    with pytest.raises(VideoUnreadable, match="none.mkv: no decoder for its video stream"):
        Film(tmp_path / "none.mkv")
    (tmp_path / "one.mkv").write_bytes(body.replace(known, unknown, 1))
    assert scanned(tmp_path / "one.mkv")[1].frame_count == 40


# What is hostile


def test_what_is_opened_may_open_nothing_but_files(film: media.Truth) -> None:
    """No demuxer that is allowed follows an address today; should one learn to, there is no protocol for it."""
    with Film(film.path) as opened:
        assert opened._container.container_options["protocol_whitelist"] == "file"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.txt", "frame%03d.png", "dash.mpd"])
def test_what_names_other_files_is_no_film(name: str, film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "film.ts").write_bytes(media.film(tmp_path / "real.ts", (10,)).path.read_bytes())
    scripts = {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfilm.ts\n#EXT-X-ENDLIST\n",
        "list.mp4": f"ffconcat version 1.0\nfile '{film.path}'\n",
        "list.txt": "ffconcat version 1.0\nfile film.ts\n",
        "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        '<AdaptationSet mimeType="video/mp2t"><Representation id="1" bandwidth="1"><BaseURL>film.ts</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
    }
    (tmp_path / name).write_text(scripts.get(name, ""))
    with pytest.raises(VideoUnreadable, match="is no video|is empty"):
        Film(tmp_path / name)


CHILD = """
import sys
from pathlib import Path
from tagger.errors import MovieTagsError
from tagger.pipeline import Engine
from tagger.reports.json_report import as_json
one = Engine()
one.model()
print("ready", flush=True)
for name in sys.argv[1:]:
    try:
        report = one.extract(Path(name))
        as_json(report)
        print(name, "report", report.status, flush=True)
    except MovieTagsError as error:
        assert "\\n" not in str(error), error
        print(name, "refused", type(error).__name__, flush=True)
"""


def mutated(body: bytes, attempt: int) -> bytes:
    """The file with bytes changed anywhere, or a piece of it gone, twice there, filled with zeros, or cut off."""
    rng, changed = random.Random(attempt), bytearray(body)
    kind = attempt % 6
    place, length = rng.randrange(len(body)), rng.randrange(1, len(body) // 8)
    if kind in (0, 1):
        for _ in range(rng.choice([1, 5, 60])):
            changed[rng.randrange(1000 if kind else len(body))] = rng.randrange(256)
    elif kind == 2:
        del changed[place : place + length]
    elif kind == 3:
        changed[place:place] = changed[place : place + length]
    elif kind == 4:
        changed[place : place + length] = bytes(len(changed[place : place + length]))
    else:
        del changed[place:]
    return bytes(changed)


def outcomes(films: list[Path]) -> Iterator[tuple[str, str]]:
    """What each film comes to, in a process that is ended when it says nothing for so long, and begun anew."""
    while films:
        command = [sys.executable, "-c", CHILD, *map(str, films)]
        lines: queue.Queue[str] = queue.Queue()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            threading.Thread(target=pass_on, args=(process, lines)).start()
            assert lines.get(timeout=60) == "ready\n"
            alive = True
            while films and alive:
                try:
                    said = lines.get(timeout=PATIENCE_S)
                except queue.Empty:
                    process.kill()
                    said = f"{films[0]} hung"
                if not said:
                    said = f"{films[0]} died {process.wait()} {process.stderr and process.stderr.read()[-300:]}"
                alive = said.startswith((f"{films[0]} report", f"{films[0]} refused"))
                yield films.pop(0).name, said.partition(" ")[2].strip()


def pass_on(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """What it says, line by line, and nothing when it has ended."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put("")


def test_no_mutation_hangs_or_crashes(tmp_path: Path, campaign: Callable[[int, int], int]) -> None:
    count = campaign(MUTATIONS_SAMPLE, MUTATIONS)
    bodies = {
        name: media.film(tmp_path / name, (12, 12), width=96, height=54, **how).path.read_bytes()
        for name, how in SMALL.items()
    }
    films = []
    for attempt, name in zip(range(count), itertools.cycle(bodies), strict=False):
        films.append(tmp_path / f"{attempt}{name}")
        films[-1].write_bytes(mutated(bodies[name], attempt))
    found = dict(outcomes(films))
    assert len(found) == count
    bad = {name: outcome for name, outcome in found.items() if outcome.split()[0] not in ("report", "refused")}
    assert bad == {}
    kinds = {tuple(outcome.split()) for outcome in found.values()}
    assert kinds >= {("report", "ok"), ("report", "truncated"), ("refused", "VideoUnreadable")}


def test_no_permission_is_said(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed.mp4"
    closed.write_bytes(film.path.read_bytes())
    closed.chmod(0)
    if os.access(closed, os.R_OK):  # whoever may do anything is refused nothing, so it is made up

        def refused(*_: object, **__: object) -> None:
            raise av.error.PermissionError(13, "Permission denied", str(closed))

        monkeypatch.setattr(av, "open", refused)
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadPath, match="closed.mp4: no permission to read it"):
        Film(closed)


def test_a_damaged_film_is_not_called_forbidden(tmp_path: Path) -> None:
    """FFmpeg says of some damaged headers that the operation is not permitted."""
    truth = media.film(tmp_path / "film.asf", (5,), codec="msmpeg4")
    truth.path.write_bytes(truth.path.read_bytes().replace(ASF_PICTURES, bytes(len(ASF_PICTURES))))
    with pytest.raises(av.error.PermissionError):
        av.open(str(truth.path))
    with pytest.raises(VideoUnreadable, match="film.asf: is no video that FFmpeg can open"):
        Film(truth.path)


def test_where_reading_breaks_off_the_frames_before_count(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "film.y4m", (20,), codec="wrapped_avframe")
    body = truth.path.read_bytes()
    frames = body.split(b"FRAME\n")
    assert len(frames) == 21
    truth.path.write_bytes(b"FRAME\n".join(frames[:13]) + b"NOISE\n" + b"FRAME\n".join(frames[13:]))
    with av.open(str(truth.path)) as opened, pytest.raises(av.error.FFmpegError):
        list(opened.demux(video=0))
    shown, info = scanned(truth.path)
    assert info.frame_count == shown[-1].shot.end_frame == 12
