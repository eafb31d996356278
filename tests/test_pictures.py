"""What a keyframe looks like: the colours, the orientation and the fields that a player shows."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import media
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

import tagger
from tagger.images import Pixels
from tagger.settings import Settings
from tagger.shots.scan import FilmReader
from tagger.video.film import Film
from tagger.video.observer import Observer
from tagger.video.pictures import Orientation, rgb, settle

Coded = NDArray[np.float64]  # (height, width, 3), RGB, 0 to 1

UNSPECIFIED, BT709, BT601, BT2020, P3, PQ, HLG = 2, 1, 6, 9, 12, 16, 18
LIMITED, FULL = 1, 2
KR_KB = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), BT2020: (0.2627, 0.0593)}
WHITE_NITS = 203
BT709_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TO_XYZ = {
    BT2020: np.array([[0.6370, 0.1446, 0.1689], [0.2627, 0.6780, 0.0593], [0.0000, 0.0281, 1.0610]]),
    P3: np.array([[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0000, 0.0451, 1.0439]]),
}


def write(
    path: Path, coded: Coded, *, matrix: int, tags: tuple[int, int, int], levels: int = LIMITED, frames: int = 3
) -> Path:
    """A lossless film of one picture in 4:4:4 and 10 bits, made with this matrix.

    Args:
        path: a Matroska file.
        coded: the picture, coded as the film is.
        matrix: that turns it into luma and colour.
        tags: matrix, primaries, transfer that the file names.
        levels: that it names and has.
        frames: how many.
    """
    red, blue = KR_KB[matrix]
    luma = coded @ (red, 1 - red - blue, blue)
    colours = ((coded[..., 2] - luma) / (2 - 2 * blue), (coded[..., 0] - luma) / (2 - 2 * red))
    room, base = ((876, 896), 64) if levels == LIMITED else ((1023, 1023), 0)
    planes = [luma * room[0] + base, *(colour * room[1] + 512 for colour in colours)]
    height, width = luma.shape
    frame = av.VideoFrame(width, height, "yuv444p10le")
    for plane, values in zip(frame.planes, planes, strict=True):
        lines = np.zeros((height, plane.line_size // 2), "<u2")
        lines[:, :width] = np.clip(np.rint(values), 0, 1023)
        plane.update(lines.tobytes())
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = *tags, levels
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p10le"
        codec = stream.codec_context
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = *tags, levels
        for tick in range(frames):
            frame.pts, frame.time_base = tick, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def first(path: Path) -> Pixels:
    with Film(path) as film:
        return next(film.frames()).pixels()


def apart(found: Pixels, wanted: Any) -> float:
    """Mean difference, of 255."""
    return float(np.abs(found.astype(float) - wanted).mean())


def patches(width: int = 160, height: int = 96) -> Pixels:
    """Colours that every set of primaries has, dark to white."""
    small = np.random.default_rng(5).integers(30, 226, (6, 10, 3), np.uint8)
    small[0, :5] = [[0] * 3, [64] * 3, [128] * 3, [192] * 3, [255] * 3]
    return small.repeat(height // 6, 0).repeat(width // 10, 1)


def light_of(picture: Pixels, primaries: int) -> Coded:
    """What an ordinary screen shines, 1 is white, in other primaries."""
    light = (picture / 255.0) ** 2.4
    if primaries == BT709:
        return light
    turned: Coded = light @ (np.linalg.inv(TO_XYZ[primaries]) @ BT709_TO_XYZ).T
    return np.clip(turned, 0, None)


def pq(light: Coded) -> Coded:
    root = (light * WHITE_NITS / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375)


def hlg(light: Coded) -> Coded:
    """Of a screen of 1000 cd/m2, whose own curve is 1.2."""
    shown = light * WHITE_NITS / 1000
    luma = np.maximum(shown @ (0.2627, 0.6780, 0.0593), 1e-9)[..., None]
    scene = shown * luma ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


# Colours


@pytest.mark.parametrize(("transfer", "curve"), [(PQ, pq), (HLG, hlg)])
@pytest.mark.parametrize("primaries", [BT2020, P3, UNSPECIFIED])
def test_high_dynamic_range_looks_as_its_twin_of_standard_range(
    transfer: int, curve: Any, primaries: int, tmp_path: Path
) -> None:
    """Those that name no primaries have BT.2020's."""
    twin = patches()
    coded = curve(light_of(twin, BT2020 if primaries == UNSPECIFIED else primaries))
    path = write(tmp_path / "film.mkv", coded, matrix=BT2020, tags=(BT2020, primaries, transfer))
    assert apart(first(path), twin) < 2.5


