"""How reports were written, so that one which a person changed since is known, and not written over."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from tagger.errors import OutputRefused, reason
from tagger.reports.formats import lying_files

FOLDER = ".movietags"  # below a folder of reports, for what is not for people
FILE = "written.jsonl"


def digest(body: bytes) -> str:
    """Returns what a report is known again by: 16 hex digits."""
    return hashlib.sha256(body).hexdigest()[:16]


def changed(stem: Path, wrote: Collection[str]) -> Path | None:
    """Returns the report of this name that is not as it was written; None if all are, or nobody knows how they were."""
    for path in lying_files(stem) if wrote else ():
        with suppress(OSError):  # gone, this moment
            if digest(path.read_bytes()) not in wrote:
                return path
    return None


class Written:
    """What was written into a folder by `movietags extract`: a line for each report, only ever added to."""

    def __init__(self, folder: Path) -> None:
        """Reads what is noted there, if anything is; lines that are torn are passed over."""
        self._path = folder / FOLDER / FILE
        self._wrote: dict[str, set[str]] = defaultdict(set)
        lines: Iterable[bytes] = ()
        with suppress(OSError):
            lines = self._path.read_bytes().splitlines()
        for line in lines:
            with suppress(ValueError, TypeError, KeyError):
                noted = json.loads(line)
                self._wrote[str(noted["report"])].update(map(str, noted["wrote"]))

    def of(self, name: str) -> set[str]:
        """Returns the digests of all that was ever written under this name."""
        return self._wrote.get(name, set())

    def note(self, name: str, bodies: Iterable[bytes]) -> None:
        """Notes what is about to be written.

        Raises:
            OutputRefused: it cannot be noted.
        """
        digests = [digest(body) for body in bodies]
        self._wrote[name].update(digests)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                # Before it, in case that the last one is torn.
                file.write(b"\n" + json.dumps({"report": name, "wrote": digests}).encode() + b"\n")
        except OSError as error:
            raise OutputRefused(f"{self._path}: cannot be written ({reason(error)}): free space or use -o") from error
