#!/usr/bin/env bash
# AV1: `skip_frame` counts once. A decoder whose first packet was sent with NONREF goes on leaving pictures out after
# it was set back to DEFAULT, and flushed; H.264's and VP9's give all pictures again.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2, libdav1d, libsvtav1, libx264, libvpx).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import av
import numpy as np

SIZE, FRAMES = 128, 80
blocks = np.random.default_rng(0).integers(0, 255, (SIZE // 16, 2 * SIZE // 16, 3), dtype=np.uint8)
scene = blocks.repeat(16, axis=0).repeat(16, axis=1)  # a wall of coloured squares, which the camera pans over
KINDS = {
    "AV1": ("libsvtav1", {"preset": "12", "svtav1-params": "keyint=200"}),
    "H.264": ("libx264", {"g": "200", "bf": "3"}),
    "VP9": ("libvpx-vp9", {"g": "200", "cpu-used": "8", "deadline": "realtime"}),
}
for name, (codec, options) in KINDS.items():
    with av.open(f"{name}.mkv", "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for i in range(FRAMES):
            picture = np.ascontiguousarray(scene[:, i : i + SIZE])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def pictures(context, packets):
    count = sum(len(context.decode(packet)) for packet in packets) + len(context.decode(None))
    context.flush_buffers()
    return count


print("PyAV", av.__version__)
again = {}
for name in KINDS:
    with av.open(f"{name}.mkv") as film:
        stream = film.streams.video[0]
        stream.thread_type = "NONE"
        packets = [packet for packet in film.demux(stream) if packet.size]
        context = stream.codec_context
        context.skip_frame = "NONREF"
        spared = pictures(context, packets)
        context.skip_frame = "DEFAULT"
        again[name] = pictures(context, packets)
        print(f"{name:6} by {context.name:9} with NONREF {spared} of {FRAMES}, then with DEFAULT {again[name]}")

assert again["H.264"] == again["VP9"] == FRAMES, again
assert again["AV1"] < FRAMES, "libdav1d takes skip_frame as it is set now"
PY
