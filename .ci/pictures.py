"""Makes pictures of three colours in folders, to train on: python .ci/pictures.py FOLDER."""

import sys
from pathlib import Path

import cv2
import numpy as np

EACH = 16

for place, colour in enumerate(("blue", "green", "red")):  # as OpenCV orders them
    folder = Path(sys.argv[1]) / colour
    folder.mkdir(parents=True)
    for number in range(EACH):
        picture = np.random.default_rng(100 * place + number).integers(0, 120, (120, 160, 3), np.uint8)
        picture[..., place] += 130
        cv2.imwrite(str(folder / f"{number}.png"), picture)
