"""Which pictures: from the labels that people verified, as many for each tag as are asked for, and some to spare.

1. A picture counts with the classes of the map that people saw in it (confidence 1).
2. It is used for a tag if all these classes are of that tag, else for none: `TagMap.tag_of`.
3. Only pictures in the lists of the public bucket: others lie at Flickr alone, if they still do.
4. Validation, test, then train, each in the order of its labels, better grades before others.

Train's labels are 2.7 GB. They are read as they come and only as far as they are needed, and the plan is kept.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from tagger.errors import FetchFailed
from tagger.openimages import web
from tagger.openimages.tables import IMAGE_ID, Picture, read_table, write_table
from tagger.openimages.tagmap import TagClass, TagMap
from tagger.text import safe_cell
from tagger.web import Told, base

log = logging.getLogger(__name__)

PLAN = ".openimages-{}-{}.csv"  # in the training folder, whose sub-folders are tags
SPARE_SHARE, SPARE_MIN = 0.05, 5  # more pictures than asked for, in the place of those that cannot be had
TURNS = {f"{turn}{end}": turn for turn in (90, 180, 270) for end in ("", ".0")}  # as they write it; also "nan"
PRESENT = frozenset({"1", "1.0"})  # confidence of a class that people saw; 0 is one that they did not
LABEL_COLUMNS = ("ImageID", "LabelName", "Confidence")
LIST_COLUMNS = ("ImageID", "Rotation", "License", "Author", "Title", "OriginalLandingURL", "OriginalURL")


@dataclass(frozen=True, slots=True)
class Subset:
    """A part of Open Images, and where its tables lie."""

    name: str  # also the folder of its pictures
    labels: str
    images: str  # those that the bucket has
    labelled_per_wanted: int  # pictures looked at for each one that is wanted, as not all are in the bucket


# About a third of train's labelled pictures are in the bucket.
SUBSETS = (
    Subset("validation", "v7/oidv7-val-annotations-human-imagelabels.csv",
           "2018_04/validation/validation-images-with-rotation.csv", 1),
    Subset("test", "v7/oidv7-test-annotations-human-imagelabels.csv",
           "2018_04/test/test-images-with-rotation.csv", 1),
    Subset("train", "v7/oidv7-train-annotations-human-imagelabels.csv",
           "2018_04/train/train-images-boxable-with-rotation.csv", 8),
)  # fmt: skip


def plan(tags: TagMap, per_tag: int, folder: Path, told: Told | None = None) -> list[Picture]:
    """Returns the pictures to fetch: for each tag up to `per_tag` and the spare ones, best first.

    The plan is kept in `folder` and read there the next time; other tags or another number make a new one.

    Args:
        tags: the classes of each tag.
        per_tag: 1 or more.
        folder: the training folder.
        told: is called as tables arrive.

    Raises:
        FetchFailed, ServerUnreachable: a table cannot be had.
        BadPath, OutputRefused: the plan cannot be read or written.
        BadSettings: as `tagger.web.base`.
    """
    path = folder / PLAN.format(per_tag, tags.sha256[:8])
    if kept := read_table(path, Picture):
        return kept
    most = per_tag + max(SPARE_MIN, round(SPARE_SHARE * per_tag))
    chosen: dict[str, list[Picture]] = {slug: [] for slug in tags.slugs}
    best = {slug: tags.best_grade(slug) for slug in chosen}
    for subset in SUBSETS:
        short = {slug: most - sum(picture.grade == best[slug] for picture in chosen[slug]) for slug in chosen}
        short = {slug: number for slug, number in short.items() if number > 0}
        if short:
            for picture in _pictures(subset, tags, short, told):
                chosen[picture.tag].append(picture)
    by_grade = (sorted(of_tag, key=lambda picture: picture.grade) for of_tag in chosen.values())
    pictures = [picture for of_tag in by_grade for picture in of_tag[:most]]
    if pictures:
        write_table(path, Picture, pictures)
    return pictures


def _pictures(subset: Subset, tags: TagMap, short: dict[str, int], told: Told | None) -> list[Picture]:
    """Pictures of the subset that the bucket has, in the order of the labels."""
    server = base(web.LISTS_VARIABLE, web.LISTS)
    log.info("%s: reading labels until %d tags have enough pictures", subset.name, len(short))
    wanted = {slug: number * subset.labelled_per_wanted for slug, number in short.items()}
    labelled = _labelled(f"{server}/{subset.labels}", tags, wanted, told)
    log.info("%s: reading which of %d labelled pictures can be had", subset.name, len(labelled))
    hosted = _hosted(f"{server}/{subset.images}", subset.name, labelled, told)
    return [hosted[image_id] for image_id in labelled if image_id in hosted]


def _labelled(url: str, tags: TagMap, wanted: dict[str, int], told: Told | None) -> dict[str, TagClass]:
    """Pictures (by number) with the tag that each is used for, up to so many for each tag and grade.

    Reading ends when all these tags have enough of their best grade.
    """
    labelled: dict[str, TagClass] = {}
    count: Counter[tuple[str, str]] = Counter()
    best = {slug: tags.best_grade(slug) for slug in wanted}
    with closing(web.rows(url, LABEL_COLUMNS, told)) as table:
        seen = (row for row in table if row[1] in tags and row[2] in PRESENT)
        for image_id, rows in groupby(seen, key=itemgetter(0)):  # the rows of a picture stand together
            if not IMAGE_ID.fullmatch(image_id):
                raise FetchFailed(f"{url}: {image_id!r} is no image of Open Images")
            used = tags.tag_of(image_id, {mid for _, mid, _ in rows})
            before = labelled.get(image_id)
            if before:  # should some rows stand apart after all, they must agree
                if used is None or used.slug != before.slug:
                    del labelled[image_id]
            elif used and count[used.slug, used.grade] < wanted.get(used.slug, 0):
                labelled[image_id] = used
                count[used.slug, used.grade] += 1
                if all(count[slug, grade] >= wanted[slug] for slug, grade in best.items()):
                    break
    return labelled


def _hosted(url: str, subset: str, labelled: dict[str, TagClass], told: Told | None) -> dict[str, Picture]:
    """Those of the pictures that are in a list of the bucket, by number; reading ends when all are found."""
    hosted: dict[str, Picture] = {}
    with closing(web.rows(url, LIST_COLUMNS, told)) as table:
        for image_id, rotation, *about in table:
            if len(hosted) == len(labelled):
                break
            if used := labelled.get(image_id):
                turn = TURNS.get(rotation, 0)
                hosted[image_id] = Picture(used.slug, used.grade, image_id, subset, turn, *map(safe_cell, about))
    return hosted
