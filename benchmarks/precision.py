"""What a network gains and loses in int8: processor time, ImageNet classes of pictures, and the tags of films.

    python benchmarks/precision.py FILM... --pictures FOLDER --classes classes.tsv [--backbone NAME] [--weights FILE]

PICTURES are called WORDNETID_name.jpg; classes.tsv has a row `index, WordNet id, name` for each class. Times are
processor seconds of both, in turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from measure import keep, machine

from tagger import Settings, Tagger
from tagger.evaluation.metrics import kendall_tau_b
from tagger.images import read_picture
from tagger.models import registry
from tagger.models.backbone import Backbone
from tagger.settings import FLOAT32, INT8

PRECISIONS = (FLOAT32, INT8)
TURNS = 7
AT_ONCE = 8  # pictures


def main() -> None:
    """Measures, prints and writes results/precision.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--classes", type=Path, required=True)
    parser.add_argument("--backbone", default=registry.PACKAGED)
    parser.add_argument("--weights", type=Path)
    asked = parser.parse_args()
    rows = [line.split("\t") for line in asked.classes.read_text().splitlines()[1:]]
    places = {wordnet: int(place) for place, wordnet, *_ in rows}
    paths = sorted(path for path in asked.pictures.iterdir() if path.name.split("_")[0] in places)
    truth = np.array([places[path.name.split("_")[0]] for path in paths])
    pictures = [read_picture(path) for path in paths]
    networks = {}
    ready = {}
    for precision in PRECISIONS:
        begun = time.process_time()
        networks[precision] = registry.load(asked.backbone, asked.weights, device="cpu", precision=precision)
        ready[precision] = round(time.process_time() - begun, 2)
    answers = {precision: first_classes(network, pictures) for precision, network in networks.items()}
    result = {
        "machine": machine(), "backbone": asked.backbone, "pictures": len(paths),
        "ready_processor_s": ready,
        "times_as_fast": speed(networks, pictures[:AT_ONCE]),
        "top1": {name: share(found[:, :1], truth) for name, found in answers.items()},
        "top3": {name: share(found[:, :3], truth) for name, found in answers.items()},
        "same_first_class": float(np.mean(answers[INT8][:, 0] == answers[FLOAT32][:, 0])),
        "films": [of_film(film, asked.backbone, asked.weights) for film in asked.films],
    }  # fmt: skip
    films = result["films"]
    result["shared_of_first_five"] = round(statistics.mean(film["shared_of_first_five"] for film in films), 2)
    result["tau_b"] = round(statistics.mean(film["tau_b"] for film in films), 3)
    print({name: value for name, value in result.items() if name != "films"})
    keep(f"precision-{asked.backbone}", result)


def first_classes(network: Backbone, pictures: list[np.ndarray]) -> np.ndarray:
    """The five most likely classes of each picture."""
    assert network.classifier
    return np.argsort(-network.classifier.logits(network.features(pictures)), 1)[:, :5]


def share(found: np.ndarray, truth: np.ndarray) -> float:
    """How often the true class is among those that were found."""
    return round(float((found == truth[:, None]).any(1).mean()), 3)


def speed(networks: dict[str, Backbone], pictures: list[np.ndarray]) -> float:
    """How many times as many pictures in int8 as in float32, per processor second, preparing them included."""
    ratios = []
    for _ in range(TURNS):
        used = {}
        for name, network in networks.items():
            begun = time.process_time()
            network.features(pictures)
            used[name] = time.process_time() - begun
        ratios.append(used[FLOAT32] / used[INT8])
    return round(statistics.median(ratios), 2)


def of_film(film: Path, backbone: str, weights: Path | None) -> dict[str, object]:
    """What stays of a film's tags."""
    weight = {}
    for precision in PRECISIONS:
        report = Tagger(Settings(backbone=backbone, weights=weights, precision=precision)).extract(film)
        weight[precision] = {tag.slug: tag.weight for tag in report.tags}
    first = [set(list(weights_of)[:5]) for weights_of in weight.values()]
    slugs = list(weight[FLOAT32])
    both = [np.array([weight[name][slug] for slug in slugs]) for name in PRECISIONS]
    return {
        "film": film.name,
        "shared_of_first_five": len(first[0] & first[1]),
        "tau_b": round(kendall_tau_b(*both), 3),
    }


if __name__ == "__main__":
    main()
