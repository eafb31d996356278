"""Tags -> the films, or the shots, that show all of them.

A film shows a tag by its confidence, a shot by its probability (docs/words.md). What shows several tags shows them as
well as the one that it shows least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tagger.errors import BadSettings
from tagger.frames import utf8
from tagger.records import SURE
from tagger.text import but_alike
from tagger.vocabulary import slug

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

FILMS = """
WITH asked AS (SELECT unnest($tags::INTEGER[]) AS tag, unnest($places::INTEGER[]) AS place),
said AS (
    SELECT film, place, max(confidence) AS confidence, max(frames) AS frames
    FROM store.tags JOIN asked USING (tag) JOIN store.reports USING (report)
    WHERE $vocabulary IS NULL OR vocabulary = $vocabulary
    GROUP BY film, place),
found AS (
    SELECT film, CASE WHEN count(confidence) = count(*) THEN min(confidence) END AS confidence,
        list(confidence ORDER BY place) AS confidences, list(frames ORDER BY place) AS frames
    FROM said WHERE CASE WHEN $least IS NULL THEN frames > 0 OR confidence >= $sure ELSE confidence >= $least END
    GROUP BY film HAVING count(*) = $count),
without AS (
    SELECT film FROM store.tags JOIN store.reports USING (report)
    WHERE list_contains($unwanted::INTEGER[], tag) AND confidence >= coalesce($least, $sure))
SELECT name, path, duration_s, confidence, confidences, frames, count(*) OVER ()
FROM found JOIN store.films USING (film)
WHERE film NOT IN (FROM without)
ORDER BY confidence DESC NULLS LAST, list_sum(frames) DESC, path LIMIT $top
"""
# A shot is looked for tag by tag: so many of these, joined. Rows of a tag lie together.
SHOTS = """
WITH found AS MATERIALIZED (
    SELECT report, shot, least({probabilities}) AS probability, [{probabilities}] AS probabilities FROM {tags}
    ANTI JOIN (
        SELECT report, shot FROM store.shot_tags
        WHERE list_contains($unwanted::INTEGER[], tag) AND probability >= $least) USING (report, shot)
    WHERE $vocabulary IS NULL OR report IN (SELECT report FROM store.reports WHERE vocabulary = $vocabulary)),
