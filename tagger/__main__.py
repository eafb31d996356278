"""Runs the command line: `python -m tagger` and the `movietags` command.

cli.py stands at the top of the repository and inside the package in a wheel; either way it is loaded
as `tagger.cli`, so that no module called `cli` gets into anybody's environment.
"""

from __future__ import annotations

import sys

from tagger import signals


def main() -> None:
    """Runs the `movietags` command and exits with its status."""
    signals.leave_when_asked()  # before all else is imported; and here, as decoding processes import this module too
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    here = Path(__file__).parent
    file = next(folder / "cli.py" for folder in (here, here.parent) if (folder / "cli.py").is_file())
    spec = spec_from_file_location("tagger.cli", file)
    assert spec and spec.loader
    sys.modules["tagger.cli"] = cli = module_from_spec(spec)
    spec.loader.exec_module(cli)
    cli.main()


if __name__ == "__main__":
    main()
