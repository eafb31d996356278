"""The public API: `Tagger`, which keeps a model for many films, and a function for each thing that is asked once.

Importing this costs nothing: what a function needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.settings import Settings

if TYPE_CHECKING:
    from tagger.advisory.notes import Advisory
    from tagger.compare.agreement import Agreement
    from tagger.evaluation.images import Evaluation
    from tagger.images import Pixels
    from tagger.pipeline import Engine
    from tagger.records import CountProgress, FilmProgress, ScannedShot, ShotTag, TagReport
    from tagger.reports.kept import FilmFeatures
    from tagger.segments import Segments
    from tagger.vocabulary import Group


class Tagger:
    """Tags films and pictures with one model, which is loaded once, while the first film is being read.

    >>> import tagger
    >>> with tagger.Tagger(detector="content") as films:  # doctest: +SKIP
    ...     reports = [films.extract(path) for path in ("one.mp4", "two.mkv")]

    Threads may share it. Leaving the `with` block, or `close`, lets the model go.
    """

    def __init__(self, settings: Settings | None = None, **choices: Any) -> None:
        """Checks settings, vocabulary and head; the network is loaded when it is needed.

        Args:
            settings: how films are tagged; the defaults if there are none.
            **choices: fields of `Settings`, in place of those of `settings`.

        Raises:
            BadSettings: a choice that is none, or is out of its range.
            BadVocabulary: the vocabulary cannot be used, or has no head for the backbone.
            WeightsMissing: there is no such file of weights.
        """
        from tagger.pipeline import Engine

        self._engine: Engine | None = Engine(Settings.of(settings, choices))

    def __enter__(self) -> Tagger:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lets the model go."""
        self.close()

    def __repr__(self) -> str:
        """Says which network and tags."""
        return f"<Tagger: {self._engine.describe() if self._engine else 'closed'}>"

    @property
    def settings(self) -> Settings:
        """What it tags with: `backbone` names the network that "auto" stands for here."""
        return self._open().settings

    def extract(self, film: Path | str, *, progress: FilmProgress | None = None) -> TagReport:
        """Returns the report of one film.

        Args:
            film: its path; of numbered pictures their folder, or a pattern as scan_%06d.dpx.
            progress: is told how far decoding is: seconds of the film, and its declared length; from another thread.

        Raises:
            BadPath, VideoUnreadable: the film cannot be read. (A missing one is a FileNotFoundError, too.)
            NonFiniteFeatures: the network failed on a frame.
            SetupError: no film can be tagged so: weights that are missing or do not fit, no such device, ...
        """
        return self._open().extract(Path(film), progress)

    def features(self, film: Path | str, *, progress: FilmProgress | None = None) -> FilmFeatures:
        """Returns the report of one film together with the features of its kept keyframes.

        Args:
            film: as of `extract`.
            progress: as of `extract`.

        Raises:
            BadPath, VideoUnreadable, NonFiniteFeatures, SetupError: as `extract`.
        """
        from tagger.reports.kept import FilmFeatures

        return FilmFeatures(*self._open().extract_with_features(Path(film), progress))

    def tag(self, images: Iterable[Path | str | Pixels]) -> list[tuple[ShotTag, ...]]:
        """Returns the tags of each picture: the up to three with the most evidence, best first, with probabilities.

        Args:
            images: paths of pictures, or uint8 RGB (height, width, 3). Bars are taken off, as of frames.

        Raises:
            BadPath: a picture cannot be read.
            BadPicture: an array is none, or one picture stands where several are expected.
            NonFiniteFeatures, SetupError: as `extract`.
        """
        from tagger.errors import BadPicture
        from tagger.images import checked, read_picture

        if isinstance(images, str | Path) or getattr(images, "ndim", 0) == 3:
            raise BadPicture("one picture where several are expected: put it into a list")
        pictures = (read_picture(Path(image)) if isinstance(image, str | Path) else checked(image) for image in images)
        return self._open().tag(pictures)

    def close(self) -> None:
        """Lets the model go; what is called afterwards raises ValueError."""
        self._engine = None

    def _open(self) -> Engine:
        if self._engine is None:
            raise ValueError("this Tagger is closed: make another")
        return self._engine


def extract(
    film: Path | str, settings: Settings | None = None, *, progress: FilmProgress | None = None, **choices: Any
) -> TagReport:
    """Returns the report of one film: `Tagger(settings, **choices).extract(film, progress=progress)`."""
    with Tagger(settings, **choices) as tagger:
        return tagger.extract(film, progress=progress)


