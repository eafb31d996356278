"""`movietags info`, `vocab` and `models`: what is installed here."""

from __future__ import annotations

import click

from tagger.commands import complete
from tagger.commands.console import errors, messages
from tagger.settings import DEFAULT_VOCABULARY


@click.command()
def info() -> None:
    """Versions, processor, decoders, weights: what to paste into a bug report."""
    from tagger.commands.installed import facts

    for name, value in facts():
        click.echo(f"{name:<14} {value}")


@click.group()
def vocab() -> None:
    """The vocabularies that come with movietags."""


@vocab.command("list")
def vocab_list() -> None:
    """Each vocabulary, its number of tags and the backbones it has heads for."""
    from tagger.commands.installed import vocabularies

    with errors():
        click.echo("\n".join(vocabularies()))


@vocab.command("show")
@click.argument("name", default=DEFAULT_VOCABULARY, shell_complete=complete.vocabulary)
def vocab_show(name: str) -> None:
    """The tags of a vocabulary (a name or a folder), and which of them its heads were trained on."""
    from tagger.commands.installed import tags

    with errors():
        click.echo("\n".join(tags(name)))


@click.group()
def models() -> None:
    """The networks that can look at frames, and their weights."""


@models.command("list")
def models_list() -> None:
    """Each backbone: input size, features, weights, and whether they are here."""
    from tagger.commands.installed import networks

    messages(quiet=False, verbose=False)
    with errors():
        click.echo("\n".join(networks()))


@models.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete.backbone)
def models_fetch(names: tuple[str, ...]) -> None:
    """Download weights into Keras's cache (set MOVIETAGS_WEIGHTS_URL for a mirror)."""
    from tagger.models import registry

    messages(quiet=False, verbose=False)
    with errors():
        for name in names:
            entry = registry.entry(name)
            click.echo(entry.fetch() or f"{name}: {entry.origin}")


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete.backbone)
def models_verify(names: tuple[str, ...]) -> None:
    """Check weights against their published checksums: those named, or all that are here."""
    from tagger.models import registry

    messages(quiet=False, verbose=False)
    with errors():
        for entry in [registry.entry(name) for name in names] or registry.entries():
            for verdict in entry.verify(required=bool(names)):
                click.echo(f"{entry.name}: {verdict}")
