"""Folders of tags as they come from people, systems and published data sets; and what is meant by them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Literal

import cv2
import media
import pytest

from tagger import vocabulary
from tagger.errors import BadPath
from tagger.evaluation.images import sorted_files
from tagger.evaluation.walk import Skipped, files_below, misplaced, pictures_in
from tagger.training.folders import find
from tagger.vocabulary import Vocabulary, slug

CLUTTER = ("Thumbs.db", "desktop.ini", ".DS_Store", "._1.jpg", "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", ".cache/1.jpg")
SYSTEM = ("@eaDir", "#recycle", "__MACOSX", ".Trashes", "$RECYCLE.BIN", "System Volume Information", "lost+found")
TAGS = ("Lab Experiment", "Car_Chase", "sword_fight", "Café")


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", media.scenery(1, 16, 12))[1].tobytes())
    return path


def refusal(*roots: Path) -> str:
    with pytest.raises(BadPath) as error:
        find(roots, None)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_systems_put_there_is_no_tag_and_no_picture(tmp_path: Path) -> None:
    for name in CLUTTER:
        put(tmp_path / "beach" / name)
    kept = [put(tmp_path / "beach/1.jpg"), put(tmp_path / "beach/a/2.jpg"), put(tmp_path / "drama/3.jpg")]
    for name in SYSTEM:
        put(tmp_path / name / "beach/1.jpg")
        put(tmp_path / name / "2.jpg")
    found = find([tmp_path], None)
    assert (found.tags, found.skipped, found.odd) == (("beach", "drama"), (), ())
    assert [path for path, _ in found.files] == kept
    known = sorted_files(tmp_path, Vocabulary("two", tmp_path, ("Beach", "Drama")))
    assert ([path for path, _ in known.files], known.left_out, known.others) == (kept, (), 0)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_folders_are_the_tags_of_the_vocabulary_that_was_made_of_them(
    tmp_path: Path, form: Literal["NFC", "NFD"]
) -> None:
    for tag in TAGS:
        put(tmp_path / "pictures" / unicodedata.normalize(form, tag) / "1.jpg")
    found = find([tmp_path / "pictures"], None)
    (tmp_path / "labels.txt").write_text("\n".join(found.tags), encoding="utf-8")
    words = vocabulary.load(tmp_path)
    assert sorted(words.slugs) == ["café", "car-chase", "lab-experiment", "sword-fight"]
    known = sorted_files(tmp_path / "pictures", words)
    assert (len(known.files), known.left_out) == (4, ())
    assert [tag for _, tag in known.files] == [words.tags.index(name) for name in sorted(words.tags)]


def test_every_way_to_write_a_tag_is_one_slug() -> None:
    assert {slug(name) for name in ("Car Chase", "car_chase", "CAR-CHASE", "car__chase_")} == {"car-chase"}
    assert slug(unicodedata.normalize("NFD", "Épée")) == "épée"


@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Training", "valid"), ("train", "test")])
def test_parts_of_a_split_are_no_tags(tmp_path: Path, parts: tuple[str, ...]) -> None:
    root = tmp_path / "data set"
    for part in parts:
        for tag in ("beach", "Drama"):
            put(root / part / tag / "1.jpg")
    said = refusal(root)
    learn = " ".join(f"'{root / part}'" for part in sorted(parts) if part != "test")
    tests = f" --test '{root / 'test'}'" if "test" in parts else ""
    assert said.endswith(f"no tags, which are the folders in them: `movietags train {learn} --name NAME{tests}`")
    with pytest.raises(BadPath, match="parts of a split.*`movietags evaluate images VOCAB '.*(test|Training)'`$"):
        sorted_files(root, Vocabulary("two", root, ("Beach", "Drama")))


def test_pictures_to_be_answered_stand_beside_without_tags(tmp_path: Path) -> None:
    """As in competitions: nobody may be asked about them."""
    put(tmp_path / "train/beach/1.jpg")
    put(tmp_path / "train/drama/1.jpg")
    put(tmp_path / "test/1.jpg")
    assert refusal(tmp_path).endswith(f"`movietags train {tmp_path / 'train'} --name NAME`")


def test_a_train_may_be_a_tag(tmp_path: Path) -> None:
    for name in ("train/1.jpg", "train/at night/1.jpg", "test/1.jpg", "plane/1.jpg"):
        put(tmp_path / name)
    assert find([tmp_path], None).tags == ("plane", "test", "train")


def test_one_level_too_deep(tmp_path: Path) -> None:
    for tag in ("beach", "drama"):
        put(tmp_path / "images" / tag / "1.jpg")
    (tmp_path / "__MACOSX").mkdir()
    assert refusal(tmp_path) == (
        f"{tmp_path}: holds one folder, images, in which the tags seem to be (beach, drama): "
        f"`movietags train {tmp_path / 'images'} --name NAME`"
    )
    with pytest.raises(BadPath, match=f"`movietags evaluate images VOCAB {tmp_path / 'images'}`$"):
        sorted_files(tmp_path, Vocabulary("two", tmp_path, ("Beach", "Drama")))


def test_several_collections_one_level_too_deep(tmp_path: Path) -> None:
    for place in ("collA/car chase", "collA/Wedding", "collB/Car_Chase"):
        put(tmp_path / place / "1.jpg")
    (tmp_path / "collA/readme.txt").write_text("car chases and weddings")
    (tmp_path / "empty").mkdir()
    learn = f"{tmp_path / 'collA'} {tmp_path / 'collB'}"
    assert refusal(tmp_path) == (
        f"{tmp_path}: collA, collB hold no pictures but folders that seem to be the tags (car-chase, wedding), "
        f"unless a picture is put beside these: `movietags train {learn} --name NAME`"
    )
    with pytest.raises(BadPath, match=f"`movietags evaluate images VOCAB {tmp_path / 'collA'}`$"):
        sorted_files(tmp_path, Vocabulary("two", tmp_path, ("Car chase", "Wedding")))
    put(tmp_path / "collB/1.jpg")
    assert set(find([tmp_path], None).tags) == {"collA", "collB", "empty"}


def test_sub_folders_that_tags_share_are_no_tags(tmp_path: Path) -> None:
    for place in ("beach/imdb", "beach/own", "drama/imdb", "drama/own", "war/own"):
        put(tmp_path / place / "1.jpg")
    assert find([tmp_path], None).tags == ("beach", "drama", "war")


@pytest.mark.parametrize("deeper", ["train", "coll"])
def test_what_is_right_stays_in_the_command(tmp_path: Path, deeper: str) -> None:
    for place in ("right/beach", f"wrong/{deeper}/beach", f"wrong/{deeper}/drama", "wrong/val/beach", "last/war"):
        put(tmp_path / place / "1.jpg")
    right, learn, val, last = (tmp_path / name for name in ("right", f"wrong/{deeper}", "wrong/val", "last"))
    said = refusal(right, tmp_path / "wrong", last)
    assert said.endswith(f"`movietags train {right} {learn} {val} {last} --name NAME`")


def test_two_levels_too_deep_with_a_split(tmp_path: Path) -> None:
    for place in ("train/beach", "train/drama", "val/beach"):
        put(tmp_path / "images" / place / "1.jpg")
    found = misplaced(tmp_path)
    assert found and found.learn == (tmp_path / "images/train", tmp_path / "images/val")


def test_a_root_of_one_tag_beside_others_is_right(tmp_path: Path) -> None:
    put(tmp_path / "a/wedding/at the church/1.jpg")
    put(tmp_path / "b/war/1.jpg")
    assert find([tmp_path / "a", tmp_path / "b"], None).tags == ("war", "wedding")


def test_each_folder_is_entered_once_and_real_ones_come_first(tmp_path: Path) -> None:
    put(tmp_path / "tag/z/1.jpg")
    (tmp_path / "tag/a").symlink_to("z")
    (tmp_path / "tag/z/up").symlink_to("..")
    (tmp_path / "tag/nowhere").symlink_to("nothing")
    skipped: list[Skipped] = []
    assert list(files_below(tmp_path / "tag", [tmp_path], skipped)) == [tmp_path / "tag/z/1.jpg"]
    assert {Path(one.path).name for one in skipped} == {"up", "nowhere"}


def test_pictures_are_counted_by_how_they_begin(tmp_path: Path) -> None:
    put(tmp_path / "a/1.png")
    (tmp_path / "a/2.png").write_text("no picture")
    (tmp_path / "a/3.jpg").write_bytes(b"")
    assert pictures_in([tmp_path / "a"], [tmp_path]) == 1


@pytest.mark.skipif(os.name != "posix", reason="links that lead nowhere")
@pytest.mark.parametrize("target", ["loop", "nothing", "x" * 300])
def test_links_that_lead_nowhere_are_named_and_passed_over(tmp_path: Path, target: str) -> None:
    files = [put(tmp_path / "beach/1.jpg"), put(tmp_path / "drama/1.jpg")]
    links = [tmp_path / "loop", tmp_path / "beach/loop"]
    for link in links:
        link.symlink_to(target)
    found = find([tmp_path], None)
    assert [path for path, _ in found.files] == files
    assert found.skipped == tuple(Skipped(str(link), "is a link that leads nowhere") for link in links)
    known = sorted_files(tmp_path, Vocabulary("two", tmp_path, ("Beach", "Drama")))
    assert ([path for path, _ in known.files], known.skipped) == (files, found.skipped)
