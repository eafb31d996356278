"""Labels that people write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tagger import vocabulary
from tagger.errors import BadVocabulary


def write(tmp_path: Path, body: bytes) -> str:
    (tmp_path / "labels.txt").write_bytes(body)
    return str(tmp_path)


def test_the_shipped_one_has_the_fifty_tags_of_the_source() -> None:
    movies = vocabulary.load("movies50")
    assert len(movies.tags) == len(set(movies.slugs)) == 50
    assert movies.tags[0] == "Action"
    assert movies.tags[-1] == "Drama"
    slugs = dict(zip(movies.tags, movies.slugs, strict=True))
    assert slugs["Beach/Sea"] == "beach-sea"
    assert slugs["Sci-fi"] == "sci-fi"
    assert slugs["Lab Experiment"] == "lab-experiment"


def test_slugs_are_the_folders_of_the_pictures(shared: Path) -> None:
    folders = {path.name for path in (shared / "data").iterdir() if path.is_dir()}
    assert folders <= set(vocabulary.load("movies50").slugs)


def test_any_script_and_line_end(tmp_path: Path) -> None:
    found = vocabulary.load(write(tmp_path, "Poursuite\r\n\r\n  Épée  \nカーチェイス\n".encode()))
    assert found.tags == ("Poursuite", "Épée", "カーチェイス")
    assert found.name == tmp_path.name


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"One\n", "1 tags"),
        ("\n".join(map(str, range(1001))).encode(), "1001 tags"),
        (b"Car chase\ncar  Chase\n", "are the same"),
        (b"Fine\n...\n", "no letter"),
        (b"Fine\n\xff\xfe\n", "not UTF-8"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(BadVocabulary, match=message):
        vocabulary.load(write(tmp_path, body))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadVocabulary, match="neither shipped .movies50"):
        vocabulary.load("movies51")


def test_groups_of_the_shipped_vocabulary_are_of_its_tags() -> None:
    words = vocabulary.load("movies50")
    groups = {group.name: group.slugs for group in words.groups}
    assert groups["Violence"][:3] == ("violence", "murder", "weapon")
    assert all(set(slugs) <= set(words.slugs) for slugs in groups.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Fight war", "'Fight war' is no group: write NAME: TAG, TAG"),
        ("Fight:", "'Fight:' is no group"),
        (": war", "': war' is no group"),
        ("Fight: fencing", "group Fight has 'fencing', which is no tag of labels.txt"),
        ("Fight: war\nFIGHT: chase", "group FIGHT is there twice"),
    ],
)
def test_groups_that_are_none_are_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("War\nChase\n")
    words = vocabulary.load(tmp_path)
    assert words.groups == ()
    (tmp_path / "groups.txt").write_text(f"# a note\n\n{text}\n")
    with pytest.raises(BadVocabulary, match=re.escape(why)):
        _ = words.groups
