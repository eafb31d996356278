"""What can be said of a film by rules: how likely each note is, where it shows, and what cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tagger.advisory.rules import Judged, Rules, Wording
from tagger.errors import BadSettings
from tagger.measured import SureAnswers, sure_answers
from tagger.records import PERSON, RankedTag, TagReport
from tagger.segments import Segment, find, likeliest, named, subjects
from tagger.vocabulary import Group, slug

VERY_LIKELY, LIKELY, POSSIBLE, NOTHING = "very likely", "likely", "possible", "nothing found"
UNJUDGED = "cannot be judged"
ADDED, STRUCK = "said by a person", "struck by a person"
LIKELIHOODS = (ADDED, VERY_LIKELY, LIKELY, POSSIBLE, NOTHING, UNJUDGED, STRUCK)
HEAD = ("head", "")  # answered; early reports do not say it
UNMEASURED = SureAnswers(None, None)


@dataclass(frozen=True, slots=True)
class NoteTag:
    """A tag that speaks for a note."""

    tag: str
    slug: str
    confidence: float | None
    """That the film shows it; None where the report does not say it."""
    precision: float | None
    """Share of its sure answers that is true; None where nobody measured it."""
    recall: float | None
    """Share of the films that show it of which it is sure; None where nobody measured it."""
    why_not: str = ""
    """Why it is not judged by; empty where it is."""
    by_person: bool = False
    """A person added or struck it."""

    @property
    def struck(self) -> bool:
        """Whether a person said that the film does not show it."""
        return self.by_person and not self.confidence

    @property
    def counts(self) -> bool:
        """Whether its note is judged by it."""
        return not (self.why_not or self.struck)


@dataclass(frozen=True, slots=True)
class Note:
    """What is said of one thing."""

    name: str
    likelihood: str
    """One of `LIKELIHOODS`."""
    confidence: float | None
    """That of the likeliest tag that is judged by; None where none is, or nothing says it."""
    tags: tuple[NoteTag, ...]
    places: tuple[Segment, ...]
    """Where it shows, in the order of the film."""
    share: float
    """Of the film that these places are, 0 to 1."""
    strongest: tuple[float, float] | None
    """When it is the most probable, in seconds, and how probable it is there; None where no shot says."""

    @property
    def duration_s(self) -> float:
        """How long its places last together."""
        return sum((place.duration_s for place in self.places), 0.0)

    @property
    def first_s(self) -> float | None:
        """When the first of its places begins; None without any."""
        return self.places[0].start_s if self.places else None

    @property
    def judged(self) -> tuple[NoteTag, ...]:
        """The tags that it is judged by."""
        return tuple(tag for tag in self.tags if tag.counts)

    @property
    def missed(self) -> float | None:
        """Share of the films that show it which have no sure answer, by the weakest of its tags; None: not measured."""
        recalls = [tag.recall for tag in self.judged]
        known = [recall for recall in recalls if recall is not None]
        return 1 - min(known) if known and len(known) == len(recalls) else None


@dataclass(frozen=True, slots=True)
class Advisory:
    """What is said of a film."""

    report: TagReport
    rules: Rules
    notes: tuple[Note, ...]
    """In the order of the rules."""


def advise(report: TagReport, rules: Rules) -> Advisory:
    """Returns what a report says by these rules.

    Raises:
        BadSettings: the rules name a tag that the report has not; names those like it.
    """
    figures = sure_answers(report)
    return Advisory(report, rules, tuple(_note(report, rules, one, figures) for one in rules.note))


def _note(report: TagReport, rules: Rules, wording: Wording, figures: Mapping[str, SureAnswers]) -> Note:
    tags = tuple(_tag(tag, figures, rules.judged) for tag in _ranked(report, rules, wording))
    judged = [tag for tag in tags if tag.counts]
    if not judged:
        struck = bool(tags) and all(tag.struck for tag in tags)
        return Note(wording.name, STRUCK if struck else UNJUDGED, None, tags, (), 0.0, None)
    found = find(report, [], rules.places, [Group(wording.name, tuple(slug(tag.slug) for tag in judged))])
    confidence = max((tag.confidence for tag in judged if tag.confidence is not None), default=None)
    by_person = any(tag.by_person for tag in judged)
    likelihood = ADDED if by_person else _likelihood(rules, confidence, shows=bool(found.segments))
    strongest = likeliest(report, found.tags[0])
    return Note(
        wording.name, likelihood, confidence, tags, found.segments, found.share(found.tags[0]),
        strongest and (strongest[1].start_s, strongest[0]),
    )  # fmt: skip


def _ranked(report: TagReport, rules: Rules, wording: Wording) -> Iterator[RankedTag]:
    """The tags of a note, each once."""
    ranked, every = {tag.slug: tag for tag in report.tags}, subjects(report)
    try:
        yield from (ranked[one] for one in dict.fromkeys(named(every, tag, report).slug for tag in wording.tags))
    except BadSettings as error:
        raise BadSettings(f"{rules.path}: note {wording.name!r}: {error}") from error


def _tag(tag: RankedTag, figures: Mapping[str, SureAnswers], least: Judged) -> NoteTag:
    known = figures.get(tag.slug, UNMEASURED) if tag.answered_by in HEAD else UNMEASURED
    by_person = tag.answered_by == PERSON
    why_not = "" if by_person else _weakness(known, least) if tag.trained else "never trained"
    return NoteTag(tag.tag, tag.slug, tag.confidence, known.precision, known.recall, why_not, by_person)


def _weakness(known: SureAnswers, least: Judged) -> str:
    """Why a tag is too weak to judge by; nothing where it is not, or where nobody measured it."""
    parts = []
    if known.recall is not None and known.recall < least.recall:
        parts.append(f"sure of {100 * known.recall:.1f} % of the films that show it")
    if known.precision is not None and known.precision < least.precision:
        parts.append(f"{100 * known.precision:.0f} % of its sure answers right")
    return ", ".join(parts)


def _likelihood(rules: Rules, confidence: float | None, *, shows: bool) -> str:
    """What a confidence is called; where some place shows it, it is possible whatever the film as a whole is like."""
    levels = rules.likelihood
    for level, name in ((levels.very_likely, VERY_LIKELY), (levels.likely, LIKELY), (levels.possible, POSSIBLE)):
        if confidence is not None and confidence >= level:
            return name
    return POSSIBLE if shows else NOTHING
