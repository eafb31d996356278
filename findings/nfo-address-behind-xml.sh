#!/usr/bin/env bash
# A sidecar of a media centre (NFO) may have an address behind its XML, as Kodi documents. Where the XML ends, parsers do
# not agree to say: expat gives another error, and another place, for each kind of text. And a tolerant parser drops the
# address, and what else it does not keep, when it writes the file again, without a word.
# Measured with lxml 6.1.3 (libxml2 2.14.6) and expat 2.5.0 in Python 3.11.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: lxml==6.1.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import io
from xml.parsers import expat

from lxml import etree

XML = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<movie>\r\n  <title>A &#8211; B</title>\r\n'
    b"  <plot><![CDATA[a & b]]></plot>\r\n</movie>\r\n"
)
BEHIND = [b"https://www.themoviedb.org/movie/12\r\n", b"www.imdb.com/title/tt1\r\n", b"tt0000001\r\n", b"<movie/>\r\n"]


def by_expat(body):
    parser = expat.ParserCreate()
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        return expat.ErrorString(error.code), parser.ErrorByteIndex - len(XML)


def end_of_root(body):
    """Where the root ends: only its own end says so."""
    ends = []
    parser = expat.ParserCreate()
    parser.EndElementHandler = lambda _: ends.append(parser.CurrentByteIndex)
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        pass
    return body.index(b">", ends[-1]) + 1


def again(body, **how):
    written = io.BytesIO()
    etree.parse(io.BytesIO(body), etree.XMLParser(**how)).write(written, encoding="UTF-8", xml_declaration=True)
    return written.getvalue()


print("lxml", etree.__version__, "with libxml2", etree.LIBXML_VERSION, "and", expat.EXPAT_VERSION)
for behind in BEHIND:
    said, off = by_expat(XML + behind)
    print(f"expat, behind the XML {behind.decode().strip()!r}: {said}, {off} bytes into it")
mended = again(XML + BEHIND[0], recover=True)
kept = again(XML, strip_cdata=False)
print("lxml, recover=True, written again:", mended)
print("lxml, strip_cdata=False, written again:", kept)
print("where the root ends, by its end tag:", [end_of_root(XML + behind) for behind in BEHIND])

assert [by_expat(XML + behind) for behind in BEHIND] == [
    ("not well-formed (invalid token)", 6),
    ("not well-formed (invalid token)", 12),
    ("junk after document element", 0),
    ("junk after document element", 0),
]
assert b"themoviedb" not in mended and b"CDATA" not in mended and b"\r\n" not in mended and b"&#8211;" not in mended
assert b"CDATA" in kept and b"\r\n" not in kept and kept.startswith(b"<?xml version='1.0'")
assert {end_of_root(XML + behind) for behind in BEHIND} == {len(XML) - 2}
PY
