"""What is known of a backbone by its name alone, before its network is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tagger.models import arrays
from tagger.models.backbone import Backbone

# (file in place of the usual numbers, pictures per call or None for what pays, device and precision as in `Settings`)
# -> ready to run
Opener = Callable[[Path | None, int | None, str, str], Backbone]


class Published(Protocol):
    """A file of weights that others publish."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def size_mb(self) -> int:
        """About how large it is, in MB (10^6 bytes)."""

    @property
    def here(self) -> Path | None:
        """Where it is on this machine; None: it is not."""

    @property
    def wanted(self) -> str:
        """Where it would be, or how it gets here, for people."""

    def fetch(self, backbone: str) -> Path:
        """Returns where it is, fetched if need be; raises WeightsMissing."""

    def verify(self) -> str:
        """Returns "ok", or "unverified" where no checksum is published; raises WeightsMissing, BadWeights."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the registry: a backbone's name and sizes, where its numbers are, and how it is loaded."""

    name: str  # as people type it
    input_size: int  # pixels, square
    feature_count: int
    open: Opener
    origin: str = ""  # of its usual numbers, for people; the registry says which package a plugin is of
    shipped: Path | None = None  # the file of these numbers, where they come with the package
    published: tuple[Published, ...] = ()  # files that hold them, each alone; the first has the classifier too
    family: str = ""  # networks that learned alike share one; empty: it has no kin
    tunable: bool = False  # Keras can train it: it opens as a `tagger.models.backbone.Tunable`

    @property
    def here(self) -> tuple[Path, ...]:
        """The published files that are on this machine."""
        return tuple(path for file in self.published if (path := file.here))

    @property
    def size_mb(self) -> int | None:
        """About how large its file is, in MB (10^6 bytes); None: it is a plugin's."""
        if self.shipped:
            return round(self.shipped.stat().st_size / 1e6)
        return self.published[0].size_mb if self.published else None

    @property
    def where(self) -> str:
        """Where its numbers are, for people."""
        if not self.published:
            return self.origin
        return str(self.here[0]) if self.here else f"not here; {self.published[0].wanted}"

    @property
    def edition(self) -> str:
        """What tells its usual numbers from others where they come in no file of ours."""
        return self.published[0].name if self.published else self.origin

    def fetch(self) -> Path | None:
        """Returns the path of the first published file, fetched unless it is there; None: nothing is published.

        Raises:
            WeightsMissing: it could not be fetched.
        """
        return self.published[0].fetch(self.name) if self.published else None

    def verify(self, required: bool) -> Iterator[str]:
        """Yields what came out for each file of its numbers that is here, as `Published.verify` says it.

        Args:
            required: some file must be here.

        Raises:
            BadHead, BadWeights: a file is not what it should be.
            WeightsMissing: none is here.
        """
        if self.shipped:
            arrays.load(self.shipped)
            yield "ok"
        here = [file for file in self.published if file.here]
        for file in here or (self.published[:1] if required else ()):
            yield f"{file.verify()} ({file.here})"
