"""Tags in a sidecar of media centres (NFO): put in, renewed, taken out. Every other byte of it stays as it is.

    <movie>
      <title>Film</title>
      <tag>Animal</tag>                             ours come last: clear="true" empties what comes before it
      <movietags><name>Animal</name></movietags>    and say which they are
    </movie>

Jellyfin and tinyMediaManager, when they write such a file anew, keep elements that they do not know, and lose comments
and attributes: so it is an element that says which tags are ours. No program that reads the file heeds it.

The text is edited where its parts are, never written anew: declarations, entities, comments, white space, and addresses
behind the XML survive, as nothing touches them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tagger.errors import BadSidecar, reason
from tagger.reports.nfo_parts import MARK, NAME, SPACE, Element, Root, begin, encoding, is_addresses, roots

FORMAT = "nfo"  # what people ask for it by; a report has no file of its own of it
TAG = "tag"
OPENED, ADDED = "opened", "added"  # what was made of the root: <movie/> opened, or one put before addresses
WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML has not


def spelled(tag: str) -> str:
    """Returns a tag as every reader takes it whole: Kodi splits at slashes, and all of them trim and fold spaces.

    Nothing may be left of a tag that is made of such characters alone.
    """
    return " ".join(re.sub(r"\s*/[\s/]*", " & ", NO_XML.sub(" ", tag)).strip(" &").split())


def merged(body: bytes, tags: Iterable[str]) -> bytes:
    """Returns a sidecar with these tags in the place of ours that it had.

    A tag that a person wrote is neither written again nor ever taken out. Where ours are these already, in whatever
    order and place, it is returned as it is.

    Args:
        body: all of it.
        tags: as the vocabulary has them; none takes ours out.

    Raises:
        BadSidecar: it is no XML, nor addresses of the film alone.
    """
    wide = next((name for start, name in WIDE.items() if body.startswith(start)), None)
    if wide:
        try:
            return merged(body.decode(wide).encode(), tags).decode().encode(wide)
        except UnicodeError as error:
            raise BadSidecar(f"is no UTF-16 text ({reason(error)})") from error
    wanted = list(dict.fromkeys(filter(None, map(spelled, tags))))
    there = roots(body)
    if all(_stands(root, wanted) for root in there) and (there or not wanted):
        return body
    bare = _edited(body, (edit for root in there for edit in _without(root, body)))
    return _with(bare, wanted) if wanted else bare


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands from one place to another, and what comes there."""

    start: int
    end: int
    text: bytes = b""


def _edited(body: bytes, edits: Iterable[_Edit]) -> bytes:
    parts, place = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        parts += [body[place : edit.start], edit.text]
        place = edit.end
    return b"".join([*parts, body[place:]])


def _marks(root: Root) -> list[Element]:
    """What says which tags are ours."""
    return [child for child in root.children if child.name == MARK]


def _listed(root: Root) -> list[str]:
    """The tags that are said to be ours."""
    return list(dict.fromkeys(" ".join(name.split()) for mark in _marks(root) for name in mark.names))


def _ours(root: Root) -> list[Element]:
    """Our tags: of each name that is said to be ours, the last."""
    last = {child.words: child for child in root.children if child.name == TAG}
    return [last[name] for name in _listed(root) if name in last]


def _needed(root: Root, wanted: Sequence[str]) -> list[str]:
    """Those of these tags that nobody else wrote, as far as readers see: what stands before a `clear` they do not."""
    ours = {child.start for child in _ours(root)}
    theirs: set[str] = set()
    for child in (child for child in root.children if child.name == TAG and child.start not in ours):
        if child.attributes.get("clear", "").lower() == "true":
            theirs.clear()
        theirs.add(child.words.casefold())
    return [tag for tag in wanted if tag.casefold() not in theirs]


def _stands(root: Root, wanted: Sequence[str]) -> bool:
    """Whether our tags are these."""
    needed = {*_needed(root, wanted)}
    return {*_listed(root)} == needed and len(_ours(root)) == len(needed) and len(_marks(root)) == bool(needed)


def _without(root: Root, body: bytes) -> Iterator[_Edit]:
    """What takes our tags out, and undoes what was made of the root for their sake."""
    made = {mark.attributes.get("root") for mark in _marks(root)}
    ours = [_Edit(_before_space(body, one.start, root.opened), one.end) for one in (*_ours(root), *_marks(root))]
    left = _edited(body[: root.closing], ours)[root.opened :]
    if ADDED in made and not left.strip(SPACE) and is_addresses(body[root.end :]):
        behind = re.compile(rb"(?:\r?\n)?").match(body, root.end)
        yield _Edit(root.start, behind.end() if behind else root.end)
    elif OPENED in made and not left:
        yield _Edit(root.opened - 1, root.end, b"/>")
    else:
        yield from ours


def _with(body: bytes, tags: Sequence[str]) -> bytes:
    """A sidecar that has none of ours, with these."""
    # Jellyfin reads every file as UTF-8, whatever it declares: others get nothing but ASCII of us.
    code = "utf-8" if encoding(body) == "utf-8" else "ascii"
    if there := roots(body):
        return _edited(body, (edit for root in there for edit in _put(root, body, tags, code)))
    newline = _newline(body) or b"\n"
    added = b"<movie>" + _lines(tags, newline + b"  ", code, ADDED) + newline + b"</movie>" + newline
    return _edited(body, [_Edit(begin(body), begin(body), added)])


def _put(root: Root, body: bytes, tags: Sequence[str], code: str) -> Iterator[_Edit]:
    """What puts tags into a root, behind all that is there."""
    needed = _needed(root, tags)
    if not needed:
        return
    if root.is_empty:
        lines = _lines(needed, b"", code, OPENED)
        name = re.split(rb"[\s/>]", body[root.start + 1 : root.opened], maxsplit=1)[0]
        yield _Edit(root.opened - 2, root.end, b">" + lines + b"</" + name + b">")
        return
    place = _before_space(body, root.closing, root.opened)
    yield _Edit(place, place, _lines(needed, _between(root, body), code))


def _between(root: Root, body: bytes) -> bytes:
    """The white space before the last child, which ours get, too."""
    if root.children:
        last = root.children[-1].start
        return body[_before_space(body, last, root.opened) : last]
    newline = _newline(body[root.opened : root.closing])
    return newline and newline + b"  "


def _lines(tags: Sequence[str], between: bytes, code: str, made: str = "") -> bytes:
    """Tags and what says that they are ours, each behind the same white space."""
    names = "".join(f"<{NAME}>{_text(tag)}</{NAME}>" for tag in tags)
    root = f' root="{made}"' if made else ""
    lines = [*(f"<{TAG}>{_text(tag)}</{TAG}>" for tag in tags), f"<{MARK}{root}>{names}</{MARK}>"]
    return b"".join(between + line.encode(code, "xmlcharrefreplace") for line in lines)


def _text(tag: str) -> str:
    """A tag as text of XML. Kodi looks for `[scrape url]` in the whole file, wherever it stands."""
    return escape(tag, {"[": "&#91;"})


def _before_space(body: bytes, place: int, first: int) -> int:
    """Where the white space before a place begins."""
    return first + len(body[first:place].rstrip(SPACE))


def _newline(body: bytes) -> bytes:
    """The first end of a line; nothing if there is none."""
    found = re.search(rb"\r?\n", body)
    return found[0] if found else b""
