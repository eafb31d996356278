"""`movietags train`: folders of images -> data set -> features -> head -> vocabulary folder.

NAME/labels.txt, heads/, backbones/, card.md, figures.json      what `extract --vocab` and people read
NAME/training/                                                  the record of the run, and its state while it goes on
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from tagger.errors import BadPath, BadSettings, OutputRefused
from tagger.evaluation.figures import Figures
from tagger.files import Lock, output_folder, unless_used
from tagger.models.backbone import Backbone, Tunable, tunable
from tagger.records import Floats, TagScores
from tagger.text import write_json
from tagger.training import certain, strategy, written
from tagger.training.bench import Bench, StageProgress, trained
from tagger.training.certain import Certainty
from tagger.training.dataset import Dataset, collect
from tagger.training.features import space
from tagger.training.fit import INTERRUPTED
from tagger.training.folders import find
from tagger.training.learner import judged, learn
from tagger.training.recipe import BACKBONE_TOO, Recipe
from tagger.training.result import CrossTest, TrainingRequest, TrainingResult
from tagger.training.splits import Split, fold_split, folds, split

LONGER = ("epochs", "patience")  # may be others when a training is gone on with


def train(request: TrainingRequest, watch: StageProgress) -> TrainingResult:
    """Trains as asked and writes the vocabulary folder.

    KeyboardInterrupt while epochs pass is a way to end: what was best by then is written.

    Raises:
        BadPath: the images cannot be used; all oddities are named at once.
        OutputRefused: the folder holds something else, or cannot be written.
        OutputLocked: another training writes to it.
        BadSettings: a choice outside its range; or `resume`, and the images or choices are others than before.
        BadWeights, WeightsMissing: as `tagger.models.registry.load`.
    """
    lock = request.out / written.LOCK
    with unless_used(request.out, lock):
        _free(request)
        with Lock(lock):
            return _train(Bench(request, watch))


def _train(bench: Bench) -> TrainingResult:
    request, data = bench.request, bench.data()
    parts = split(data, request.seed)
    _check(request, data, parts)
    base = bench.base()
    if request.strategy in BACKBONE_TOO:
        tunable(base)  # or refused, before anything is computed
    rows = bench.features(data, base)
    trainable = isinstance(base, Tunable)
    recipe, why = strategy.choose(request.strategy, request.seed, dict(request.choices), data, rows, parts, trainable)
    state = _begin(request, data, recipe, base)

    def told(epochs: int, curves: dict[str, list[float]]) -> None:
        bench.watch(f"training, {curves['val_accuracy'][-1]:.0%} of validation right", epochs, recipe.epochs)

    try:
        learned = learn(data, rows, parts, base, recipe, state, told)
    except BadSettings:  # it diverged: nothing to go on with
        state.unlink(missing_ok=True)
        raise
    tested = judged(data, parts.test, learned.test, recipe) if len(parts.test) else None
    result = TrainingResult(request, data, parts, base, recipe, why, learned, tested)
    stopped = replace(result, interrupted=True)
    written.record(stopped)
    written.write(stopped)  # as it stays if what follows is stopped
    if learned.run.ended == INTERRUPTED:
        return stopped
    state.unlink(missing_ok=True)
    try:
        result = replace(result, certainty=_certainty(result, rows, bench))
        if request.folds or request.tests:  # which take long
            written.write(result)
        result = replace(result, folded=_folded(result, rows, bench.watch), crossed=_crossed(result, bench))
    except KeyboardInterrupt:
        return replace(result, interrupted=True)
    written.write(result)
    return result


def _check(request: TrainingRequest, data: Dataset, parts: Split) -> None:
    """Refuses before the training what would fail after it."""
    if not len(parts.validation):
        raise BadPath(
            f"{request.roots[0]}: too few pictures for a validation part: some tag needs 3 that are no copies"
        )
    if request.folds:
        fold = folds(data, request.folds, request.seed)
        if not all(len(fold_split(data, fold, k, request.seed).validation) for k in range(request.folds)):
            raise BadSettings(f"{request.folds} folds: too few pictures for a validation part beside each")
    for folder in request.tests:
        find([folder], data.tags)


def _free(request: TrainingRequest) -> None:
    """Refuses a folder with something else in it before any work is done."""
    out = request.out.resolve()
    for folder in (*request.roots, *request.tests):
        if out.is_relative_to(folder.resolve()):
            raise OutputRefused(f"{request.out}: lies in the images of {folder}, as one more tag: name another with -o")
    output_folder(request.out)
    ours = (request.out / written.RUN).exists()
    if request.resume and not ours:
        raise OutputRefused(f"{request.out}: there is no training to go on with: leave out --resume")
    # What a run leaves that failed at once:
    begun = {request.out / place for place in (written.LOCK, written.RECORD, written.RUN)}
    if not request.resume and any(path not in begun for path in request.out.rglob("*")):
        hint = "--resume goes on with its training, or name another with -o" if ours else "name another with -o"
        raise OutputRefused(f"{request.out}: is not empty: {hint}")


def _begin(request: TrainingRequest, data: Dataset, recipe: Recipe, base: Backbone) -> Path:
    """Notes what this training is of, or checks that it is what is gone on with; returns the file of its state."""
    facts = {
        "images_sha256": data.digest,
        "tags": list(data.tags),
        "backbone": base.identity,
        "backbone_sha256": base.sha256,
        "recipe": json.loads(json.dumps({k: v for k, v in asdict(recipe).items() if k not in LONGER})),
    }
    path = request.out / written.RUN
    if request.resume:
        try:
            before = dict(json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise BadPath(f"{path}: is no record of a training: name another folder with -o") from error
        changed = [name for name, value in facts.items() if before.get(name) != value]
        if changed:
            raise BadSettings(
                f"{path}: the training to go on with has another {', '.join(changed)}: name another folder with -o"
            )
    else:
        output_folder(path.parent)
        write_json(path, facts)
    return request.out / written.STATE


def _folded(result: TrainingResult, rows: Floats, watch: StageProgress) -> Figures | None:
    """Figures over all pictures, each asked about by a head that did not learn from its fold."""
    count, data, recipe, seed = result.request.folds, result.data, result.recipe, result.request.seed
    if not count:
        return None
    fold = folds(data, count, seed)
    scores = TagScores(*(np.zeros((2, *data.right.shape), np.float32)))
    for number in range(count):
        watch("folds", number, count)
        parts = fold_split(data, fold, number, seed)
        answers = trained(data, rows, parts, result.base, recipe).test
        scores.probabilities[parts.test], scores.evidence[parts.test] = answers.probabilities, answers.evidence
    watch("folds", count, count)
    return judged(data, np.arange(len(data.paths)), scores, recipe)


def _certainty(result: TrainingResult, rows: Floats, bench: Bench) -> Certainty | None:
    """What makes the head sure; None where it reads another network than the features are of, or pictures are few."""
    if result.learned.backbone is not None:
        return None
    bench.watch("confidence", 0, 1)
    store = bench.store(f"nothing {space(result.base)}")
    return certain.learn(
        result.data, rows, result.split, written.head_of(result), result.base, store, result.request.seed
    )


def _crossed(result: TrainingResult, bench: Bench) -> tuple[CrossTest, ...]:
    """Figures on other images, asked as `extract` asks: through the written vocabulary."""
    request, data, parts = result.request, result.data, result.split
    if not request.tests:
        return ()
    tuned = written.vocabulary_of(data, request.name, request.out).weights_path(result.base.name)
    base = bench.loaded(result.base.name, tuned or request.weights)
    head = written.head_of(result)
    tests = []
    for folder in request.tests:
        known = bench.fingerprints()
        everything = collect([*request.roots, folder], known=known, tags=data.tags)
        other = collect([folder], known=known, tags=data.tags)
        family = dict(zip(everything.sha256, everything.family.tolist(), strict=True))
        learned_from = {family[data.sha256[place]] for place in (*parts.train, *parts.validation)}
        new = np.array([family[sha256] not in learned_from for sha256 in other.sha256])
        pictures = other.among(new)
        if len(pictures.paths):
            scores = head.scores(bench.features(pictures, base))
            figures = judged(pictures, np.arange(len(pictures.paths)), scores, result.recipe)
            tests.append(CrossTest(str(folder), figures, int((~new).sum()), other.others))
    return tuple(tests)
