#!/usr/bin/env bash
# Looking at `frame.side_data` keeps a decoded frame in memory until Python collects garbage, and raises for pictures
# with EXIF, whose number PyAV does not know.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Pillow 12.0.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: av==18.1.0 numpy==2.4.6 pillow==12.0.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import gc

import av
import numpy as np
from PIL import Image

SIZE, FRAMES = 128, 200
picture = np.zeros((SIZE, SIZE, 3), np.uint8)
with av.open("film.mp4", "w") as out:
    stream = out.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
    for _ in range(FRAMES):
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    out.mux(stream.encode())


def alive(look):
    """How many decoded frames that nobody holds any more still exist, with Python's collector off."""
    gc.collect()
    gc.disable()
    with av.open("film.mp4") as film:
        for frame in film.decode(video=0):
            look(frame)
    left = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    gc.enable()
    return left


plain, looked = alive(lambda frame: None), alive(lambda frame: frame.side_data)
print(f"PyAV {av.__version__}: of {FRAMES} frames {plain} exist after the loop; after a look at side_data {looked}")

exif = Image.Exif()
exif[0x0112] = 6  # to be turned by 90 degrees
Image.fromarray(picture).save("photo.jpg", exif=exif)
with av.open("photo.jpg") as photo:
    frame = next(photo.decode(video=0))
try:
    said = f"{len(frame.side_data)} side data"
except ValueError as error:
    said = f"ValueError: {error}"
print(f"a JPEG with EXIF: {said}")
assert plain <= 2 and looked >= FRAMES // 2, (plain, looked)
assert said == "ValueError: 31 is not a valid Type", said
PY
