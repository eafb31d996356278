"""How a head, and perhaps its backbone, is trained: every choice in one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tagger.errors import BadSettings
from tagger.settings import ACTIVATIONS, SOFTMAX

AUTO = "auto"
FEATURES, AUGMENT, FINE_TUNE, SCRATCH = STRATEGIES = ("features", "augment", "fine-tune", "scratch")
INITS = ("zeros", "small", "glorot", "he")
SCHEDULES = ("constant", "cosine", "step", "exponential")
WARPS = ("flip", "vflip", "shift", "rotate", "zoom", "brightness", "warp")
MILD = ("flip", "shift", "rotate", "zoom", "brightness")  # what leaves most pictures what they are
BACKBONE_TOO = (FINE_TUNE, SCRATCH)  # those that train the backbone, too
LEARNING_RATES = {FEATURES: 1e-3, AUGMENT: 1e-3, FINE_TUNE: 1e-4, SCRATCH: 1e-3}
BATCH_SIZES = {FEATURES: 512, AUGMENT: 64, FINE_TUNE: 16, SCRATCH: 32}  # pictures that are decoded cost memory
EPOCHS = {FEATURES: 500, AUGMENT: 30, FINE_TUNE: 15, SCRATCH: 60}
PATIENCE = {FEATURES: 20, AUGMENT: 5, FINE_TUNE: 4, SCRATCH: 12}  # epochs


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every choice of a training.

    Raises:
        BadSettings: a value outside its range, named with the range.
    """

    strategy: str = FEATURES
    activation: str = SOFTMAX
    epochs: int = EPOCHS[FEATURES]
    patience: int = PATIENCE[FEATURES]  # epochs without a better validation loss before it stops; 0: never stops early
    batch_size: int = BATCH_SIZES[FEATURES]
    learning_rate: float = LEARNING_RATES[FEATURES]
    lr_schedule: str = SCHEDULES[0]
    dropout: float = 0.5  # of what a dense layer sees
    weight_decay: float = 1e-4  # per step, times the learning rate, as AdamW has it
    label_smoothing: float = 0.0
    hidden: tuple[int, ...] = ()  # units of the layers before the last
    batch_norm: bool = False  # in the hidden layers
    init: str = "glorot"  # of the dense layers
    class_weights: bool = True  # rare tags count as much as common ones
    augment: tuple[str, ...] = ()  # of WARPS
    unfreeze: int = 20  # layers with weights, from the last, that fine-tuning trains
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks every range."""
        for name, known in (
            ("strategy", STRATEGIES), ("activation", ACTIVATIONS), ("lr_schedule", SCHEDULES), ("init", INITS)
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise BadSettings(f"{name} {getattr(self, name)!r}: choose one of {', '.join(known)}")
        unknown = [name for name in self.augment if name not in WARPS]
        if unknown:
            raise BadSettings(f"augment {unknown[0]!r}: choose among {', '.join(WARPS)}")
        for name, low, high in (
            ("epochs", 1, 100_000), ("patience", 0, 100_000), ("batch_size", 1, 8192), ("learning_rate", 1e-8, 10.0),
            ("dropout", 0.0, 0.95), ("weight_decay", 0.0, 1.0), ("label_smoothing", 0.0, 0.9), ("unfreeze", 1, 1000),
            ("seed", 0, 2**31 - 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise BadSettings(f"{name} = {getattr(self, name)}: from {low:g} to {high:g}")
        if len(self.hidden) > 8 or not all(1 <= units <= 65_536 for units in self.hidden):
            raise BadSettings(f"hidden = {self.hidden}: up to 8 layers of 1 to 65536 units")
        if self.batch_norm and not self.hidden:
            raise BadSettings("batch_norm: is for hidden layers, name some with hidden")

    def rate(self, epoch: int) -> float:
        """Returns the learning rate of an epoch, from 0: constant, or falling to about a hundredth at the last."""
        done = epoch / max(1, self.epochs - 1)
        factor = {
            "constant": 1.0,
            "cosine": 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)),
            "step": 0.1 ** min(2, int(3 * done)),  # a tenth after each third
            "exponential": 0.01**done,
        }[self.lr_schedule]
        return float(self.learning_rate * factor)


def usual(strategy: str, **chosen: object) -> Recipe:
    """Returns the recipe of a strategy with its usual numbers, but for those chosen (None: not chosen)."""
    if strategy not in STRATEGIES:
        raise BadSettings(f"strategy {strategy!r}: choose one of {', '.join((AUTO, *STRATEGIES))}")
    numbers: dict[str, object] = {
        "epochs": EPOCHS[strategy],
        "patience": PATIENCE[strategy],
        "batch_size": BATCH_SIZES[strategy],
        "learning_rate": LEARNING_RATES[strategy],
        "augment": MILD if strategy in (AUGMENT, FINE_TUNE) else (),
    }
    numbers |= {name: value for name, value in chosen.items() if value is not None}
    return Recipe(strategy=strategy, **numbers)  # type: ignore[arg-type]  # checked by Recipe itself
