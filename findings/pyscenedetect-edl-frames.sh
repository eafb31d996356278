#!/usr/bin/env bash
# The EDL of PySceneDetect names other frames than its scene list: at 25 frames/s some cuts lie one frame low, and at
# 23.976 they run away by 3.6 s per hour, under the heading NON-DROP FRAME. OpenTimelineIO refuses the file until its
# first line, a comment before the title, is taken off; it also refuses the rate 23.976 and wants 24000/1001.
# Measured with scenedetect 0.7.2, OpenTimelineIO 0.18.1 and otio-cmx3600-adapter 1.0.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: --no-deps \
  scenedetect==0.7.2 click==8.5.1 platformdirs==4.14.8 tqdm==4.70.1 numpy==2.4.6 opencv-python-headless==5.0.0.93 \
  OpenTimelineIO==0.18.1 otio-cmx3600-adapter==1.0.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import io
from itertools import pairwise

import opentimelineio as otio
import scenedetect
from scenedetect import FrameTimecode
from scenedetect.output import write_scene_list_edl


def edl(length, frames, rate):
    """Returns the EDL of a film of `frames` frames with a cut every `length` frames."""
    cuts = [FrameTimecode(n, rate) for n in range(0, frames + 1, length)]
    file = io.StringIO()
    write_scene_list_edl(file, list(pairwise(cuts)))
    return file.getvalue()


def without_comment(text):
    first, rest = text.split("\n", 1)
    assert first.startswith("* CREATED WITH PYSCENEDETECT"), first
    return rest


def starts(text, rate):
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=rate)
    return [clip.source_range.start_time.to_frames() for clip in timeline.find_clips()]


def off(length, frames, rate):
    """Returns, for each scene, how far the EDL's first frame is from the scene list's."""
    got = starts(without_comment(edl(length, frames, rate)), rate)
    return [a - b for a, b in zip(got, range(0, frames, length), strict=False)]


print("scenedetect", scenedetect.__version__, "and OpenTimelineIO", otio.__version__)
pal = off(29, 29 * 100, 25.0)
print(f"25 frames/s: {pal.count(-1)} of {len(pal)} scenes start one frame low, {pal.count(0)} are right")
film = off(14400, 14400 * 7, 24000 / 1001)
print(f"23.976 frames/s, a scene every 14400 frames, about ten minutes: off by {film} frames")
text = edl(14400, 14400 * 2, 24000 / 1001)
print("  " + " | ".join(text.splitlines()))
whole = off(29, 29 * 100, 24.0)
print(f"24 frames/s: {whole.count(0)} of {len(whole)} are right")
refused = []
for what, given, rate in (
    ("as written", text, 24000 / 1001),
    ("23.976", without_comment(text), 23.976),
    ("29.97", without_comment(text), 29.97),
):
    try:
        starts(given, rate)
    except Exception as error:  # EDLParseError comes from the adapter's own module, loaded by OpenTimelineIO
        refused.append((what, type(error).__name__, str(error)))
print("OpenTimelineIO refuses:", refused)

assert "FCM: NON-DROP FRAME" in text
assert len(pal) == 100 and set(pal) == {-1, 0} and pal.count(-1) == 14, pal
assert film == [0, 14, 28, 43, 57, 95, 86], film
assert whole == [0] * 100, whole
assert [error[:2] for error in refused] == [
    ("as written", "EDLParseError"),
    ("23.976", "ValueError"),
    ("29.97", "ValueError"),
], refused
print("as found: frames of PySceneDetect's EDL are low by one at 25 frames/s and drift at 23.976")
PY
