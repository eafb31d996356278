"""A page of test pictures, tag by tag: the surest wrong answers and the surest right ones.

One file without scripts and without anything from outside: it can be mailed, and opened on a machine with no network.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2

from tagger.errors import reason
from tagger.images import decode_picture
from tagger.text import printable

SIDE_MAX = 160  # pixels of a thumbnail
JPEG_QUALITY = 80
ANSWERS = 3  # shown of each picture

STYLE = """
:root { color-scheme: light dark; --back: #fff; --card: #f4f4f5; --text: #1b1b1f; --faint: #5c5c66; --line: #d8d8de;
  --right: #0072b2; --wrong: #c04f00; --bar: #b9b9c4; }
@media (prefers-color-scheme: dark) { :root { --back: #16161a; --card: #222228; --text: #ececf0; --faint: #a5a5b0;
  --line: #3a3a44; --right: #56b4e9; --wrong: #f0924a; --bar: #666672; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 1.5rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h2 small, p { color: var(--faint); font-size: .9rem; font-weight: normal; margin: 0; }
nav { columns: 13rem; margin-top: 1rem; font-size: .9rem; }
nav a { display: flex; justify-content: space-between; gap: 1rem; color: inherit; text-decoration: none;
  break-inside: avoid; }
nav a:hover { text-decoration: underline; }
nav span, h2, figcaption { overflow-wrap: anywhere; }
nav b { font-weight: normal; color: var(--faint); white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(178px, 1fr)); gap: .8rem; }
figure { margin: 0; padding: .5rem; background: var(--card); border-radius: 6px; border-top: 4px solid var(--wrong); }
figure.right { border-color: var(--right); }
img, .gone { display: block; margin: 0 auto .4rem; height: 160px; max-width: 100%; object-fit: scale-down; }
.gone { color: var(--faint); font-size: .8rem; overflow: hidden; overflow-wrap: anywhere; }
figcaption { font-size: .85rem; }
figcaption strong { color: var(--wrong); }
.right figcaption strong { color: var(--right); }
ol { list-style: none; margin: .3rem 0 0; padding: 0; font-size: .8rem; }
li { position: relative; display: flex; justify-content: space-between; gap: .5rem; padding: .1rem 0 .3rem; }
li span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
li i { position: absolute; left: 0; bottom: 0; height: 3px; border-radius: 2px; background: var(--bar); }
li.true { font-weight: 600; }
li.true i { background: var(--right); }
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<nav>
{links}
</nav>
{sections}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Item:
    """A test picture and what was said of it."""

    path: Path
    tags: tuple[str, ...]  # names of the true ones, at least one
    answers: tuple[tuple[str, float], ...]  # names and probabilities, 0 to 1, the best first; none: no evidence

    @property
    def right(self) -> bool:
        """Whether the first answer is a true tag."""
        return bool(self.answers) and self.answers[0][0] in self.tags

    @property
    def certainty(self) -> float:
        """The probability of the first answer."""
        return self.answers[0][1] if self.answers else 0.0


def gallery_html(title: str, items: Iterable[Item], right_max: int, wrong_max: int) -> str:
    """Returns a page that shows, for each tag, the surest wrong and the surest right answers to its pictures.

    A picture of several tags stands under the first. One that cannot be read any more is named with the reason.

    Args:
        title: of the page.
        items: all test pictures.
        right_max: how many right ones are shown of each tag.
        wrong_max: likewise.
    """
    by_tag: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: (item.right, -item.certainty, item.path)):
        by_tag.setdefault(item.tags[0], []).append(item)
    groups = [(f"tag-{number}", tag, by_tag[tag]) for number, tag in enumerate(sorted(by_tag, key=str.casefold))]
    whole = [item.right for group in by_tag.values() for item in group]
    summary = (
        f"The first answer is right for {sum(whole)} of {len(whole)} test pictures. Of each tag are shown at most "
        f"{wrong_max} wrong and {right_max} right answers, the surest first."
    )
    links = (f'<a href="#{mark}"><span>{_text(tag)}</span> <b>{_score(group)}</b></a>' for mark, tag, group in groups)
    sections = (_section(mark, tag, group, right_max, wrong_max) for mark, tag, group in groups)
    return PAGE.format(
        title=_text(title), style=STYLE, summary=summary, links="\n".join(links), sections="\n".join(sections)
    )


def _text(name: object) -> str:
    return html.escape(printable(str(name)))


def _score(group: list[Item]) -> str:
    return f"{sum(item.right for item in group)} of {len(group)}"


def _section(mark: str, tag: str, group: list[Item], right_max: int, wrong_max: int) -> str:
    wrong = [item for item in group if not item.right][:wrong_max]
    right = [item for item in group if item.right][:right_max]
    cards = "\n".join(_card(item) for item in (*wrong, *right))
    title = f'<h2 id="{mark}">{_text(tag)} <small>{_score(group)} right</small></h2>'
    return f'<section>\n{title}\n<div class="cards">\n{cards}\n</div>\n</section>'


def _card(item: Item) -> str:
    kind, sign = ("right", "✓ right") if item.right else ("wrong", "✗ wrong")
    names = ", ".join(_text(tag) for tag in item.tags)
    answers = "".join(_answer(name, probability, name in item.tags) for name, probability in item.answers[:ANSWERS])
    return (
        f'<figure class="{kind}" title="{_text(item.path)}">{_thumbnail(item.path)}'
        f"<figcaption><strong>{sign}</strong>, true: {names}</figcaption>"
        f"<ol>{answers or '<li>no answer: there is no evidence</li>'}</ol></figure>"
    )


def _answer(name: str, probability: float, right: bool) -> str:
    kind = ' class="true"' if right else ""
    bar = f'<i style="width:{probability:.1%}"></i>'
    return f"<li{kind}><span>{_text(name)}</span> {probability:.0%}{bar}</li>"


def _thumbnail(path: Path) -> str:
    try:
        pixels = decode_picture(path.read_bytes())
    except (OSError, ValueError) as error:
        return f'<div class="gone">{_text(path.name)}: {_text(reason(error))}</div>'
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE_MAX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    body = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))[1].tobytes()
    return f'<img alt="{_text(path.name)}" src="data:image/jpeg;base64,{base64.b64encode(body).decode()}">'
