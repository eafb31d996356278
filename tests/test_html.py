"""Pages: whatever a report says is text in them, nothing but our own script runs, and nobody is asked for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import batches
import media
import pytest
from samples import REPORT
from test_export import ODD, hostile, old

import tagger
from tagger.batch import index
from tagger.batch.ledger import DONE, FAILED, LedgerEntry
from tagger.errors import OutputRefused
from tagger.files import fingerprint
from tagger.images import small_jpeg
from tagger.records import TagReport
from tagger.reports import formats
from tagger.reports.html_index import IndexRow, as_index
from tagger.reports.html_report import as_html
from tagger.reports.manner import Manner

JPEG = small_jpeg(media.scenery(1, 320, 180))
HTML = formats.named("html", TagReport)
VOID = {"meta", "link", "img", "input", "rect"}


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []  # every element ends where it should

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == name]


def pages() -> dict[str, str]:
    found = {name: as_html(make(), Manner(pictures={0: JPEG})) for name, make in ODD.items()}
    bad = "=<script>alert(1)</script>\n\"'"
    row = IndexRow(bad, bad, ("<b>",), ("</td>",), note=bad, page='a"b#c?%/x.tags.html')
    return {**found, "index": as_index("<title>", "<i>", [row]), "no films": as_index("x", "0 films: none", [])}


@pytest.mark.parametrize("name", [*ODD, "index", "no films"])
def test_only_our_script_and_style_run_and_nothing_is_asked_for(name: str) -> None:
    page = Page(pages()[name])
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy and policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    for element in ("script", "style"):
        source = page.texts[element][-1]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert page.all("script") == [{"type": "application/json", "id": "data"}, {}]
    assert len(page.all("style")) == 1
    for tag, attrs in page.tags:
        assert not [one for one in attrs if one.startswith("on") or one == "style"], tag
        for one in ("src", "href", "action", "poster", "srcset", "data"):
            at = attrs.get(one) or "#"
            assert at.startswith(("#", "data:")) or not re.match(r"\w+:|//", at), at
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "link", "title", "style", "script", "body", "a", "header", "main", "h1", "h2", "p",
        "div", "strong", "em", "span", "code", "table", "thead", "tbody", "tr", "th", "td", "button", "svg", "rect",
        "section",
        "canvas", "form", "label", "select", "option", "input", "output", "ol", "ul", "li", "datalist", "img", "dl",
        "dt", "dd", "video",
    }  # fmt: skip


def test_a_page_is_the_same_for_the_same_report_and_utf8_whatever_a_name_is() -> None:
    body = HTML.body(hostile())
    assert body == HTML.body(hostile()) and body.decode("utf-8")
    text = body.decode()
    assert "<script>alert" not in text and "\\u003cscript\\u003ealert" in text and "&lt;script&gt;alert" in text
    assert "\\x0a../.." in text and "\\xff" in text  # control characters and what is no UTF-8, as the tables show them


def data(report: TagReport) -> dict[str, object]:
    found = json.loads(Page(as_html(report)).texts["script"][0])
    assert isinstance(found, dict)
    return found


def test_the_heat_map_knows_every_probability() -> None:
    found = data(REPORT)
    shares = base64.b64decode(str(found["probabilities"]))
    assert found["tags"] == ["Car chase", "Drama"] and found["length"] == 8.0
    assert [*shares] == [round(254 * 0.9), round(254 * 0.1), 255, 255]  # by rank; the second shot was dropped
    assert found["shots"][0] == {  # type: ignore[index]
        "start": 0.0, "end": 4.0, "kept": True, "first": [0], "from": 0, "to": 100, "frame": 50,
    }  # fmt: skip
    assert [*base64.b64decode(str(data(old())["probabilities"]))] == [round(254 * 0.9), 255, 255, 255]


def test_what_a_person_must_know_is_said() -> None:
    text = as_html(REPORT)
    assert "never trained: cannot be found" in text and "a warning" in text
    assert "dropped: too little to see" in text and "No keyframes are kept beside this report" in text
    assert "<strong>Sure:</strong> Car chase (0.81)" in text
    assert "How good these tags are is not known" in text
    assert "Nothing is sure" in as_html(replace(REPORT, tags=(replace(REPORT.tags[0], confidence=0.4), REPORT.tags[1])))
    silent = as_html(old())
    assert "sure:" not in silent.lower().replace("measures", "") and "Nothing is sure" not in silent
    assert 'class="warn">truncated' in as_html(replace(REPORT, status="truncated"))


def test_how_good_a_shipped_head_is_is_said_of_that_head_alone(film: media.Truth) -> None:
    report = tagger.extract(film.path, backbone="compact")
    text = as_html(report)
    assert "this head has the right tag first for 37 %" in text and "how well it is known" in text
    other = replace(report, model=replace(report.model, head_sha256="0" * 64))
    assert "is not known to this page" in as_html(other)


def test_keyframes_are_in_the_page_itself() -> None:
    images = Page(as_html(REPORT, Manner(pictures={0: JPEG}))).all("img")
    assert [base64.b64decode(str(image["src"]).partition(",")[2]) for image in images] == [JPEG]


# The film


@pytest.mark.parametrize("name", ["a.mp4", "a b#c?d%20.mp4", "javascript:x.mp4", "ä ✓.mp4"])
def test_a_film_is_named_where_it_lies(tmp_path: Path, name: str) -> None:
    (tmp_path / "films").mkdir()
    film, video = tmp_path / "films" / name, REPORT.video
    film.write_bytes(b"a film")
    report = replace(REPORT, video=replace(video, name=name, path=str(film), fingerprint=fingerprint(film)))
    for folder, before in ((tmp_path / "films", ""), (tmp_path / "out", "../films/")):
        (shown,) = Page(as_html(report, Manner(folder=folder))).all("video")
        assert shown["src"] and shown["src"].startswith(before) and not re.search(r"[#?: ]|^//", shown["src"])
        from urllib.parse import unquote

        assert unquote(shown["src"]) == before + name
    assert not Page(as_html(report)).all("video")
    film.write_bytes(b"another")
    assert not Page(as_html(report, Manner(folder=tmp_path / "films"))).all("video")


# Commands


def test_without_jinja_it_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger.write_report(REPORT, tmp_path / "x.tags.json")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = batches.inside("export", tmp_path / "x.tags.json", "--format", "html", "-o", tmp_path / "out")
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    (line,) = done.stderr.splitlines()
    assert line.endswith("the format html needs jinja2, which is not installed: pip install jinja2")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films and a file that is none, and in `out` what a batch makes of them, with pages."""
    root = tmp_path_factory.mktemp("pages")
    (root / "films" / "deep").mkdir(parents=True)
    media.film(root / "films" / "deep" / "a.mp4", (20, 30))
    media.film(root / "films" / "b <i>.mp4", (25,), 160, 90)
    (root / "films" / "c.mp4").write_text("no film")
    done = batches.batch(root / "films", "-o", root / "out", "--backbone", "compact", "--format", "html")
    assert done.returncode == 1, done.stderr
    return root


