"""`import movietags`: another name of this package, with the same modules and classes under it.

hatch_build.py puts this folder into an environment as the package `movietags`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

import tagger

if TYPE_CHECKING:
    from tagger import *  # noqa: F403


class _Alias(MetaPathFinder, Loader):
    """Finds movietags.X, which is tagger.X."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        mine = name.startswith("movietags.") and name != "movietags.__main__"  # `python -m movietags` reads the file
        return ModuleSpec(name, self) if mine else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(f"tagger.{name.removeprefix('movietags.')}")


sys.meta_path.insert(0, _Alias())
sys.modules["movietags"] = tagger
