"""Where the documents lead: pages, headings and pictures that there are, and every page from the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import documents
import pytest
from documents import PAGES, ROOT

INDEX = "docs/README.md"
OTHERS = "CONTRIBUTING.md", "benchmarks/README.md", "findings/README.md", "vocab/movies50/card.md"
PICTURE_BYTES_MAX = 150_000


def prose(page: str) -> str:
    """The page without its blocks and code, in which brackets mean other things."""
    bare = re.sub(r"^```.*?^```", "", documents.text(page), flags=re.DOTALL | re.MULTILINE)
    return "\n".join(re.sub(r"`[^`\n]*`", "", line) for line in bare.splitlines() if not line.startswith("    "))


def links(page: str) -> Iterator[tuple[str, str]]:
    """File and heading of each link to a file of the repository; of one within the page, the page's own."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            name, _, heading = target.partition("#")
            yield ((ROOT / page).parent / name).resolve().relative_to(ROOT).as_posix() if name else page, heading


@cache
def headings(page: str) -> frozenset[str]:
    """The anchors of a page, as GitHub makes them."""
    found: set[str] = set()
    for title in re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", documents.text(page), flags=re.DOTALL), re.MULTILINE
    ):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        assert anchor not in found, f"{page}: two headings {title!r}"
        found.add(anchor)
    return frozenset(found)


@pytest.mark.parametrize("page", [*PAGES, *OTHERS])
def test_links_lead_somewhere(page: str) -> None:
    for name, heading in links(page):
        assert (ROOT / name).exists(), name
        assert not heading or heading in headings(name), f"{name}#{heading}"


def test_every_page_can_be_reached_from_the_index() -> None:
    assert INDEX in {name for name, _ in links("README.md")}
    listed = {name for name, _ in links(INDEX)}
    assert {page for page in PAGES if page.startswith("docs/")} - {INDEX} <= listed


def test_pictures_are_shown_small_and_said_in_words() -> None:
    shown = {name for page in PAGES for name, _ in links(page) if name.endswith(".png")}
    assert shown == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.png")}
    assert all(Path(ROOT / name).stat().st_size <= PICTURE_BYTES_MAX for name in shown)
    for page in PAGES:
        assert not re.search(r"!\[\]", documents.text(page)), page
