"""Weights that Keras publishes: fetched without it, whole or not at all, into its own cache."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import media
import networks
import pytest

from tagger import web
from tagger.errors import BadSettings, BadWeights, WeightsMissing
from tagger.files import held
from tagger.models import registry, weights
from tagger.models.architectures import named
from tagger.models.weights import WeightsFile

SMALL = "mobilenet-0.25-128"
BODY = bytes(range(256)) * 4096  # 1 MiB
FILE = WeightsFile("w.h5", "x", 262_144, hashlib.md5(BODY).hexdigest())


@dataclass
class Server:
    """A server of weights on this machine, which knows ranges if it is told to."""

    folder: Path
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # after so many bytes of each of its first answers it hangs up
    asked: list[str | None] = field(default_factory=list)  # the ranges

    def put(self, file: WeightsFile, body: bytes) -> None:
        (self.folder / file.folder).mkdir(exist_ok=True)
        (self.folder / file.folder / file.name).write_bytes(body)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(tmp_path / "server")
    made.folder.mkdir()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = made.folder / self.path[1:], self.headers["Range"]
            made.asked.append(wanted)
            if not path.is_file():
                return self.send_error(404)
            body = path.read_bytes()
            start = int(wanted[6:-1]) if wanted and made.ranges else 0
            if start and start >= len(body):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            self.wfile.write(body[start : start + made.cuts.pop(0) if made.cuts else None])
            return None

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(web, "WAITS_S", (0.01, 0.01))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("MOVIETAGS_WEIGHTS_URL", f"http://127.0.0.1:{running.server_port}/")
        yield made
        running.shutdown()


def part(file: WeightsFile) -> Path:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    return file.path.with_name(f"{file.name}.part")


def test_weights_are_fetched_into_the_cache_of_keras(server: Server, tmp_path: Path) -> None:
    whole, features = named(SMALL).files
    server.put(features, networks.save(SMALL, tmp_path / "x.h5", include_top=False).read_bytes())
    with pytest.raises(WeightsMissing, match="could not be fetched .*HTTP 404"):
        whole.fetch(SMALL)
    assert features.fetch(SMALL) == features.path == tmp_path / "keras/models" / features.name
    assert features.verify() == "unverified"
    assert registry.load(SMALL, None, 1).features([media.scenery(0, 200, 150)]).shape == (1, 256)
    assert [path.name for path in features.path.parent.iterdir()] == [features.name]


def test_keras_finds_what_we_fetched_and_we_what_keras_did(server: Server) -> None:
    from keras.utils import get_file

    home = str(weights.cache_folder().parent)
    server.put(FILE, BODY)
    fetched = FILE.fetch("x")
    assert (
        Path(get_file(FILE.name, "http://127.0.0.1:9/w.h5", cache_dir=home, cache_subdir="models", file_hash=FILE.md5))
        == fetched
    )
    fetched.unlink()
    by_keras = Path(get_file(FILE.name, FILE.url, cache_dir=home, cache_subdir="models", file_hash=FILE.md5))
    server.asked.clear()
    assert (FILE.fetch("x"), server.asked) == (by_keras, [])


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(server: Server, ranges: bool) -> None:
    server.put(FILE, BODY)
    part(FILE).write_bytes(BODY[:1000])
    server.ranges = ranges
    assert FILE.fetch("x").read_bytes() == BODY
    assert server.asked == ["bytes=1000-"]
    assert not part(FILE).exists()


def test_a_connection_that_breaks_is_taken_up_again(server: Server) -> None:
    server.put(FILE, BODY)
    server.cuts = [600_000]
    assert FILE.fetch("x").read_bytes() == BODY
    assert server.asked == [None, "bytes=600000-"]


def test_a_server_that_goes_away_leaves_what_came_and_no_file(server: Server) -> None:
    server.put(FILE, BODY)
    server.cuts = [300_000, 0, 0]
    with pytest.raises(WeightsMissing, match="after 300000 of 1048576 bytes, after 3 tries"):
        FILE.fetch("x")
    assert part(FILE).read_bytes() == BODY[:300_000]
    assert FILE.here is None
    assert FILE.fetch("x").read_bytes() == BODY
    assert server.asked[-1] == "bytes=300000-"


@pytest.mark.parametrize("before", [b"other" * 100, BODY + b"more", BODY])
def test_what_does_not_belong_together_begins_anew(server: Server, before: bytes) -> None:
    server.put(FILE, BODY)
    part(FILE).write_bytes(before)
    assert FILE.fetch("x").read_bytes() == BODY


def test_without_a_checksum_nothing_is_taken_up(server: Server) -> None:
    file = replace(FILE, md5=None)
    server.put(file, BODY)
    part(file).write_bytes(b"other" * 100)
    assert file.fetch("x").read_bytes() == BODY
    assert server.asked == [None]


def test_a_download_with_a_wrong_checksum_is_refused(server: Server) -> None:
    server.put(FILE, b"half a file")
    with pytest.raises(WeightsMissing, match="could not be fetched .*md5 [0-9a-f]{32}, published") as caught:
        FILE.fetch("x")
    assert "\n" not in str(caught.value)
    assert not FILE.path.exists()


def test_two_processes_do_not_write_one_file(server: Server) -> None:
    server.put(FILE, BODY)
    with part(FILE).open("wb") as other:
        assert held(other)
        with pytest.raises(WeightsMissing, match=r"another process is writing .*w\.h5\.part"):
            FILE.fetch("x")
    assert FILE.fetch("x").read_bytes() == BODY


def test_a_mirror_that_is_no_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIETAGS_WEIGHTS_URL", "somewhere")
    with pytest.raises(BadSettings, match="MOVIETAGS_WEIGHTS_URL = somewhere: an address that begins with"):
        FILE.fetch("x")


def test_without_network_and_cache_the_message_says_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIETAGS_WEIGHTS_URL", "http://127.0.0.1:9")
    with pytest.raises(WeightsMissing) as caught:
        registry.load("inceptionv3", None, 4)
    message = str(caught.value)
    file = named("inceptionv3").with_top
    assert file.name in message
    assert str(weights.cache_folder()) in message
    assert "--backbone compact" in message
    assert "\n" not in message


def test_published_checksums_are_checked(tmp_path: Path) -> None:
    file = weights.WeightsFile("w.h5", "x", 1, hashlib.md5(b"right").hexdigest())
    with pytest.raises(WeightsMissing, match="models fetch"):
        file.verify()
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"right")
    assert file.verify() == "ok"
    file.path.write_bytes(b"wrong")
    with pytest.raises(BadWeights, match="delete it"):
        file.verify()
