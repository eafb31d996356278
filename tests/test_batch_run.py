"""One model for the films of several decoders: what fails with one film costs no other."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import media
import numpy as np
import pytest

from tagger import Settings
from tagger.batch import ledger
from tagger.batch.crew import Limits
from tagger.batch.find import find
from tagger.batch.ledger import DONE, FAILED, Ledger
from tagger.batch.listener import Listener
from tagger.batch.plan import Shard, Wanted, hold, plan
from tagger.batch.run import Batch
from tagger.errors import BadSettings, BadWeights, OutputRefused
from tagger.images import Pixels
from tagger.models.model import Features, Model
from tagger.pipeline import Engine

NAMES = ("a", "b", "c")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three films of 3, 4 and 5 shots."""
    (tmp_path / "films").mkdir()
    for count, name in enumerate(NAMES, 3):
        media.film(tmp_path / "films" / f"{name}.mp4", (20,) * count, 160, 30 * count)  # no two pictures are alike
    return tmp_path / "films"


def batch(
    films: Path, engine: Engine, listener: Listener | None = None, limits: Limits | None = None
) -> dict[str, str]:
    """Runs it and returns what became of each film."""
    output = films.parent / "out"
    with hold(output, Shard()):
        book = Ledger(output, str(Shard()))
        planned = plan(find([films], output).films, ledger.read(output), output, Wanted(engine.identity))
        try:
            Batch(engine, output, book, listener or Listener()).run(planned, 2, limits or Limits())
        finally:
            book.close()
    return {entry.report: entry.state for entry in ledger.read(output).values()}


def failing(monkeypatch: pytest.MonkeyPatch, pictures: Sequence[Pixels], error: Exception) -> None:
    """Makes the network fail whenever one of these is among what it is shown."""
    real = Model.features

    def features(model: Model, shown: Sequence[Pixels]) -> Features:
        if any(np.array_equal(one, other) for one in shown for other in pictures):
            raise error
        return real(model, shown)

    monkeypatch.setattr(Model, "features", features)


class Seen(Listener):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def failed(self, task: Any, reason: str) -> None:
        self.reasons.append(reason)


def pictures_of(film: Path, engine: Engine) -> list[Pixels]:
    """What the network is shown of a film."""
    from tagger.images import squash
    from tagger.shots.scan import scan
    from tagger.video.film import Film

    with Film(film) as opened:
        found = scan(opened, engine.settings).shots
        return [squash(shown.pixels, engine.input_size) for shown in found if shown.shot.keyframe.kept]


@pytest.mark.parametrize("batch_size", [2, 64])
def test_a_network_that_fails_with_a_film_costs_that_film(
    films: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """Also when the film is still being decoded, and more of its pictures are on their way."""
    engine = Engine(Settings(batch_size=batch_size))
    failing(monkeypatch, pictures_of(films / "b.mp4", engine), ValueError("out of memory"))
    listener = Seen()
    assert batch(films, engine, listener) == {"a.mp4": DONE, "b.mp4": FAILED, "c.mp4": DONE}
    assert listener.reasons == [f"{films / 'b.mp4'}: ValueError: out of memory"]


def test_a_report_that_cannot_be_written_costs_that_film(films: Path) -> None:
    """And the pictures of the others, in the same batch, are counted once."""
    (films.parent / "out/b.mp4.tags.json").mkdir(parents=True)
    engine = Engine()
    listener = Seen()
    assert batch(films, engine, listener) == {"a.mp4": DONE, "b.mp4": FAILED, "c.mp4": DONE}
    assert len(listener.reasons) == 1
    (films.parent / "out/b.mp4.tags.json").rmdir()
    assert len(Engine().extract(films / "c.mp4").shots) == 5


def test_a_defect_while_a_film_is_finished_costs_that_film(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Batch._write

    def write(own: Batch, film: Any, made: Any) -> tuple[str, ...]:
        if made.report.video.name == "b.mp4":
            raise ZeroDivisionError("a defect")
        return real(own, film, made)

    monkeypatch.setattr(Batch, "_write", write)
    assert batch(films, Engine()) == {"a.mp4": DONE, "b.mp4": FAILED, "c.mp4": DONE}


def test_a_model_that_cannot_be_used_is_no_films_fault(films: Path, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(BadWeights, match="holds no arrays of the compact network"):
        batch(films, Engine(Settings(weights=tmp_path / "text.npz")))
    assert FAILED not in {entry.state for entry in ledger.read(tmp_path / "out").values()}


def test_a_limit_below_what_every_decoder_takes_is_no_films_fault(films: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="memory limit 20 MiB: a decoder takes"):
        batch(films, Engine(), limits=Limits(memory_mib=20))
    assert FAILED not in {entry.state for entry in ledger.read(tmp_path / "out").values()}


def test_an_output_that_is_deleted_ends_the_batch(films: Path, tmp_path: Path) -> None:
    class Deletes(Listener):
        def started(self, task: Any) -> None:
            shutil.rmtree(tmp_path / "out", ignore_errors=True)

    with pytest.raises(OutputRefused, match="deleted meanwhile"):
        batch(films, Engine(), Deletes())
