"""The card of a vocabulary that somebody trained: what it is, from what, and how good it was found to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tagger.evaluation.figures import Figures, TagFigures
from tagger.evaluation.plots import can_draw
from tagger.measured import Estimate
from tagger.records import SURE
from tagger.settings import SIGMOID
from tagger.training.certain import HELD_OUT_MIN
from tagger.training.fit import INTERRUPTED
from tagger.training.recipe import AUGMENT, FEATURES, FINE_TUNE, SCRATCH
from tagger.training.result import TrainingResult
from tagger.training.splits import folds, untested
from tagger.version import __version__

WEAK_BELOW = 0.7  # first answers right
FEW_TESTED = 100  # pictures: intervals are wide below
COLUMNS = (
    "measured on", "pictures", "first", "first 3", "first 5", "precision", "recall", "F1", "average precision", "AUC",
    "calibration error",
)  # fmt: skip
STRATEGIES = {
    FEATURES: "a head on fixed features",
    AUGMENT: "a head on features of pictures that were changed anew in each epoch",
    FINE_TUNE: "head and last layers of the backbone",
    SCRATCH: "the whole network, from random numbers",
}


def text(result: TrainingResult) -> str:
    """Returns the card as Markdown."""
    return "\n".join((*_head(result), *_figures(result), *_confidence(result), *_data(result), *_run(result))) + "\n"


def _head(result: TrainingResult) -> Iterator[str]:
    data = result.data
    yield f"# {result.request.name}: model card"
    yield ""
    yield f"Written by movietags {__version__}; all figures stand in `figures.json`, the record of the run in"
    yield "`training/`."
    yield ""
    yield from _warnings(result)
    source = Path(result.base.source).name
    yield f"- {len(data.tags)} tags, {len(data.paths)} pictures; backbone {result.base.identity} ({source})."
    yield f"- Trained: {STRATEGIES[result.recipe.strategy]}."
    if result.why:
        yield f"- Strategy chosen by itself: {result.why}."
    if result.recipe.activation == SIGMOID:
        yield "- Each tag is judged by itself (sigmoid): a picture may have several, or none."
    else:
        yield "- The tags exclude one another (softmax): where two are right, they share the probability."
    yield ""


def _warnings(result: TrainingResult) -> Iterator[str]:
    if result.learned.run.ended == INTERRUPTED:
        yield "**The training was interrupted**: this is the best of the epochs before.\n"
    figures = result.figures
    if figures is None:
        yield "**Nothing is known of its quality**: there are too few pictures for a test part.\n"
        return
    if figures.top1.value < WEAK_BELOW:
        right = f"{figures.top1.value:.0%} of the test pictures"
        yield f"**This is a weak model**: its first answer is right for {right}.\n"
    if figures.images < FEW_TESTED:
        yield f"**Only {figures.images} pictures were tested**: see the intervals.\n"


def _figures(result: TrainingResult) -> Iterator[str]:
    measured = [("test part, never learned from", result.figures)]
    measured += [(f"cross-validation, {result.request.folds} folds", result.folded)]
    measured += [
        (f"other images: {test.folder}, {test.copies} copies left out, and {test.others} of other tags", test.figures)
        for test in result.crossed
    ]
    judged = [(name, figures) for name, figures in measured if figures]
    if not judged:
        return
    yield "## How good it is"
    yield ""
    yield "Shares of pictures; then means over tags. In brackets 95 % intervals, near copies drawn together."
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + " --- |" * len(COLUMNS)
    for name, figures in judged:
        yield _row(name, figures)
    yield ""
    if not result.crossed:
        yield "The test pictures come from the same folders as those it learned from; pictures from elsewhere are"
        yield "harder (`--test OTHER_IMAGES` measures how much)."
        yield ""
    thin = untested(result.data, folds(result.data, result.request.folds, result.request.seed)) if result.folded else ()
    if thin:
        yield f"Some folds hold no picture of: {', '.join(map(_cell, thin))}."
        yield ""
    yield from _per_tag(result)


def _row(name: str, figures: Figures) -> str:
    shares = (figures.top1, figures.top3, figures.top5)
    rates = (figures.macro_precision, figures.macro_recall, figures.macro_f1)
    cells = [_estimate(value) for value in (*shares, *rates, figures.mean_average_precision, figures.macro_auc)]
    return f"| {name} | {figures.images} | {' | '.join(cells)} | {figures.calibration_error:.3f} |"


def _estimate(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _per_tag(result: TrainingResult) -> Iterator[str]:
    figures = result.figures or result.folded
    if not figures:
        return
    yield "| tag | tested | precision | recall | F1 | average precision | AUC |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for tag, of_tag in zip(result.data.tags, figures.per_tag, strict=True):
        yield f"| {_cell(tag)} | {of_tag.images} | {' | '.join(_numbers(of_tag))} |"
    yield ""
    if can_draw():
        yield "![Confusion matrix](training/confusion.png)"
    yield ""


def _numbers(tag: TagFigures) -> Iterator[str]:
    for value in (tag.precision, tag.recall, tag.f1, tag.average_precision, tag.auc):
        yield "-" if value is None else f"{value:.2f}"


def _confidence(result: TrainingResult) -> Iterator[str]:
    yield "## Confidence"
    yield ""
    if result.certainty is None:
        yield f"None: {_unsure(result)}.\n"
        return
    found = result.certainty.figures
    yield "How probable it is that a film shows a tag, learned from made-up films of validation and test part; from"
    yield f"{SURE:g} on a tag is sure. Of films of pictures and of frames without any that nothing was learned from:"
    yield ""
    yield "| sure tags of a film, of true ones | right | of the true ones | ECE | films that show nothing, with any |"
    yield "| --- | --- | --- | --- | --- |"
    shares = [f"{found[key]:.2f}" if found[key] is not None else "-" for key in ("precision", "recall")]
    alarms = found["nothing"]["with_anything_sure"]
    first = f"{found['sure_tags']:.1f} of {found['true_tags']:.1f}"
    yield f"| {first} | {' | '.join(shares)} | {found['calibration_error']:.3f} | {alarms:.1%} |"
    yield ""


def _unsure(result: TrainingResult) -> str:
    """Why there is no confidence."""
    if result.learned.backbone is not None:
        return "the backbone was trained too, and features of other pictures are not at hand"
    if result.interrupted:
        return "the training was interrupted before"
    return f"it wants {HELD_OUT_MIN} pictures each of two tags at least in the validation and test parts"


def _data(result: TrainingResult) -> Iterator[str]:
    data, weights = result.data, result.learned.class_weight
    yield "## What it has learned from"
    yield ""
    yield "| tag | pictures | training | validation | test | weight of a picture |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for place, tag in enumerate(data.tags):
        counts = result.pictures_of(place).values()
        yield f"| {_cell(tag)} | {' | '.join(map(str, counts))} | {weights[place]:.2f} |"
    copies = len(data.paths) - len(set(data.family.tolist()))
    yield ""
    yield f"Near copies of other pictures: {copies}; they are on the same side of the split (`training/split.csv`)."
    if data.skipped:
        yield f"{len(data.skipped)} files could not be used, for one {data.skipped[0].path}: {data.skipped[0].reason}."
    yield ""


def _run(result: TrainingResult) -> Iterator[str]:
    run, recipe = result.learned.run, result.recipe
    yield "## The run"
    yield ""
    yield f"{run.epochs} epochs in {run.seconds:.1f} s, the best was number {run.best_epoch + 1}; ended by {run.ended}."
    hidden = ", ".join(map(str, recipe.hidden)) or "none"
    yield f"Batches of {recipe.batch_size}, learning rate {recipe.learning_rate:g} ({recipe.lr_schedule}),"
    yield f"dropout {recipe.dropout:g}, weight decay {recipe.weight_decay:g},"
    yield f"label smoothing {recipe.label_smoothing:g}, hidden layers: {hidden}, seed {recipe.seed}."
    if recipe.augment:
        yield f"Pictures were changed by {', '.join(recipe.augment)}."
    temperature, offset = result.learned.temperature, result.learned.offset
    yield f"Calibrated on the validation part: temperature {temperature:.2f}, offset {offset:.1f}."
    yield ""
    if can_draw():
        yield "![Learning curves](training/curves.png)"


def _cell(name: str) -> str:
    return name.replace("|", "\\|")
