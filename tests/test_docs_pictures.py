"""What makes the pictures of the documents still does."""

from __future__ import annotations

from pathlib import Path

import cv2
import media
import numpy as np
import postcards
import pytest

from tagger.images import entropy_bits
from tagger.settings import MIN_ENTROPY_BITS


def test_black_and_title_are_dropped_and_all_that_is_drawn_is_kept() -> None:
    for draw in {draw for draw, _ in postcards.SHOTS}:
        bits = entropy_bits(np.clip(draw(), 0, 255).astype(np.uint8))
        assert (bits < MIN_ENTROPY_BITS) == (draw.__name__ in ("black", "title")), (draw.__name__, bits)


def test_the_film_has_the_frames_that_its_shots_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postcards, "SHOTS", ((postcards.dunes, -0.4), (postcards.reef, 1.0), (postcards.black, 0.2)))
    frames = [*postcards.frames()]
    assert [frame.shape for frame in frames] == [(postcards.HEIGHT, postcards.WIDTH, 3)] * 40
    assert not frames[-1].any()
    dunes, mixed, reef = (frames[at].astype(np.float64) for at in (9, 20, 34))
    assert np.abs(dunes - mixed).mean() < np.abs(dunes - reef).mean()  # a dissolve
    assert postcards.film(tmp_path / "short.mp4").stat().st_size > 10_000


def test_the_way_from_shots_to_a_ranking_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    import illustrations

    film = media.film(tmp_path / "Postcards.mp4", (20, 25, 20), width=160, height=96, rate=10)
    illustrations.movietags("extract", film.path, "-o", tmp_path, "--format", "json", "--keep-features")
    illustrations.pipeline(tmp_path / "Postcards.tags.json", tmp_path / "pipeline.png")
    drawn = cv2.imread(str(tmp_path / "pipeline.png"))
    assert drawn is not None and drawn.shape[1] == 1200 and len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50