def test_what_is_brighter_than_white_stays_apart_from_it(tmp_path: Path) -> None:
    """And nothing is turned around."""
    nits = np.geomspace(1, 4000, 200)
    codes = pq(nits / WHITE_NITS)
    coded = codes[None, :, None].repeat(64, 0).repeat(3, 2)
    levels = first(write(tmp_path / "ramp.mkv", coded, matrix=BT2020, tags=(BT2020, BT2020, PQ)))[32, :, 1].astype(int)
    assert (np.diff(levels) >= 0).all()
    at = {wanted: int(levels[np.abs(nits - wanted).argmin()]) for wanted in (50, 203, 1000, 4000)}
    assert at[50] == pytest.approx(255 * (50 / WHITE_NITS) ** (1 / 2.4), abs=4)
    assert 170 < at[203] < at[1000] - 10 < at[4000] - 10 <= 245


@pytest.mark.parametrize(("primaries", "transfer"), [(BT2020, 14), (P3, BT709)])
def test_wide_primaries_of_standard_range_are_those_of_the_screen(
    primaries: int, transfer: int, tmp_path: Path
) -> None:
    twin = patches()
    coded = light_of(twin, primaries) ** (1 / 2.4)
    matrix = BT2020 if primaries == BT2020 else BT709
    path = write(tmp_path / "wide.mkv", coded, matrix=matrix, tags=(matrix, primaries, transfer))
    assert apart(first(path), twin) < 2.5


