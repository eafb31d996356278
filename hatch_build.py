"""Puts cli.py and vocab/ inside the package in wheels.

In the repository they stand at the top, for people. In a wheel they must not, or a module called `cli` would land in
everybody's environment. An editable install maps `tagger` to the checkout and needs neither.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelLayout(BuildHookInterface[Any]):
    """Adds the two to standard wheels only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; `version` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"].update({"cli.py": "tagger/cli.py", "vocab": "tagger/vocab"})
