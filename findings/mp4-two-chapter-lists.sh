#!/usr/bin/env bash
# FFmpeg writes the chapters of an MP4 twice, and the two lists disagree: in the text track the first chapter is moved
# to 0 and gaps are closed, in the `chpl` box the starts are kept. FFmpeg reads the track, mutagen reads the box.
# Matroska keeps starts and ends.
# Measured with PyAV 18.1.0 (FFmpeg 8.1.2) and mutagen 1.48.1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: av==18.1.0 numpy==2.4.6 mutagen==1.48.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
from fractions import Fraction

import av
import mutagen
import numpy as np
from mutagen.mp4 import MP4

GAPS = [(2, 3, "chase"), (5, 6, "duel")]  # seconds
FILLED = [(0, 2, "-"), (2, 3, "chase"), (3, 5, "-"), (5, 6, "duel"), (6, 8, "-")]


def written(name, chapters):
    with av.open(name, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.set_chapters(
            [
                {"id": i, "start": start, "end": end, "time_base": Fraction(1), "metadata": {"title": title}}
                for i, (start, end, title) in enumerate(chapters)
            ]
        )
        for i in range(200):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), i, np.uint8), format="rgb24")))
        out.mux(stream.encode())
    return name


def by_ffmpeg(name):
    with av.open(name) as film:
        return [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"]["title"])
            for c in film.chapters()
        ]


def by_mutagen(name):
    return [(chapter.start, chapter.title) for chapter in MP4(name).chapters]


print("PyAV", av.__version__, "with FFmpeg", av.ffmpeg_version_info, "and mutagen", mutagen.version_string)
mp4, mkv, filled = written("gaps.mp4", GAPS), written("gaps.mkv", GAPS), written("filled.mp4", FILLED)
print("written:         ", GAPS)
print("MP4 by FFmpeg:   ", by_ffmpeg(mp4))
print("MP4 by mutagen:  ", by_mutagen(mp4))
print("Matroska:        ", by_ffmpeg(mkv))
print("MP4, gaps filled:", by_ffmpeg(filled))

assert by_ffmpeg(mp4) == [(0, 5, "chase"), (5, 6, "duel")]
assert by_mutagen(mp4) == [(2, "chase"), (5, "duel")]
assert by_ffmpeg(mkv) == GAPS
assert by_ffmpeg(filled) == FILLED
assert by_mutagen(filled) == [(start, title) for start, _, title in FILLED]
print("as found: the chapter track of an MP4 by FFmpeg starts at 0 and has no gaps, its chpl box keeps the starts")
PY
