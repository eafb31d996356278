"""Which tags speak for which note, and from where on something is said: advisory.toml in a vocabulary's folder.

    [[note]]
    name = "Horror"
    tags = ["Horror", "Monster"]

A note without tags is one that the vocabulary cannot answer, which is said in every advisory. Three tables change
the numbers, each of which has a default: [likelihood], [judged] and [places].
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from tagger import vocabulary
from tagger.errors import BadSettings, BadVocabulary, reason
from tagger.files import is_file
from tagger.records import SURE, Share, TagReport
from tagger.segments import Rule
from tagger.text import printable
from tagger.typed_json import convert
from tagger.vocabulary import slug

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "advisory.toml"
BYTES_MAX = 2**20
PLACES = Rule(threshold=0.5, max_gap_s=5.0)  # pictures that are more of this than of all else together
FORM = 'each note is written [[note]], name = "Horror", tags = ["Horror", "Monster"]'


@dataclass(frozen=True, slots=True)
class Likelihood:
    """From which confidence on something is called so. What it means: `docs/advisory.md`, from the card's figures."""

    very_likely: Share = 0.8  # 94 % of such answers are true in made-up films
    likely: Share = SURE  # 75 %
    possible: Share = 0.2  # 38 %; below it are 6 %

    def __post_init__(self) -> None:
        """Checks their order."""
        if not self.possible <= self.likely <= self.very_likely:
            raise ValueError("possible is above likely, or likely above very_likely")


@dataclass(frozen=True, slots=True)
class Judged:
    """How good a tag's sure answers must be for it to be judged by: else what it says is worse than nothing."""

    precision: Share = 0.5  # it is wrong in over half of them
    recall: Share = 0.05  # of twenty films that show it, it finds less than one


@dataclass(frozen=True, slots=True)
class Wording:
    """A note as rules have it."""

    name: str
    tags: tuple[str, ...]
    """Names or slugs; none where the vocabulary cannot answer."""

    def __post_init__(self) -> None:
        """Checks that it can be called by its name."""
        if not slug(self.name):
            raise ValueError(f"the name {self.name!r} has no letter or digit")


@dataclass(frozen=True, slots=True)
class Rules:
    """What an advisory goes by."""

    note: tuple[Wording, ...]
    likelihood: Likelihood = Likelihood()
    judged: Judged = Judged()
    places: Rule = PLACES
    path: Path = Path(FILE)
    """Where they were read."""

    def __post_init__(self) -> None:
        """Checks that there are notes, and none twice."""
        if not self.note:
            raise ValueError("there is no note")
        counts = Counter(slug(one.name) for one in self.note)
        if twice := [one.name for one in self.note if counts[slug(one.name)] > 1]:
            raise ValueError(f"the note {twice[0]!r} is there twice")


TABLES: Mapping[str, type[Any]] = {"note": Wording, "likelihood": Likelihood, "judged": Judged, "places": Rule}


def rules_of(report: TagReport) -> Rules:
    """Returns the rules that lie beside the vocabulary of a report.

    Raises:
        BadSettings: there are none, or they cannot be used.
    """
    named = str(report.settings.get("vocabulary", report.model.vocabulary))
    tagged = f"{printable(report.video.name)}: was tagged with {printable(named)}"
    try:
        path = vocabulary.load(named).folder / FILE
    except BadVocabulary as error:
        raise BadSettings(
            f"{tagged}, which is not found from here ({printable(str(error))}): start where it is, or name rules with "
            f"--rules"
        ) from error
    if not is_file(path):
        raise BadSettings(f"{tagged}, which has no {FILE} in {path.parent}: write one, or name rules with --rules")
    return read_rules(path)


def read_rules(path: Path) -> Rules:
    """Returns the rules of a file.

    Raises:
        BadSettings: there is none, it is no TOML, or it says what rules cannot; says where.
    """
    if not is_file(path):
        raise BadSettings(f"{path}: no such file of rules")
    try:
        facts = tomllib.loads(_text(path))
        _check_keys(facts)
        if isinstance(places := facts.get("places"), dict):
            facts["places"] = asdict(PLACES) | places
        return replace(convert(Rules, facts), path=path)
    except RecursionError as error:
        raise BadSettings(f"{path}: is nested too deeply: {FORM}") from error
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path}: are no rules ({reason(error)}): {FORM}") from error


def _text(path: Path) -> str:
    with path.open("rb") as file:
        body = file.read(BYTES_MAX + 1)
    if len(body) > BYTES_MAX:
        raise ValueError(f"over {BYTES_MAX} bytes")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is no UTF-8 text") from error


def _check_keys(facts: Mapping[str, Any]) -> None:
    """Refuses keys that mean nothing: a misspelled one would change nothing, and nobody would know."""
    for name, found in facts.items():
        if name not in TABLES:
            raise ValueError(f"nothing is called {name!r}: there are {', '.join(TABLES)}")
        known = [field.name for field in fields(TABLES[name])]
        for table in found if isinstance(found, list) else [found]:
            for key in table if isinstance(table, dict) else ():
                if key not in known:
                    raise ValueError(f"{name} has no {key!r}: it has {', '.join(known)}")
