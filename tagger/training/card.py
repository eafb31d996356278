"""The card of the shipped vocabulary: what it was made of, what it was measured to do, what it cannot do."""

from __future__ import annotations

from typing import Any

WORST = 10

TEMPLATE = """# movies50, compact: model card

Written by `python -m tagger.training.movies50`; every figure is measured by it or by `tagger.training.crossval`.

**This is a first, weak model.** Of pictures from collections whose labels it never saw, {top1:.0%} get their tag
first and {top3:.0%} among the first three. Use it to sort and to find, not to decide; do not use it to rate films for
age.

## What it is

- Backbone: `{architecture}`, {input_size} x {input_size} pixels, {feature_count} features, trained by this project from
  random weights to repeat what {teachers} (ImageNet) says about {views} views of pictures, {epochs} rounds; no labels
  were used.
- Head: {features} -> 50, y = ReLU(x W + b), softmax: a multinomial logistic regression on labelled pictures, its
  temperature and offset chosen on sources it had not seen.
- Probabilities: expected calibration error {calibration_error:.3f} on the very pictures that temperature and offset
  were chosen on: on others it may be larger. The weight decay was chosen among three on them too (top-3 0.48 to 0.49).
{note}
## What it was measured to do

"Sources" are the collections that pictures came from. A tag takes part if it has at least three, none with over nine
tenths of its pictures. Heads are learned on some sources and asked about others. Balanced means: the mean over tags.

| measured on other sources | balanced top-1 | balanced top-3 | 95 % interval of top-3 |
| --- | --- | --- | --- |
{own}
{crossed}

The first row is the shipped head's way, with every tag to choose from. The others compare networks, with only the
{crossed_tags} tags that take part to choose from: the compact backbone reaches {share:.2f} of the best teacher's top-3
({share_unseen:.2f} on pictures that its training never saw).

Only labels are held out by source: without labels, four fifths of these pictures helped to train the backbone.

## Tags

Never trained, never to be found: {never}.

The {worst_count} worst of those measured: {worst}.

Tags without a figure have too few sources for an honest one: expect less than inside one source.

| tag | pictures | sources | top-3 on other sources |
| --- | --- | --- | --- |
{rows}

## What to know

- Labels are noisy and mean one thing among several: a picture carries only the tag it was collected for. Fencing stands
  for sword fights, motor sport for car chases, parked wrecks for crashes, guns for abduction, heist and murder.
- Very few pictures: {thin}.
- They were stills and photographs of at most 192 pixels on the short side, not frames of films.
- They are not part of this project and are not shipped.
"""


def text(backbone: dict[str, Any], crossed: dict[str, Any], head: dict[str, Any], tags: list[dict[str, Any]]) -> str:
    """Returns the card as Markdown.

    Args:
        backbone: manifest of the backbone's arrays.
        crossed: what `tagger.training.crossval` wrote.
        head: figures of the head on sources it had not seen.
        tags: per tag: tag, pictures, sources, top3 (None where it has too few sources).
    """
    measured = sorted((tag for tag in tags if tag["top3"] is not None), key=lambda tag: float(tag["top3"]))
    best = crossed["all"]["best_teacher"]
    networks = [name for name in crossed["all"] if isinstance(crossed["all"][name], dict)]
    return TEMPLATE.format(
        **{key: backbone[key] for key in ("architecture", "input_size", "feature_count", "views", "epochs")},
        features=backbone["feature_count"],
        teachers=" and ".join(backbone["teachers"]),
        **{key: head[key] for key in ("top1", "top3", "calibration_error")},
        note=f"- {backbone['note']}\n" if "note" in backbone else "",
        own=_own(head, sum(tag["pictures"] > 0 for tag in tags)),
        crossed="\n".join(_network(name, crossed["all"][name], best) for name in networks),
        crossed_tags=crossed["tags"],
        share=crossed["all"]["compact"]["of_best_teacher"]["value"],
        share_unseen=crossed["never_seen_by_compact"]["compact"]["of_best_teacher"]["value"],
        never=", ".join(tag["tag"] for tag in tags if not tag["pictures"]),
        worst_count=WORST,
        worst=", ".join(f"{tag['tag']} ({tag['top3']:.2f})" for tag in measured[:WORST]),
        rows="\n".join(_row(tag) for tag in tags),
        thin=", ".join(f"{t['tag']} ({t['pictures']})" for t in tags if 0 < t["pictures"] < 100),
    )


def _own(head: dict[str, Any], trained: int) -> str:
    what = f"this head, {trained} tags to choose from: {head['pictures']} pictures of {head['tags']} tags"
    low, high = head["top3_interval"]
    return f"| {what} | {head['top1']:.3f} | {head['top3']:.3f} | {low:.3f} to {high:.3f} |"


def _network(name: str, found: dict[str, Any], best: str) -> str:
    what = "compact" if name == "compact" else f"{name}, a teacher" + (" (the best)" if name == best else "")
    low, high = found["top3"]["interval"]
    top1, top3 = found["top1"]["value"], found["top3"]["value"]
    return f"| features of {what} | {top1:.3f} | {top3:.3f} | {low:.3f} to {high:.3f} |"


def _row(tag: dict[str, Any]) -> str:
    share = "" if tag["top3"] is None else f"{tag['top3']:.2f}"
    return f"| {tag['tag']} | {tag['pictures']} | {tag['sources']} | {share} |"
