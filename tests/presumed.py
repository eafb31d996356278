"""What lies in the folder of a reader who follows a document: a function for each page, else that of `films`."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import documents
import media
import pytest
from click.testing import CliRunner

import cli
from tagger.reports.corrections import SCHEMA, read_report

TAGS = ("beach-sea", "car-chase", "wedding")
EACH = 8  # too few to learn confidence from, which takes its time


class Stock:
    """Tiny films, reports, pictures and vocabularies, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def film(self) -> Path:
        """Three shots of 2 s and more, ten frames a second."""
        return media.film(self.folder / "film.mp4", (20, 25, 20), width=160, height=96, rate=10).path

    @cached_property
    def trailer(self) -> Path:
        """Two of the same scenes."""
        return media.film(self.folder / "trailer.mp4", (12, 13), width=160, height=96, rate=10).path

    @cached_property
    def report(self) -> Path:
        """That of the film."""
        self._run("extract", self.film, "-o", self.folder / "reports", "--format", "json")
        return self.folder / "reports" / "film.tags.json"

    @cached_property
    def scenes(self) -> Path:
        """A vocabulary for the embedded network."""
        self.images(self.folder / "pictures", 0)
        self._run("train", self.folder / "pictures", "--name", "scenes", "-o", self.folder / "scenes")
        return self.folder / "scenes"

    @staticmethod
    def images(folder: Path, first: int) -> None:
        """Pictures of three tags, by the colour of their light."""
        media.coloured(folder, TAGS, EACH, first, 80, 60)

    @staticmethod
    def _run(*words: str | Path) -> None:
        done = CliRunner().invoke(cli.cli, [*map(str, words)])
        assert done.exit_code == 0, done.output


def put(source: Path, *places: Path) -> None:
    """Copies a file to these places."""
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)


def films(stock: Stock, folder: Path) -> None:
    """A film, its trailer, a folder of films."""
    put(stock.film, folder / "film.mp4", folder / "films/a.mp4")
    put(stock.trailer, folder / "trailer.mp4", folder / "films/more/b.mkv")


def first_film(stock: Stock, folder: Path) -> None:
    put(stock.film, folder / "Postcards.mp4")


def readme(stock: Stock, folder: Path) -> None:
    films(stock, folder)
    put(stock.film, folder / "sintel_trailer.mp4", folder / "trailers/sintel_trailer.mp4")
    put(stock.report, folder / "sintel_trailer.tags.json")
    (folder / "trailers/broken.mp4").write_bytes(b"no film")
    stock.images(folder / "IMAGES", 0)


def batch(stock: Stock, folder: Path) -> None:
    films(stock, folder)
    put(stock.film, folder / "trailers/a.mp4", folder / "trailers/open/sintel_trailer.mp4")
    put(stock.trailer, folder / "trailers/web/untitled", folder / "more/films/c.webm", folder / "later.mkv")
    (folder / "trailers/web/broken.mp4").write_bytes(b"no film")
    (folder / "last").touch()
    os.utime(folder / "last", (0, 0))
    shutil.copytree(stock.scenes, folder / "scenes")


def put_right(stock: Stock, file: Path, *tags: str) -> None:
    """Writes a person's corrections of the film: its first shots show these tags, and nothing else."""
    found = read_report(stock.report)
    shots = [
        {"frame": shot.keyframe.frame, "struck": [tag.slug for tag in shot.tags if tag.slug != added], "added": [added]}
        for shot, added in zip(found.shots, tags, strict=False)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"schema": SCHEMA, "film": found.video.fingerprint, "shots": shots}))


def formats(stock: Stock, folder: Path) -> None:
    """Also corrections, to lie beside the report of the film when that is made, and some pictures."""
    films(stock, folder)
    put_right(stock, folder / "tags/film.corrections.json", TAGS[0])
    stock.images(folder / "images", 0)


def editing(stock: Stock, folder: Path) -> None:
    """Also reports that carry the tags which are cut by."""
    films(stock, folder)
    put(stock.film, folder / "sintel_trailer.mp4")
    for name in ("sintel_trailer", "tags/film"):
        put(stock.report, folder / f"{name}.tags.json")
        put_right(stock, folder / f"{name}.corrections.json", "destruction", "monster", "war")


def ratings(stock: Stock, folder: Path) -> None:
    """Also what raters wrote: sheets, a table of all, and one with mistakes."""
    put(stock.film, folder / "TRAILERS/chase.mp4", folder / "TRAILERS/sintel_trailer.mp4")
    head, row = "film,rater,tag,kind,value", "chase.mp4,anna,Car chase,"
    (folder / "sheets").mkdir()
    for rater in ("anna", "bert"):
        (folder / f"sheets/{rater}.csv").write_text(f"{head}\nchase.mp4,{rater},Animal,opinion,1\n")
    (folder / "made-up.csv").write_text(f"{head}\nchase.mp4,anna,Animal,opinion,1\n{row}chosen,1\n")
    mistakes = (
        f"{row}opinion,1\nchase.mp4,anna,Horor,chosen,1\nsintel.mp4,anna,Drama,chosen,1\nchase.mp4,,Drama,chosen,0.5\n"
    )
    (folder / "mistakes.csv").write_text(f"{head}\n{mistakes}{row}opinion,1\n")


def vocabulary(stock: Stock, folder: Path) -> None:
    put(stock.film, folder / "film.mp4", folder / "bigbuckbunny.webm")
    for first, name in enumerate(("IMAGES", "A", "B", "C")):
        stock.images(folder / name, 100 * first)


def media_centres(stock: Stock, folder: Path) -> None:
    """The collection that the page lists, each sidecar with a root and nothing in it."""
    for name in re.findall(r"^    (films/.+)$", documents.text("docs/media-centres.md"), re.MULTILINE):
        put(stock.film, folder / name)
        if name.endswith(".nfo"):
            (folder / name).write_text("<movie/>")


def advisory(stock: Stock, folder: Path) -> None:
    """A report, a folder of reports, and the rules that the page shows."""
    for name in ("sintel_trailer", "tags/film.mp4"):
        put(stock.report, folder / f"{name}.tags.json")
    (rules,) = [block.text for block in documents.blocks("docs/advisory.md") if block.language == "toml"]
    (folder / "mine.toml").write_text(rules)


FOLDERS: dict[str, Callable[[Stock, Path], None]] = {
    "README.md": readme,
    "docs/advisory.md": advisory,
    "docs/batch.md": batch,
    "docs/editing.md": editing,
    "docs/first-film.md": first_film,
    "docs/formats.md": formats,
    "docs/media-centres.md": media_centres,
    "docs/ratings.md": ratings,
    "docs/vocabulary.md": vocabulary,
}


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return Stock(tmp_path_factory.mktemp("stock"))
