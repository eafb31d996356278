"""How good a model's answers are: what it says of pictures that people sorted by tag.

    IMAGES/TAG/.../picture      one sub-folder per tag, by name or slug; what is nested below belongs to the tag

The answer to a picture is the tag with the most evidence (the most probable one); where no tag has any there is no
answer, and where the right tag has none it is not found, so that no tag is hit by its place in the vocabulary alone.
A picture whose very bytes stand under several tags counts once for each place, and each of these tags is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tagger.errors import BadPath, reason
from tagger.evaluation.figures import (
    Judged,
    Shares,
    TagFigures,
    answers,
    balanced_shares,
    every_tag,
    first_right,
    per_tag,
    shares,
)
from tagger.evaluation.metrics import calibration_error
from tagger.evaluation.walk import NAMED_MAX, Skipped, dangling, files_below, misplaced, pictures_in, typed
from tagger.files import folders_in
from tagger.images import Pixels, decode_picture, prepare
from tagger.pipeline import Engine
from tagger.records import Bools, CountProgress, Ints, ModelInfo
from tagger.text import json_text, of_all, printable, some
from tagger.vocabulary import Vocabulary, slug

FILE_BYTES_MAX = 2**30  # 200 million pixels without compression are 600 MB


@dataclass(frozen=True, slots=True)
class SortedFiles:
    """What stands below the folders of tags, in the order of their names."""

    files: tuple[tuple[Path, int], ...]  # with the index of its tag
    skipped: tuple[Skipped, ...]  # no files
    left_out: tuple[str, ...]  # sub-folders that are no tag
    others: int  # pictures in these


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a model after one folder of pictures."""

    images: int
    accuracy: Shares  # over pictures
    macro: Shares  # mean over the tags that have pictures
    calibration_error: float  # of the answers' probabilities
    per_tag: tuple[TagFigures, ...]  # of all tags, in the order of the vocabulary
    model: ModelInfo
    skipped: tuple[Skipped, ...]
    left_out: tuple[str, ...]
    images_left_out: int  # pictures in these: no figure knows of them


def evaluate(engine: Engine, folder: Path, progress: CountProgress | None = None) -> Evaluation:
    """Returns how well the model of `engine` answers for the pictures of `folder`.

    Memory holds the pictures of one batch, and two numbers per picture and tag.

    Args:
        engine: whose model and vocabulary are used.
        folder: with one sub-folder per tag, named as the tag.
        progress: is told after each file.

    Raises:
        BadPath: no such folder, no sub-folder of a tag, or no picture in them.
        BadHead, BadWeights, WeightsMissing: as `Engine.model`.
    """
    words = engine.vocabulary
    listing = sorted_files(folder, words)
    model = engine.model()
    skipped = list(listing.skipped)
    pictures = _pictures(listing.files, model.backbone.input_size, skipped, progress)
    parts, tags, marks = [], [], []
    while batch := list(islice(pictures, model.backbone.batch_size)):
        parts.append(model.scores([picture.pixels for picture in batch]))
        tags += [picture.tag for picture in batch]
        marks += [picture.sha256 for picture in batch]
    if not parts:
        first = f": {len(skipped)} skipped, the first {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise BadPath(f"{folder}: the folders of its tags hold no picture{first}")
    tag = np.array(tags)
    own, right = np.eye(len(words.tags), dtype=bool)[tag], _right(tag, marks, len(words.tags))
    evidence = np.concatenate([part.evidence for part in parts])
    probabilities = np.concatenate([part.probabilities for part in parts])
    place, evident = first_right(evidence, right), (probabilities * (evidence > 0)).max(1)
    sure = np.where(evident > 0, evident, probabilities.max(1))  # a tag without evidence is no answer
    judged = Judged(answers(evidence), right, own, every_tag(place < 1, len(words.tags)))
    return Evaluation(
        len(tags),
        shares(place),
        balanced_shares(place, tag),
        calibration_error(sure, place < 1),
        per_tag(words.slugs, judged, probabilities),
        model.info(words.name),
        tuple(skipped),
        listing.left_out,
        listing.others,
    )


