"""Tags in sidecars: every other byte stays, and media centres see the tags whole."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import centres
import documents
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tagger import vocabulary
from tagger.errors import BadSidecar
from tagger.reports.nfo import merged, spelled

MOVIE = b"<movie>\n  <title>Film</title>\n  <tag>Mine</tag>\n</movie>\n"
OURS = ["Animal", "Beach/Sea"]
ADDRESS = "https://www.themoviedb.org/movie/12-film"

# ------------------------------------------------------------------------------------------------- hundreds of sidecars


@dataclass(frozen=True)
class Made:
    """A sidecar, and whether Jellyfin reads it at all."""

    body: bytes
    jellyfin: bool


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "": lambda text: text.encode(),
    "utf-8": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "iso-8859-1": lambda text: text.encode("latin-1", "xmlcharrefreplace"),
    "windows-1252": lambda text: text.encode("cp1252", "xmlcharrefreplace"),
    "utf-16 it is not": lambda text: text.encode(),  # a lie that there is
}
CHILDREN = st.sampled_from([
    "<title>Ein Mädchen &amp; ein Hund</title>", "<plot><![CDATA[<tag>no</tag> ]]></plot>", "<?php echo '<tag>'; ?>",
    "<!-- </movie> <tag>x</tag> -->", "<tag>Mine</tag>", "<tag >Animal</tag >", "<tag>police</tag>", "<tag/>",
    '<tag clear="true">Mine</tag>', "<tag>A / B</tag>", "<tag><![CDATA[Beach & Sea]]></tag>", "<tag></tag>",
    "<genre>Horror/Sci-fi</genre>", '<fanart><thumb preview="a>b">http://x/?a=1&amp;b=2</thumb></fanart>',
    "<actor><name>N</name><tag>nested</tag></actor>", "text of the root", "&lt;tag&gt;", "<set><name>S</name></set>",
    "<x:tag xmlns:x='urn:x'>x</x:tag>", "<日本>é</日本>", "<movietags/>", "<movietags><name>Gone</name></movietags>",
])  # fmt: skip
BEFORE = ("", "<!-- written by a -->", "<!DOCTYPE movie [<!ENTITY e 'a < b'>]>")
BEHIND = ("", "\n", f"\n{ADDRESS}\n", f"<!-- {ADDRESS} -->", "\nhttps://example.org/a?b=<c\n\n")
ROOTS = ("movie", "episodedetails", "musicvideo", "Ω", 'movie a="/>" xmlns="urn:y"')


@st.composite
def sidecars(draw: st.DrawFn) -> Made:
    code, newline = draw(st.sampled_from([*ENCODINGS])), draw(st.sampled_from(["", "\n", "\r\n"]))
    indent = newline and newline + draw(st.sampled_from(["", "  ", "\t"]))
    before, behind = draw(st.sampled_from(BEFORE)), draw(st.sampled_from(BEHIND)).replace("\n", newline or " ")
    declared = f'<?xml version="1.0" encoding="{code.split(" ")[0] or "utf-8"}" standalone="yes"?>{newline}'
    needs = code in ("iso-8859-1", "windows-1252")
    text = declared * (needs or draw(st.booleans())) + before + newline * bool(before)
    for _ in range(draw(st.integers(1, 2))):
        root, inside = draw(st.sampled_from(ROOTS)), draw(st.lists(CHILDREN, max_size=6))
        root = "r" + str(len(root)) if needs and "Ω" in root else root
        inside = [child for child in inside if not (needs and "日本" in child)]
        if not inside and draw(st.booleans()):
            text += f"<{root}{draw(st.sampled_from(['', ' ']))}/>{newline}"
        else:
            text += f"<{root}>{''.join(indent + child for child in inside)}{newline}</{root.split()[0]}>"
            text += newline
    return Made(ENCODINGS[code](text + behind), "DOCTYPE" not in before and "<c" not in behind)


@settings(max_examples=250)
@given(sidecars(), st.permutations([*OURS, "Police", "Größe <&>", "[scrape url]"]))
def test_nothing_but_our_tags_differs_and_every_reader_sees_them(made: Made, tags: Sequence[str]) -> None:
    body = merged(made.body, [])  # without marks that were there
    written = merged(body, tags)
    assert merged(written, tags) == merged(written, tags[::-1]) == written
    renewed = merged(written, tags[:2])
    assert merged(written, []) == merged(renewed, []) == body
    seen, before = centres.kodi(written), centres.kodi(body)
    expected = {spelled(tag).casefold() for tag in tags}
    assert expected <= {tag.casefold() for tag in seen.tags} and seen.kind == before.kind
    assert [tag for tag in seen.tags if tag in before.tags] == before.tags
    if made.jellyfin:
        assert expected <= {tag.casefold() for tag in centres.jellyfin(written)}
        assert {*centres.jellyfin(body)} <= {*centres.jellyfin(written)}


@settings(max_examples=100)
@given(sidecars())
def test_what_is_put_in_is_one_piece(made: Made) -> None:
    body = merged(made.body, [])
    written = merged(body, ["Zebra"])
    assume(written.count(b"</movietags>") == 1 and b'root="opened"' not in written)
    same = next((at for at, pair in enumerate(zip(body, written, strict=False)) if len({*pair}) > 1), len(body))
    assert body[same:] == written[same + len(written) - len(body) :]


# ----------------------------------------------------------------------------------------------------------- one by one


def test_ours_come_last_and_say_that_they_are_ours() -> None:
    assert merged(MOVIE, OURS).decode() == (
        "<movie>\n  <title>Film</title>\n  <tag>Mine</tag>\n  <tag>Animal</tag>\n  <tag>Beach &amp; Sea</tag>\n"
        "  <movietags><name>Animal</name><name>Beach &amp; Sea</name></movietags>\n</movie>\n"
    )


def test_the_example_of_the_document_is_what_is_written() -> None:
    (xml,) = [block.text for block in documents.blocks("docs/media-centres.md") if block.language == "xml"]
    lines = xml.splitlines(keepends=True)
    before = "".join([*lines[:3], lines[-1]])
    assert merged(before.encode(), OURS).decode() == xml
    assert centres.kodi(xml.encode()).tags == centres.jellyfin(xml.encode()) == ["watch again", "Animal", "Beach & Sea"]


def test_they_are_renewed_and_what_a_person_wrote_stays() -> None:
    written = merged(MOVIE, [*OURS, "mine"])
    assert written.count(b"ine</tag>") == 1
    assert merged(merged(written, ["Mine"]), []) == merged(written, ["Mine"]) == MOVIE
    theirs = written.replace(b"</title>", b"</title><tag>animal</tag>")
    assert centres.kodi(merged(theirs, OURS)).tags == ["animal", "Mine", "Beach & Sea"]
    assert b"<tag>animal</tag>" in merged(theirs, [])


def test_tags_before_a_clear_are_written_again() -> None:
    body = b'<movie><tag>Animal</tag><tag clear="True">Mine</tag></movie>'
    assert centres.kodi(merged(body, ["Animal"])).tags == ["Mine", "Animal"]


def test_a_file_that_jellyfin_wrote_anew_is_known_again_and_left_in_its_order() -> None:
    """It sorts the tags that it knows, and puts elements that it does not know behind all others."""
    anew = (
        b"<movie>\n  <title>Film</title>\n  <tag>Animal</tag>\n  <tag>Beach &amp; Sea</tag>\n  <tag>Mine</tag>\n"
        b"  <art />\n  <movietags>\n    <name>Animal</name>\n    <name>Beach &amp; Sea</name>\n  </movietags>\n</movie>"
    )
    assert merged(anew, OURS[::-1]) == anew
    assert merged(anew, []) == b"<movie>\n  <title>Film</title>\n  <tag>Mine</tag>\n  <art />\n</movie>"


def test_a_file_of_addresses_gets_a_root_before_them_and_loses_it_again() -> None:
    for text in (ADDRESS, f"{ADDRESS}\r\n", f"\ufeff{ADDRESS}\n\nhttps://www.imdb.com/title/tt0000001/\n"):
        written = merged(text.encode(), OURS)
        assert centres.kodi(text.encode()).kind == "url" and centres.kodi(written).kind == "combined"
        assert centres.kodi(written).tags == centres.jellyfin(written) == ["Animal", "Beach & Sea"]
        assert merged(written, []) == text.encode() == merged(text.encode(), [])
        alone = written[: written.index(b"</movie>") + 8]  # somebody took the addresses away
        assert b"<movie>" in merged(alone, []) and merged(merged(alone, OURS), []) == merged(alone, [])
        kept = written.replace(b"<tag>Animal", b"<title>Film</title><tag>Animal")
        assert b"<title>Film</title>" in merged(kept, [])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is no XML"), (b" \n", "is no XML"), (b"Release of the year\n", "is no XML"),
        (b"https://example.org/film\n", "is no XML"),  # Kodi would look for the film no longer
        (f"Look at {ADDRESS}\n".encode(), "is no XML"), (b"<movie><title>x</movie>", "line 1, mismatched tag"),
        (b"<movie>\n<title>a & b</title></movie>", "line 2, not well-formed"), (b"<movie", "broken XML"),
        (b"<movie>&nbsp;</movie>", "undefined entity"), (b"<movie>\xe9</movie>", "not well-formed"),
        (b"<movie/><movie>", "no element found"),
        (b'<?xml version="1.0" encoding="gb2312"?><movie/>', "is in gb2312"), (b"<a/>" * 101, "over 100 roots"),
        (b'<?xml version="1.0" encoding="klingon"?><movie/>', "is in klingon"), (b"\xff\xfe<\0a", "no UTF-16"),
        (b"<movie>" + bytes(2**22), "over 4 MiB"), (b"\xff\xfe\0\0<\0\0\0", "broken XML|no XML"),
    ],
)  # fmt: skip
def test_what_is_no_sidecar_is_refused_in_a_line(body: bytes, why: str) -> None:
    for tags in (OURS, []):
        with pytest.raises(BadSidecar, match=why) as refused:
            merged(body, tags)
        assert "\n" not in str(refused.value)


def test_no_entity_is_expanded_and_nothing_outside_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("<tag>Animal</tag>")
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    for inside in (f'<!ENTITY x SYSTEM "file://{tmp_path}/secret">', f'<!ENTITY a0 "ha">{laughs}<!ENTITY x "&a11;">',
                   '<!ENTITY x "<tag>Animal</tag>">'):  # fmt: skip
        body = f"<!DOCTYPE movie [{inside}]><movie>&x;<b/></movie>".encode()
        written = merged(body, ["Animal"])
        assert written == body.replace(
            b"</movie>", b"<tag>Animal</tag><movietags><name>Animal</name></movietags></movie>"
        )
        assert merged(written, []) == body


@pytest.mark.parametrize(
    "inside",
    [
        b"<movietags/>" * 60_000,
        b"<movietags>%s</movietags>" % b"".join(b"<name>t%d</name><x/>" % at for at in range(20_000))
        + b"".join(b"<tag>t%d</tag>" % at for at in range(20_000)),
    ],
    ids=["marks", "tags"],
)
def test_many_parts_take_no_longer_each(inside: bytes) -> None:
    begun = time.process_time()
    assert merged(b"<movie>" + inside + b"</movie>", ["Animal"]).startswith(b"<movie><tag>Animal</tag>")
    assert time.process_time() - begun < 3  # 10 where each is moved or looked for among all


def test_every_tag_of_ours_comes_out_whole() -> None:
    names = vocabulary.load("movies50").tags
    written = merged(MOVIE, names)
    for separator in (" / ", "/", ", ", " | ", ";"):
        assert len(centres.kodi(written, separator).tags) == 51
    assert centres.jellyfin(written)[1:] == [spelled(name) for name in names]
    assert [spelled(name) for name in names if "/" in name] == [
        "Beach & Sea", "Valleys & Hills", "Club & Bar", "College & University", "Glamor & Fashion",
    ]  # fmt: skip


@settings(max_examples=100)
@given(st.lists(st.text(st.characters(), max_size=8), max_size=4))
def test_a_tag_is_data_whatever_it_is_called(tags: list[str]) -> None:
    hostile = [*tags, "</tag></movie>", "[scrape url]", f"x {ADDRESS}", "a\0b\ud800", "<!--", "]]>", "&amp;", "%x;"]
    written = merged(MOVIE, hostile)
    expected = [tag for tag in dict.fromkeys(map(spelled, hostile)) if tag]
    assert centres.kodi(written) == centres.Kodi(["Mine", *expected], "full")
    assert {tag.casefold() for tag in centres.jellyfin(written)} == {"mine", *(tag.casefold() for tag in expected)}
    assert merged(written, hostile) == written and merged(written, []) == MOVIE
