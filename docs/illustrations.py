"""Makes the pictures of the documents out of `postcards`, as the tool sees it: python docs/illustrations.py.

Needs playwright and Chromium, for the page. What answers is the network that is installed.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import postcards
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch, Rectangle
from PIL import Image

from cli import cli
from tagger import TagReport, read_report
from tagger.reports import keyframes

DOCS = Path(__file__).parent
ROWS = 8  # tags
STILL = 0.75  # width of a still over its height
INK, FAINT, BLUE = "#222222", "#c9c9c4", "#0b5e8a"
WIDTH, HEIGHT = 1100, 1800  # of the page


def main() -> None:
    """Makes them."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        film = postcards.film(folder / "Postcards.mp4")
        movietags("extract", film, "-o", folder, "--format", "json", "--keep-features")
        film.unlink()  # where it is, the page has a player above all
        movietags("export", folder / "Postcards.tags.json", "-o", folder, "--format", "html")
        page(folder / "Postcards.tags.html", DOCS / "page.png")
        pipeline(folder / "Postcards.tags.json", DOCS / "pipeline.png")


def movietags(*words: str | Path) -> None:
    """Runs it."""
    with suppress(SystemExit):
        cli.main([*map(str, words), "-q"], standalone_mode=False)


def page(file: Path, picture: Path) -> None:
    """The beginning of a page in a browser, after a click on the map."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(file.as_uri())
        tab.focus("#map")
        for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
            tab.keyboard.press(key)
        tab.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
        tab.screenshot(path=str(picture))
        browser.close()
    small(picture)


def pipeline(file: Path, picture: Path) -> None:
    """From the shots of a film to its ranking."""
    report = read_report(file)
    pictures = keyframes.read(file.with_name("Postcards.keyframes.zip"), report)
    columns = len(report.shots)
    figure, (times, stills, seen) = plt.subplots(
        3, 1, figsize=(12, 6.4), height_ratios=(0.5, 1.1, 4.0), gridspec_kw={"hspace": 0.42}
    )
    figure.subplots_adjust(left=0.11, right=0.80, top=0.95, bottom=0.05)
    _times(times, report)
    _stills(stills, report, pictures)
    for column, shot in enumerate(report.shots):
        middle = shot.keyframe.time_s
        figure.add_artist(
            ConnectionPatch((middle, 0), (column + 0.5, 1), times.transData, stills.transData, color=FAINT, lw=0.8)
        )
    _seen(seen, report, columns)
    figure.savefig(picture, dpi=100)
    plt.close(figure)
    small(picture)


def _times(axes: Axes, report: TagReport) -> None:
    for shot in report.shots:
        shade = BLUE if shot.keyframe.kept else FAINT
        axes.add_patch(Rectangle((shot.start_s, 0), shot.end_s - shot.start_s, 1, fc=shade, ec="white", lw=1.5))
        axes.plot([shot.keyframe.time_s] * 2, [0, 1], color="white" if shot.keyframe.kept else INK, lw=1)
    axes.set(xlim=(0, report.video.duration_s), ylim=(0, 1), yticks=[])
    axes.xaxis.tick_top()
    ticks = range(0, int(report.video.duration_s) + 1, 5)
    axes.set_xticks(ticks, [f"{at} s" for at in ticks])
    _plain(axes, "shots")


def _stills(axes: Axes, report: TagReport, pictures: dict[int, bytes]) -> None:
    for column, shot in enumerate(report.shots):
        if shot.index in pictures:
            pixels = np.asarray(Image.open(BytesIO(pictures[shot.index])))
            left = (pixels.shape[1] - (wide := round(pixels.shape[0] * STILL))) // 2
            axes.imshow(pixels[:, left : left + wide], extent=(column + 0.03, column + 0.97, 0.25, 1), aspect="auto")
        else:
            axes.add_patch(Rectangle((column + 0.03, 0.25), 0.94, 0.75, fc="#eeeeea", ec=FAINT, ls=":"))
            axes.text(column + 0.5, 0.62, "dropped", ha="center", va="center", size=7, color=INK)
        bits = f"{shot.keyframe.entropy_bits:.1f} bits"
        axes.text(column + 0.5, 0.08, bits, ha="center", va="center", size=7.5, color=INK)
    axes.set(xlim=(0, len(report.shots)), ylim=(0, 1), xticks=[], yticks=[])
    _plain(axes, "middle frames,\nentropy")


def _seen(axes: Axes, report: TagReport, columns: int) -> None:
    """Probabilities, and what becomes of them at the right."""
    kept = [shot for shot in report.shots if shot.keyframe.kept]
    ranked = report.tags[:ROWS]
    for row, tag in enumerate(ranked):
        y = ROWS - 1 - row
        place = report.slugs.index(tag.slug)
        for column, shot in enumerate(report.shots):
            if not shot.keyframe.kept:
                axes.add_patch(Rectangle((column, y), 1, 1, fc="#eeeeea", ec="white"))
                continue
            share = shot.probabilities[place]
            first = tag.slug in [one.slug for one in shot.tags]
            blue = plt.get_cmap("Blues")(0.04 + 0.92 * share)
            axes.add_patch(Rectangle((column + 0.02, y + 0.03), 0.96, 0.94, fc=blue, ec="none"))
            if first:
                axes.add_patch(Rectangle((column + 0.06, y + 0.09), 0.88, 0.82, fc="none", ec=INK, lw=1.1))
            shade = "white" if share > 0.55 else INK
            axes.text(column + 0.5, y + 0.5, f"{share:.2f}", ha="center", va="center", size=7.5, color=shade)
        total = tag.mean_probability * len(kept)
        values = f"{tag.frames}", f"{total:.2f}", f"{tag.weight:.3f}", f"{tag.score:.2f}"
        for number, value in enumerate(values):
            axes.text(columns + 0.9 + 1.05 * number, y + 0.5, value, ha="right", va="center", size=9.5, color=INK)
    for number, head in enumerate(("n", "Σ P", "W", "R")):
        axes.text(columns + 0.9 + 1.05 * number, ROWS + 0.3, head, ha="right", va="center", size=10, weight="bold")
    axes.set(xlim=(0, columns), ylim=(0, ROWS))
    axes.set_xticks([])
    axes.set_yticks([ROWS - row - 0.5 for row in range(ROWS)], [tag.tag for tag in ranked], size=9.5)
    axes.tick_params(length=0)
    axes.set_title(f"probabilities P; framed: among the shot's first three. N = {len(kept)}", size=9.5, loc="left")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _plain(axes: Axes, label: str) -> None:
    axes.set_ylabel(label, rotation=0, ha="right", va="center", size=9.5)
    axes.tick_params(length=0, labelsize=8)
    for spine in axes.spines.values():
        spine.set_visible(False)


def small(picture: Path) -> None:
    """Takes a picture down to 256 colours, which these have few more than."""
    with Image.open(picture) as whole:
        whole.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    main()
