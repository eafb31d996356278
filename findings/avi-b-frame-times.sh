#!/usr/bin/env bash
# B-frames in AVI, which stores no presentation times: frames of MPEG-4 come with right steps but one frame late,
# frames of H.264 with time stamps that go back and forth.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2, libx264).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import io
from itertools import pairwise

import av
import numpy as np

FRAMES, SIZE = 40, 128
blocks = np.random.default_rng(0).integers(0, 255, (SIZE // 16, 2 * SIZE // 16, 3), dtype=np.uint8)
scene = blocks.repeat(16, axis=0).repeat(16, axis=1)  # a wall of coloured squares, which the camera pans over


def stamps(container, codec, **options):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for i in range(FRAMES):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(scene[:, i : i + SIZE]), format="rgb24")))
        out.mux(stream.encode())
    with av.open(io.BytesIO(file.getvalue())) as film:
        start = film.streams.video[0].start_time
        return start, [round(frame.time * 25) for frame in film.decode(video=0)]


films = {
    "MPEG-4, B-frames, AVI": stamps("avi", "mpeg4", bf="2"),
    "MPEG-4, B-frames, Matroska": stamps("matroska", "mpeg4", bf="2"),
    "H.264, no B-frames, AVI": stamps("avi", "libx264", bf="0"),
    "H.264, B-frames, AVI": stamps("avi", "libx264", bf="3", b_strategy="0"),
    "H.264, B-frames, Matroska": stamps("matroska", "libx264", bf="3", b_strategy="0"),
}
print("PyAV", av.__version__)
back = {}
for name, (start, seen) in films.items():
    back[name] = sum(after <= before for before, after in pairwise(seen))
    print(f"{name:28} start_time {start}, frames at {seen[:8]} ..., {back[name]} of {FRAMES - 1} steps not ahead")

even = list(range(FRAMES))
assert films["MPEG-4, B-frames, Matroska"][1] == even and films["H.264, B-frames, Matroska"][1] == even
assert films["MPEG-4, B-frames, AVI"] == (0, [at + 1 for at in even]), "the first frame is no longer late"
assert films["H.264, B-frames, AVI"][0] == 0
assert back["H.264, B-frames, AVI"] >= 15, "time stamps of H.264 in AVI are in order now"
PY
