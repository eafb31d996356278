#!/usr/bin/env bash
# x264 with intra-refresh=1: packets flagged as key frames hold P pictures. A seek to one gives no picture until the
# sweep is through, and decoding the flagged packets alone gives wrong pictures without any error.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2, libx264) in MP4 and Matroska.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import io

import av
import numpy as np
from av.video.frame import PictureType

FRAMES, GOP, SIZE = 60, 12, 128
blocks = np.random.default_rng(0).integers(0, 255, (SIZE // 16, 2 * SIZE // 16, 3), dtype=np.uint8)
scene = blocks.repeat(16, axis=0).repeat(16, axis=1)  # a wall of coloured squares, which the camera pans over


def film(container, **options):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream("libx264", rate=25, options={"g": str(GOP), "bf": "0", **options})
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for i in range(FRAMES):
            picture = np.ascontiguousarray(scene[:, i : i + SIZE])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


def opened(data):
    return av.open(io.BytesIO(data))


def luma(frame):
    return frame.to_ndarray(format="gray").astype(int)


def measure(data):
    with opened(data) as film:
        frames = list(film.decode(video=0))
    number = {frame.pts: i for i, frame in enumerate(frames)}
    with opened(data) as film:
        flagged = [packet for packet in film.demux(video=0) if packet.is_keyframe]
        keys = [packet.pts for packet in flagged]
    kinds = [PictureType(frames[number[pts]].pict_type).name for pts in keys]
    landed = []
    for pts in keys:
        with opened(data) as film:
            film.seek(pts, stream=film.streams.video[0])
            first = next(film.decode(video=0), None)
            landed.append(None if first is None else number[first.pts])
    with opened(data) as film:
        film.streams.video[0].codec_context.skip_frame = "NONKEY"
        pictures = sum(1 for _ in film.decode(video=0))
    off, corrupt = [], 0
    with opened(data) as film:
        decoder = film.streams.video[0].codec_context
        for packet in film.demux(video=0):
            if packet.is_keyframe or packet.size == 0:  # the empty packet flushes the decoder
                for frame in decoder.decode(packet):
                    off.append(int(np.abs(luma(frame) - luma(frames[number[frame.pts]])).mean()))
                    corrupt += frame.is_corrupt
    return [number[pts] for pts in keys], kinds, landed, pictures, off, corrupt


print("PyAV", av.__version__, "with FFmpeg", av.ffmpeg_version_info)
every = list(range(0, FRAMES, GOP))
for container in ("mp4", "matroska"):
    plain, swept = measure(film(container)), measure(film(container, **{"intra-refresh": "1"}))
    for name, seen in (("plain", plain), ("intra-refresh", swept)):
        print(f"{container}, {name}: flagged frames {seen[0]}, of kinds {seen[1]}, a seek there gives frames {seen[2]}")
        print(f"  skip_frame=NONKEY gives {seen[3]} pictures; flagged packets alone are off by {seen[4]} levels of 255")
    assert plain == (every, ["I"] * 5, every, 5, [0] * 5, 0), plain
    flagged, kinds, landed, pictures, off, corrupt = swept
    assert flagged == every and kinds == ["I"] + ["P"] * 4, swept
    assert landed[0] == 0 and all(got is None or got >= key + 3 for key, got in zip(every[1:], landed[1:], strict=True))
    assert pictures == 1, swept
    assert len(off) >= 2 and off[0] == 0 and min(off[1:]) >= 10 and corrupt == 0, swept
print("as found: flagged key frames of an intra-refresh film are P pictures that do not decode alone")
PY
