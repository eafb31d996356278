#!/usr/bin/env bash
# A raw H.264 stream of 60 frames/s: FFmpeg's mean rate of it is 25, OpenCV's clock stands at 0, and PySceneDetect
# finds its cut at another time, or not at all.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2, libx264), opencv-python 5.0.0.93, scenedetect 0.7.2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: \
  av==18.1.0 numpy==2.4.6 opencv-python==5.0.0.93 scenedetect==0.7.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import av
import cv2
import numpy as np
from scenedetect import ContentDetector, SceneManager, open_video

RATE, SIZE = 60, 128
rng = np.random.default_rng(0)
stills = [rng.integers(0, 255, (SIZE // 16, SIZE // 16, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(2)]

for name in ("film.h264", "film.mp4"):
    with av.open(name, "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for i in range(3 * RATE):  # one cut, after one second
            out.mux(stream.encode(av.VideoFrame.from_ndarray(stills[i >= RATE], format="rgb24")))
        out.mux(stream.encode())


def cut(name, backend):
    film, scenes = open_video(name, backend=backend), SceneManager()
    scenes.add_detector(ContentDetector())
    scenes.detect_scenes(film)
    return [round(start.seconds, 2) for start, _ in scenes.get_scene_list()[1:]]


seen = {}
for name in ("film.h264", "film.mp4"):
    with av.open(name) as film:
        stream = film.streams.video[0]
        rates = float(stream.average_rate), float(stream.guessed_rate)
    capture, stamps = cv2.VideoCapture(name), set()
    opencv_rate = capture.get(cv2.CAP_PROP_FPS)
    for _ in range(100):
        capture.read()
        stamps.add(round(capture.get(cv2.CAP_PROP_POS_MSEC), 1))
    cuts = cut(name, "opencv"), cut(name, "pyav")
    seen[name] = (*rates, opencv_rate, max(stamps), *cuts)
    print(f"{name:9} average_rate {rates[0]:g}, guessed_rate {rates[1]:g}; OpenCV: {opencv_rate:g} frames/s, the hundredth at "
          f"{max(stamps)} ms; PySceneDetect's cuts by OpenCV {cuts[0]}, by PyAV {cuts[1]}")

assert seen["film.mp4"] == (60, 60, 60, 1650.0, [1.0], [1.0]), seen["film.mp4"]
assert seen["film.h264"] == (25, 60, 25, 0.0, [2.4], []), seen["film.h264"]
PY
