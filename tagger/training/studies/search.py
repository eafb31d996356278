"""Which learning rate, dropout, ... suit the images: many heads, trained on the same features.

Two thirds of the trials, the usual recipe first, are spread over the whole ranges; the others lie around the best few.
They are judged by pictures that they did not learn from: the validation part, or folds of all but the test part. The
best of many looks better there than it is, so the test part is kept until the end, for the winner and, to stand
beside it, the usual recipe.

No trial is stopped because others are ahead of it: what is tried would then depend on which process was faster.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tagger.errors import BadPath, OutputRefused, reason
from tagger.files import output_folder
from tagger.models.backbone import Backbone, WithoutNetwork
from tagger.process import end_with_parent
from tagger.queues import processes
from tagger.records import Floats, TagScores
from tagger.signals import kept_from_children
from tagger.training.bench import Bench, StageProgress
from tagger.training.dataset import Dataset
from tagger.training.fit import INTERRUPTED
from tagger.training.learner import judged, learn
from tagger.training.recipe import Recipe
from tagger.training.result import TrainingRequest
from tagger.training.splits import Split, folds, split
from tagger.training.studies import searched
from tagger.training.studies.searched import SearchRequest, SearchResult, Trial
from tagger.training.studies.spread import FINE, WHOLE, at_random, on_grid

COARSE_SHARE = 2 / 3  # of the trials
BEST = 3  # trials that the fine ones lie around
DIED = "a process of the search died, most likely for want of memory: try fewer --jobs"
NO_TEST = np.empty(0, np.int64)
# How many threads multiply matrices: read by numpy's libraries (OpenBLAS, MKL, Accelerate) when they are loaded.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


def search(request: SearchRequest, watch: StageProgress) -> SearchResult:
    """Tries recipes for a head and returns what came out; it is written as it grows, if there is a folder for it.

    KeyboardInterrupt while heads are trained is a way to end: what was found by then is returned.

    Raises:
        BadPath: the images cannot be used, or are too few to judge by; or what is gone on with is no search.
        OutputRefused: the folder holds a search, or none to go on with, or cannot be written.
        BadSettings: `resume`, and the images or choices are others than before.
        BadWeights, WeightsMissing: as `tagger.models.registry.load`.
    """
    _free(request)
    bench = Bench(request.training, watch)
    data = bench.data()
    parts = split(data, request.training.seed)
    judges = _judges(data, parts, request.training)
    base = bench.base()
    result = _begun(request, data, base)
    rows = bench.features(data, base)
    try:
        with TemporaryDirectory(prefix="movietags-") as folder:
            file = Path(folder, "features.npy")
            np.save(file, rows)
            del rows
            with _processes(request.jobs, _Shared(data, file, WithoutNetwork.of(base), parts, judges)) as pool:
                _try("coarse", _coarse(request), result, pool, watch)
                _try("fine", _fine(result), result, pool, watch)
                _ask(result, data, parts, pool, watch)
    except KeyboardInterrupt:
        result.ended = INTERRUPTED
    except BrokenProcessPool:
        result.ended = DIED
    searched.write(result)
    return result


def _free(request: SearchRequest) -> None:
    """Refuses a folder before any work is done."""
    if not request.out:
        return
    there = (output_folder(request.out) / searched.RECORD).exists()
    if request.resume and not there:
        raise OutputRefused(f"{request.out}: there is no search to go on with: leave out --resume")
    if there and not request.resume:
        raise OutputRefused(f"{request.out}: holds a search: --resume goes on with it, or name another with -o")


def _begun(request: SearchRequest, data: Dataset, base: Backbone) -> SearchResult:
    """A result without trials, or with those of the search that is gone on with."""
    facts: searched.Facts = {
        "images_sha256": data.digest,
        "tags": list(data.tags),
        "backbone": base.identity,
        "backbone_sha256": base.sha256,
        "usual": json.loads(json.dumps(asdict(request.usual))),
        "searched": [axis.name for axis in request.axes],
        "grid": request.grid,
        "trials": request.trials,
        "folds": request.training.folds,
    }
    before = searched.read(request.out / searched.RECORD, facts) if request.out and request.resume else ()
    return SearchResult(request, base.name, facts, {trial.recipe: trial for trial in before})


def _judges(data: Dataset, parts: Split, training: TrainingRequest) -> tuple[Split, ...]:
    """The splits by which recipes are judged, all without the test part."""
    if training.folds:
        rest = np.union1d(parts.train, parts.validation)
        fold = folds(data.among(rest), training.folds, training.seed)
        return tuple(Split(rest[fold != k], rest[fold == k], NO_TEST) for k in range(training.folds))
    if not len(parts.validation):
        raise BadPath(
            f"{training.roots[0]}: the pictures are too few for a validation part, which recipes are judged by"
        )
    return (replace(parts, test=NO_TEST),)


def _coarse_count(request: SearchRequest) -> int:
    return max(1, round(request.trials * COARSE_SHARE))


def _coarse(request: SearchRequest) -> list[Recipe]:
    return [request.usual, *_spread(request, request.usual, WHOLE, _coarse_count(request) - 1, 0)]


def _fine(result: SearchResult) -> list[Recipe]:
    request = result.request
    best = [trial.recipe for trial in result.ranked if trial.stage == "coarse" and not trial.failed][:BEST]
    left = request.trials - _coarse_count(request)
    shares = [len(range(place, left, len(best))) for place in range(len(best))]  # as equal as can be
    return [
        recipe
        for place, (centre, share) in enumerate(zip(best, shares, strict=True))
        for recipe in _spread(request, centre, FINE, share, 1 + place)
    ]


def _spread(request: SearchRequest, centre: Recipe, width: float, count: int, draw: int) -> Iterable[Recipe]:
    if request.grid:
        return on_grid(request.axes, centre, width, count)
    return at_random(request.axes, centre, width, count, np.random.default_rng((request.training.seed, draw)))


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """What each process gets."""

    data: Dataset
    rows: Path  # file of the features, which all processes map
    base: Backbone  # without its network
    parts: Split
    judges: tuple[Split, ...]


@contextmanager
def _processes(jobs: int, shared: _Shared) -> Iterator[ProcessPoolExecutor]:
    """Gives processes that live until the end, each with one computing thread."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # for them; the numpy of this process is loaded
    try:
        with processes(jobs, _start, shared) as pool:
            yield pool
    finally:
        for name in THREADS:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _start(shared: _Shared) -> None:
    """Begins one of these processes."""
    global _here, _rows
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process, and is for the first
    end_with_parent()
    _here, _rows = shared, np.asarray(np.load(shared.rows, mmap_mode="r"))


