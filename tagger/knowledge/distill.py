"""Trains the compact backbone from random weights to say what ImageNet teachers say about pictures.

Two steps, each resumable by giving the same command again; no label of any picture is read:

    python -m tagger.knowledge.distill teach SHARDS FOLDER... --teacher mobilenetv2=FILE [--hold-out FOLDER]
    python -m tagger.knowledge.distill train SHARDS OUT.npz --steps N [--minutes M]

`teach` writes down each teacher's features and logits for views of the pictures (see `tagger.knowledge.teach`).
`train` fits the student: its features, through one linear map per teacher, must give the teacher's features
(standardised), and through another the teacher's 1000 classes. It runs on any Keras backend and device.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tagger.images import Pixels
from tagger.knowledge import teach, views
from tagger.models import arrays, residual, student
from tagger.models.evidence import CLASS_COUNT
from tagger.records import Floats

BATCH = 96  # pictures
PEAK_RATE = 2e-3  # learning rate of AdamW
WARM_UP_STEPS = 300
DECAY_SHARE = 0.4  # of the steps, at the end, with the rate falling to zero
WEIGHT_DECAY = 0.03
TEMPERATURE = 2.0  # of the classes: softer answers tell more about likenesses
CLASS_WEIGHT = 1.0  # of the classes beside the features in the loss
SIZES = ((0.4, 64), (0.9, 96), (1.0, 128))  # (until this share of the steps, side in pixels): small is quick
CHECKPOINT_SECONDS = 60.0
LOG_STEPS = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Views and what one teacher said about them."""

    views: Pixels  # (n, 128, 128, 3) RGB
    features: NDArray[np.float16]  # (n, d), each column of mean 0 and deviation 1
    logits: NDArray[np.float16]  # (n, 1000)

    @classmethod
    def read(cls, shards: Path, teacher: str) -> Lessons:
        """Returns all lessons of `teacher` below `shards`."""
        loaded = [np.load(path, allow_pickle=False) for path in sorted(shards.glob("*.npz"))]
        features = np.concatenate([shard[f"{teacher}.features"] for shard in loaded]).astype(np.float32)
        features = (features - features.mean(0)) / (features.std(0) + 1e-3)
        return cls(
            np.concatenate([shard["views"] for shard in loaded]),
            features.astype(np.float16),
            np.concatenate([shard[f"{teacher}.logits"] for shard in loaded]),
        )

    def batch(self, step: int, size: int) -> tuple[Floats, list[Floats]]:
        """Returns disturbed views (b, size, size, 3), -1 to 1, and [features, logits]; the same for the same step."""
        epoch, place = divmod(step * BATCH, len(self.views) // BATCH * BATCH)
        chosen = np.random.default_rng(epoch).permutation(len(self.views))[place : place + BATCH]
        rng = np.random.default_rng((1, step))
        pictures = np.stack([views.disturb(self.views[i], size, rng) for i in chosen])
        return residual.preprocess(pictures), [
            self.features[chosen].astype(np.float32),
            self.logits[chosen].astype(np.float32),
        ]


class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Learning rate by step: up, level, and straight down to zero; training longer changes only the end."""

    def __init__(self, steps: int) -> None:
        """Takes the number of `steps` of the whole training."""
        self.steps = steps

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the rate at `step`."""
        step = ops.cast(step, "float32")
        up = (step + 1) / min(WARM_UP_STEPS, self.steps)
        down = (self.steps - step) / (self.steps * DECAY_SHARE)
        return PEAK_RATE * ops.clip(ops.minimum(up, down), 0.0, 1.0)

    def get_config(self) -> dict[str, int]:
        """Returns the arguments to make it again."""
        return {"steps": self.steps}


def feature_loss(said: keras.KerasTensor, guess: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the mean squared error of standardised features plus one minus their cosine, per picture."""
    cosine = ops.sum(ops.normalize(said, axis=-1) * ops.normalize(guess, axis=-1), -1)
    return ops.mean(ops.square(said - guess), -1) + 1 - cosine


def class_loss(said: keras.KerasTensor, guess: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the Kullback-Leibler divergence from the teacher's softened classes, per picture, in nats times T^2."""
    truth = ops.log_softmax(said / TEMPERATURE)
    return TEMPERATURE**2 * ops.sum(ops.exp(truth) * (truth - ops.log_softmax(guess / TEMPERATURE)), -1)


def with_maps(feature_count: int, steps: int) -> keras.Model:
    """Returns the network with two linear maps, to the features of a teacher (`feature_count`) and to its classes."""
    backbone = student.trainable()
    wanted = ((feature_count, "teacher_features"), (CLASS_COUNT, residual.CLASSIFIER))
    answers = [keras.layers.Dense(count, name=name)(backbone.output) for count, name in wanted]
    whole = keras.Model(backbone.input, answers)
    optimizer = keras.optimizers.AdamW(Rate(steps), weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    whole.compile(optimizer, [feature_loss, class_loss], loss_weights=[1.0, CLASS_WEIGHT])
    optimizer.build(whole.trainable_variables)
    return whole


def train(lessons: Lessons, checkpoint: Path, steps: int, seconds: float) -> tuple[keras.Model, int]:
    """Trains for at most `seconds`, on from `checkpoint` if it is there.

    Returns:
        The network with its maps and the number of steps done; training is over when that is `steps`.

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    whole = with_maps(lessons.features.shape[1], steps)
    state = whole.variables + whole.optimizer.variables
    step, began = _restore(checkpoint, state), time.monotonic()
    saved, seen = began, step
    losses: list[list[float]] = []
    while step < steps and time.monotonic() < began + seconds:
        size = next(side for until, side in SIZES if step < until * steps)
        whole.reset_metrics()
        losses.append([float(x) for x in whole.train_on_batch(*lessons.batch(step, size))])
        step += 1
        if step % LOG_STEPS == 0:
            mean = np.mean(losses, 0)
            if not np.isfinite(mean).all():
                raise FloatingPointError(f"the loss is {mean[0]} at step {step}: lower PEAK_RATE")
            pace = (step - seen) * BATCH / (time.monotonic() - began)
            log.info(
                "step %d/%d side %d loss %.3f features %.3f classes %.3f, %.0f pictures/s",
                step,
                steps,
                size,
                *mean,
                pace,
            )
            losses.clear()
        if time.monotonic() > saved + CHECKPOINT_SECONDS:
            _save(checkpoint, state, step)
            saved = time.monotonic()
    _save(checkpoint, state, step)
    return whole, step


def _save(path: Path, state: Sequence[keras.Variable], step: int) -> None:
    values = {f"v{i}": np.asarray(variable) for i, variable in enumerate(state)}
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, step=step, **values)  # type: ignore[arg-type]  # its stub takes an array for allow_pickle
    part.replace(path)


def _restore(path: Path, state: Sequence[keras.Variable]) -> int:
    if not path.exists():
        return 0
    with np.load(path, allow_pickle=False) as stored:
        for i, variable in enumerate(state):
            variable.assign(stored[f"v{i}"])
        return int(stored["step"])


def ship(whole: keras.Model, out: Path, facts: dict[str, object]) -> None:
    """Writes the folded network and its classifier as float16 arrays to `out` (.npz); the manifest repeats `facts`."""
    manifest = {
        "architecture": residual.ARCHITECTURE,
        "input_size": residual.INPUT_SIZE,
        "feature_count": residual.FEATURE_COUNT,
        **facts,
        "created": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    arrays.save(out, student.fold(whole), manifest)


def main() -> None:
    """Runs `teach` or `train` as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    arguments = commands.add_parser("teach")
    arguments.add_argument("shards", type=Path)
    arguments.add_argument("folders", type=Path, nargs="+")
    arguments.add_argument("--teacher", action="append", required=True, metavar="NAME=FILE")
    arguments.add_argument("--views", type=int, default=1, help="views of each picture")
    arguments.add_argument("--limit", type=int, help="at most so many pictures")
    arguments.add_argument("--hold-out", type=Path, help="folder of which a fifth is never learned from")
    arguments = commands.add_parser("train")
    arguments.add_argument("shards", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--teacher", default="mobilenetv2")
    arguments.add_argument("--steps", type=int, default=60_000, help=f"of {BATCH} pictures")
    arguments.add_argument("--minutes", type=float, default=np.inf, help="stop then, to be resumed")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.command == "teach":
        named = dict(text.split("=", 1) for text in options.teacher)
        teachers = {name: teach.load_teacher(name, Path(file)) for name, file in named.items()}
        teach.teach(
            options.folders, options.shards, teachers,
            views_each=options.views, held_out=options.hold_out, limit=options.limit,
        )  # fmt: skip
        return
    lessons = Lessons.read(options.shards, options.teacher)
    whole, step = train(lessons, options.out.with_suffix(".checkpoint"), options.steps, options.minutes * 60)
    facts = {
        "teachers": [options.teacher],
        "views": len(lessons.views),
        "epochs": round(step * BATCH / len(lessons.views), 2),
        "steps": step,
        "of_steps": options.steps,
        "batch": BATCH,
    }
    ship(whole, options.out, facts)


if __name__ == "__main__":
    main()
