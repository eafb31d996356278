"""What a shell may complete where a name is asked for: vocabularies, networks, formats, tags, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tagger.errors import MovieTagsError
from tagger.settings import DEFAULT_VOCABULARY

if TYPE_CHECKING:
    from tagger.vocabulary import Vocabulary

Names = Callable[[click.Context], Iterable[str]]
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
FOLDER = "dir"  # as click calls what a shell completes by itself


def by(names: Names, otherwise: str = "") -> Completion:
    """Returns what completes these names; where none begins so, the shell completes folders, if that is said."""

    def complete(context: click.Context, asked: click.Parameter, begun: str) -> list[CompletionItem]:
        found: list[CompletionItem] = []
        with suppress(MovieTagsError, ModuleNotFoundError):
            found = [CompletionItem(name) for name in names(context) if name.startswith(begun)]
        return found or ([CompletionItem(begun, type=otherwise)] if otherwise else [])

    return complete


def _vocabularies(_: click.Context) -> Iterable[str]:
    from tagger.vocabulary import shipped_names

    return shipped_names()


def _backbones(_: click.Context) -> Iterable[str]:
    from tagger.models import registry
    from tagger.settings import AUTO

    return (AUTO, *(entry.name for entry in registry.entries()))


def _formats(context: click.Context) -> Iterable[str]:
    from tagger.records import TagReport
    from tagger.reports import nfo
    from tagger.reports.formats import known
    from tagger.segments import Segments

    subject: Any = Segments if context.info_name == "segments" else TagReport
    more = (nfo.FORMAT,) if subject is TagReport else ()
    return dict.fromkeys([*(form.name for form in known(subject)), *more])


def _groups(context: click.Context) -> Iterable[str]:
    """As slugs: a name may have spaces, or what a shell takes for its own."""
    from tagger.vocabulary import slug

    return filter(None, (slug(group.name) for group in _vocabulary(context).groups))


def _vocabulary(context: click.Context) -> Vocabulary:
    """That of the report which was typed before, where it can be told; else the usual one."""
    from tagger.reports.json_report import read_report
    from tagger.vocabulary import load

    # An option that still lacks its value ends the parsing: words before it are in `args` then.
    for report in (*(context.params.get("reports") or ()), *context.args):
        with suppress(MovieTagsError):
            return load(str(read_report(Path(report)).settings.get("vocabulary")))
    return load(DEFAULT_VOCABULARY)


vocabulary = by(_vocabularies, FOLDER)
backbone = by(_backbones)
formats = by(_formats)
tags = by(lambda context: _vocabulary(context).slugs)
groups = by(_groups)