def test_a_batch_has_a_page_for_each_film_and_one_of_all(tagged: Path) -> None:
    out = tagged / "out"
    page = Page((out / "deep" / "a.mp4.tags.html").read_text())
    assert len(page.all("img")) == 2 and [video["src"] for video in page.all("video")] == ["../../films/deep/a.mp4"]
    of_all = Page((out / "index.html").read_text())
    links = [link["href"] for link in of_all.all("a")][1:]
    assert links == ["b%20%3Ci%3E.mp4.tags.html", "deep/a.mp4.tags.html"]
    assert [path.name for path in out.rglob("*.csv")] == ["summary.csv"]
    assert [text for text in of_all.texts["td"] if text in ("ok", "failed")] == ["ok", "failed", "ok"]


def test_pages_are_made_of_what_is_kept(tagged: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(tagged / "out", tmp_path / "out"))
    before = (out / "deep" / "a.mp4.tags.html").read_bytes()
    (out / "deep" / "a.mp4.tags.html").unlink()
    done = batches.batch(tagged / "films", "-o", out, "--backbone", "compact", "--format", "html")
    assert "0 films to tag, 2 done before, 1 of them lack a format" in done.stderr
    assert len(Page((out / "deep" / "a.mp4.tags.html").read_text()).all("img")) == 2
    assert batches.inside("export", out, "--format", "html", "-o", tmp_path / "other").returncode == 0
    other = (tmp_path / "other" / "deep" / "a.mp4.tags.html").read_bytes()
    assert len(Page(other.decode()).all("img")) == 2
    assert len(other) == len((out / "deep" / "a.mp4.tags.html").read_bytes())
    assert before


def test_a_page_of_others_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>mine</title>")
    known = {"/a": LedgerEntry("/a", "a", FAILED, "", "/a", reason="broken")}
    index.write(tmp_path, known, wanted=False)
    with pytest.raises(OutputRefused, match=r"index\.html: is there and not of movietags"):
        index.write(tmp_path, known, wanted=True)
    (tmp_path / "films").mkdir()
    done = batches.batch(tmp_path / "films", "-o", tmp_path, "--format", "html")
    assert done.returncode == 1 and "move it away" in done.stderr
    assert (tmp_path / "index.html").read_text() == "<title>mine</title>"
    (tmp_path / "index.html").unlink()
    index.write(tmp_path, known, wanted=True)
    index.write(tmp_path, {"/b": replace(known["/a"], state=DONE, report="b")}, wanted=False)  # ours goes on
    assert "broken" in (tmp_path / "index.html").read_text() and ">b<" in (tmp_path / "index.html").read_text()
