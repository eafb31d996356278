"""A finished training as files: the vocabulary that `extract --vocab` reads, its card, and the record of the run."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tagger.evaluation.figures import confusion
from tagger.files import output_folder, write_atomically
from tagger.models import arrays
from tagger.models.head import FEATURES, Head
from tagger.text import TOOL, finite, write_json
from tagger.training import card, charts
from tagger.training.dataset import Dataset
from tagger.training.gallery import Item, gallery_html
from tagger.training.result import TrainingResult
from tagger.training.splits import PARTS
from tagger.version import __version__
from tagger.vocabulary import Vocabulary

RECORD = Path("training")  # folder of the record, in that of the vocabulary
RUN = RECORD / "run.json"
LOCK = Path(".lock")
STATE = RECORD / "state.npz"
RIGHT_MAX, WRONG_MAX = 4, 8  # pictures of each tag in the gallery
ANSWERS_SHOWN = 3


def vocabulary_of(data: Dataset, name: str, folder: Path = Path()) -> Vocabulary:
    """Returns the vocabulary of these tags; `folder` is where it is, or will be."""
    return Vocabulary(name, folder, data.tags)


def head_of(result: TrainingResult) -> Head:
    """Returns the head that was learned."""
    *hidden, last = result.learned.layers
    tuned, sure = result.learned.backbone, result.certainty
    return Head(
        last.kernel,
        last.bias,
        (True,) * len(result.data.tags),
        vocabulary_of(result.data, result.request.name).sha256,
        result.base.identity,
        result.base.sha256 if tuned is None else arrays.digest(tuned),
        FEATURES,
        tuple(hidden),
        result.recipe.activation,
        None if sure is None else sure.shows,
        None if sure is None else sure.calibration,
    )


def write(result: TrainingResult) -> None:
    """Writes the vocabulary with its card, the labels last: without them the folder is none."""
    out = result.request.out
    words = vocabulary_of(result.data, result.request.name, out)
    output_folder(out / "heads")
    facts = as_facts(result)
    head_of(result).save(
        out / "heads" / f"{result.base.name}.npz", figures=facts["test"], trained_by=f"movietags {__version__}"
    )
    if result.learned.backbone is not None:
        path = output_folder(out / "backbones") / f"{result.base.name}.npz"
        arrays.save(
            path, result.learned.backbone, {"backbone": result.base.identity, "trained_by": f"movietags {__version__}"}
        )
    write_json(out / "figures.json", facts)
    write_atomically(out / "card.md", card.text(result).encode())
    write_atomically(out / "labels.txt", ("\n".join(words.tags) + "\n").encode())


def record(result: TrainingResult) -> None:
    """Writes how the training went and what its test part was answered, which nothing that comes after it changes."""
    folder, run = result.request.out / RECORD, result.learned.run
    words = vocabulary_of(result.data, result.request.name, result.request.out)
    charts.curves_csv(run.curves, folder / "curves.csv")
    charts.curves_png(run.curves, folder / "curves.png")
    write_atomically(folder / "split.csv", _split_csv(result).encode())
    if result.figures:
        test, data = result.split.test, result.data
        matrix = confusion(result.learned.test.evidence, data.right[test])
        charts.confusion_csv(matrix, words.tags, folder / "confusion.csv")
        charts.confusion_png(matrix, words.tags, folder / "confusion.png")
        charts.tags_csv(result.figures.per_tag, folder / "tags.csv")
        page = gallery_html(f"{words.name}: pictures of the test part", _items(result), RIGHT_MAX, WRONG_MAX)
        write_atomically(folder / "gallery.html", page.encode())


def _split_csv(result: TrainingResult) -> str:
    """A row per picture: by its bytes, so that the split can be repeated wherever the images lie."""
    part_of = {place: name for name in PARTS for place in getattr(result.split, name).tolist()}
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("sha256", "tags", "part"))
    slugs = np.array(vocabulary_of(result.data, "").slugs)
    for place, sha256 in enumerate(result.data.sha256):
        rows.writerow((sha256.hex(), " ".join(slugs[result.data.right[place]]), part_of[place]))
    return text.getvalue()


def _items(result: TrainingResult) -> list[Item]:
    data, scores = result.data, result.learned.test
    items = []
    for row, place in enumerate(result.split.test.tolist()):
        best = np.argsort(-scores.probabilities[row], kind="stable")[:ANSWERS_SHOWN]
        answers = tuple(
            (data.tags[i], float(scores.probabilities[row, i])) for i in best if scores.evidence[row, i] > 0
        )
        tags = tuple(tag for tag, right in zip(data.tags, data.right[place], strict=True) if right)
        items.append(Item(data.paths[place], tags, answers))
    return items


def as_facts(result: TrainingResult) -> dict[str, Any]:
    """Returns what is known of a training, ready for JSON: no NaN, no paths but the folders' names."""
    data, run, learned = result.data, result.learned.run, result.learned
    return {
        **TOOL,
        "tags": [
            {"tag": tag, "class_weight": float(learned.class_weight[place]), **result.pictures_of(place)}
            for place, tag in enumerate(data.tags)
        ],
        "pictures": len(data.paths),
        "families": len(np.unique(data.family)),
        "skipped": len(data.skipped),
        "backbone": result.base.identity,
        "recipe": asdict(result.recipe),
        "why": result.why,
        "epochs": run.epochs,
        "best_epoch": run.best_epoch + 1,
        "ended": run.ended,
        "seconds": run.seconds,
        "temperature": learned.temperature,
        "offset": learned.offset,
        "parameters": sum(layer.kernel.size + layer.bias.size for layer in learned.layers),
        "confidence": finite(result.certainty and result.certainty.figures),
        "test": finite(result.figures and asdict(result.figures)),
        "folds": result.request.folds or None,
        "cross_validation": finite(result.folded and asdict(result.folded)),
        "other_images": [
            {"folder": Path(test.folder).name, "copies_left_out": test.copies,
             "images_left_out": test.others, **finite(asdict(test.figures))}
            for test in result.crossed
        ],
    }  # fmt: skip
