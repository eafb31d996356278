"""Where the ImageNet weights of the Keras backbones lie, and how they get there.

Keras caches them under `KERAS_HOME` (`~/.keras` if unset), folder `models`; a cache filled by any other
program is reused. `MOVIETAGS_WEIGHTS_URL` names a mirror with the layout of Keras's own server, for
places that have no internet.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tagger import web
from tagger.errors import BadWeights, FetchFailed, ServerUnreachable, WeightsMissing, reason
from tagger.files import held

log = logging.getLogger(__name__)

SERVER = "https://storage.googleapis.com/tensorflow/keras-applications"
SERVER_VARIABLE = "MOVIETAGS_WEIGHTS_URL"
CHUNK_BYTES = 2**20
SAYS_EVERY_S = 10.0  # how far a download is
BYTES_PER_PARAMETER = 4  # the files are float32


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of published weights, as Keras names it."""

    name: str
    folder: str  # on the server
    parameters: int  # of the network: the file's size follows from it
    md5: str | None  # None: Keras publishes none for it

    @property
    def size_mb(self) -> int:
        """About how large the file is, in MB (10^6 bytes)."""
        return round(self.parameters * BYTES_PER_PARAMETER / 1e6)

    @property
    def path(self) -> Path:
        """Where Keras looks for it."""
        return cache_folder() / self.name

    @property
    def here(self) -> Path | None:
        """Its path, if it is there."""
        return self.path if self.path.is_file() else None

    @property
    def wanted(self) -> str:
        """Where it would be, for people."""
        return f"would be {self.path}"

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return f"{web.base(SERVER_VARIABLE, SERVER)}/{self.folder}/{self.name}"

    def verify(self) -> str:
        """Returns "ok" or "unverified" (no published checksum) for a cached file.

        Raises:
            WeightsMissing: it is not in the cache.
            BadWeights: its checksum is not the published one, or it cannot be read.
        """
        if not self.here:
            raise WeightsMissing(f"{self.name}: not in {self.path.parent}: run `movietags models fetch`")
        if self.md5 is None:
            return "unverified"
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            with self.path.open("rb") as body:
                while chunk := body.read(CHUNK_BYTES):
                    md5.update(chunk)
        except OSError as error:
            raise BadWeights(f"{self.path}: cannot be read ({reason(error)})") from error
        if md5.hexdigest() != self.md5:
            raise BadWeights(f"{self.path}: md5 {md5.hexdigest()}, published {self.md5}: delete it and fetch it again")
        return "ok"

    def fetch(self, backbone: str) -> Path:
        """Returns its path, downloaded into Keras's cache unless it is there.

        It is written aside and renamed: an interrupted download must not look like weights to any program. The next one
        goes on with what is there, where a published checksum can tell that both belong together.

        Raises:
            WeightsMissing: it could not be fetched; says which file, where it is looked for, what else works.
            BadSettings: the mirror is no address.
        """
        if self.here:
            return self.here
        folder, url = self.path.parent, self.url
        log.info("%s: fetching %s (about %d MB) into %s", backbone, self.name, self.size_mb, folder)
        part = self.path.with_name(f"{self.name}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with part.open("a+b") as file:
                if not held(file):
                    raise FetchFailed(f"another process is writing {part}")
                try:
                    self._complete(file, url)
                finally:
                    if not file.seek(0, os.SEEK_END):
                        with suppress(OSError):  # of Windows, where it is open
                            part.unlink()
            part.replace(self.path)
        except (FetchFailed, OSError) as error:
            raise WeightsMissing(
                f"{backbone}: its weights {self.name} (about {self.size_mb} MB) are not in {folder} and could not be "
                f"fetched ({reason(error)}): copy the file there, or use --weights FILE, or --backbone compact"
            ) from error
        return self.path

    def _complete(self, file: IO[bytes], url: str) -> None:
        """Adds what an earlier download left out; begins anew where that brought nothing of use."""
        if self.md5 is None:
            file.truncate(0)
        known = file.seek(0, os.SEEK_END)
        try:
            self._download(file, url)
        except ServerUnreachable:
            raise
        except FetchFailed:
            file.truncate(0)
            if not known:
                raise
            self._download(file, url)

    def _download(self, file: IO[bytes], url: str) -> None:
        md5 = hashlib.md5(usedforsecurity=False)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            md5.update(chunk)
        with web.Remote(url, _told(self.name), file.tell(), patient=False) as remote:
            while chunk := remote.read(CHUNK_BYTES):
                file.write(chunk)
                md5.update(chunk)
        file.flush()
        os.fsync(file.fileno())
        if self.md5 not in (None, md5.hexdigest()):
            raise FetchFailed(f"{url}: md5 {md5.hexdigest()}, published {self.md5}")


def _told(name: str) -> web.Told:
    """What says now and then how far a download is."""
    said = time.monotonic()

    def tell(_: str, done: int, size: int | None) -> None:
        nonlocal said
        if time.monotonic() - said > SAYS_EVERY_S:
            said = time.monotonic()
            log.info("%s: %.0f of %s MB", name, done / 1e6, "unknown" if size is None else round(size / 1e6))

    return tell


def cache_folder() -> Path:
    """Returns the folder in which Keras caches the weights of its applications."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras").expanduser() / "models"
