"""Pages that stand for themselves: one file, no request to anybody, and nothing in it runs but our own script.

Names and values are data everywhere: the templates escape all they are given, the policy of a page (Content Security
Policy) lets run only the script and the style whose digests it names, and pictures are in the page itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tagger import libraries
from tagger.text import printable
from tagger.version import __version__

PAGES = Path(__file__).with_name("pages")
GENERATOR = '<meta name="generator" content="movietags '  # by which a page of ours is known


def page(name: str, title: str, data: object, **shown: object) -> str:
    """Returns a page.

    Args:
        name: of its template, `NAME.html`, and its script, `NAME.js`, in `pages/`.
        title: of the page.
        data: what the script reads, as JSON knows it.
        **shown: what the template shows.

    Raises:
        LibraryMissing: Jinja2 is not installed.
    """
    script, style = _source(f"{name}.js"), _source("page.css")
    policy = {
        "default-src": "'none'", "script-src": _digest(script), "style-src": _digest(style), "img-src": "data:",
        "media-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    return str(
        _environment().get_template(f"{name}.html").render(
            policy=part("; ".join(f"{what} {whence}" for what, whence in policy.items())), version=__version__,
            title=title, style=part(style), script=part(script), data=_json(data), **shown,
        )
    )  # fmt: skip


def part(text: str) -> Any:
    """Returns text that is a part of a page as it is: of our own making, and nothing that a report says."""
    from markupsafe import Markup

    return Markup(text)


@lru_cache(maxsize=1)
def _environment() -> Any:
    with libraries.needed("a page"):
        import jinja2
    loader = jinja2.FileSystemLoader(PAGES)
    return jinja2.Environment(
        loader=loader, autoescape=True, finalize=_shown, undefined=jinja2.StrictUndefined, trim_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip


def _shown(value: Any) -> Any:
    """Text of a report on one line, without what no page may hold; what is a part of the page stays as it is."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _json(data: object) -> Any:
    """JSON that may stand in a script element whatever it holds."""
    from jinja2.utils import htmlsafe_json_dumps

    return htmlsafe_json_dumps(_printable(data))


def _printable(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _printable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_printable(value) for value in data]
    return printable(data) if isinstance(data, str) else data


@lru_cache(maxsize=8)
def _source(name: str) -> str:
    return (PAGES / name).read_text("utf-8")


def _digest(text: str) -> str:
    """How a policy names what it lets run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
