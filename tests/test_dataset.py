"""Folders of pictures as people have them: what is taken, once and with all its tags, and what is refused and why."""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.errors import BadPath, BadSettings
from tagger.images import decode_picture
from tagger.training.copies import fingerprint
from tagger.training.dataset import Dataset, collect

EACH = 4
CAFE, CAFE_APART = unicodedata.normalize("NFC", "Café"), unicodedata.normalize("NFD", "Café")


def put(path: Path, seed: int, size: tuple[int, int] = (160, 120)) -> Path:
    """A picture that is another one for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), media.scenery(seed, *size))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three tags of four pictures each."""
    folder = tmp_path / "pictures"
    for place, name in enumerate(("Car chase", "beach", "Drama")):
        for number in range(EACH):
            put(folder / name / f"deep/{number}.jpg", 10 * place + number)
    return folder


def skipped(data: Dataset) -> dict[str, str]:
    return {Path(one.path).name: re.sub(r"\d+%", "N%", one.reason) for one in data.skipped}


def per_tag(data: Dataset) -> list[int]:
    return [int(count) for count in data.right.sum(0)]


def seen(data: Dataset) -> list[tuple[str, list[bool], int]]:
    """What must not depend on where and when."""
    rows = zip(data.sha256, data.right.tolist(), data.family.tolist(), strict=True)
    return [(sha256.hex(), right, family) for sha256, right, family in rows]


def refusal(*roots: Path) -> str:
    with pytest.raises(BadPath) as error:
        collect(roots)
    assert "\n" not in str(error.value)
    return str(error.value)


# What is taken.


def test_each_folder_is_a_tag_in_the_order_of_slugs(root: Path) -> None:
    data = collect([root])
    assert data.tags == ("beach", "Car chase", "Drama")
    assert per_tag(data) == [EACH] * 3
    assert list(data.sha256) == sorted(data.sha256)
    for path, tag in zip(data.paths, data.tag, strict=True):
        assert path.parent.parent.name == data.tags[tag]
    assert (data.skipped, data.left_out) == ((), ())
    assert len(set(data.family.tolist())) == 3 * EACH


def test_exact_copies_are_one_picture_with_all_its_tags(root: Path) -> None:
    shutil.copy(root / "beach/deep/0.jpg", root / "beach/again.jpg")
    shutil.copy(root / "beach/deep/0.jpg", root / "Drama/too.jpg")
    data = collect([root])
    assert per_tag(data) == [EACH, EACH, EACH + 1]
    (both,) = np.flatnonzero(data.right.sum(1) == 2)
    assert data.right[both].tolist() == [True, False, True]
    assert data.tag[both] == 0
    assert len(data.paths) == 3 * EACH


def test_near_copies_are_one_family_across_tags(root: Path) -> None:
    large = cv2.imread(str(root / "beach/deep/0.jpg"))
    assert large is not None
    cv2.imwrite(str(root / "Drama/small.jpg"), cv2.resize(large, (100, 75)))
    data = collect([root])
    names = [path.relative_to(root).as_posix() for path in data.paths]
    alike = data.family[names.index("beach/deep/0.jpg")]
    assert {names[place] for place in np.flatnonzero(data.family == alike)} == {"beach/deep/0.jpg", "Drama/small.jpg"}


def test_the_same_files_elsewhere_are_the_same_dataset(root: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((root / "Drama/deep").iterdir())):
        path.rename(path.with_name(f"{9 - number}.jpg"))
    shutil.copytree(root, tmp_path / "a/b")
    assert seen(collect([tmp_path / "a/b"])) == seen(collect([root]))


def test_several_roots_are_put_together_by_slug(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "more/car-chase/1.jpg", 50)
    put(tmp_path / "more/Zebra/1.jpg", 51)
    put(tmp_path / "more/Zebra/2.jpg", 52)
    data = collect([root, tmp_path / "more"])
    assert data.tags == ("beach", "Car chase", "Drama", "Zebra")  # the first name seen
    assert per_tag(data) == [EACH, EACH + 1, EACH, 2]