_here: _Shared
_rows: Floats


def _judge(recipe: Recipe, stage: str) -> Trial:
    begun = time.monotonic()
    runs = [learn(_here.data, _rows, judge, _here.base, recipe).run for judge in _here.judges]
    best = [[run.curves[name][run.best_epoch] for name in ("val_accuracy", "val_loss")] for run in runs]
    accuracy, loss = np.mean(best, axis=0).tolist()
    return Trial(recipe, stage, accuracy, loss, sum(run.epochs for run in runs), time.monotonic() - begun)


def _answer(recipe: Recipe) -> TagScores:
    return learn(_here.data, _rows, _here.parts, _here.base, recipe).test


def _try(
    stage: str, recipes: list[Recipe], result: SearchResult, pool: ProcessPoolExecutor, watch: StageProgress
) -> None:
    """Adds what comes of those recipes that were not tried before."""
    new = [recipe for recipe in dict.fromkeys(recipes) if recipe not in result.trials]
    with kept_from_children():
        jobs = {pool.submit(_judge, recipe, stage): recipe for recipe in new}
    for done, job in enumerate(as_completed(jobs), 1):
        error = job.exception()
        if isinstance(error, BrokenProcessPool):
            raise error
        result.trials[jobs[job]] = Trial(jobs[job], stage, failed=reason(error)) if error else job.result()
        searched.write(result)
        watch(f"{stage} trials", done, len(jobs))


def _ask(result: SearchResult, data: Dataset, parts: Split, pool: ProcessPoolExecutor, watch: StageProgress) -> None:
    """Adds what the winner and the usual recipe are worth on the test part."""
    if not result.winner or not len(parts.test):
        return
    usual = result.trials[result.request.usual]
    recipes = list(dict.fromkeys([result.winner.recipe, *([] if usual.failed else [usual.recipe])]))
    watch("test part", 0, len(recipes))
    with kept_from_children():
        answers = pool.map(_answer, recipes)
    for recipe, scores in zip(recipes, answers, strict=True):
        result.tests[recipe] = judged(data, parts.test, scores, recipe)
