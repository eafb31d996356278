"""The card of the shipped vocabulary: what it was made of, what it was measured to do, what it cannot do."""

from __future__ import annotations

from typing import Any

from tagger.knowledge.crossval import SHIPPED
from tagger.knowledge.priors import CLASSES_OF
from tagger.models.registry import EMBEDDED
from tagger.vocabulary import PORTABLE, slug

WORST = 10
THIN = 100  # pictures; a tag with fewer rests on the names of classes, where there are any

TEMPLATE = """# movies50: model card

Written by `python -m tagger.knowledge.movies50`; every figure is measured by it and stands in `figures.json`.

**These are weak models.** Of pictures from collections whose labels it never saw, the embedded network's head names the
right tag first for {top1:.0%} and among the first three for {top3:.0%} (mean over {tags} tags, {trained} to choose
from). Use them to sort and to find, not to decide; do not use them to rate films for age.

## What they are

- **compact**, the embedded backbone: `{architecture}`, {input_size} x {input_size} pixels, trained by this project from
  random weights to repeat what {teachers} (ImageNet) says about {views} views of pictures, {epochs} rounds; no labels
  were used. It gives {feature_count} features and, through its own last layer, the 1000 classes of ImageNet.
{note}- **Class evidence**: what any network says about these classes, made comparable: standardised over the classes of
  each picture, less half a deviation, negative values cut off.
- **heads/compact**: 1000 -> 50, y = ReLU(x W + b), softmax: a multinomial logistic regression on the class evidence of
  all networks in labelled pictures, calibrated for compact.
- **heads/portable**: the same without compact's evidence, for every ImageNet network of Keras with its classifier.
- Where pictures say little the heads lean on the names of classes ("military uniform" speaks for Military), by hand:
  see `tagger/knowledge/priors.py`. With under {thin} pictures, these tags rest on them: {leaning}.
- Choices (weight decay, trust in names, temperature, offset): compact {compact_choice}; portable {portable_choice}.

## What they were measured to do

"Sources" are the collections that pictures came from. A tag takes part if it has at least three, none with over nine
tenths of its pictures. Heads are learned on some sources and asked about others, in ten folds of whole sources;
whatever is chosen (weight decay, temperature, offset) is chosen on the other nine. Balanced means: the mean over tags.
Intervals are 95 %, over sources. "ECE" is the expected calibration error, in 15 bins.

All {trained} tags to choose from:

| head, on other sources | balanced top-1 | balanced top-3 | interval of top-3 | ECE |
| --- | --- | --- | --- | --- |
{own}

The portable rows are of heads that met neither the sources nor any network of the family asked: what to expect of a
network that was never here, InceptionV3 for one. Beside heads learned on the very network (still on other sources):

| network | own head, top-3 | portable head, top-3 | share | interval of the share |
| --- | --- | --- | --- | --- |
{transfer}

Only the {crossed_tags} tags that take part to choose from, {crossed_pictures} pictures:

| network | balanced top-1 | balanced top-3 | interval of top-3 | of the best teacher's top-3 | on pictures never seen |
| --- | --- | --- | --- | --- | --- |
{crossed}

The rows "features" have a linear head on the network's own features, so that networks are compared; "compact as
shipped" is the head described above. The last column takes the fifth of the pictures that compact's training
never saw; without labels, the other four fifths helped to train it.

## Films (synthetic)

{trailers} trailers made from pictures of held-out sources ({right_tags:.1f} right tags each, pans and zooms, letterbox,
grading, titles, H.264), all {trained} tags to choose from. MAP is the mean precision and MAR the mean recall of the
first k tags, F1 the harmonic mean of the two. This is not the source's experiment, in which raters chose the tags of
real trailers (MAP 0.76, MAR 0.74, F1 0.75).

| head | MAP, MAR, F1 of 3 | of 5 | of 10 | average precision |
| --- | --- | --- | --- | --- |
{film_rows}

What else the formula could be, for compact (the published one: top 3, {min_entropy:g} bits):

| variant | F1 of 3 | F1 of 5 | average precision | gain in average precision, interval |
| --- | --- | --- | --- | --- |
{variants}

## Tags

Never trained, never to be found: {never}.

The {worst_count} worst of those measured on other sources, by average precision: {worst}.

Average precision and AUC tell a tag from all others; a picture carries only the tag it was collected for, so pictures
that show two are counted against both. Figures of tags with too few sources come from heads that saw other pictures of
the same sources: they say little about other films, and stand in brackets.

| tag | pictures | sources | top-3 | average precision | AUC |
| --- | --- | --- | --- | --- | --- |
{rows}

## What to know

- Labels are noisy and mean one thing among several: a picture carries only the tag it was collected for. Fencing stands
  for sword fights, motor sport for car chases, parked wrecks for crashes, guns for abduction, heist and murder.
- Very few pictures: {few}.
- They were stills and photographs of at most 192 pixels on the short side, not frames of films.
- They are not part of this project and are not shipped.
"""