def test_accents_taken_apart_are_the_same_tag(root: Path, tmp_path: Path) -> None:
    for place, name in enumerate((CAFE_APART, CAFE)):
        for number in range(2):
            put(tmp_path / str(place) / name / f"{number}.jpg", 60 + 2 * place + number)
    data = collect([root, tmp_path / "0", tmp_path / "1"])
    assert data.tags == ("beach", CAFE, "Car chase", "Drama")
    assert per_tag(data) == [EACH] * 4


def test_a_choice_of_pictures_keeps_what_belongs_to_them(root: Path) -> None:
    data = collect([root])
    some = data.among(np.array([5, 2]))
    assert some.paths == (data.paths[5], data.paths[2])
    assert some.sha256 == (data.sha256[5], data.sha256[2])
    assert some.tag.tolist() == data.tag[[5, 2]].tolist()
    assert some.family.tolist() == data.family[[5, 2]].tolist()
    assert seen(data.among(data.right[:, 1])) == [one for one in seen(data) if one[1][1]]


# A draw.


def test_a_draw_takes_so_many_of_each_tag_by_the_seed(root: Path, tmp_path: Path) -> None:
    data = collect([root], limit_per_tag=2, seed=1)
    assert per_tag(data) == [2, 2, 2]
    shutil.copytree(root, tmp_path / "other")
    assert seen(collect([tmp_path / "other"], limit_per_tag=2, seed=1)) == seen(data)
    assert any(collect([root], limit_per_tag=2, seed=seed).sha256 != data.sha256 for seed in range(2, 5))
    assert seen(collect([root], limit_per_tag=99)) == seen(collect([root]))


def test_what_cannot_be_used_is_replaced_in_a_draw(root: Path) -> None:
    for number in range(40):
        (root / f"Drama/{number}.jpg").write_text(f"no picture {number}")
    data = collect([root], limit_per_tag=3)
    assert per_tag(data) == [3, 3, 3]


def test_a_draw_decodes_little_more_than_it_takes(root: Path) -> None:
    for number in range(30):
        put(root / f"Drama/{number}.jpg", 100 + number)
    known = Known()
    collect([root], limit_per_tag=3, known=known)
    assert len(known.kept) == 9


def test_a_draw_of_one_is_refused(root: Path) -> None:
    with pytest.raises(BadSettings, match="limit_per_tag is 1: a tag needs at least 2 pictures"):
        collect([root], limit_per_tag=1)


# What was decoded before.


class Known:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.new = 0

    def get(self, sha256: list[bytes]) -> dict[bytes, bytes]:
        return {key: self.kept[key] for key in sha256 if key in self.kept}

    def put(self, stamps: dict[bytes, bytes]) -> None:
        self.kept |= stamps
        self.new += len(stamps)


def test_no_picture_is_decoded_twice(root: Path) -> None:
    known = Known()
    first = collect([root], known=known)
    assert known.new == 3 * EACH
    put(root / "beach/new.jpg", 99)
    told: list[tuple[int, int]] = []
    second = collect([root], known=known, progress=lambda done, files: told.append((done, files)))
    assert known.new == 3 * EACH + 1
    assert {one[0] for one in seen(first)} < {one[0] for one in seen(second)}
    assert told[-1] == (3 * EACH + 2, 3 * EACH + 2)  # all were read, one was decoded
    assert [done for done, _ in told] == list(range(1, 3 * EACH + 3))


def test_fingerprints_are_those_of_the_pixels_and_wrong_ones_are_made_anew(root: Path) -> None:
    known = Known()
    data = collect([root], known=known)
    picture = cv2.imread(str(data.paths[0]))
    assert picture is not None
    right = fingerprint(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)).tobytes()
    assert known.kept[data.sha256[0]] == right
    known.kept[data.sha256[0]] = b"!is a reason"
    collect([root], known=known)
    assert known.kept[data.sha256[0]] == right


