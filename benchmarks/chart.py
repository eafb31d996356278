"""Draws results/scan.json: what scans cost beside bare decoding.

    python benchmarks/chart.py

Writes results/scan.svg.
"""

from __future__ import annotations

import json
from html import escape

from measure import RESULTS

BARS = {"full_scan": ("full scan", "#3b6ea5"), "fast_scan": ("fast scan", "#e08e45")}
LEFT, WIDTH, UNIT, ROW, GAP = 130, 640, 210, 18, 16  # pixels; UNIT stands for the time of bare decoding


def main() -> None:
    """Writes the chart."""
    films = json.loads((RESULTS / "scan.json").read_text())["films"]
    parts, y = [], 40
    for name, film in films.items():
        parts.append(text(LEFT - 8, y + ROW, name.rsplit(".", 1)[0], "end"))
        for key, (label, colour) in BARS.items():
            share = film["of_bare_decoding"][key]
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{share * UNIT:.0f}" height="{ROW - 3}" fill="{colour}"/>')
            parts.append(text(LEFT + share * UNIT + 6, y + ROW - 5, f"{label} {share:.2f}", "start"))
            y += ROW
        y += GAP
    line = f'<line x1="{LEFT + UNIT}" x2="{LEFT + UNIT}" y1="28" y2="{y}" stroke="#888" stroke-dasharray="4 3"/>'
    parts += [line, text(LEFT + UNIT, 20, "bare decoding = 1", "middle")]
    look = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {look}>', '<rect width="100%" height="100%" fill="white"/>']
    (RESULTS / "scan.svg").write_text("\n".join([*lines, *parts, "</svg>", ""]))


def text(x: float, y: float, words: str, anchor: str) -> str:
    """A line of text."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


if __name__ == "__main__":
    main()