first AS (FROM found ORDER BY probability DESC, report, shot LIMIT $top)
SELECT name, path, shot, start_s, end_s, probability, probabilities, (SELECT count(*) FROM found)
FROM first JOIN store.shots USING (report, shot) JOIN store.reports USING (report) JOIN store.films USING (film)
ORDER BY probability DESC, report, shot
"""
SHOTS_OF_TAG = """
(SELECT report, shot, probability FROM store.shot_tags
WHERE list_contains($tags_{place}::INTEGER[], tag) AND probability >= $least) AS t_{place}
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for.

    Raises:
        BadSettings: `least` is out of its range.
    """

    wanted: tuple[str, ...]
    """Tags, by name or slug; all of them."""
    unwanted: tuple[str, ...] = ()
    """None of these."""
    least: float | None = None
    """Of each tag that is wanted, and less of those that are not: confidence, of shots probability."""
    vocabulary: str | None = None
    """Only by tags of this one."""
    top: int = 20

    def __post_init__(self) -> None:
        """Checks the range; NaN is in none."""
        if self.least is not None and not 0 <= self.least <= 1:
            raise BadSettings(f"min = {self.least}: from 0 to 1")


@dataclass(frozen=True, slots=True)
class FoundFilm:
    """A film that shows what is looked for."""

    film: str
    path: str
    duration_s: float
    confidence: float | None
    """The least of those of its tags; None: one says nothing of it."""
    confidences: tuple[float | None, ...]
    """Of each tag that was asked for."""
    shots: tuple[int, ...]
    """That have each tag among their first three."""


@dataclass(frozen=True, slots=True)
class FoundShot:
    """A shot that shows what is looked for."""

    film: str
    path: str
    shot: int
    start_s: float
    end_s: float
    probability: float
    """The least of those of its tags."""
    probabilities: tuple[float, ...]
    """Of each tag that was asked for."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found."""

    tags: tuple[str, ...]
    """That were asked for, as they are called."""
    first: tuple[T, ...]
    """Best first."""
    total: int
    """How many there are in all."""
    untrained: tuple[str, ...]
    """Tags asked for that nothing knows, so that no film shows them."""


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag of a library; two vocabularies may write it in two ways."""

    name: str
    numbers: tuple[int, ...]


def films(store: DuckDBPyConnection, query: Query) -> Found[FoundFilm]:
    """Returns the films that show all that is wanted, and nothing that is not.

    A film shows a tag at a confidence of `least`; without it, if a shot has the tag among its first three, or it is
    sure. It does not show one at a confidence below `least`; without it, if that is not sure.

    Raises:
        BadSettings: the library knows no such vocabulary, or no such tag; names those like it.
    """
    tags = _Tags(store, query)
    numbers = [(number, place) for place, tag in enumerate(tags.wanted) for number in tag.numbers]
    rows = tags.ask(
        FILMS, least=query.least, sure=SURE, count=len(tags.wanted),
        tags=[number for number, _ in numbers], places=[place for _, place in numbers],
    )  # fmt: skip
    found = (
        FoundFilm(name, path, duration_s, least, tuple(each), tuple(shots))
        for name, path, duration_s, least, each, shots, _ in rows
    )
    return Found(tags.names, tuple(found), rows[0][-1] if rows else 0, tags.untrained())


def shots(store: DuckDBPyConnection, query: Query) -> Found[FoundShot]:
    """Returns the shots that have all that is wanted among their first three tags, and nothing that is not.

    Raises:
        BadSettings: as `films`.
    """
    tags = _Tags(store, query)
    places = range(len(tags.wanted))
    sql = SHOTS.format(
        probabilities=", ".join(f"t_{place}.probability" for place in places),
        tags=" JOIN ".join(
            SHOTS_OF_TAG.format(place=place) + " USING (report, shot)" * (place > 0) for place in places
        ),
    )
    numbers = {f"tags_{place}": list(tag.numbers) for place, tag in enumerate(tags.wanted)}
    rows = tags.ask(sql, least=query.least or 0.0, **numbers)
    found = (
        FoundShot(name, path, shot, start_s, end_s, least, tuple(each))
        for name, path, shot, start_s, end_s, least, each, _ in rows
    )
    return Found(tags.names, tuple(found), rows[0][-1] if rows else 0, tags.untrained())


class _Tags:
    """The tags of a library that a query is about."""

    def __init__(self, store: DuckDBPyConnection, query: Query) -> None:
        """Looks them up.

        Raises:
            BadSettings: the library knows no such vocabulary, or no such tag.
        """
        self._store, self._query = store, query
        said = store.execute("SELECT DISTINCT vocabulary FROM store.reports ORDER BY vocabulary").fetchall()
        vocabularies = [name for (name,) in said]
        if query.vocabulary is not None and query.vocabulary not in vocabularies:
            have = ", ".join(vocabularies) or "none"
            raise BadSettings(f"vocabulary {query.vocabulary!r}: no film of the library has its tags, but of {have}")
        self._known: dict[str, list[tuple[int, str]]] = {}
        for number, name, known in store.execute("SELECT tag, name, slug FROM store.names ORDER BY tag").fetchall():
            self._known.setdefault(slug(known) or known, []).append((number, name))
        self.wanted = tuple(dict.fromkeys(map(self._named, query.wanted)))
        self.unwanted = tuple(map(self._named, query.unwanted))

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are wanted."""
        return tuple(tag.name for tag in self.wanted)

    def ask(self, sql: str, **values: object) -> list[Any]:
        """Returns the rows that answer."""
        unwanted = [number for tag in self.unwanted for number in tag.numbers]
        same = {"unwanted": unwanted, "vocabulary": self._query.vocabulary, "top": self._query.top}
        return self._store.execute(sql, {**same, **values}).fetchall()

    def untrained(self) -> tuple[str, ...]:
        """Returns the names of those wanted that nothing knows."""
        known = "SELECT bool_or(trained) FROM store.tags WHERE list_contains(?, tag)"
        trained = (self._store.execute(known, [list(tag.numbers)]).fetchall()[0][0] for tag in self.wanted)
        return tuple(name for name, one in zip(self.names, trained, strict=True) if one is False)

    def _named(self, name: str) -> _Tag:
        """The tag of this name or slug, in any case."""
        asked = slug(utf8(name)) or utf8(name)
        if asked not in self._known:
            raise BadSettings(f"tag {name!r}: no film of the library has such a tag{but_alike(asked, self._known)}")
        return _Tag(self._known[asked][0][1], tuple(number for number, _ in self._known[asked]))