def test_what_was_decoded_before_an_interrupt_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.training.dataset.STAMPS_AT_A_TIME", 2)
    known = Known()

    def stop(done: int, files: int) -> None:
        if done == 3 * EACH + 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect([root], known=known, progress=stop)
    assert known.new == 4


# What is skipped.


def drawing(extension: str, picture: NDArray[np.integer], *params: int) -> bytes:
    return cv2.imencode(extension, picture, params)[1].tobytes()


def test_what_is_no_picture_is_skipped_with_the_reason(root: Path) -> None:
    folder = root / "beach"
    whole = (folder / "deep/0.jpg").read_bytes()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "page.jpg").write_text("<!doctype html><html><body>404</body></html>")
    (folder / "drawing.jpg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>')
    with zipfile.ZipFile(folder / "zip.jpg", "w") as packed:
        packed.writestr("1.jpg", whole)
    (folder / "part.png").write_bytes(drawing(".png", media.scenery(80, 90, 60))[:-900])
    (folder / "end missing.jpg").write_bytes(whole[:-2])
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "half, with an end mark.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    (folder / "half, zeros.jpg").write_bytes(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    with (folder / "film.mp4").open("wb") as film:
        film.truncate(2**30 + 1)  # takes no room
    os.mkfifo(folder / "pipe.jpg")
    data = collect([root])
    assert per_tag(data) == [EACH + 1, EACH, EACH]
    assert skipped(data) == {
        "empty.jpg": "is empty",
        **dict.fromkeys(
            ["page.jpg", "drawing.jpg", "zip.jpg", "part.png"],
            "is no picture that OpenCV can read, or a part of one",
        ),
        **dict.fromkeys(
            ["half.jpg", "half, zeros.jpg", "half, with an end mark.jpg"],
            "is a part of a JPEG: N% of its picture is missing",
        ),
        "film.mp4": "is over 1073741824 bytes, more than are read",
        "pipe.jpg": "is no regular file",
    }


def test_every_file_of_bytes_that_cannot_be_used_is_named(root: Path) -> None:
    (root / "beach/1.jpg").write_text("no picture")
    (root / "Drama/2.jpg").write_text("no picture")
    assert sorted(skipped(collect([root]))) == ["1.jpg", "2.jpg"]


def test_links_to_folders_are_followed_where_they_stay_inside(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/1.jpg", 70)
    put(tmp_path / "elsewhere/tag/1.jpg", 71)
    put(tmp_path / "elsewhere/tag/2.jpg", 72)
    (root / "beach/loop").symlink_to(root)
    (root / "beach/there").symlink_to(tmp_path / "elsewhere")
    (root / "beach/drama too").symlink_to(root / "Drama/deep")
    (root / "beach/again").symlink_to("deep")
    (root / "Zebra").symlink_to(tmp_path / "elsewhere/tag")  # the folder of a tag may lie anywhere
    (root / "beach/file.jpg").symlink_to(tmp_path / "elsewhere/1.jpg")
    (root / "beach/nowhere.jpg").symlink_to(tmp_path / "none.jpg")
    data = collect([root])
    assert per_tag(data) == [2 * EACH + 1, EACH, EACH, 2]  # the link to a file is that file
    assert skipped(data) == {
        "loop": "is a link to a folder, which is not followed: it leads to a folder that holds it",
        "there": "is a link to a folder, which is not followed: it leads out of what was named",
        "nowhere.jpg": "is a link that leads nowhere",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that can be opened and not read")
def test_what_cannot_be_read_is_skipped(root: Path) -> None:
    (root / "beach/closed.jpg").symlink_to("/proc/self/mem")
    assert skipped(collect([root])) == {"closed.jpg": "Input/output error"}


def oriented(body: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF orientation."""
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return body[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + body[2:]


def check(root: Path, pixels: NDArray[np.uint8], forms: dict[str, bytes], may_be_skipped: set[str]) -> None:
    """Every form has the pixels (BGR), or its greys, and is known for a near copy of the others, or is skipped."""
    for name, body in forms.items():
        (root / "beach" / name).write_bytes(body)
    data = collect([root])
    for name in forms.keys() - skipped(data).keys():
        truth = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None] if "grey" in name else pixels[..., ::-1]
        assert np.abs(decode_picture(forms[name]).astype(int) - truth).mean() < 10, name
    names = [path.name for path in data.paths]
    family = data.family[names.index("8-bit.png")]
    alike = {name for name, own in zip(names, data.family, strict=True) if own == family}
    assert alike | skipped(data).keys() == forms.keys()
    assert skipped(data).keys() <= may_be_skipped


def test_a_picture_is_itself_in_every_depth_and_number_of_channels(root: Path) -> None:
    pixels = media.scenery(90, 160, 120)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    alpha = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA), np.uint8)
    alpha[..., 3] = 254
    lying = np.ascontiguousarray(np.rot90(pixels))  # orientation 6 turns it back, clockwise
    forms = {
        "8-bit.png": drawing(".png", pixels),
        "16-bit.png": drawing(".png", np.multiply(pixels, 257, dtype=np.uint16)),
        "16-bit grey.tiff": drawing(".tiff", np.multiply(grey, 257, dtype=np.uint16)),
        "rgba.png": drawing(".png", alpha),
        "grey.jpg": drawing(".jpg", grey),
        "progressive.jpg": drawing(".jpg", pixels, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "trailing bytes.jpg": drawing(".jpg", pixels) + b"\0" * 64,
        "orientation 6.jpg": oriented(drawing(".jpg", lying), 6),
        "lossy.webp": drawing(".webp", pixels, cv2.IMWRITE_WEBP_QUALITY, 80),
    }
    check(root, pixels, forms, set())


def test_colour_maps_inks_and_films_of_stills_have_the_right_pixels_too(root: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = media.scenery(90, 160, 120)
    still = image.fromarray(pixels[..., ::-1])
    others = [image.fromarray(media.scenery(seed, 160, 120)) for seed in (91, 92)]

    def saved(picture: Any, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    forms = {
        "8-bit.png": saved(still, "PNG"),
        "cmyk.jpg": saved(still.convert("CMYK"), "JPEG"),
        "palette.png": saved(still.convert("P", palette=image.Palette.ADAPTIVE), "PNG"),
        "film.gif": saved(still, "GIF", save_all=True, append_images=others),
    }
    check(root, pixels, forms, {"film.gif"})  # before OpenCV 4.11


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_picture_bomb_is_refused_before_it_takes_memory(root: Path) -> None:
    """In a process of its own, for OpenCV reads its limit when it is loaded, and memory is known by its peak.

    Linux tells it of the program alone; `getrusage` counts what the process was before it became this program.
    """
    if sys.platform != "linux":
        pytest.skip("peak memory is read as Linux tells it")
    side = 20_000
    packed = zlib.compressobj(9)
    rows = b"".join(packed.compress(bytes(1 + side // 8) * 1000) for _ in range(side // 1000)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert len(bomb) < 100_000
    (root / "beach/bomb.png").write_bytes(bomb)
    code = (
        "import re, sys; from pathlib import Path; from tagger.training.dataset import collect\n"
        "data = collect([Path(sys.argv[1])])\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]\n"
        "print(int(peak) // 1024, data.skipped[0].reason)"
    )
    code = "import cv2\n" + code  # which has read its own limit by then
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    peak_mb, reason = done.stdout.split(" ", 1)
    assert reason == "has more pixels than are read (OPENCV_IO_MAX_IMAGE_PIXELS sets the limit)\n"
    assert int(peak_mb) < 200


# What is refused.


def test_all_folders_that_cannot_be_tags_are_named_at_once(root: Path) -> None:
    odd = {
        " before": "has a space at its start or end",
        "after ": "has a space at its start or end",
        "tab\tin it": "has characters that cannot be printed",
        "___": "has no letter or digit",
        "BEACH": "is the same tag as 'beach' (beach)",
        "car-chase": "is the same tag as 'Car chase' (car-chase)",
    }
    for number, name in enumerate(odd):
        put(root / name / "1.jpg", 200 + 2 * number)
        put(root / name / "2.jpg", 201 + 2 * number)
    (root / "link").symlink_to(root)
    (root / "nothing").mkdir()
    put(root / "one/1.jpg", 300)
    shutil.copy(root / "one/1.jpg", root / "one/copy.jpg")
    (root / "broken").mkdir()
    (root / "broken/1.jpg").write_text("no picture")
    (root / "broken/2.jpg").write_text("no picture either")
    said = refusal(root)
    assert said.startswith(f"{root}: each sub-folder is a tag, so mend or move: ")
    for name, why in odd.items():
        assert f"{name!r} {why}" in said
    assert "'beach' is the same tag as 'BEACH' (beach)" in said
    assert "'link' is a link to a folder that holds it" in said
    assert "'nothing' needs 2 pictures, has 0 in 0 files" in said
    assert "'one' needs 2 pictures, has 1 in 2 files" in said
    assert "'broken' needs 2 pictures, has 0 in 2 files (1.jpg is no picture that OpenCV can read" in said
    assert "Drama' " not in said
    assert said.count(";") == len(odd) + 5


def test_names_that_are_no_text_are_refused(root: Path) -> None:
    os.mkdir(os.fsencode(root) + b"/bad\xff")  # noqa: PTH102  # no name to pathlib
    assert r"'bad\udcff' has characters that cannot be printed" in refusal(root)


def test_two_forms_of_one_name_in_one_root_are_refused(root: Path) -> None:
    for name in (CAFE, CAFE_APART):
        for number in range(2):
            put(root / name / f"{number}.jpg", 60 + number)
    if len(list(root.iterdir())) == 4:
        pytest.skip("the file system takes both for one")
    assert refusal(root).count("is the same tag as") == 2


def test_roots_that_hold_no_tags_are_refused(root: Path, tmp_path: Path) -> None:
    assert "nowhere: no folder of pictures (No such file or directory)" in refusal(root, tmp_path / "nowhere")
    file = put(tmp_path / "file.jpg", 1)
    assert "file.jpg: no folder of pictures (Not a directory)" in refusal(file)
    (tmp_path / "empty").mkdir()
    assert "empty: holds no folder" in refusal(root, tmp_path / "empty")


def test_too_few_and_too_many_tags_are_refused(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "few/red/1.jpg", 1)
    put(tmp_path / "few/red/2.jpg", 2)
    assert refusal(tmp_path / "few").endswith("a vocabulary has 2 to 1000 tags, here are 1")
    for number in range(998):
        (root / str(number)).mkdir()
    (root / "___").mkdir()
    assert "1001 sub-folders, a vocabulary has 2 to 1000 tags; '___' has no letter or digit" in refusal(root)


def test_a_wrong_folder_does_not_fill_the_screen(root: Path) -> None:
    for number in range(60):
        (root / f"{number:02} ").mkdir()
    said = refusal(root)
    assert said.endswith("'49 ' has a space at its start or end; and 10 more")


# Tags that are known.


def test_tags_that_are_asked_for_are_taken_in_their_order_and_others_left_out(root: Path) -> None:
    (root / "___").mkdir()
    put(root / "one/1.jpg", 300)
    data = collect([root], tags=("Drama", "One", "Never seen", "Beach"))
    assert data.tags == ("Drama", "One", "Never seen", "Beach")
    assert per_tag(data) == [EACH, 1, 0, EACH]
    assert (data.left_out, data.others) == (("Car chase", "___"), EACH)


def test_none_of_the_tags_that_are_asked_for_is_an_error(root: Path) -> None:
    with pytest.raises(BadPath, match=r"no sub-folder is one of the 2 tags \(found: Car chase, Drama, beach\)"):
        collect([root], tags=("War", "Police"))
    (root / "war").mkdir()
    (root / "war/1.jpg").write_bytes(b"")
    with pytest.raises(BadPath, match=r"the folders of the tags hold no picture: .*war/1\.jpg is empty"):
        collect([root], tags=("War", "Police"))
