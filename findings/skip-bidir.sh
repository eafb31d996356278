#!/usr/bin/env bash
# skip_frame=BIDIR is to leave out B-frames and keep the rest. Of x265's streams it keeps hardly more than key frames, as
# that encoder writes its P-frames as B-slices; of x264's it keeps P-frames, but those that refer to a B-frame come out wrong.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2, libx264, libx265).
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

FRAMES, WIDTH, HEIGHT, PAN = 120, 320, 192, 2
rng = np.random.default_rng(0)
blocks = rng.integers(0, 255, (HEIGHT // 16, (WIDTH + PAN * FRAMES) // 16, 3), dtype=np.uint8)
scene = blocks.repeat(16, axis=0).repeat(16, axis=1)  # a wall of coloured squares, which the camera pans over


def film(codec, **options):
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(FRAMES):
            seen = scene[:, PAN * i : PAN * i + WIDTH].astype(np.int16)
            box = int(abs(FRAMES / 2 - i) * 3)  # goes to and fro before it, so that far frames help to predict
            seen[40:104, box : box + 64] = 255 - seen[40:104, box : box + 64]
            noisy = np.clip(seen + np.random.default_rng(i).integers(-9, 10, seen.shape), 0, 255).astype(np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


def frames(data, skip):
    with av.open(io.BytesIO(data)) as opened:
        opened.streams.video[0].codec_context.skip_frame = skip
        return [
            (f.pts, f.key_frame, f.is_corrupt, f.to_ndarray(format="gray").astype(int)) for f in opened.decode(video=0)
        ]


print("PyAV", av.__version__)
found = {}
for name, data in {
    "x264 medium": film("libx264"),
    "x264 veryfast (one reference)": film("libx264", preset="veryfast"),
    "x265 medium": film("libx265", **{"x265-params": "log-level=error"}),
}.items():
    whole = {pts: picture for pts, _, _, picture in frames(data, "DEFAULT")}
    left = frames(data, "BIDIR")
    off = max(float(np.abs(picture - whole[pts]).mean()) for pts, _, _, picture in left)
    keys, flagged = sum(key for _, key, _, _ in left), sum(corrupt for _, _, corrupt, _ in left)
    found[name] = len(left), keys, flagged, off
    print(f"{name:30} {len(left)} of {len(whole)} frames, {keys} of them key frames, {flagged} flagged as corrupt; "
          f"farthest from the same frame decoded with all others: {off:.2f} levels on average")

medium, veryfast, x265 = found.values()
assert medium[0] > 10 and medium[2] == 0 and medium[3] > 1, "P-frames of x264 medium come out right, or are flagged"
assert veryfast[0] > 10 and veryfast[3] == 0, "P-frames of x264 veryfast do not come out right"
assert x265[0] <= x265[1] + 1, "P-frames of x265 are left"
PY
