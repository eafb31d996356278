"""The `movietags` command: its entry, and the commands of `tagger.commands` put together."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from tagger import libraries, process, signals
from tagger.commands.advisory import advisory
from tagger.commands.batch import batch
from tagger.commands.compare import compare
from tagger.commands.console import FAILED
from tagger.commands.evaluate import evaluate
from tagger.commands.export import export
from tagger.commands.extract import extract
from tagger.commands.images import images
from tagger.commands.library import library
from tagger.commands.ratings import ratings
from tagger.commands.retag import retag
from tagger.commands.search import search
from tagger.commands.segments import segments
from tagger.commands.show import info, models, vocab
from tagger.commands.study import study
from tagger.commands.train import train
from tagger.version import __version__


class Commands(click.Group):
    """Commands that end as they are asked to by Ctrl-C and SIGTERM, whatever they are at."""

    def invoke(self, context: click.Context) -> Any:
        """Runs the command that was named."""
        try:
            with signals.raised():
                return super().invoke(context)
        except KeyboardInterrupt:
            process.say("interrupted")
            sys.exit(signals.exit_code())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="movietags")
def cli() -> None:
    """What is this film about, and where in it? Ranked tags for films and trailers, offline."""


for command in (
    extract, batch, retag, export, library, compare, segments, advisory, train, study, evaluate, images, vocab, models,
    info,
):  # fmt: skip
    cli.add_command(command)
evaluate.add_command(ratings)
study.add_command(search)


def main() -> None:
    """Runs the command; a missing library is one line, not a traceback."""
    if not any(re.fullmatch(r"--verbose|-\w*v\w*", word) for word in sys.argv):
        process.silence_libraries()
    try:
        cli(prog_name="movietags")
    except SystemExit as done:
        process.leave(done.code if isinstance(done.code, int) else FAILED)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "tagger"):
            raise
        process.say(
            f"error: {library} is not installed, which movietags cannot do without: {libraries.install(library)}"
        )
        process.leave(FAILED)
    except ImportError as error:
        if ".so" not in str(error) and "DLL" not in str(error):
            raise
        process.say(
            f"error: a system library is missing ({error}). On Debian or Ubuntu: apt-get install libgl1 libglib2.0-0"
        )
        process.leave(FAILED)


if __name__ == "__main__":
    main()