def text(backbone: dict[str, Any], facts: dict[str, Any]) -> str:
    """Returns the card as Markdown.

    Args:
        backbone: manifest of the backbone's arrays.
        facts: what `tagger.knowledge.movies50` measured.
    """
    own, crossed, rows = facts["compact"], facts["crossval"], facts["compact"]["per_tag"]
    across = [row for row in rows if row.get("measured_on") == "other sources"]
    across.sort(key=lambda row: float(row["average_precision"]["value"]))
    strangers = dict(facts["trailers"])
    films = strangers.pop(EMBEDDED)
    few = [row for row in rows if 0 < row["pictures"] < THIN]
    return TEMPLATE.format(
        **{key: backbone[key] for key in ("architecture", "input_size", "feature_count", "views", "epochs")},
        teachers=" and ".join(backbone["teachers"]),
        note=f"  {backbone['note']}\n" if "note" in backbone else "",
        **{key: own[key] for key in ("top1", "top3", "tags")},
        trained=sum(row["pictures"] > 0 for row in rows),
        thin=THIN,
        leaning=", ".join(row["tag"] for row in few if slug(row["tag"]) in CLASSES_OF),
        compact_choice=_choice(facts["choices"][EMBEDDED]),
        portable_choice=_choice(facts["choices"][PORTABLE]),
        own="\n".join(
            [
                _head("compact", own),
                *(_head(f"portable, asked by {n}", f) for n, f in facts["portable"]["heads"].items()),
            ]
        ),
        transfer="\n".join(_transfer(name, found) for name, found in facts["portable"]["transfer"].items()),
        crossed_tags=crossed["tags"],
        crossed_pictures=crossed["all"]["pictures"],
        crossed="\n".join(_crossed(name, crossed) for name in crossed["all"] if isinstance(crossed["all"][name], dict)),
        trailers=films["trailers"],
        right_tags=films["right_tags"],
        film_rows="\n".join(
            [
                _films("compact", films["published"]),
                *(_films(f"portable, asked by {name}", found["published"]) for name, found in strangers.items()),
                _bounds(films),
            ]
        ),
        min_entropy=facts["min_entropy_bits"],
        variants="\n".join(_variant(name, found) for name, found in films["variants"].items()),
        never=", ".join(row["tag"] for row in rows if not row["pictures"]),
        worst_count=WORST,
        worst=", ".join(f"{row['tag']} ({row['average_precision']['value']:.2f})" for row in across[:WORST]),
        rows="\n".join(_row(row) for row in rows),
        few=", ".join(f"{row['tag']} ({row['pictures']})" for row in few),
    )


def _choice(tuned: dict[str, Any]) -> str:
    recipe = tuned["recipe"]
    return f"{recipe['l2']:g}, {recipe['trust']:g}, {tuned['temperature']:.2g}, {tuned['offset']:g}"


def _span(interval: list[float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def _head(what: str, figures_of: dict[str, Any]) -> str:
    figures = f"{figures_of['top1']:.3f} | {figures_of['top3']:.3f} | {_span(figures_of['top3_interval'])}"
    return f"| {what} | {figures} | {figures_of['calibration_error']:.3f} |"


def _transfer(name: str, heads: dict[str, Any]) -> str:
    figures = f"{heads['native_top3']:.3f} | {heads['left_out_top3']:.3f} | {heads['share']:.2f}"
    return f"| {name} | {figures} | {_span(heads['share_interval'])} |"


def _crossed(name: str, crossed: dict[str, Any]) -> str:
    measured, best = crossed["all"][name], crossed["all"]["best_teacher"]
    what = name if name == SHIPPED else f"features of {name}" + (" (the best teacher)" if name == best else "")
    top3, share = measured["top3"], measured["of_best_teacher"]
    unseen = crossed["never_seen_by_compact"][name]["of_best_teacher"]["value"]
    figures = f"{measured['top1']['value']:.3f} | {top3['value']:.3f} | {_span(top3['interval'])}"
    return f"| {what} | {figures} | {share['value']:.2f} ({_span(share['interval'])}) | {unseen:.2f} |"


def _films(what: str, ranking: dict[str, Any]) -> str:
    cells = [" / ".join(f"{ranking[f'{m}_at_{k}']['value']:.2f}" for m in ("map", "mar", "f1")) for k in (3, 5, 10)]
    return f"| {what} | {' | '.join(cells)} | {ranking['average_precision']['value']:.2f} |"


def _bounds(trailers: dict[str, Any]) -> str:
    """What chance reaches, and what perfect answers would."""
    rows = {"chance": trailers["random"], "perfect answers": trailers["perfect"]}
    return "\n".join(_films(what, {key: {"value": value} for key, value in row.items()}) for what, row in rows.items())


def _variant(name: str, ranking: dict[str, Any]) -> str:
    area = ranking["average_precision"]
    gain = f"{area['gain']['value']:+.3f}, {area['gain']['interval'][0]:+.3f} to {area['gain']['interval'][1]:+.3f}"
    f1 = f"{ranking['f1_at_3']['value']:.2f} | {ranking['f1_at_5']['value']:.2f}"
    return f"| {name} | {f1} | {area['value']:.2f} | {gain} |"


def _row(row: dict[str, Any]) -> str:
    cells = ["", "", ""]
    if row["pictures"]:
        told = [f"{row[key]['value']:.2f} ({_span(row[key]['interval'])})" for key in ("average_precision", "auc")]
        cells = [f"{row['top3']:.2f}", *told]
        if row["measured_on"] != "other sources":
            cells = [f"[{cell}]" for cell in cells]
    return f"| {row['tag']} | {row['pictures']} | {row['sources']} | {' | '.join(cells)} |"
