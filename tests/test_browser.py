"""Pages in a real browser: they load, filter, go to a shot, keep quiet, and can be read on a phone and in the dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import media
import pytest
from browser import Tab, browser
from samples import REPORT
from test_export import hostile

from tagger.files import fingerprint
from tagger.images import small_jpeg
from tagger.records import Keyframe, ShotTag, TagReport
from tagger.reports import keyframes
from tagger.reports.html_index import IndexRow, as_index
from tagger.reports.html_report import as_html
from tagger.reports.manner import Manner

AXE = os.environ.get("MOVIETAGS_AXE")  # axe.min.js of axe-core, where accessibility is to be checked too


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


def many(count: int) -> TagReport:
    """A report of so many shots of 4 s; every third is a car chase, every tenth was dropped."""
    shots = []
    for i in range(count):
        kept, chase = i % 10 != 9, i % 3 == 0
        shares = (0.1, 0.9) if chase else (0.9, 0.1)
        shots.append(
            replace(
                REPORT.shots[0], index=i, start_s=4.0 * i, end_s=4.0 * i + 4, start_frame=100 * i,
                end_frame=100 * i + 100, keyframe=Keyframe(100 * i + 50, 4.0 * i + 2, 0, 7.1 if kept else 0.5, kept),
                tags=(ShotTag("car-chase" if chase else "drama", 0.9),) if kept else (),
                probabilities=shares if kept else (),
            )
        )  # fmt: skip
    observed = replace(REPORT.video.observed, duration_s=4.0 * count)
    return replace(REPORT, shots=tuple(shots), video=replace(REPORT.video, observed=observed))


def written(folder: Path, report: TagReport, name: str = "x.tags.html", picture: bytes | None = None) -> Path:
    jpeg = picture or small_jpeg(media.scenery(1, 320, 180))
    pictures = {shot.index: jpeg for shot in report.shots if shot.keyframe.kept}
    (folder / name).write_text(as_html(report, Manner(pictures=pictures, folder=folder)), "utf-8", "backslashreplace")
    return folder / name


def shown(tab: Tab) -> list[int]:
    found = tab.page.eval_on_selector_all(".shot:not([hidden])", "all => all.map(one => Number(one.dataset.shot))")
    return [*found]


def test_a_page_filters_and_keeps_quiet(chromium: Any, tmp_path: Path) -> None:
    tab = Tab(chromium, written(tmp_path, many(20)))
    assert shown(tab) == [*range(20)] and tab.page.inner_text("#count") == "20 of 20 shots"
    assert tab.page.eval_on_selector_all("img", "all => all.every(one => one.naturalWidth > 0)")
    tab.page.select_option("#tag", "0")
    assert shown(tab) == [0, 3, 6, 12, 15, 18]
    assert tab.page.get_attribute(".pick[data-tag='0']", "aria-pressed") == "true"
    tab.page.fill("#least", "0.05")
    assert shown(tab) == [i for i in range(20) if i % 10 != 9]
    tab.page.click("button[type=reset]")
    tab.until("document.getElementById('count').textContent === '20 of 20 shots'")
    tab.page.uncheck("#dropped")
    assert shown(tab) == [i for i in range(20) if i % 10 != 9]
    tab.page.click(".pick[data-tag='1']")
    assert shown(tab) == [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17]
    assert (tab.said, tab.others()) == ([], [])


def test_a_click_or_keys_on_the_heat_map_go_to_the_shot(chromium: Any, tmp_path: Path) -> None:
    tab = Tab(chromium, written(tmp_path, many(40)), viewport={"width": 1000, "height": 700})
    box = tab.page.locator("#map").bounding_box()
    labels = min(box["width"] * 0.35, 150)
    at = labels + (box["width"] - labels) * 30.5 / 40
    tab.page.mouse.click(box["x"] + at, box["y"] + 9)
    here = "document.activeElement.id + location.hash + document.querySelector('.here').id"
    assert tab.page.evaluate(here) == "s30#s30s30"
    assert tab.page.inner_text("#there") == "Car chase: 0.90, 02:00 to 02:04, shot 30"
    tab.until("document.querySelector('.here').getBoundingClientRect().top < innerHeight")
    tab.page.focus("#map")
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "Enter"):
        tab.page.keyboard.press(key)
    assert tab.page.evaluate(here) == "s1#s1s1"
    assert tab.page.inner_text("#there") == "Drama: 0.90, 00:04 to 00:08, shot 1"
    tab.page.click("#s5 .see")
    assert tab.page.evaluate(here) == "s5#s5s5" and tab.said == []


def test_without_its_script_a_page_shows_all_there_is(chromium: Any, tmp_path: Path) -> None:
    tab = Tab(chromium.new_context(java_script_enabled=False), written(tmp_path, many(20)))
    assert tab.page.locator("tbody tr:visible").count() == 2 and tab.page.locator(".shot:visible").count() == 20
    assert not tab.page.is_visible("#filter") and not tab.page.is_visible("#map") and not tab.page.is_visible("#mode")
    assert (tab.said, tab.others()) == ([], [])


def test_what_is_hostile_stays_text(chromium: Any, tmp_path: Path) -> None:
    tab = Tab(chromium, written(tmp_path, hostile()))
    assert "<script>alert(1)</script>" in tab.page.inner_text("h1")
    assert tab.page.evaluate("document.scripts.length") == 2
    injected = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    tab.page.evaluate(injected)
    assert tab.page.evaluate("window.ran") is None  # the policy holds
    assert [line for line in tab.said if "violates" not in line] == [] and len(tab.said) == 1


@pytest.mark.parametrize("dark", [False, True])
def test_light_dark_phone_and_paper(chromium: Any, tmp_path: Path, dark: bool) -> None:
    path = written(tmp_path, many(12))
    tab = Tab(chromium, path, color_scheme="dark" if dark else "light", viewport={"width": 360, "height": 640})
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(23, 24, 22)" if dark else "rgb(252, 252, 251)")
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing is cut off on a phone
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not tab.page.is_visible("#filter") and tab.page.is_visible("#s11") and tab.said == []
    assert tab.page.pdf()[:5] == b"%PDF-"


def test_a_film_beside_the_page_jumps_to_the_shot(chromium: Any, tmp_path: Path) -> None:
    truth = media.film(tmp_path / "x #1.webm", (25, 25, 25), 160, 90, codec="libvpx", options={"deadline": "realtime"})
    video = replace(REPORT.video, name=truth.path.name, path=str(truth.path), fingerprint=fingerprint(truth.path))
    report = many(3)
    shots = tuple(replace(shot, start_s=float(i), end_s=i + 1.0) for i, shot in enumerate(report.shots))
    tab = Tab(chromium, written(tmp_path, replace(report, video=video, shots=shots)))
    tab.page.click("#s2 .see")
    film = "document.getElementById('film')"
    tab.until(f"{film}.readyState >= 2 && {film}.currentTime === 2 && !{film}.seeking")
    assert tab.page.evaluate(f"[{film}.videoWidth, {film}.hidden]") == [160, False]
    assert (tab.said, tab.others()) == ([], [truth.path.as_uri()])


def test_a_long_film_is_ready_soon_and_not_too_large(chromium: Any, tmp_path: Path) -> None:
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 255, (108, 192, 3), np.uint8)
    jpeg = small_jpeg(noise)
    pictures = keyframes.bounded({shot.index: jpeg for shot in many(1500).shots if shot.keyframe.kept})
    path = written(tmp_path, many(1500), picture=pictures[0])
    assert path.stat().st_size < 15e6
    tab = Tab(chromium, path)
    took_ms = tab.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < took_ms < 20_000 and len(shown(tab)) == 1500  # how soon is measured elsewhere
    tab.page.select_option("#tag", "0")
    assert len(shown(tab)) == 450


def test_an_index_is_searched_and_sorted(chromium: Any, tmp_path: Path) -> None:
    rows = [
        IndexRow("a 10.mp4", "ok", ("Car chase",), ("Drama",), 100.0, 7, page="x.tags.html"),
        IndexRow("a 9.mp4", "ok", ("Horror",), (), 3700.0, 30),
        IndexRow("b<b>.mp4", "failed", note="no such file"),
    ]
    (tmp_path / "index.html").write_text(as_index("Films", "3 films", rows))
    written(tmp_path, REPORT)
    tab = Tab(chromium, tmp_path / "index.html")

    def names() -> list[str]:
        return [cell.inner_text() for cell in tab.page.query_selector_all("tbody tr:not([hidden]) td:first-child")]

    assert names() == ["a 10.mp4", "a 9.mp4", "b<b>.mp4"]
    tab.page.fill("#words", "A mp4 OK")
    assert names() == ["a 10.mp4", "a 9.mp4"] and tab.page.inner_text("#count") == "2 of 3 films"
    tab.page.fill("#words", "drama")
    assert names() == ["a 10.mp4"]
    tab.page.fill("#words", "")
    tab.page.click("th:nth-child(1) button")  # it was in this order: now the other way
    assert names() == ["b<b>.mp4", "a 10.mp4", "a 9.mp4"]
    tab.page.click("th:nth-child(1) button")
    assert names() == ["a 9.mp4", "a 10.mp4", "b<b>.mp4"]
    tab.page.click("th:nth-child(5) button")
    assert names() == ["b<b>.mp4", "a 10.mp4", "a 9.mp4"]
    assert tab.page.get_attribute("th:nth-child(5)", "aria-sort") == "ascending"
    tab.page.click("text=a 10.mp4")
    assert tab.page.inner_text("h1") == "x.mp4" and tab.said == []


@pytest.mark.skipif(AXE is None, reason="MOVIETAGS_AXE names no axe.min.js of axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Any, tmp_path: Path, scheme: str) -> None:
    (tmp_path / "index.html").write_text(as_index("Films", "1 film", [IndexRow("a", "failed", note="no such file")]))
    for path in (written(tmp_path, many(12)), tmp_path / "index.html"):
        tab = Tab(chromium, path, color_scheme=scheme, bypass_csp=True)
        tab.page.add_script_tag(path=str(AXE))
        found = tab.page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