def sorted_files(folder: Path, words: Vocabulary) -> SortedFiles:
    """Returns the files below the sub-folders of `folder` that are named as tags are: by name or slug, in any case.

    Raises:
        BadPath: there is no such folder or sub-folder; names those that there are, or where the tags seem to be.
    """
    folders = [entry.name for entry in folders_in(folder)]
    index = {slug: place for place, slug in enumerate(words.slugs)}
    places = {name: index[key] for name in folders if (key := slug(name)) in index}
    if not places:
        if (found := misplaced(folder)) is not None:
            better = typed((found.tests or found.learn)[:1])
            raise BadPath(f"{found.what}: `movietags evaluate images VOCAB {better}`")
        there = some(folders, NAMED_MAX) or "none"
        raise BadPath(
            f"{folder}: no sub-folder is a tag of {words.name} (found: {there}): they are named as tags are, "
            f"such as {words.slugs[0]}; `movietags vocab show` lists them"
        )
    skipped = [*dangling(folder)]
    files = [(path, tag) for name, tag in places.items() for path in files_below(folder / name, [folder], skipped)]
    left_out = tuple(name for name in folders if name not in places)
    others = pictures_in((folder / name for name in left_out), [folder])
    return SortedFiles(tuple(files), tuple(skipped), left_out, others)


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    pixels: Pixels  # as the network sees it
    tag: int
    sha256: bytes  # of the file


def _pictures(
    files: tuple[tuple[Path, int], ...], size: int, skipped: list[Skipped], progress: CountProgress | None
) -> Iterator[_Picture]:
    """Yields what can be read; what cannot goes to `skipped`."""
    for done, (path, tag) in enumerate(files, 1):
        try:
            picture = _read(path, tag, size)
        except (OSError, ValueError) as error:
            skipped.append(Skipped(str(path), reason(error)))
        else:
            yield picture
        if progress:
            progress(done, len(files))


def _read(path: Path, tag: int, size: int) -> _Picture:
    """The picture prepared as frames of films are; ValueError or OSError say why there is none."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ValueError(f"is over {FILE_BYTES_MAX} bytes, more than are read")
    body = path.read_bytes()
    return _Picture(prepare(decode_picture(body), size), tag, hashlib.sha256(body).digest())


def _right(tag: Ints, marks: list[bytes], tags: int) -> Bools:
    """Which tags count as right (n, tags) for n files: all under which one of the same mark stands."""
    number: dict[bytes, int] = {}
    picture = [number.setdefault(mark, len(number)) for mark in marks]
    known = np.zeros((len(number), tags), bool)
    known[picture, tag] = True
    return known[picture]


def as_json(evaluation: Evaluation) -> str:
    """Returns the evaluation as JSON text, its fields named as here but for F1; numbers are not rounded."""
    known = asdict(evaluation)
    for tag in known["per_tag"]:
        del tag["f1"]  # follows from precision and recall
    return json_text(known)


def as_table(evaluation: Evaluation) -> str:
    """Returns a title, a line for each tag, and the totals: over how many pictures, where there are others too."""
    pictures = of_all(evaluation.images, evaluation.images_left_out)
    row = "{:<24} {:>8}  {:>9}  {:>6}  {:>17}  {:>5}".format
    lines = [row("tag", "pictures", "precision", "recall", "average precision", "AUC")]
    for tag in evaluation.per_tag:
        figures = (tag.precision, tag.recall, tag.average_precision, tag.auc)
        shown = ("-" if figure is None else f"{figure:.2f}" for figure in figures)
        lines.append(row(printable(tag.slug), tag.images, *shown))
    total = "{:<24} {:>8}  first {:.3f}, among three {:.3f}, among five {:.3f}".format
    judged = sum(tag.images > 0 for tag in evaluation.per_tag)
    lines.append(total("right, over pictures", pictures, *_values(evaluation.accuracy)))
    lines.append(total("right, mean over tags", judged, *_values(evaluation.macro)))
    lines.append(f"calibration error        {evaluation.calibration_error:.3f}")
    if evaluation.images_left_out:
        lines.append(f"all of {pictures} pictures: the others are in folders that are no tags")
    return "\n".join(lines)


def _values(shares: Shares) -> tuple[float, float, float]:
    return shares.top1, shares.top3, shares.top5
