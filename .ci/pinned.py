"""Says where the installed versions differ from those of the constraints; the exit code is 1 if any does.

python .ci/pinned.py constraints.txt installed.txt        installed as `pip list --format=freeze` says it
"""

import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

TOOLS = {"pip", "setuptools", "movietags"}  # what comes with Python, and ourselves

pinned, installed = (Path(name).read_text().splitlines() for name in sys.argv[1:3])
wanted = [Requirement(line) for line in pinned if line and not line.startswith("#")]
known = {canonicalize_name(one.name): one for one in wanted if one.marker is None or one.marker.evaluate()}
differs = []
for name, _, version in (line.partition("==") for line in installed):
    one = known.get(canonicalize_name(name))
    if name not in TOOLS and (one is None or Version(version) not in one.specifier):
        differs.append(f"{name} {version} (pinned: {one.specifier if one else 'not at all'})")
print("\n".join(differs))  # noqa: T201
sys.exit(bool(differs))