@pytest.mark.parametrize(
    ("width", "height", "matrix"), [(1280, 720, BT709), (1280, 536, BT709), (720, 1278, BT709), (720, 576, BT601)]
)
def test_what_names_no_matrix_has_that_of_its_size(width: int, height: int, matrix: int, tmp_path: Path) -> None:
    picture = patches(width // 10 * 10, height // 6 * 6)
    path = write(tmp_path / "film.mkv", picture / 255, matrix=matrix, tags=(UNSPECIFIED,) * 3)
    centres = [[(2 * row + 1) / 12, (2 * column + 1) / 20] for row in range(6) for column in range(10)]

    def sampled(pixels: Pixels) -> Any:
        tall, wide, _ = pixels.shape
        return np.array([pixels[int(y * tall), int(x * wide)] for y, x in centres])

    assert apart(sampled(first(path)), sampled(picture)) < 1.5


@pytest.mark.parametrize("levels", [LIMITED, FULL])
def test_the_range_that_is_named_is_the_range(levels: int, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mkv", patches() / 255, matrix=BT601, tags=(BT601,) * 3, levels=levels)
    assert apart(first(path), patches()) < 1.5
    assert (first(path).min(), first(path).max()) == (0, 255)


def test_a_format_that_is_full_range_by_its_name_is(tmp_path: Path) -> None:
    how: dict[str, Any] = {"codec": "mjpeg", "pix_fmt": "yuvj444p", "options": {"qscale": "1", "qmin": "1"}}
    path = media.write(tmp_path / "film.avi", iter([patches()] * 3), **how).path
    assert apart(first(path), patches()) < 4


@pytest.mark.usefixtures("key_frames_trusted")
@pytest.mark.parametrize("how", ["full", "fast"])
@pytest.mark.parametrize(
    ("matrix", "name"), [("YCgCo", "YCgCo"), ("ICtCp", "ICtCp"), ("bt2020c", "BT.2020 with constant luminance")]
)
def test_a_matrix_that_cannot_be_converted_is_said_and_the_film_read(
    matrix: str, name: str, how: str, tmp_path: Path
) -> None:
    options = {"x264-params": f"colormatrix={matrix}"}
    path = media.film(tmp_path / "odd.mp4", (80, 60, 80), options=options).path
    with FilmReader(path, Settings(scan=how)) as reader:
        assert len(list(reader.pictures(32))) == 3
        read = reader.scanned()
    assert read.scan.used == how
    assert read.notes == (f"colours: its matrix is {name}, which cannot be converted; brightness is right",)


def test_what_is_said_of_the_colours_is_a_warning_of_the_report(tmp_path: Path) -> None:
    path = media.film(tmp_path / "odd.mp4", options={"x264-params": "colormatrix=YCgCo"}).path
    report = tagger.extract(path, backbone="compact")
    assert report.status == "ok"
    assert [warning.partition(":")[0] for warning in report.warnings] == ["colours"]


@pytest.mark.parametrize("tags", [(3, 3, 3), (BT601, 3, 3), (8, 0, 0)])
def test_reserved_tags_are_taken_for_none(tags: tuple[int, int, int], tmp_path: Path) -> None:
    """FFmpeg's scaler refuses them."""
    path = write(tmp_path / "film.mkv", patches() / 255, matrix=BT601, tags=tags)
    assert apart(first(path), patches()) < 1.5


@pytest.mark.parametrize(
    "name", ["gbrp", "rgba", "gray", "ya8", "yuva420p", "nv12", "p010le", "yuyv422", "yuv411p", "bgr0"]
)
def test_pictures_of_every_kind_have_their_colours_whatever_their_tags(name: str) -> None:
    picture = np.full((96, 160, 3), (200, 60, 30), np.uint8)
    for matrix in (UNSPECIFIED, 3, 8, 14):
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=name)
        frame.colorspace, frame.color_primaries, frame.color_trc = matrix, 3, 3
        settle(frame)
        wanted = (98, 98, 98) if name in ("gray", "ya8") else picture[0, 0]
        assert rgb(frame, Orientation())[48, 80] == pytest.approx(wanted, abs=4)


# Orientation

# Of each of the eight: what EXIF calls it, its matrix, where the corners (top left, top right, bottom left) are seen.
ORIENTATIONS = {
    1: ((1, 0, 0, 1), "abc"),
    2: ((-1, 0, 0, 1), "bad"),
    3: ((-1, 0, 0, -1), "dcb"),
    4: ((1, 0, 0, -1), "cda"),
    5: ((0, 1, 1, 0), "acb"),
    6: ((0, 1, -1, 0), "cad"),
    7: ((0, -1, -1, 0), "dbc"),
    8: ((0, -1, 1, 0), "bda"),
}
CORNERS = {"a": (220, 30, 30), "b": (30, 200, 30), "c": (40, 40, 230), "d": (230, 230, 60)}


def cornered(frames: int = 8) -> Iterator[Pixels]:
    """Pictures whose corners a, b (above), c, d (below) are red, green, blue, yellow."""
    for seed in range(frames):
        picture = media.scenery(seed, 320, 180)
        for rows, columns, corner in ((0, 0, "a"), (0, 240, "b"), (120, 0, "c"), (120, 240, "d")):
            picture[rows : rows + 60, columns : columns + 80] = CORNERS[corner]
        yield picture


def seen_corners(pixels: Pixels) -> str:
    """The corners above left, above right, below left."""
    found = []
    for row, column in ((20, 20), (20, -20), (-20, 20)):
        colour = pixels[row, column].astype(int)
        found.append(min(CORNERS, key=lambda name: int(np.abs(colour - CORNERS[name]).sum())))
    return "".join(found)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of a key frame every second frame."""
    return media.write(tmp_path_factory.mktemp("plain") / "plain.mp4", cornered(), options={"g": "2"}).path


def with_matrix(film: Path, path: Path, matrix: tuple[int, ...]) -> Path:
    """The MP4 whose track has this display matrix (a, b, c, d)."""
    a, b, c, d = (part * 0x10000 for part in matrix)
    upright = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    body = film.read_bytes()
    at = body.index(upright, body.index(b"tkhd"))
    turned = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(body[:at] + turned + body[at + len(turned) :])
    return path


def filtered(film: Path, path: Path, filters: str) -> Path:
    """The film after a filter of bit streams."""
    with av.open(str(film)) as old, av.open(str(path), "w") as new:
        stream = old.streams.video[0]
        to = new.add_stream_from_template(stream)
        through = BitStreamFilterContext(filters, stream)
        for packet in old.demux(stream):
            for changed in through.filter(packet if packet.size else None):
                changed.stream = to
                new.mux(changed)
    return path


@pytest.mark.parametrize("exif", ORIENTATIONS)
def test_all_eight_orientations_are_undone(exif: int, plain: Path, tmp_path: Path) -> None:
    matrix, corners = ORIENTATIONS[exif]
    path = with_matrix(plain, tmp_path / "turned.mp4", matrix)
    observer = Observer()
    with Film(path) as film:
        pictures = [frame.pixels() for frame in film.frames(observer)]
    size = (180, 320) if exif > 4 else (320, 180)
    assert (observer.observed().width, observer.observed().height) == size
    assert {(seen_corners(pixels), pixels.shape[1::-1]) for pixels in pictures} == {(corners, size)}


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
@pytest.mark.parametrize("exif", [2, 5, 6])
def test_other_containers_turn_and_mirror_too(exif: int, suffix: str, plain: Path, tmp_path: Path) -> None:
    if not hasattr(VideoStream, "set_display_matrix"):
        pytest.skip("this PyAV writes no display matrix")
    (a, b, c, d), corners = ORIENTATIONS[exif]
    path = tmp_path / f"turned{suffix}"
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        one = 0x10000
        stream.set_display_matrix([a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert seen_corners(first(path)) == corners


def test_a_turn_by_a_little_more_or_less_is_the_nearest_quarter(plain: Path, tmp_path: Path) -> None:
    body = with_matrix(plain, tmp_path / "turned.mp4", (0, 1, -1, 0)).read_bytes()
    exact, near = (struct.pack(">5i", a, b, 0, -b, a) for a, b in ((0, 0x10000), (0x0800, 0xFF00)))
    (tmp_path / "near.mp4").write_bytes(body.replace(exact, near))
    assert near in (tmp_path / "near.mp4").read_bytes()
    assert seen_corners(first(tmp_path / "near.mp4")) == ORIENTATIONS[6][1]


@pytest.mark.usefixtures("key_frames_trusted")
@pytest.mark.parametrize("how", ["full", "fast"])
def test_an_orientation_that_comes_with_the_first_picture_is_that_of_the_film(how: str, tmp_path: Path) -> None:
    """As H.264 says it; a picture later in the film says nothing."""
    stream = media.film(tmp_path / "upright.ts", (80, 60, 80)).path  # MP4 has a form of H.264 that the filter breaks
    path, upright = tmp_path / "turned.mp4", tmp_path / "upright.mp4"
    filtered(stream, path, "h264_metadata=display_orientation=insert:rotate=90:flip=horizontal")
    filtered(stream, upright, "null")
    with Film(path) as film:
        carried = [len(list(frame.picture.side_data)) for frame in film.frames()]
    pictures = {}
    for name in (path, upright):
        with FilmReader(name, Settings(scan=how)) as reader:
            pictures[name] = list(reader.pictures(64))
            read = reader.scanned()
        assert read.scan.used == how
        assert (read.video.width, read.video.height) == ((180, 320) if name == path else (320, 180))
    assert sum(map(bool, carried)) < len(carried) / 2
    for turned, straight in zip(pictures[path], pictures[upright], strict=True):
        assert apart(turned, straight.swapaxes(0, 1)) < 6 < apart(turned, straight)


# Fields


def moving(frames: int, height: int) -> Iterator[Pixels]:
    """A bright board that moves to the right, twice a frame, woven from both moments."""
    for moment in range(0, 2 * frames, 2):
        woven = board(moment, height)
        woven[1::2] = board(moment + 1, height)[1::2]
        yield woven


def board(moment: int, height: int) -> Pixels:
    picture = np.full((height, 720, 3), 60, np.uint8)
    picture[height // 4 : -height // 4, 40 + 24 * moment : 340 + 24 * moment] = (210, 190, 40)
    return picture


INTERLACED: dict[str, dict[str, Any]] = {
    "film.ts": {"codec": "mpeg2video", "options": {"flags": "+ildct+ilme", "q": "2", "g": "1"}},
    "film.mkv": {"options": {"x264-params": "tff=1", "crf": "12"}},
    "bottom.mp4": {"options": {"x264-params": "bff=1", "crf": "12"}},
    "untold.mp4": {"options": {"crf": "12"}},
}


@pytest.mark.parametrize("height", [576, 1080])
@pytest.mark.parametrize("name", INTERLACED)
def test_no_comb_reaches_a_picture(name: str, height: int, tmp_path: Path) -> None:
    """Nor where the stream does not say that it is interlaced."""
    path = media.write(tmp_path / name, moving(3, height), **INTERLACED[name]).path
    with Film(path) as film:
        for index, frame in enumerate(film.frames()):
            assert frame.picture.interlaced_frame == (name != "untold.mp4")
            pixels = frame.pixels().astype(int)
            above, line, below = pixels[:-2], pixels[1:-1], pixels[2:]
            between = np.minimum(np.abs(line - above), np.abs(line - below))[np.abs(above - below) < 8]
            assert between.max(initial=0) < 40
            middle = frame.pixels()[256, :, 0].astype(float)
            scale = len(middle) / 720
            left = np.argmax(middle > 135) / scale
            assert left - 40 - 48 * index == pytest.approx(0, abs=3) or left - 64 - 48 * index == pytest.approx(
                0, abs=3
            )


def test_a_still_picture_in_fields_keeps_all_its_lines(tmp_path: Path) -> None:
    """Films are sent as fields of one moment each."""
    picture = np.full((576, 720, 3), 60, np.uint8)
    for row in range(0, 576, 12):
        cv2.line(picture, (0, row), (719, row + 300), (210, 210, 210), 2)
    path = media.write(tmp_path / "fields.mkv", iter([picture] * 3), options={"x264-params": "tff=1", "crf": "4"}).path
    shown, one_field = (
        np.asarray(cv2.resize(lines, (640, 512), interpolation=how), np.uint8)
        for lines, how in ((picture, cv2.INTER_AREA), (picture[::2], cv2.INTER_LINEAR))
    )
    with Film(path) as film:
        frame = next(film.frames())
    assert frame.picture.interlaced_frame
    assert 2 * apart(frame.pixels(), shown) < apart(one_field, shown)
