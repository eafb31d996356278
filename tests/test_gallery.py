"""The page of test pictures: who is shown and in what order, any names, nothing from outside."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import cv2
import media
import numpy as np
import pytest

from tagger.images import decode_picture
from tagger.training.gallery import Item, gallery_html

VOID = {"meta", "img", "br"}


@dataclass
class Card:
    """A picture on the page."""

    section: str
    kind: str
    path: str
    said: str = ""
    bars: list[str] = field(default_factory=list)
    thumbnail: str = ""


class Page(HTMLParser):
    """What a browser would find; every element must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cards: list[Card] = []
        self.outside: list[str] = []  # addresses that are neither data nor a place on the page
        self.names: set[str] = set()  # of elements
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.names.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "h2":
            self.titles.append("")
        if tag == "figure":
            self.cards.append(Card(self.titles[-1], known["class"], known["title"]))
        if tag == "i":
            self.cards[-1].bars.append(known["style"])
        if tag == "img":
            self.cards[-1].thumbnail = known["src"]
        address = known.get("src", known.get("href", "#"))
        if not address.startswith(("#", "data:image/jpeg;base64,")):
            self.outside.append(address)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "h2" in self._open and "small" not in self._open:
            self.titles[-1] = data.strip()
        if "figure" in self._open:
            self.cards[-1].said += data + " "


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "wide.png"), media.scenery(1, 400, 200))
    return tmp_path / "wide.png"


def item(path: str | Path, tags: str, *answers: tuple[str, float]) -> Item:
    return Item(Path(path), tuple(tags.split("+")), answers)


def names(page: Page) -> list[str]:
    return [Path(card.path).name for card in page.cards]


def test_wrong_ones_first_and_of_each_the_surest() -> None:
    items = [
        item("right 0.6", "War", ("War", 0.6)),
        item("wrong 0.5", "War", ("Food", 0.5)),
        item("right 0.9", "War", ("War", 0.9)),
        item("wrong 0.8", "War", ("Food", 0.8)),
        item("no answer", "War"),
        item("other", "Food", ("Food", 0.3)),
    ]
    page = Page(gallery_html("Test", items, 9, 9))
    assert names(page) == ["other", "wrong 0.8", "wrong 0.5", "no answer", "right 0.9", "right 0.6"]
    assert [card.kind for card in page.cards] == ["right", "wrong", "wrong", "wrong", "right", "right"]
    assert [card.section for card in page.cards] == ["Food", *["War"] * 5]


def test_so_many_are_shown_and_all_are_counted() -> None:
    items = [item(f"{kind} {n}", "War", (kind, n / 10)) for kind in ("War", "Food") for n in range(10)]
    text = gallery_html("Test", items, 2, 1)
    assert names(Page(text)) == ["Food 9", "War 9", "War 8"]
    assert "right for 10 of 20 test pictures" in text
    assert "at most 1 wrong and 2 right" in text
    assert "10 of 20 right" in text


def test_three_answers_with_bars_as_long_as_they_are_probable() -> None:
    given = item("x", "War+Weapon", ("Food", 0.5), ("Weapon", 0.256), ("War", 0.1), ("Drama", 0.05))
    (card,) = Page(gallery_html("Test", [given], 1, 1)).cards
    assert card.section == "War"
    assert card.bars == ["width:50.0%", "width:25.6%", "width:10.0%"]
    assert [word for word in card.said.split() if word in ("Food", "Weapon", "War", "Drama")] == [
        "Weapon",
        "Food",
        "Weapon",
        "War",
    ]


def test_either_of_two_tags_is_right() -> None:
    (card,) = Page(gallery_html("Test", [item("x", "War+Weapon", ("Weapon", 0.9))], 1, 1)).cards
    assert (card.kind, card.section) == ("right", "War")


def test_thumbnails_are_small_jpegs_of_the_same_shape(picture: Path) -> None:
    (card,) = Page(gallery_html("Test", [item(picture, "War", ("War", 1.0))], 1, 1)).cards
    body = base64.b64decode(card.thumbnail.partition(",")[2])
    small = decode_picture(body)
    assert (body[:2], small.shape) == (b"\xff\xd8", (80, 160, 3))
    large = cv2.resize(decode_picture(picture.read_bytes()), (160, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - large).mean() < 6  # colours in order


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.full((1, 900, 3), 99, np.uint8))
    cv2.imwrite(str(tmp_path / "tiny.png"), np.full((7, 5, 3), 99, np.uint8))
    items = [item(tmp_path / name, "War", ("War", 1.0)) for name in ("dot.png", "tiny.png")]
    cards = Page(gallery_html("Test", items, 2, 1)).cards
    found = [decode_picture(base64.b64decode(card.thumbnail.partition(",")[2])).shape for card in cards]
    assert found == [(1, 160, 3), (7, 5, 3)]


def test_pictures_that_are_gone_or_broken_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"none")
    items = [item(tmp_path / name, "War", ("War", 1.0)) for name in ("broken.jpg", "gone.jpg")]
    broken, gone = Page(gallery_html("Test", items, 2, 1)).cards
    assert "broken.jpg: is no picture" in broken.said
    assert "gone.jpg: No such file" in gone.said


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=http://x>', "{0} %s", "bad\udcff", "a\nb", "車"]
)
def test_any_name_is_only_text(name: str) -> None:
    text = gallery_html(name, [item(name, name, (name, 0.5)), item("x", "War", (name, 0.5))], 1, 1)
    text.encode("utf-8")
    page = Page(text)
    assert page.names.isdisjoint({"script", "img"})
    assert (len(page.cards), page.outside) == (2, [])


def test_the_page_needs_nothing_from_outside(picture: Path) -> None:
    text = gallery_html("Test", [item(picture, "War", ("War", 1.0))], 1, 1)
    page = Page(text)
    assert page.outside == []
    assert page.names.isdisjoint({"script", "link", "iframe", "object"})
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_no_pictures_make_an_empty_page() -> None:
    assert "0 of 0 test pictures" in gallery_html("Test", [], 1, 1)
