"""The source's three experiments with people, repeated on their ratings, with 95 % intervals.

1. Mean opinion score: the mean of a rater's opinions of the tags extracted for a film, 0 (all wrong) to 1 (all right).
2. The same, each opinion weighing as much as the tag is strong in the film: sum(R_i v_i) / sum(R_i), R_i its score.
3. The tags extracted for a film against those that a rater chose for it from the whole vocabulary: precision is the
   share of the extracted tags that were chosen, recall the share of the chosen that were extracted. MAP and MAR are
   the means of these, F1 the harmonic mean of MAP and MAR. (So the "average precision" in the source's MAP is a mean
   of precisions. The one of ranked lists, over all tags in their order and with no regard to how many count as
   extracted, is here too: ranked AP.)

A film's figure is the mean over its raters, the figure of all the mean over films: each film counts the same, however
many rated it. The intervals are those of the pigeonhole bootstrap (Owen, 2007): films are drawn with replacement, and
independently of them raters, since both could have been others; each rating counts as often as its film times as often
as its rater was drawn. They are a little too wide where films and raters hardly differ, and too narrow with fewer than
five of either; docs/ratings.md says how much. With one film, or one rater, nothing is known of how others would differ:
there is no interval then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.evaluation.figures import RESAMPLES
from tagger.evaluation.intervals import interval
from tagger.evaluation.metrics import average_precision, defined_mean
from tagger.evaluation.ratings.table import KINDS, OPINION, RIGHT_MIN, RatedFilm, Ratings
from tagger.measured import Estimate
from tagger.records import Bools, Doubles, ModelInfo, RankedTag


@dataclass(frozen=True, slots=True)
class FilmFigures:
    """One film, means over its raters, 0 to 1; None where nobody said anything of that kind."""

    film: str
    report: str
    extracted: tuple[str, ...]  # slugs, the strongest first
    judges: int  # raters with an opinion of an extracted tag
    mean_opinion: float | None
    weighted_opinion: float | None
    choosers: int  # raters who chose tags
    precision: float | None
    recall: float | None  # None also if all of them chose nothing
    f1: float | None  # harmonic mean of both
    ranked_ap: float | None  # as recall


@dataclass(frozen=True, slots=True)
class Panel:
    """Who said things of one kind."""

    films: int
    raters: int
    agreement: float | None  # of two raters of a film, 0 to 1; mean over pairs, then over films; None without pairs


@dataclass(frozen=True, slots=True)
class Opinions:
    """Those of the extracted tags of one kind."""

    opinions: int
    mean: Estimate | None  # as experiment 1; None without any


@dataclass(frozen=True, slots=True)
class Rated:
    """What the tags are worth to people. A figure is None without ratings of its kind; its ends are NaN if unknown."""

    top: int  # tags of a film that count as extracted, at most
    mean_opinion: Estimate | None  # experiment 1
    weighted_opinion: Estimate | None  # experiment 2
    map: Estimate | None  # experiment 3, as the next two
    mar: Estimate | None
    f1: Estimate | None
    ranked_ap: Estimate | None  # ours
    opinions: Panel  # agreement: share of tags that both call right, or both wrong
    choices: Panel  # agreement: F1 of the tags of the one against those of the other
    tags_chosen: float | None  # by a rater for a film, mean
    per_film: tuple[FilmFigures, ...]  # of those with ratings
    unrated: tuple[str, ...]  # films with a report and none
    models: tuple[ModelInfo, ...]  # of the films with ratings, each once
    left_out: int  # opinions of tags that do not count as extracted
    missing: int  # opinions of extracted tags that a rater who judged others of the film did not give
    sure: Opinions | None  # of tags that are sure; None where no report says how sure its tags are, as the next
    unsure: Opinions | None  # of those that are not


def measure(ratings: Ratings, top: int, resamples: int = RESAMPLES, seed: int = 0) -> Rated:
    """Returns what the first `top` tags of each film are worth to its raters.

    Args:
        ratings: of the films.
        top: from 1; tags without weight are never extracted.
        resamples: how often films and raters are drawn anew.
        seed: of these draws.
    """
    films = _films(ratings, top)
    judged = np.stack([film.judged() for film in films], 1)
    retrieval = np.stack([film.retrieval() for film in films], 1)
    opinions, means = _resampled(judged, resamples, seed), _resampled(retrieval, resamples, seed)
    mean_opinion, weighted_opinion = (_estimate(rows, judged[0]) for rows in opinions)
    map_, mar, ranked_ap, f1 = (_estimate(rows, retrieval[0]) for rows in (*means, _harmonic(means[0], means[1])))
    chosen = np.array([np.where(film.choosers, film.chosen.sum(1), np.nan) for film in films])
    rated = [film for film in films if film.judges.any() or film.choosers.any()]
    return Rated(
        top,
        mean_opinion,
        weighted_opinion,
        map_,
        mar,
        f1,
        ranked_ap,
        _panel(judged[0], [film.same_side() for film in films]),
        _panel(retrieval[0], [film.overlap() for film in films]),
        _defined(defined_mean(chosen.ravel())),
        tuple(film.figures() for film in rated),
        tuple(film.said_by.name for film in films if film not in rated),
        tuple(dict.fromkeys(film.said_by.model for film in rated)),
        sum(film.left_out for film in films),
        sum(int(np.isnan(film.opinions[film.judges]).sum()) for film in films),
        *(_opinions(films, sure, resamples, seed) for sure in (True, False)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _FilmRatings:
    """What was said of one film."""

    said_by: RatedFilm  # what the system says
    extracted: tuple[RankedTag, ...]
    opinions: Doubles  # (raters, extracted); NaN: none
    left_out: int  # opinions of other tags
    choosers: Bools  # (raters,), who chose, be it nothing
    chosen: Bools  # (raters, tags)

    @property
    def judges(self) -> Bools:
        """Who has an opinion of an extracted tag, (raters,)."""
        return np.asarray(~np.isnan(self.opinions).all(1))

    def judged(self) -> Doubles:
        """The mean opinion of each rater, plain and weighted by strength, (2, raters); NaN where there is none."""
        strength = np.array([tag.score for tag in self.extracted])
        strength = strength if strength.any() else np.ones(len(strength))  # all tags alike: they weigh the same
        known = ~np.isnan(self.opinions)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as it should be
            weighted = np.where(known, self.opinions * strength, 0).sum(1) / (known * strength).sum(1)
        return np.stack([defined_mean(self.opinions), weighted])

    def opinions_of(self, sure: bool) -> Doubles:
        """Those of the sure tags, or of those that are not, (raters, extracted); NaN: of other tags, too."""
        kind = np.array([tag.confidence is not None and tag.sure == sure for tag in self.extracted], bool)
        return np.where(kind, self.opinions, np.nan)

    def retrieval(self) -> Doubles:
        """Precision, recall and ranked AP of each rater, (3, raters); NaN where undefined."""
        hits, sizes = self.chosen[:, : len(self.extracted)].sum(1), self.chosen.sum(1)
        precision = np.where(self.choosers, hits / max(len(self.extracted), 1), np.nan)  # of nothing: 0
        recall = np.where(sizes > 0, hits / np.maximum(sizes, 1), np.nan)
        weight = np.array([tag.weight for tag in self.said_by.tags])
        return np.stack([precision, recall, [average_precision(weight, tags) for tags in self.chosen]])

    def same_side(self) -> Doubles:
        """The share of tags that each two raters both call right, or both wrong, (raters, raters); NaN without any."""
        known = (~np.isnan(self.opinions)).astype(np.float64)
        right = (self.opinions >= RIGHT_MIN).astype(np.float64)  # NaN is not
        wrong = known - right
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as it should be
            return np.asarray((right @ right.T + wrong @ wrong.T) / (known @ known.T))

    def overlap(self) -> Doubles:
        """F1 of the tags that each two raters chose, (raters, raters); NaN where both chose nothing."""
        tags = self.chosen.astype(np.float64)
        sizes = np.where(self.choosers, tags.sum(1), np.nan)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as it should be
            return np.asarray(2 * tags @ tags.T / (sizes[:, None] + sizes))

    def figures(self) -> FilmFigures:
        """The means over the raters."""
        opinion, weighted = map(_defined, defined_mean(self.judged()))
        means = defined_mean(self.retrieval())
        precision, recall, ranked_ap, f1 = map(_defined, (*means, _harmonic(means[0], means[1])))
        return FilmFigures(
            self.said_by.name,
            str(self.said_by.report),
            tuple(tag.slug for tag in self.extracted),
            int(self.judges.sum()),
            opinion,
            weighted,
            int(self.choosers.sum()),
            precision,
            recall,
            f1,
            ranked_ap,
        )


def _films(ratings: Ratings, top: int) -> list[_FilmRatings]:
    """The ratings sorted by film, as arrays."""
    shapes = [(len(ratings.raters), len(film.tags)) for film in ratings.films]
    opinions, choices = ([np.full(shape, np.nan) for shape in shapes] for _ in KINDS)
    for row in ratings.rows:
        (opinions if row.kind == OPINION else choices)[row.film][row.rater, row.tag] = row.value
    films = []
    for film, said, chosen in zip(ratings.films, opinions, choices, strict=True):
        tags = film.extracted(top)
        own, others = said[:, : len(tags)], said[:, len(tags) :]
        asked = ~np.isnan(chosen).all(1)
        films.append(_FilmRatings(film, tags, own, int((~np.isnan(others)).sum()), asked, chosen == 1))
    return films


def _opinions(films: Sequence[_FilmRatings], sure: bool, resamples: int, seed: int) -> Opinions | None:
    """Of the sure tags of all films, or of those that are not; None where no tag says how sure it is."""
    if all(tag.confidence is None for film in films for tag in film.extracted):
        return None
    said = [film.opinions_of(sure) for film in films]
    cells = np.stack([defined_mean(own) for own in said])
    means = _resampled(cells[None], resamples, seed)[0]
    return Opinions(sum(int((~np.isnan(own)).sum()) for own in said), _estimate(means, cells))


def _resampled(cells: Doubles, resamples: int, seed: int) -> Doubles:
    """The means (figures, 1 + resamples) of figures (figures, films, raters), the first that of all as they are.

    The others are of films and raters drawn anew among those who take part; NaN with one film or one rater.
    """
    known = ~np.isnan(cells[0])
    cells = cells[:, known.any(1)][:, :, known.any(0)]
    if min(cells.shape[1:]) < 2:
        return np.pad(defined_mean(defined_mean(cells))[:, None], ((0, 0), (0, resamples)), constant_values=np.nan)
    rng = np.random.default_rng(seed)
    films, raters = (
        np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), resamples)]) for n in cells.shape[1:]
    )
    weight = raters @ (~np.isnan(cells)).astype(np.float64).transpose(0, 2, 1)  # (figures, 1 + resamples, films)
    total = raters @ np.nan_to_num(cells).transpose(0, 2, 1)
    counted = films * (weight > 0)  # a film none of whose raters is drawn has no figure
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as it should be
        return np.asarray((counted * total / np.maximum(weight, 1)).sum(2) / counted.sum(2))


def _estimate(means: Doubles, cells: Doubles) -> Estimate | None:
    """The first of the means over cells (films, raters), with the interval of the others; None if it is NaN."""
    films = int((~np.isnan(cells)).any(1).sum())
    return None if np.isnan(means[0]) else interval(float(means[0]), means[1:], films)


def _panel(cells: Doubles, agreements: Sequence[Doubles]) -> Panel:
    """Of any figure (films, raters) of a kind, and how far each two raters of each film agree, NaN if unknown."""
    known = ~np.isnan(cells)
    pairs = np.array([pairs[np.triu_indices(len(pairs), 1)] for pairs in agreements])
    agreement = _defined(defined_mean(defined_mean(pairs)))
    return Panel(int(known.any(1).sum()), int(known.any(0).sum()), agreement)


def _harmonic(some: Doubles, others: Doubles) -> Doubles:
    """The harmonic mean, 0 of two zeros."""
    with np.errstate(invalid="ignore"):  # 0 / 0 is not taken
        return np.where(some + others == 0, 0.0, 2 * some * others / (some + others))


def _defined(value: Doubles) -> float | None:
    return None if np.isnan(value) else float(value)
