"""`movietags images fetch` against a server on this machine: what is chosen, what comes, what goes wrong."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import interrupts
import numpy as np
import pytest

from tagger import vocabulary
from tagger import web as http
from tagger.commands.images import images
from tagger.errors import BadPath, BadSettings, BadVocabulary, FetchFailed, ServerUnreachable
from tagger.images import decode_picture
from tagger.openimages import download, plan, tables, tagmap, web
from tagger.openimages.folder import turned

TAGS = ("Forest", "Food", "Sword fight", "Weapon", "Sex")
MAP = (
    ("forest", "A", "/m/tree"),
    ("forest", "C", "/m/leaf"),
    ("food", "A", "/m/food"),
    ("sword-fight", "B", "/m/fencing"),
    ("sword-fight", "B", "/m/sword"),
    ("weapon", "A", "/m/sword"),
    ("weapon", "A", "/m/gun"),
)
LISTS = {subset.name: subset for subset in plan.SUBSETS}
LABELS_HEADER = "ImageID,Source,LabelName,Confidence\n"
LIST_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
    "Thumbnail300KURL,Rotation\n"
)
Fault = Callable[["Handler", bytes], object]


class Server(ThreadingHTTPServer):
    """Files by path; a list of faults is worked off before a file is sent whole."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.sent: Counter[str] = Counter()
        self.knows_ranges = True
        self.name = "AmazonS3"
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        files = self.server
        files.asked.append(self.path)
        body = files.files.get(self.path)
        if faults := files.faults.get(self.path):
            faults.pop(0)(self, body or b"")
        elif body is None:
            self.begin(404, 0)
        else:
            self.send(body)

    def send(self, body: bytes) -> None:
        asked = self.headers.get("Range")
        offset = 0
        if asked:
            self.server.ranges.append(asked)
        if asked and self.server.knows_ranges:
            offset = int(asked.removeprefix("bytes=").removesuffix("-"))
        etag = {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        self.begin(206 if offset else 200, len(body) - offset, **etag)
        for at in range(offset, len(body), 2**16):
            self.server.sent[self.path] += self.wfile.write(body[at : at + 2**16])

    def begin(self, code: int, length: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(length)} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def version_string(self) -> str:
        return self.server.name

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def status(code: int, **headers: str) -> Fault:
    return lambda handler, _: handler.begin(code, 0, **headers)


def instead(body: bytes, **headers: str) -> Fault:
    def fault(handler: Handler, _: bytes) -> None:
        handler.begin(200, len(body), **headers)
        handler.wfile.write(body)

    return fault


def truncated(handler: Handler, body: bytes) -> None:
    handler.begin(200, len(body))
    handler.wfile.write(body[: len(body) // 2])


def reset(handler: Handler, body: bytes) -> None:
    truncated(handler, body)
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def drips(handler: Handler, body: bytes) -> None:
    """Never too long without a byte."""
    handler.begin(200, len(body))
    for at in range(len(body)):
        handler.wfile.write(body[at : at + 1])
        time.sleep(0.05)


def hangs(handler: Handler, body: bytes) -> None:
    handler.begin(200, len(body))
    handler.wfile.write(body[:10])
    time.sleep(60)


def without_length(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body)


def damaged(handler: Handler, body: bytes) -> None:
    sent = body[:-40] + bytes(40)
    handler.begin(200, len(sent), ETag=f'"{hashlib.md5(body).hexdigest()}"')
    handler.wfile.write(sent)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(web.LISTS_VARIABLE, f"{made.url}/lists/")
    monkeypatch.setenv(web.PICTURES_VARIABLE, f"{made.url}/pictures")
    monkeypatch.setattr(http, "WAITS_S", (0.01, 0.01))
    monkeypatch.setattr(http, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(web, "PICTURE_S", 0.5)
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def words(tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "labels.txt").write_text("\n".join(TAGS))
    rows = ["slug\ttag\tgrade\tclass\tmid", *(f"{slug}\t\t{grade}\tname\t{mid}" for slug, grade, mid in MAP)]
    (folder / "openimages.tsv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


def jpeg(image_id: str) -> bytes:
    pixels = np.random.default_rng(int(image_id, 16)).integers(0, 255, (6, 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(pixels, (48, 32)))[1].tobytes()


def number(n: int) -> str:
    return f"{n:016x}"


def labelled(rows: list[tuple[int, str, int]]) -> bytes:
    return (LABELS_HEADER + "".join(f"{number(n)},verification,{mid},{seen}\n" for n, mid, seen in rows)).encode()


def picture_path(n: int, subset: str = "validation") -> str:
    return f"/pictures/{subset}/{number(n)}.jpg"


def offer(server: Server, subset: str, rows: list[tuple[int, str, int]], hosted: set[int] | None = None) -> None:
    """Labels (picture, class, seen or not), a list of those in the bucket (all unless said), and their files."""
    server.files[f"/lists/{LISTS[subset].labels}"] = labelled(rows)
    lines = [LIST_HEADER]
    for n in sorted({n for n, *_ in rows} if hosted is None else hosted, reverse=True):
        page = f"https://flickr.example/{n}"
        about = f'{page}.jpg,{page},https://cc.example/by,{page}/me,"An, {n}","Title, {n}",9,bWQ1,,0.0'
        lines.append(f"{number(n)},{subset},{about}\n")
        server.files[picture_path(n, subset)] = jpeg(number(n))
    server.files[f"/lists/{LISTS[subset].images}"] = "".join(lines).encode()


@pytest.fixture
def small(server: Server) -> Server:
    """Twelve pictures each of forest and food, two of weapons; four of fencing are in train."""
    rows = [(n, "/m/tree" if n % 2 else "/m/food", 1) for n in range(1, 25)]
    offer(server, "validation", rows)
    offer(server, "test", [(31, "/m/gun", 1), (32, "/m/gun", 1)])
    offer(server, "train", [(n, "/m/fencing", 1) for n in range(41, 45)])
    return server


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[str], list[str]]:
    """Exit code, and the lines of stdout and stderr."""
    try:
        images(["fetch", *map(str, words)], prog_name="movietags images")
    except SystemExit as done:
        code = int(done.code or 0)
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err.splitlines()


def there(folder: Path) -> dict[str, list[int]]:
    return {
        tag.name: sorted(int(path.stem, 16) for path in tag.glob("*.jpg"))
        for tag in sorted(folder.iterdir())
        if tag.is_dir()
    }


def counts(lines: list[str]) -> dict[str, list[int]]:
    return {line.split()[0]: [int(cell) for cell in line.split()[1:]] for line in lines[1:]}


# What is chosen.


def tag_map(*rows: tuple[str, str, str]) -> tagmap.TagMap:
    return tagmap.TagMap(tagmap.TagClass(*row) for row in rows or MAP)


def chosen(server: Server, folder: Path, per_tag: int, *rows: tuple[str, str, str]) -> dict[str, list[int]]:
    folder.mkdir(exist_ok=True)
    found: dict[str, list[int]] = {}
    for one in plan.plan(tag_map(*rows), per_tag, folder):
        found.setdefault(one.tag, []).append(int(one.image_id, 16))
    return found


@pytest.mark.parametrize(
    ("mids", "tag"),
    [
        (["/m/tree"], "forest A"),
        (["/m/leaf"], "forest C"),
        (["/m/leaf", "/m/tree"], "forest A"),
        (["/m/tree", "/m/food"], None),
        (["/m/sword", "/m/fencing"], "sword-fight B"),
        (["/m/sword", "/m/gun"], "weapon A"),
        (["/m/gun", "/m/fencing"], None),
        (["/m/gun", "/m/fencing", "/m/sword"], None),
    ],
)
def test_all_classes_of_a_picture_must_be_of_its_tag(mids: list[str], tag: str | None) -> None:
    found = tag_map().tag_of(number(1), mids)
    assert (f"{found.slug} {found.grade}" if found else None) == tag


def test_what_several_tags_share_is_dealt_out_by_number() -> None:
    tags = [tag_map().tag_of(number(n), ["/m/sword"]) for n in range(100)]
    assert Counter(tag.slug for tag in tags if tag) == {"sword-fight": 50, "weapon": 50}


def test_only_what_people_saw_counts_and_only_without_another_tag(server: Server, folder: Path) -> None:
    rows = [(1, "/m/tree", 1), (1, "/m/food", 0), (2, "/m/tree", 0), (3, "/m/tree", 1), (3, "/m/sky", 1),
            (3, "/m/food", 1), (4, "/m/sky", 1), (5, "/m/food", 1)]  # fmt: skip
    for subset in LISTS:
        offer(server, subset, rows if subset == "validation" else [])
    assert chosen(server, folder, 3) == {"forest": [1], "food": [5]}


def test_rows_of_a_picture_that_stand_apart_must_agree(server: Server, folder: Path) -> None:
    rows = [(1, "/m/tree", 1), (2, "/m/tree", 1), (1, "/m/food", 1), (2, "/m/leaf", 1)]
    for subset in LISTS:
        offer(server, subset, rows if subset == "validation" else [])
    assert chosen(server, folder, 3) == {"forest": [2]}


def test_better_grades_come_first_wherever_they_are(server: Server, folder: Path) -> None:
    offer(server, "validation", [(n, "/m/leaf", 1) for n in range(1, 20)])
    offer(server, "test", [(n, "/m/tree", 1) for n in (21, 22)])
    offer(server, "train", [(n, "/m/tree", 1) for n in range(31, 33)])
    assert chosen(server, folder, 3, *MAP[:2])["forest"] == [21, 22, 31, 32, 1, 2, 3, 4]


def test_pictures_that_the_bucket_lacks_are_left_out(server: Server, folder: Path) -> None:
    for subset in ("validation", "test"):
        offer(server, subset, [])
    offer(server, "train", [(n, "/m/tree", 1) for n in range(1, 60)], hosted={5, 40, 48, 49, 51})
    # Of 1 + 5 wanted ones 8 times as many labelled ones are looked at.
    assert chosen(server, folder, 1, MAP[0])["forest"] == [5, 40, 48]


def test_labels_are_read_only_as_far_as_they_are_needed(small: Server, folder: Path) -> None:
    labels = f"/lists/{LISTS['train'].labels}"
    more = b"".join(labelled([(n, "/m/tree", 1)])[len(LABELS_HEADER) :] for n in range(1000, 1600))
    small.files[labels] = small.files[labels].removesuffix(b"\n") + b"\n" + more * 2000
    assert len(small.files[labels]) > 45e6
    assert len(chosen(small, folder, 50, MAP[0])["forest"]) == 12
    assert small.sent[labels] < 20e6


def test_a_tag_that_has_enough_asks_for_no_more(small: Server, folder: Path) -> None:
    assert chosen(small, folder, 4, MAP[0], MAP[2]) == {
        "forest": [1, 3, 5, 7, 9, 11, 13, 15, 17],
        "food": [2, 4, 6, 8, 10, 12, 14, 16, 18],
    }
    assert small.asked == [f"/lists/{LISTS['validation'].labels}", f"/lists/{LISTS['validation'].images}"]


def test_a_plan_is_kept_for_these_tags_and_this_number(small: Server, folder: Path) -> None:
    first = chosen(small, folder, 4)
    small.asked.clear()
    assert chosen(small, folder, 4) == first
    assert small.asked == []
    assert chosen(small, folder, 6)["forest"][:9] == first["forest"]
    assert "forest" not in chosen(small, folder, 4, *MAP[2:])


def test_texts_come_through_tables_unharmed_and_run_in_no_spreadsheet(server: Server, folder: Path) -> None:
    offer(server, "validation", [(1, "/m/tree", 1)])
    for subset in ("test", "train"):
        offer(server, subset, [])
    where = f"/lists/{LISTS['validation'].images}"
    texts = '"=1+1","a ""b"",\nc\u2028d'.encode() + b'\xff"'
    server.files[where] = server.files[where].replace(b'"An, 1","Title, 1"', texts).replace(b",0.0", b",270.0")
    folder.mkdir()
    made = plan.plan(tag_map(MAP[0]), 1, folder)
    assert (made[0].author, made[0].title, made[0].rotation_deg) == ("'=1+1", 'a "b",\\x0ac\u2028d\\xff', 270)
    assert plan.plan(tag_map(MAP[0]), 1, folder) == made


# Tables that break off, change, or are something else.


def table(server: Server, body: bytes, *faults: Fault) -> list[tuple[str, ...]]:
    server.files["/t.csv"], server.faults["/t.csv"] = body, list(faults)
    return list(web.rows(f"{server.url}/t.csv", ("b", "a")))


MANY = b"a,b,c\n" + b"".join(b"%d,%d,x\n" % (n, -n) for n in range(50_000))


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("fault", [truncated, reset, status(503)])
def test_a_table_goes_on_where_its_connection_broke(server: Server, fault: Fault, knows_ranges: bool) -> None:
    server.knows_ranges = knows_ranges
    found = table(server, MANY, fault, fault)
    assert found == [(str(-n), str(n)) for n in range(50_000)]
    assert (len(server.ranges) > 0) == (fault in (truncated, reset))


def test_a_table_that_changed_meanwhile_is_refused(server: Server) -> None:
    with pytest.raises(FetchFailed, match="start again"):
        table(server, MANY, truncated, lambda handler, _: handler.send(MANY * 2))


def test_a_table_that_goes_on_breaking_is_given_up(server: Server) -> None:
    with pytest.raises(ServerUnreachable, match=r"t.csv: HTTP 500 .*, after 3 tries"):
        table(server, MANY, *[status(500)] * 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no column b, a (found: nothing)"),
        (b"<html>sorry</html>", "no column b, a (found: <html>sorry</html>)"),
        (b'a,b\n1,"' + b"x" * 200_000, "is no CSV file"),
    ],
)
def test_what_is_no_such_table_is_refused(server: Server, body: bytes, message: str) -> None:
    with pytest.raises(FetchFailed) as raised:
        table(server, body)
    assert message in str(raised.value)


def test_rows_with_other_fields_are_left_out(server: Server) -> None:
    assert table(server, b"a,b\n1,2\n3\n4,5,6\n7,8\n") == [("2", "1"), ("8", "7")]


def test_labels_of_something_else_are_refused(small: Server, folder: Path) -> None:
    labels = f"/lists/{LISTS['validation'].labels}"
    small.files[labels] = LABELS_HEADER.encode() + b"../../evil,verification,/m/tree,1\n"
    with pytest.raises(FetchFailed, match=r"'../../evil' is no image of Open Images"):
        chosen(small, folder, 2)


def test_only_http_is_opened(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    for target in (f"file://{tmp_path}/secret.csv", "ftp://127.0.0.1/secret.csv"):
        with pytest.raises(FetchFailed):
            table(server, b"", *[status(302, Location=target)] * 3)
    for address in (f"file://{tmp_path}", "ftp://somewhere", "somewhere", "http://"):
        monkeypatch.setenv(web.LISTS_VARIABLE, address)
        with pytest.raises(BadSettings, match=f"{web.LISTS_VARIABLE} = {address.rstrip('/')}: an address"):
            http.base(web.LISTS_VARIABLE, web.LISTS)


# The command.


def test_a_training_folder_is_made(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder)
    assert code == 0
    assert there(folder) == {"food": [2, 4], "forest": [1, 3], "sword-fight": [41, 42], "weapon": [31, 32]}
    assert out[0].split() == ["tag", "wanted", "found", "fetched", "failed"]
    assert counts(out) == {
        "forest": [2, 7, 2, 0], "food": [2, 7, 2, 0], "sword-fight": [2, 4, 2, 0], "weapon": [2, 2, 2, 0],
        "all": [8, 20, 8, 0],
    }  # fmt: skip
    assert err[0] == "movietags: no class of Open Images is known for sex"
    with (folder / "sources.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["file"] for row in rows] == sorted(
        f"{tag}/{number(n)}.jpg" for tag, ns in there(folder).items() for n in ns
    )
    for row in rows:
        body = (folder / row["file"]).read_bytes()
        assert body == jpeg(row["image_id"])
        assert (row["sha256"], int(row["bytes"])) == (hashlib.sha256(body).hexdigest(), len(body))
    assert dict(rows[0], sha256="", bytes="") == {
        "file": f"food/{number(2)}.jpg", "tag": "food", "image_id": number(2), "subset": "validation",
        "licence": "https://cc.example/by", "author": "An, 2", "title": "Title, 2",
        "landing_url": "https://flickr.example/2", "original_url": "https://flickr.example/2.jpg",
        "rotation_deg": "0", "bytes": "", "sha256": "",
    }  # fmt: skip


def test_a_second_run_asks_for_nothing(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    command = ("--vocab", words, "--per-tag", 2, "-q", "-o", folder)
    first = run(capsys, *command)
    sources = (folder / "sources.csv").read_bytes()
    small.asked.clear()
    assert run(capsys, *command) == first
    assert small.asked == []
    assert (folder / "sources.csv").read_bytes() == sources


def test_a_run_takes_up_what_an_earlier_one_left(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    command = ("--vocab", words, "--per-tag", 3, "-q", "-o", folder)
    run(capsys, *command)
    sources = (folder / "sources.csv").read_bytes()
    cut, gone, own = (folder / f"forest/{number(n)}.jpg" for n in (1, 3, 1001))
    cut.write_bytes(cut.read_bytes()[:-5])
    gone.unlink()
    own.write_bytes(jpeg(number(7)))  # somebody's
    (folder / "forest/.0123.tmp").write_bytes(b"half")
    for has_sources in (True, False):
        if not has_sources:  # killed before they were written
            (folder / "sources.csv").unlink()
        small.asked.clear()
        assert run(capsys, *command)[0] == 0
        assert sorted(small.asked) == ([picture_path(1), picture_path(3)] if has_sources else [])
        assert (folder / "sources.csv").read_bytes() == sources
    assert sorted(path.name for path in (folder / "forest").iterdir()) == [f"{number(n)}.jpg" for n in (1, 3, 5, 1001)]


def test_rows_of_pictures_of_another_plan_stay(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    run(capsys, "--vocab", words, "--per-tag", 4, "-q", "-o", folder)
    run(capsys, "--vocab", words, "--per-tag", 2, "-q", "-o", folder)
    rows = tables.read_table(folder / "sources.csv", tables.Source)
    assert len(rows) == sum(map(len, there(folder).values())) == 14


@pytest.mark.parametrize(
    "fault",
    [
        status(503), status(429, Retry_After="0"), status(500, Retry_After="Sun, 06 Nov 1994 08:49:37 GMT"), truncated,
        reset, drips, hangs, damaged, without_length, instead(b"whole", Content_MD5="bWQ1"),
    ],
)  # fmt: skip
def test_what_breaks_on_the_way_is_asked_for_again(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, fault: Fault
) -> None:
    small.faults[picture_path(1)] = [fault]
    code, out, _ = run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder)
    assert (code, counts(out)["forest"]) == (0, [2, 7, 2, 0])
    assert small.asked.count(picture_path(1)) == 2
    assert (folder / f"forest/{number(1)}.jpg").read_bytes() == jpeg(number(1))


@pytest.mark.parametrize(
    ("fault", "asked", "message"),
    [
        (status(404), 1, "HTTP 404"),
        (status(403), 1, "HTTP 403"),
        (instead(b"<html>log in first</html>"), 1, "is no picture that OpenCV can read"),
        (instead(b""), 1, "is empty"),
        (instead(jpeg(number(3))[:-200]), 1, "is a part of a JPEG"),
        (truncated, 3, "bytes arrived of"),
        (damaged, 3, "its ETag is the MD5"),
        (status(503), 3, "HTTP 503 Service Unavailable, after 3 tries"),
    ],
)
def test_another_picture_stands_in_for_one_that_cannot_be_had(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, fault: Fault, asked: int, message: str
) -> None:
    small.faults[picture_path(3)] = [fault] * 3
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder)
    assert (code, counts(out)["forest"], there(folder)["forest"]) == (0, [2, 7, 2, 1], [1, 5])
    assert small.asked.count(picture_path(3)) == asked
    (said,) = [line for line in err if number(3) in line]
    assert message in said


def test_a_picture_that_is_too_large_is_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PICTURE_BYTES_MAX", 2**17)
    small.files[picture_path(1)] = bytes(50_000_000)
    _, out, err = run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder)
    assert counts(out)["forest"] == [2, 7, 2, 1]
    assert any("is over 131072 bytes" in line for line in err)
    assert small.sent[picture_path(1)] < 25_000_000


@pytest.mark.parametrize("name", ["nginx", "AmazonS3"])
def test_other_etags_are_no_checksum(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, name: str
) -> None:
    encrypted = {"x-amz-server-side-encryption": "aws:kms"} if name == "AmazonS3" else {}
    small.name = name
    small.faults[picture_path(1)] = [instead(jpeg(number(1)), ETag=f'"{"0" * 32}"', **encrypted)]
    small.faults[picture_path(3)] = [instead(jpeg(number(3)), ETag=f'"{"0" * 32}-2"')]
    run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder)
    assert [small.asked.count(picture_path(n)) for n in (1, 3, 5)] == [1, 1, 0]
    assert there(folder)["forest"] == [1, 3]


def test_tags_that_lack_pictures_are_named_and_none_at_all_is_a_failure(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 3, "-o", folder)
    assert (code, counts(out)["weapon"]) == (0, [3, 2, 2, 0])
    assert err[-1] == "movietags: fewer than 3: weapon 2"
    for n in (31, 32):
        small.files.pop(picture_path(n, "test"))
        (folder / f"weapon/{number(n)}.jpg").unlink()
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 3, "-o", folder)
    assert (code, counts(out)["weapon"]) == (1, [3, 2, 0, 2])
    assert err[-1] == "movietags: fewer than 3: weapon 0"


def test_many_failures_are_told_in_few_lines(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    for n in range(1, 25, 2):
        small.files.pop(picture_path(n))
    code, _, err = run(capsys, "--vocab", words, "--per-tag", 20, "-o", folder)
    assert code == 1
    assert sum("HTTP 404" in line for line in err) == 10
    assert "movietags: and 2 more: 12 failed in all" in err


def test_a_server_that_is_gone_is_given_up(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("--vocab", words, "--per-tag", 5, "-q", "--jobs", 2, "-o", folder)
    assert run(capsys, *command)[0] == 0
    (folder / f"forest/{number(1)}.jpg").unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv(web.PICTURES_VARIABLE, f"http://127.0.0.1:{free.getsockname()[1]}")
    for limit, asked in ((3, 3), (16, 6)):  # all that are left, with the spare ones, are six
        monkeypatch.setattr(download, "LOST_IN_A_ROW", limit)
        code, out, err = run(capsys, *command)
        assert (code, counts(out)["forest"], len(err)) == (1, [5, 10, 4, asked], 1)
        assert "error: given up, the same command goes on later" in err[0]
        assert "refused, after 3 tries" in err[0]
    monkeypatch.setenv(web.LISTS_VARIABLE, os.environ[web.PICTURES_VARIABLE])
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 6, "-q", "-o", folder)
    assert (code, out, len(err)) == (1, [], 1)
    assert "refused, after 3 tries" in err[0]


def test_as_many_pictures_as_asked_come_at_once(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    together = threading.Barrier(4, timeout=5)

    def meet(handler: Handler, body: bytes) -> None:
        together.wait()
        handler.send(body)

    for n in range(1, 25):
        small.faults[picture_path(n)] = [meet]
    code, _, _ = run(capsys, "--vocab", words, "--per-tag", 2, "--jobs", 4, "-o", folder)
    assert (code, together.broken) == (0, False)


def test_pictures_that_lie_are_turned_without_new_pixels(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    where = f"/lists/{LISTS['validation'].images}"
    small.files[where] = small.files[where].replace(b",0.0\n", b",90.0\n")
    run(capsys, "--vocab", words, "--per-tag", 2, "-q", "-o", folder)
    body = (folder / f"forest/{number(1)}.jpg").read_bytes()
    assert body.endswith(jpeg(number(1))[2:])
    assert np.array_equal(decode_picture(body), np.rot90(decode_picture(jpeg(number(1)))))
    rows = {row.file: row for row in tables.read_table(folder / "sources.csv", tables.Source)}
    row = rows[f"forest/{number(1)}.jpg"]
    assert (row.rotation_deg, row.sha256) == (90, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turns_are_counter_clockwise(rotation: int) -> None:
    body = jpeg(number(5))
    shown = turned(body, rotation)
    assert np.array_equal(decode_picture(shown), np.rot90(decode_picture(body), rotation // 90))
    assert turned(shown, 180) == shown or rotation == 0  # it has EXIF data of its own
    assert turned(b"\x89PNG", rotation) == b"\x89PNG"


def test_a_folder_that_cannot_be_written_ends_the_run_soon(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    folder.mkdir()
    (folder / "food").write_text("")
    small.faults |= {picture_path(n): [status(503, Retry_After="60")] for n in (3, 5)}
    begun = time.monotonic()
    code, out, err = run(capsys, "--vocab", words, "--per-tag", 3, "-q", "--jobs", 3, "-o", folder)
    assert time.monotonic() - begun < 5
    assert (code, out, len(err)) == (1, [], 1)
    assert f"{folder / 'food'}: no folder to write to" in err[0]
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPool"):
            thread.join(2)
            assert not thread.is_alive()
    assert f"forest/{number(1)}.jpg" in {row.file for row in tables.read_table(folder / "sources.csv", tables.Source)}


def test_nothing_found_is_a_failure_and_no_plan(
    capsys: pytest.CaptureFixture[str], server: Server, words: Path, folder: Path
) -> None:
    for subset in LISTS:
        offer(server, subset, [])
    code, out, _ = run(capsys, "--vocab", words, "--per-tag", 3, "-o", folder)
    assert (code, counts(out)["all"]) == (1, [12, 0, 0, 0])
    assert [path.name for path in folder.iterdir()] == ["sources.csv"]


@pytest.mark.parametrize("bar", [True, False])
def test_the_bar_is_for_terminals(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path,
    monkeypatch: pytest.MonkeyPatch, bar: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("tagger.commands.console.BAR_STEP_S", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = run(capsys, "--vocab", words, "--per-tag", 2, "-o", folder, *([] if bar else ["-q"]))
    assert ("8 of 8 pictures" in "".join(err)) == bar
    assert ("oidv7-val-annotations" in "".join(err)) == bar


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["-o", "-"], 2, "--output names a folder"),
        (["-o", "file"], 2, "is a file"),
        (["-o", "file/deep"], 1, "no folder to write to"),
        (["-o", "out", "--per-tag", "0"], 2, "--per-tag"),
        (["-o", "out", "--jobs", "0"], 2, "--jobs"),
        (["-o", "out", "--vocab", "nowhere"], 1, "vocabulary nowhere: neither shipped"),
        ([], 2, "--output"),
    ],
)
def test_mistakes_are_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    ended, out, err = run(capsys, "--vocab", words, *more)
    assert (ended, out, small.asked) == (code, [], [])
    assert message in "".join(err)


def test_a_wrong_mirror_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(web.PICTURES_VARIABLE, "somewhere")
    code, _, err = run(capsys, "--vocab", words, "--per-tag", 2, "-q", "-o", folder)
    assert (code, len(err), small.asked) == (2, 1, [])
    assert "MOVIETAGS_OPENIMAGES_PICTURES_URL = somewhere: an address" in err[0]


def test_tables_of_somebody_else_are_not_overwritten(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    folder.mkdir()
    for body in ("a,b\n1,2\n", "a,b\n", ",".join(tables.Source.__slots__) + "\nfood/1.jpg,food\n", ""):
        (folder / "sources.csv").write_text(body)
        code, _, err = run(capsys, "--vocab", words, "--per-tag", 2, "-q", "-o", folder)
        assert (code, len(err), small.asked) == (1, 1, [])
        assert "sources.csv: is not as this command writes it" in err[0]
        assert (folder / "sources.csv").read_text() == body


def test_a_plan_cannot_name_files_elsewhere(small: Server, folder: Path) -> None:
    chosen(small, folder, 2)
    (path,) = folder.iterdir()
    path.write_text(path.read_text().replace("forest,", "../forest,"))
    with pytest.raises(BadPath, match=r"picture '0{15}1' of 'validation' for '../forest'\): move it away"):
        chosen(small, folder, 2)


# Ctrl-C.


def interrupted(small: Server, path: str, *words: object) -> str:
    """What the command says on stderr when Ctrl-C comes while a file is on its way."""
    command = [sys.executable, "-m", "tagger", "images", "fetch", *map(str, words)]
    process = interrupts.started(command, cwd=Path(__file__).parents[1])
    while path not in small.asked:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 2
    assert (process.returncode, out) == (130, "")
    return err.strip()


def test_ctrl_c_stops_soon_and_keeps_what_is_there(
    capsys: pytest.CaptureFixture[str], small: Server, words: Path, folder: Path
) -> None:
    small.faults |= {picture_path(n): [hangs] for n in range(9, 25)}
    command = ("--vocab", words, "--per-tag", 12, "-q", "--jobs", 3, "-o", folder)
    assert interrupted(small, picture_path(13), *command) == "movietags: interrupted"
    assert there(folder) == {"forest": [1, 3, 5, 7]}
    sources = tables.read_table(folder / "sources.csv", tables.Source)
    assert [row.file for row in sources] == [f"forest/{number(n)}.jpg" for n in (1, 3, 5, 7)]
    assert list(folder.rglob("*.tmp")) == []

    small.faults.clear()
    small.asked.clear()
    code, out, _ = run(capsys, *command)
    assert (code, counts(out)["all"][2]) == (0, 30)
    assert not {picture_path(n) for n in (1, 3, 5, 7)} & {*small.asked}


def test_ctrl_c_stops_the_reading_of_labels(small: Server, words: Path, folder: Path) -> None:
    labels = f"/lists/{LISTS['test'].labels}"
    small.faults[labels] = [hangs]
    assert interrupted(small, labels, "--vocab", words, "-q", "-o", folder) == "movietags: interrupted"
    assert list(folder.iterdir()) == []


# Maps.


def test_the_shipped_map_names_classes_for_every_tag() -> None:
    words = vocabulary.load("movies50")
    tags = tagmap.read_map(words)
    assert set(tags.slugs) == set(words.slugs)
    assert len(tags.classes) == len({(one.slug, one.mid) for one in tags.classes}) > 300


def test_a_map_is_read_as_a_spreadsheet_saves_it(words: Path) -> None:
    path = words / "openimages.tsv"
    known = tagmap.read_map(vocabulary.load(str(words))).classes
    path.write_text("\r\n".join(path.read_text().splitlines()), encoding="utf-16", newline="")
    assert tagmap.read_map(vocabulary.load(str(words))).classes == known


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no openimages.tsv, which says what classes"),
        ("", "openimages.tsv: names no class"),
        ("slug\tgrade\tmid\n", "names no class"),
        ("slug\tgrade\nforest\tA\n", "line 2: slug 'forest', grade 'A', mid ''"),
        ("slug\tgrade\tmid\nforest\tA\t/m/a\nwood\tA\t/m/a\n", "line 3: slug 'wood'"),
        ("slug\tgrade\tmid\nforest\tD\t/m/a\n", "grade 'D'"),
        ("slug\tgrade\tmid\nforest\tA\tTree\n", "a mid such as"),
        (b"slug\tgrade\tmid\nforest\xff", "cannot be read"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(words: Path, text: Any, message: str) -> None:
    (words / "openimages.tsv").unlink()
    if text is not None:
        (words / "openimages.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadVocabulary) as raised:
        tagmap.read_map(vocabulary.load(str(words)))
    assert message in str(raised.value)
