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


def head_of(found: TrainingResult) -> Head:
    """Returns the head that was learned."""
    *hidden, last = found.learned.layers
    tuned = found.learned.backbone
    return Head(
        last.kernel,
        last.bias,
        (True,) * len(found.data.tags),
        vocabulary_of(found.data, found.request.name).sha256,
        found.base.identity,
        found.base.sha256 if tuned is None else arrays.digest(tuned),
        FEATURES,
        tuple(hidden),
        found.recipe.activation,
    )


def write(found: TrainingResult) -> None:
    """Writes all files, the labels last: without them the folder is no vocabulary."""
    out = found.request.out
    words = vocabulary_of(found.data, found.request.name, out)
    output_folder(out / "heads")
    facts = as_facts(found)
    head_of(found).save(
        out / "heads" / f"{found.base.name}.npz", figures=facts["test"], trained_by=f"movietags {__version__}"
    )
    if found.learned.backbone is not None:
        path = output_folder(out / "backbones") / f"{found.base.name}.npz"
        arrays.save(
            path, found.learned.backbone, {"backbone": found.base.identity, "trained_by": f"movietags {__version__}"}
        )
    _record(found, words)
    write_json(out / "figures.json", facts)
    write_atomically(out / "card.md", card.text(found).encode())
    write_atomically(out / "labels.txt", ("\n".join(words.tags) + "\n").encode())


def _record(found: TrainingResult, words: Vocabulary) -> None:
    folder, run = found.request.out / RECORD, found.learned.run
    charts.curves_csv(run.curves, folder / "curves.csv")
    charts.curves_png(run.curves, folder / "curves.png")
    write_atomically(folder / "split.csv", _split_csv(found).encode())
    if found.figures:
        test, data = found.split.test, found.data
        matrix = confusion(found.learned.test.evidence, data.right[test])
        charts.confusion_csv(matrix, words.tags, folder / "confusion.csv")
        charts.confusion_png(matrix, words.tags, folder / "confusion.png")
        charts.tags_csv(found.figures.per_tag, folder / "tags.csv")
        page = gallery_html(f"{words.name}: pictures of the test part", _items(found), RIGHT_MAX, WRONG_MAX)
        write_atomically(folder / "gallery.html", page.encode())


def _split_csv(found: TrainingResult) -> str:
    """A row per picture: by its bytes, so that the split can be repeated wherever the images lie."""
    part_of = {place: name for name in PARTS for place in getattr(found.split, name).tolist()}
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("sha256", "tags", "part"))
    slugs = np.array(vocabulary_of(found.data, "").slugs)
    for place, sha256 in enumerate(found.data.sha256):
        rows.writerow((sha256.hex(), " ".join(slugs[found.data.right[place]]), part_of[place]))
    return text.getvalue()


def _items(found: TrainingResult) -> list[Item]:
    data, scores = found.data, found.learned.test
    items = []
    for row, place in enumerate(found.split.test.tolist()):
        best = np.argsort(-scores.probabilities[row], kind="stable")[:ANSWERS_SHOWN]
        answers = tuple(
            (data.tags[i], float(scores.probabilities[row, i])) for i in best if scores.evidence[row, i] > 0
        )
        tags = tuple(tag for tag, right in zip(data.tags, data.right[place], strict=True) if right)
        items.append(Item(data.paths[place], tags, answers))
    return items


def as_facts(found: TrainingResult) -> dict[str, Any]:
    """Returns what is known of a training, ready for JSON: no NaN, no paths but the folders' names."""
    data, run, learned = found.data, found.learned.run, found.learned
    return {
        **TOOL,
        "tags": [
            {"tag": tag, "class_weight": float(learned.class_weight[place]), **found.pictures_of(place)}
            for place, tag in enumerate(data.tags)
        ],
        "pictures": len(data.paths),
        "families": len(np.unique(data.family)),
        "skipped": len(data.skipped),
        "backbone": found.base.identity,
        "recipe": asdict(found.recipe),
        "why": found.why,
        "epochs": run.epochs,
        "best_epoch": run.best_epoch + 1,
        "ended": run.ended,
        "seconds": run.seconds,
        "temperature": learned.temperature,
        "offset": learned.offset,
        "parameters": sum(layer.kernel.size + layer.bias.size for layer in learned.layers),
        "test": finite(found.figures and asdict(found.figures)),
        "folds": found.request.folds or None,
        "cross_validation": finite(found.folded and asdict(found.folded)),
        "other_images": [
            {"folder": Path(one.folder).name, "copies_left_out": one.copies, **finite(asdict(one.figures))}
            for one in found.crossed
        ],
    }  # fmt: skip
