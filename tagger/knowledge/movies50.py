"""Regenerates the knowledge of a shipped vocabulary: heads, figures and card, from labelled pictures and networks.

    python -m tagger.knowledge.movies50 IMAGES VOCABULARY --network mobilenetv2=FILE ... [--cache DIR] [--stills DIR]
    python -m tagger.knowledge.movies50 IMAGES VOCABULARY --network mobilenetv2=FILE ... --leave-out FAMILY
    python -m tagger.knowledge.movies50 IMAGES VOCABULARY --network mobilenetv2=FILE ... --confidence

IMAGES holds one folder per tag (its slug); file names are SOURCE__NUMBER.jpg. Each `--network` is a witness: a name of
`movietags models list` with weights that hold its classifier (none for a network whose package is installed), or any
name with an ONNX file of 1000 logits. Written are heads/compact.npz, heads/portable.npz, a head for each network that
a package holds, figures.json and card.md; every figure comes from sources that the head measured had not seen. STILLS
holds pictures of real films and what these are about, as `tagger.knowledge.stills` reads them. With `--leave-out`
nothing is written: it says what a portable head is worth to a family it never met. With `--confidence` heads stay as
they are, but for their confidence, which is learned and measured anew.
"""

from __future__ import annotations

import argparse
import datetime
import logging
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tagger import process, vocabulary
from tagger.files import write_atomically
from tagger.knowledge import alarms, card, certain, crossval, figures, heads, portable, stills, trailers, witness
from tagger.knowledge.gathered import Knowledge
from tagger.models import arrays, head, nudity
from tagger.models.head import Head
from tagger.models.registry import EMBEDDED
from tagger.settings import Settings
from tagger.text import finite, json_text, write_json
from tagger.vocabulary import PORTABLE, Vocabulary

TRAILERS = 40
CARD = ("created", "top3", "recipe", "temperature", "offset")  # what a manifest says for people
SEED = 0

log = logging.getLogger(__name__)


def transfer(knowledge: Knowledge, strangers: dict[str, heads.Tuner]) -> dict[str, Any]:
    """Returns what heads of other families are worth to each network, beside a head learned on it alone."""
    own, foreign = (
        {name: tuner.probabilities()[0] for name, tuner in part.items()}
        for part in (knowledge.alone(list(strangers)), strangers)
    )
    return portable.transfer(own, foreign, knowledge.pictures)


def measure(
    knowledge: Knowledge, folder: Path, films: stills.Stills | None
) -> tuple[dict[str, Any], dict[str, heads.Tuned]]:
    """Returns every figure, and how the heads to be shipped are learned.

    Args:
        knowledge: what the networks see.
        folder: where trailers are made.
        films: real ones, where there are any.
    """
    pictures, tags = knowledge.pictures, knowledge.words.tags
    everything = np.ones(len(pictures.paths), bool)
    own = {name: knowledge.tuner(name) for name in knowledge.made_of}
    strangers = knowledge.strangers()
    tuned = {name: tuner.tune(everything) for name, tuner in own.items()}
    tuned[PORTABLE] = heads.agreed([tuner.tune(everything) for tuner in strangers.values()])
    said = {name: tuner.probabilities()[1] for name, tuner in own.items()}
    listed = (next(iter(own)), EMBEDDED)  # tag by tag
    inside = {name: knowledge.inside(name, tuned[name], SEED) for name in listed}
    features = {name: rows[:, 0] for name, rows in knowledge.features.items() if knowledge.witness[name].classifier}
    made = trailers.make(pictures, folder, TRAILERS, SEED)
    frames = [trailers.keyframes(one, Settings()) for one in made]
    told = own | {name: tuner for name, tuner in strangers.items() if name in features and name not in own}
    facts: dict[str, Any] = {
        "heads": {name: figures.whole(p, pictures) for name, p in said.items()},
        "per_tag": {name: figures.per_tag(said[name], inside[name], pictures, tags) for name in inside},
        "portable": {
            "transfer": transfer(knowledge, strangers),
            "heads": {name: figures.whole(tuner.probabilities()[1], pictures) for name, tuner in strangers.items()},
        },
        "crossval": crossval.compare(features, knowledge.seen, pictures, knowledge.cache, knowledge.overlaps),
        "trailers": {name: knowledge.on_trailers(name, tuner, made, frames) for name, tuner in told.items()},
        "min_entropy_bits": Settings().min_entropy_bits,
        "choices": {name: asdict(one) for name, one in tuned.items()},
    }
    if films:
        shipped = {name: knowledge.ship(tuned[name], name) for name in own}
        facts["stills"] = {name: films.measure(knowledge.model(name, made).scores) for name, made in shipped.items()}
    if nudity.FILE.here:
        facts["nudity"] = alarms.measure(pictures)
    return facts, tuned