def shots(
    film: Path | str, settings: Settings | None = None, *, progress: FilmProgress | None = None, **choices: Any
) -> tuple[ScannedShot, ...]:
    """Returns the shots of a film with their keyframes, in order; no network looks at them.

    Args:
        film: its path.
        settings: `stream`, `scan`, `detector`, `min_shot_s`, `min_entropy_bits`, `hwaccel` and `rate` count.
        progress: as `Tagger.extract`.
        **choices: fields of `Settings`, in place of those of `settings`.

    Raises:
        BadPath, VideoUnreadable: the film cannot be read.
        BadSettings: a choice that is none, or is out of its range.
    """
    from tagger.shots.scan import scan
    from tagger.video.film import Film

    chosen = Settings.of(settings, choices)
    with Film(Path(film), chosen.opening) as opened:
        return tuple(picture.shot for picture in scan(opened, chosen, progress).shots)


def features(report: Path | str) -> FilmFeatures:
    """Returns the features of a film's keyframes that were kept beside its report (`--keep-features`).

    Args:
        report: path of its JSON, NAME.tags.json. `Tagger.features` gives those of a film that is tagged now.

    Raises:
        BadPath, BadReport: the report cannot be read.
        BadFeatures: its features were not kept, cannot be read, or are of another film, network or shots.
    """
    from tagger.reports.kept import read_features

    return read_features(report)


def retag(film: FilmFeatures | Path | str, vocabulary: Path | str, *, weights: Path | str | None = None) -> TagReport:
    """Returns the report of a film with the tags of another vocabulary, from features that were kept.

    Args:
        film: its features, or the path of its JSON, beside which they are.
        vocabulary: a shipped name, or a folder.
        weights: the file of weights with which the film was tagged, where that was not the usual one.

    Raises:
        BadPath, BadReport, BadFeatures: as `features`.
        BadVocabulary: it cannot be used, or has no head for the network of these features.
        BadWeights, WeightsMissing, LibraryMissing, NetworkFailed: its head reads class evidence, and the last layer of
            that network cannot be had.
    """
    from tagger.retag import Networks, Retagger

    found = features(film) if isinstance(film, str | Path) else film
    retagger = Retagger(vocabulary, Networks(None if weights is None else Path(weights)))
    return retagger.report(found.report, found.kept)


def segments(
    report: TagReport | Path | str,
    *tags: str,
    groups: Sequence[Group] = (),
    threshold: float | None = None,
    max_gap_s: float = 0.0,
    min_duration_s: float = 0.0,
) -> Segments:
    """Returns where in a film these tags are; without tags, where every tag is that some shot carries.

    Args:
        report: or the path of its JSON.
        *tags: names or slugs, in any case.
        groups: of tags, as `tagger.vocabulary.load("movies50").groups` has them; each is looked for as one.
        threshold: a shot carries every tag that is at least so probable, 0 to 1; None: its up to three tags.
        max_gap_s: segments no farther apart are joined.
        min_duration_s: shorter ones are dropped, after joining.

    Raises:
        BadPath, BadReport: the report cannot be read.
        BadSettings: no tag has such a name, or a number is out of its range.
    """
    from tagger.segments import Rule, find

    return find(_report(report), tags, Rule(threshold, max_gap_s, min_duration_s), groups)


def advisory(report: TagReport | Path | str, rules: Path | str | None = None) -> Advisory:
    """Returns what parents ask of a film: notes on violence, horror, smoking, ..., as far as its tags can say.

    Args:
        report: or the path of its JSON.
        rules: a TOML that says which tags speak for which note; by default advisory.toml of its vocabulary.

    Raises:
        BadPath, BadReport: the report cannot be read.
        BadSettings: there are no rules, they cannot be used, or name a tag that the report has not.
    """
    from tagger.advisory.notes import advise
    from tagger.advisory.rules import read_rules, rules_of

    film = _report(report)
    return advise(film, rules_of(film) if rules is None else read_rules(Path(rules)))


def compare(a: TagReport | Path | str, b: TagReport | Path | str) -> Agreement:
    """Returns how far the tags of two films agree, such as those of a trailer with those of its film, and what is sure.

    Args:
        a: report of the one, or the path of its JSON.
        b: of the other.

    Raises:
        BadPath, BadReport: a report cannot be read, or they are not of the same tags.
    """
    from tagger.compare import agreement

    return agreement.compare(_report(a), _report(b))


def evaluate(
    images: Path | str, settings: Settings | None = None, *, progress: CountProgress | None = None, **choices: Any
) -> Evaluation:
    """Returns how good tags are for the pictures of a folder that has one sub-folder for each tag, named by slug.

    Args:
        images: the folder.
        settings: whose vocabulary and backbone answer.
        progress: is told after each file.
        **choices: fields of `Settings`, in place of those of `settings`.

    Raises:
        BadPath: no such folder, no sub-folder of a tag, or no picture in them.
        BadSettings, BadVocabulary, BadWeights, WeightsMissing: as `Tagger`.
    """
    from tagger.evaluation.images import evaluate as measure
    from tagger.pipeline import Engine

    return measure(Engine(Settings.of(settings, choices)), Path(images), progress)


def _report(report: TagReport | Path | str) -> TagReport:
    """The report itself, or what its file holds."""
    if isinstance(report, str | Path):
        from tagger.reports.corrections import read_report

        return read_report(report)
    return report
