"""A real browser, without a window: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 20.0
NEWS = "console", "pageerror", "requestfailed"


@contextmanager
def browser() -> Iterator[Any]:
    """Gives the browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
    if CHROMIUM is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


class Tab:
    """A page that was opened, with all that it asked for and said."""

    def __init__(self, opened: Any, path: Path, **how: Any) -> None:
        self.page = opened.new_page(**how)
        self.said: list[str] = []
        self.asked: list[str] = []
        for news in NEWS:
            self.page.on(news, lambda one, news=news: self.said.append(f"{news}: {getattr(one, 'text', one)}"))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.goto(path.as_uri())

    def until(self, expression: str) -> None:
        """Returns when something is so; the page's policy forbids how Playwright itself would wait for it."""
        until = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(expression):
            assert time.monotonic() < until, expression
            self.page.wait_for_timeout(20)

    def others(self) -> list[str]:
        """What it asked for beside itself and what stands in itself."""
        return [url for url in self.asked if not url.startswith("data:")][1:]
