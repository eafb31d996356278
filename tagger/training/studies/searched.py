"""What a search is asked for and what it found: as a table, as files, and as the command line of the winner."""

from __future__ import annotations

import csv
import io
import json
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tagger.errors import BadPath, BadSettings
from tagger.evaluation.figures import Figures
from tagger.files import write_atomically
from tagger.text import TOOL, json_text, printable
from tagger.training import strategy
from tagger.training.recipe import Recipe
from tagger.training.result import TrainingRequest
from tagger.training.studies.spread import AXES, Axis

Facts = dict[str, Any]  # what a search is of, ready for JSON

RECORD, TABLE = Path("search.json"), Path("trials.csv")
AXIS_NAMES = tuple(axis.name for axis in AXES)
COLUMNS = ("accuracy", "loss", "epochs", "seconds", "stage", *AXIS_NAMES, "failed")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is to be searched.

    Raises:
        BadSettings: the choices leave nothing to be searched, or no folder is named to go on with.
    """

    training: (
        TrainingRequest  # what the winner is for: its `choices` are the same in all trials; its `folds` judge them
    )
    grid: bool = False  # the trials lie on grids; else at random
    trials: int = 40  # at most, from 1
    jobs: int = 1  # processes
    out: Path | None = None  # folder for the results
    resume: bool = False

    def __post_init__(self) -> None:
        """Checks what is asked for before anything is read."""
        if not self.axes:
            raise BadSettings(
                f"{', '.join(axis.name for axis in AXES)} are all given: leave out what is to be searched"
            )
        if self.resume and not self.out:
            raise BadSettings("--resume goes on with the search in a folder: name it with -o")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What is searched: what is not given."""
        return tuple(axis for axis in AXES if axis.name not in dict(self.training.choices))

    @property
    def usual(self) -> Recipe:
        """The recipe that `train` takes without any search."""
        return strategy.recipe(self.training.strategy, self.training.seed, dict(self.training.choices))


@dataclass(frozen=True, slots=True)
class Trial:
    """How good a recipe is on pictures that were not learned from; the mean over the folds, if there are any."""

    recipe: Recipe
    stage: str  # coarse or fine
    accuracy: float | None = None  # at the epoch with the least loss; None: it failed
    loss: float | None = None
    epochs: int = 0  # sum over the folds, as `seconds`
    seconds: float = 0.0
    failed: str = ""  # why


@dataclass(slots=True, eq=False)
class SearchResult:
    """What a search has found so far."""

    request: SearchRequest
    backbone: str
    facts: Facts
    trials: dict[Recipe, Trial] = field(default_factory=dict)
    tests: dict[Recipe, Figures] = field(default_factory=dict)  # of the winner and the usual recipe
    ended: str = ""  # why before its end

    @property
    def ranked(self) -> list[Trial]:
        """The trials, best first, the failed ones last."""

        def rank(trial: Trial) -> tuple[bool, float, float, str]:
            return bool(trial.failed), -(trial.accuracy or 0), trial.loss or 0, repr(trial.recipe)

        return sorted(self.trials.values(), key=rank)

    @property
    def winner(self) -> Trial | None:
        """The best trial; None if there is none."""
        return next((trial for trial in self.ranked if not trial.failed), None)


def command(result: SearchResult, recipe: Recipe) -> str:
    """Returns the command line that trains a head by a recipe of the search, on the same parts of the same images."""
    training = result.request.training
    words = ["movietags", "train", *map(str, training.roots), "--name", training.name, "--backbone", result.backbone]
    usual = {name: field.default for name, field in type(training).__dataclass_fields__.items()}
    told = [(name, getattr(training, name)) for name in ("weights", "device", "limit_per_tag", "seed", "cache")]
    chosen = [(axis.name, getattr(recipe, axis.name)) for axis in result.request.axes]
    told = [(name, value) for name, value in told if value != usual[name]]
    for name, value in (*told, *training.choices, *chosen):
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", typed(value)]
    return shlex.join(words)


def typed(value: object) -> str:
    """Returns a value as it is typed in a command line."""
    return (",".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def write(result: SearchResult) -> None:
    """Writes the files, if there is a folder for them: the record and the table."""
    if result.request.out:
        write_atomically(result.request.out / RECORD, as_json(result).encode())
        write_atomically(result.request.out / TABLE, as_csv(result).encode())


def read(path: Path, facts: Facts) -> tuple[Trial, ...]:
    """Returns the trials of a record.

    Raises:
        BadPath: it is none.
        BadSettings: it is that of another search than `facts` tell of.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
        before = record["search"]
        trials = tuple(Trial(**{**row, "recipe": _recipe(row["recipe"])}) for row in record["trials"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadPath(f"{path}: is no record of a search ({error}): begin a new one elsewhere") from error
    changed = [name for name, value in facts.items() if before.get(name) != value]
    if changed:
        raise BadSettings(f"{path}: the search to go on with has another {', '.join(changed)}: begin a new one")
    return trials


def _recipe(stored: dict[str, Any]) -> Recipe:
    numbers: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
    return Recipe(**numbers)


def as_json(result: SearchResult) -> str:
    """Returns all there is to know, as JSON text; numbers are not rounded."""
    facts = {
        **TOOL,
        "search": result.facts,
        "ended": result.ended,
        "command": result.winner and command(result, result.winner.recipe),
        "test": [
            {"recipe": asdict(recipe), "images": figures.images, "top1": asdict(figures.top1)}
            for recipe, figures in result.tests.items()
        ],
        "trials": [asdict(trial) for trial in result.ranked],
    }
    return json_text(facts)


def as_csv(result: SearchResult) -> str:
    """Returns a row per trial, best first; numbers are not rounded."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for trial in result.ranked:
        facts = asdict(trial) | {name: typed(getattr(trial.recipe, name)) for name in AXIS_NAMES}
        rows.writerow([facts[name] for name in COLUMNS])
    return text.getvalue()


def as_table(result: SearchResult) -> str:
    """Returns a line for each trial, best first, and what became of the winner."""
    row = "{:>8}  {:>6}  {:>6}  {:>7}  {:>6}  {:>13}  {:>6}  {:>7}  {:>12}  {:>15}  {}".format
    lines = [row(*COLUMNS[:-1], "").rstrip()]
    for trial in result.ranked:
        values = [typed(getattr(trial.recipe, name)) for name in AXIS_NAMES]
        if trial.accuracy is None or trial.loss is None:
            shown = ["-", "-", "-", "-"]
        else:
            shown = [f"{trial.accuracy:.2%}", f"{trial.loss:.4f}", str(trial.epochs), f"{trial.seconds:.1f}"]
        failed = f"failed: {printable(trial.failed)}" if trial.failed else ""
        lines.append(row(*shown, trial.stage, *values, failed).rstrip())
    return "\n".join([*lines, *_ending(result)]) + "\n"


def _ending(result: SearchResult) -> list[str]:
    if not result.winner:
        return ["no trial came to an end"]
    lines = []
    for recipe, figures in result.tests.items():
        both = recipe == result.request.usual == result.winner.recipe
        who = "winner, the usual recipe" if both else "winner" if recipe == result.winner.recipe else "usual recipe"
        top1 = figures.top1
        lines.append(
            f"test part, {who}: first answer right for {top1.value:.1%} ({top1.low:.0%} to {top1.high:.0%}) "
            f"of {figures.images} pictures"
        )
    return [*lines, printable(command(result, result.winner.recipe))]
