"""The parts of a sidecar of media centres (NFO), by their places in its bytes.

It is read by a parser that expands no entities and reads nothing outside the file. There may be several roots, one for
each episode of a file, and text behind them, mostly the address of the film.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from xml.parsers import expat

from tagger.errors import BadSidecar

BYTES_MAX = 2**22  # of a sidecar; those of shows with all their actors have some 100 KiB
ROOTS_MAX = 100
MARK, NAME = "movietags", "name"  # <movietags><name>Animal</name></movietags>
SPACE = b" \t\r\n"
BOM = codecs.BOM_UTF8
NOTHING = re.compile(rb"(?:\s+|<!--.*?-->)*", re.DOTALL)
DECLARED = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.-]+)""")
ADDRESS = re.compile(rb"https?://\S+", re.IGNORECASE)
# Those by which Kodi and Jellyfin know a film. With another, Kodi would take a root for all there is to know of it.
KNOWN = re.compile(rb"themoviedb\.org/(movie|tv)/\d|imdb\.com/\S*tt\d|thetvdb\.com/", re.IGNORECASE)


@dataclass(slots=True)
class Element:
    """A child of a root."""

    name: str
    start: int
    attributes: dict[str, str]
    end: int = 0
    text: str = ""
    names: list[str] = field(default_factory=list)  # what stands in its <name> elements

    @property
    def words(self) -> str:
        """Its text as readers take it: without white space around it, and one space within."""
        return " ".join(self.text.split())


@dataclass(slots=True)
class Root:
    """A root and its children."""

    start: int
    opened: int = 0  # where its start tag ends
    closing: int = 0  # where its end tag begins
    end: int = 0
    is_empty: bool = False  # <movie/>
    children: list[Element] = field(default_factory=list)


def begin(body: bytes) -> int:
    """Returns where the text begins."""
    return len(BOM) if body.startswith(BOM) else 0


def encoding(body: bytes) -> str:
    """Returns what a file is written in. Some programs declare UTF-16 in files of UTF-8; these are taken for that."""
    declared = DECLARED.match(body)
    name = declared[1].decode("ascii", "replace").lower() if declared else "utf-8"
    return "utf-8" if body.startswith(BOM) or name.startswith(("utf8", "utf-16", "utf16", "ucs-2")) else name


def roots(body: bytes) -> list[Root]:
    """Returns the roots of a file in an encoding that has ASCII in it; none if it is nothing but addresses.

    Raises:
        BadSidecar: it is neither XML nor addresses of the film.
    """
    if len(body) > BYTES_MAX:
        raise BadSidecar(f"is over {BYTES_MAX // 2**20} MiB, which is no sidecar")
    found: list[Root] = []
    place = _behind_nothing(body, begin(body))
    while body[place : place + 1] == b"<":
        if len(found) == ROOTS_MAX:
            raise BadSidecar(f"has over {ROOTS_MAX} roots")
        found.append(_Reader(body, place).root())
        place = _behind_nothing(body, found[-1].end)
    if found or is_addresses(body[place:]):
        return found
    raise BadSidecar("is no XML, nor addresses of the film at TMDB, IMDb or TVDB alone")


def is_addresses(text: bytes) -> bool:
    """Returns whether a text is nothing but addresses, one of which is that of a film."""
    words = text.split()
    return all(map(ADDRESS.fullmatch, words)) and any(map(KNOWN.search, words))


def _behind_nothing(body: bytes, place: int) -> int:
    """Where white space and comments from a place on end."""
    found = NOTHING.match(body, place)
    return found.end() if found else place


class _Reader:
    """Reads one root; what comes behind it is no matter."""

    def __init__(self, body: bytes, begin: int) -> None:
        self._body, self._begin = body, begin
        self._found: Root | None = None
        self._depth = 0
        self._just_opened = False  # nothing came since the last start tag
        try:
            self._parser = expat.ParserCreate(encoding(body))
            self._parser.StartElementHandler = self._start
            self._parser.EndElementHandler = self._end
            self._parser.CharacterDataHandler = self._text
            self._parser.DefaultHandler = lambda _: self._at()  # with one, entities stay as they are
            self._parser.Parse(body[begin:], True)
        except expat.ExpatError as error:
            if self._found is None or not self._found.end:
                line = body.count(b"\n", 0, begin) + error.lineno
                raise BadSidecar(f"is broken XML: line {line}, {expat.ErrorString(error.code)}") from error
        except (LookupError, ValueError) as error:
            raise BadSidecar(f"is in {encoding(body)}, which is not read here: save it in UTF-8") from error

    def root(self) -> Root:
        """Returns it."""
        assert self._found is not None
        return self._found

    def _at(self) -> int:
        """Where what was read last begins; behind a start tag, that is where this ends."""
        at = self._begin + self._parser.CurrentByteIndex
        if self._found and not self._found.opened:
            self._found.opened = at
        self._just_opened = False
        return at

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        at = self._at()
        if self._found is None:
            self._found = Root(at)
        elif self._depth == 1:
            self._found.children.append(Element(name, at, attributes))
        elif self._depth == 2 and name == NAME:
            self._found.children[-1].names.append("")
        self._depth += 1
        self._just_opened = True

    def _text(self, text: str) -> None:
        self._at()
        child = self._found.children[-1] if self._found and self._found.children else None
        if child and self._depth == 2:
            child.text += text
        elif child and self._depth == 3 and child.names:
            child.names[-1] += text

    def _end(self, _: str) -> None:
        just_opened = self._just_opened
        at = self._at()
        is_empty = just_opened and self._body[at - 2 : at] == b"/>"
        end = at if is_empty else self._body.index(b">", at) + 1
        self._depth -= 1
        assert self._found is not None
        if self._depth == 1:
            self._found.children[-1].end = end
        elif self._depth == 0:
            self._found.closing, self._found.end, self._found.is_empty = at, end, is_empty