def expected_top3(facts: dict[str, Any], name: str) -> float:
    """Returns a head's balanced top-3 on other sources; of the portable one, the median of families left out."""
    if name != PORTABLE:
        return float(facts["heads"][name]["top3"])
    return float(np.median([found["top3"] for found in facts["portable"]["heads"].values()]))


def confident(
    knowledge: Knowledge, made: dict[str, Head], films: stills.Stills | None
) -> tuple[dict[str, Head], dict[str, Any]]:
    """Returns heads with confidence, by name, and what that is worth."""
    certainty, strangers = certain.Certainty(knowledge), knowledge.strangers()
    sure, facts = dict[str, Head](), dict[str, Any]()
    for name, one in made.items():
        tuners = [*strangers.items()] if name == PORTABLE else [(name, knowledge.tuner(name))]
        sure[name], facts[name] = certainty.sure(name, one, tuners)
        if films and name != PORTABLE:
            facts[name]["stills"] = films.sure(certain.confidence_of(knowledge.model(name, sure[name])))
    return sure, facts


def write(words: Vocabulary, made: dict[str, Head], cards: dict[str, dict[str, Any]], facts: dict[str, Any]) -> None:
    """Writes heads, each with the facts of its manifest, figures and card."""
    for name, one in made.items():
        one.save(words.folder / "heads" / f"{name}.npz", **cards[name])
    write_json(words.folder / "figures.json", finite(facts))
    backbone_facts = arrays.read_manifest(words.folder / "compact.json")
    write_atomically(words.folder / "card.md", card.text(backbone_facts, facts).encode())


def learn_all(knowledge: Knowledge, words: Vocabulary, folder: Path, films: stills.Stills | None) -> None:
    """Learns, measures and writes everything."""
    facts, tuned = measure(knowledge, folder, films)
    made, facts["confidence"] = confident(knowledge, {n: knowledge.ship(one, n) for n, one in tuned.items()}, films)
    today = datetime.date.today().isoformat()
    cards = {n: {"created": today, "top3": expected_top3(facts, n), **facts["choices"][n]} for n in tuned}
    write(words, made, cards, facts)


def add_confidence(knowledge: Knowledge, words: Vocabulary, films: stills.Stills | None) -> None:
    """Gives confidence to heads as they are, and writes what that changes."""
    paths = {name: words.folder / "heads" / f"{name}.npz" for name in (*knowledge.made_of, PORTABLE)}
    manifests = {name: arrays.read_manifest(path.with_suffix(".json")) for name, path in paths.items()}
    made, found = confident(knowledge, {name: head.load(path, words) for name, path in paths.items()}, films)
    cards = {name: {key: manifest[key] for key in manifest if key in CARD} for name, manifest in manifests.items()}
    write(words, made, cards, arrays.read_manifest(words.folder / "figures.json") | {"confidence": found})


def main() -> None:
    """Measures, and writes heads, figures and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("--network", action="append", required=True, metavar="NAME[=FILE]")
    parser.add_argument("--stills", type=Path, help="folder with pictures of real films")
    parser.add_argument("--leave-out", metavar="FAMILY", help="only measure: mobilenet, mobilenet_v2, squeezenet ...")
    parser.add_argument("--confidence", action="store_true", help="heads stay as they are, but for this")
    parser.add_argument("--cache", type=Path, help="folder where what was computed is kept between runs")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    words = vocabulary.load(str(options.vocabulary))
    named = [text.partition("=") for text in (f"{EMBEDDED}={words.folder / 'compact.npz'}", *options.network)]
    witnesses = [witness.load(name, Path(file) if file else None) for name, _, file in named]
    families = sorted({network.family for network in witnesses} - {EMBEDDED})
    if options.leave_out not in (None, *families):
        parser.error(f"--leave-out {options.leave_out}: the networks given are of {', '.join(families)}")
    knowledge = Knowledge(options.images, words, witnesses, options.cache)
    if options.leave_out:
        process.put(json_text(transfer(knowledge, knowledge.strangers(options.leave_out))))
        return
    films = stills.read(options.stills, words) if options.stills else None
    if options.confidence:
        add_confidence(knowledge, words, films)
        return
    with TemporaryDirectory() as aside:
        learn_all(knowledge, words, (options.cache or Path(aside)) / "trailers", films)


if __name__ == "__main__":
    main()
