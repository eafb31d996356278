"""What media centres make of the files beside a film, by small readers of their rules.

Kodi: `VideoTagLoaderNFO.cpp`, `NfoFile.cpp`, `VideoInfoTag.cpp`, `XMLUtils.cpp`, `Edl.cpp`, and since 2026
`EdlFileParser.cpp`; Jellyfin: `BaseNfoParser.cs` of 12. Nothing of them is taken but the rules.
"""

from __future__ import annotations

import codecs
import math
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
FILM = re.compile(r"themoviedb\.org/movie/\d+|imdb\.com/title/tt\d+")


def decoded(body: bytes) -> str | None:
    """The text by its mark; None without one."""
    for mark, code in BOMS.items():
        if body.startswith(mark):
            return body[len(mark) :].decode(code)
    return None


def children(text: str) -> list[ET.Element]:
    """Those of the first root, as far as the text can be read; names are as they are written, without name spaces."""
    parser: Any = ET.XMLPullParser(("start", "end"))
    parser.feed(text.replace(" xmlns=", " ns="))
    depth, found = 0, []
    with suppress(ET.ParseError):
        for what, element in parser.read_events():
            depth += 1 if what == "start" else -1
            found += [element] if (what, depth) == ("end", 1) else []
            if depth == 0:
                break
    return found


@dataclass(frozen=True)
class Kodi:
    """How Kodi takes a sidecar."""

    tags: list[str]
    kind: str  # full: nothing is looked for elsewhere; combined, url: the film of that address; none


def kodi(body: bytes, separator: str = " / ") -> Kodi:
    """What Kodi reads; it splits tags at its item separator, which a user may have set otherwise."""
    text = decoded(body)
    if text is None:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = body.decode("latin-1")
    tags: list[str] = []
    found = children(text.lstrip())
    for element in found:
        if element.tag == "tag" and element.text:
            if element.get("clear", "").lower() == "true":
                tags.clear()
            tags += " ".join(element.text.split()).split(separator)
    has_root, address = text.lstrip().startswith("<"), FILM.search(text)
    if has_root and "[scrape url]" in text and not address:
        return Kodi([], "override")
    kinds = {(True, True): "combined", (True, False): "full", (False, True): "url", (False, False): "none"}
    return Kodi(tags, kinds[has_root, bool(address)])


def jellyfin(body: bytes) -> list[str]:
    """The tags that Jellyfin reads: whole, each once. It takes no DTD, and every file for UTF-8 that has no mark."""
    text = decoded(body)
    text = body.decode("utf-8", "replace") if text is None else text
    end = text.rfind("</")
    end = text.find(">", end) if end >= 0 else -1
    if end < 0 or "<!DOCTYPE" in text or (text[:1].isspace() and text.lstrip().startswith("<?xml")):
        return []
    tags: dict[str, str] = {}
    for element in children(text[: end + 1]):
        if element.tag in ("tag", "style"):
            if len(element):  # no element may be in it: what follows is not read
                break
            tag = "".join(element.itertext()).strip()
            tags.setdefault(tag.casefold(), tag)
    return [tag for tag in tags.values() if tag]


@dataclass
class Edits:
    """What Kodi makes of a skip file; milliseconds."""

    edits: list[tuple[int, int, int]] = field(default_factory=list)  # start, end, action
    marks: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # lines


def kodi_edits(text: str, newer: bool = False) -> Edits:
    """What Kodi reads of FILM.edl; the rate is not known, so that a file with a frame number is refused whole.

    The newer one rounds to milliseconds where others cut, and an edit's end is no longer part of it.
    """
    found = Edits()
    for line in text.splitlines():
        fields = line.split()
        action = re.match(r"[+-]?\d+", fields[2]) if len(fields) > 2 else None
        if len(fields) < 2:
            found.refused.append(line)
            continue
        if fields[0].startswith("##"):
            continue
        first, second = fields[0], fields[1] if action else fields[0]
        if "#" in (first[0], second[0]):
            return Edits()
        what = int(action[0]) if action else int(_number(fields[1]))
        if not _added(found, _milliseconds(first, newer), _milliseconds(second, newer), what, int(newer)):
            found.refused.append(line)
    return found


def _added(found: Edits, start: int, end: int, action: int, less: int) -> bool:
    """Whether an edit or a mark is taken; `less` is 1 where ends are no part of edits."""

    def inside(at: int) -> bool:
        return any(edit[0] <= at <= edit[1] - less for edit in found.edits)

    if action == 2:
        found.marks += [] if inside(end) else [end]
        return not inside(end)
    surrounds = any(start < edit[0] and end > edit[1] for edit in found.edits)
    if action not in (0, 1, 3) or start < 0 or start >= end or inside(start) or inside(end - less) or surrounds:
        return False
    found.edits = sorted([*found.edits, (start, end, action)])
    return True


def _number(text: str) -> float:
    """As C's atof."""
    found = re.match(r"[+-]?(\d+\.?\d*|\.\d+)", text)
    return float(found[0]) if found else 0.0


def _milliseconds(text: str, newer: bool) -> int:
    if ":" not in text:
        return math.floor(_number(text) * 1000 + 0.5) if newer else math.trunc(_number(text) * 1000)
    clock, _, rest = text.partition(".")
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(_number(part))
    return seconds * 1000 + int(f"{rest:0<3}"[:3] or 0)
