"""Another vocabulary is asked about films that were tagged before: features that were kept -> scores -> report.

No film is decoded and no network runs. A head that reads features needs nothing but its own file, and its digest says
whether they are those it was trained on. One that reads class evidence needs the network's last layer, for which the
network is loaded once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from tagger import ranking, vocabulary
from tagger.errors import BadHead, BadVocabulary, BadWeights, MovieTagsError, WeightsMissing
from tagger.files import is_file
from tagger.models import head, nudity, registry
from tagger.models.backbone import Backbone, WithoutNetwork, whole_sha256
from tagger.models.head import ANY_NETWORK, FEATURES, Head
from tagger.models.kept import KeptFeatures, Network
from tagger.models.model import Model, check_inputs
from tagger.records import ModelInfo, TagReport
from tagger.version import __version__
from tagger.vocabulary import PORTABLE

AGAIN = "or tag its films again"


class Networks:
    """The last layers of networks, each loaded once."""

    def __init__(self, weights: Path | None = None) -> None:
        """Loads nothing yet.

        Args:
            weights: a file of theirs in place of the usual one.

        Raises:
            WeightsMissing: there is no such file.
        """
        if weights and not is_file(weights):
            raise WeightsMissing(f"{weights}: no such weights file")
        self._weights = weights
        self._loaded: dict[tuple[str, Path | None], Backbone] = {}

    def of(self, made: Network, tuned: Path | None) -> Backbone:
        """Returns what is known of the network that made features, its classifier too.

        Args:
            made: the network.
            tuned: the file of its weights that a vocabulary came with.

        Raises:
            BadWeights: the network that is here has other numbers.
            BadSettings, WeightsMissing, LibraryMissing, NetworkFailed: as `tagger.models.registry.load`.
        """
        file = self._weights or tuned
        if (made.name, file) not in self._loaded:
            self._loaded[made.name, file] = WithoutNetwork.of(registry.load(made.name, file))
        found = self._loaded[made.name, file]
        if (found.identity, found.sha256) != (made.identity, made.sha256):
            raise BadWeights(
                f"the features are of {made.identity} {made.sha256[:12]}, {found.source} holds {found.identity} "
                f"{found.sha256[:12]}: name its file with --weights, {AGAIN}"
            )
        return found


class Retagger:
    """A vocabulary, asked about features that were kept."""

    def __init__(self, name: Path | str, networks: Networks | None = None) -> None:
        """Reads the vocabulary; heads are read when features of their networks come.

        Raises:
            BadVocabulary: the vocabulary cannot be used.
        """
        self.vocabulary = vocabulary.load(name)
        self._asked = str(name)
        self._networks = networks or Networks()
        self._models: dict[tuple[Network, bool], tuple[Model, ModelInfo] | MovieTagsError] = {}

    def report(self, old: TagReport, kept: KeptFeatures) -> TagReport:
        """Returns the report of a film with the tags of this vocabulary; all else is as in the one it has.

        Args:
            old: the report that the film has.
            kept: its features.

        Raises:
            BadVocabulary: it has no head for the network of these features.
            BadHead: its head cannot be used, or was trained on other weights of that network.
            BadWeights, WeightsMissing, LibraryMissing, NetworkFailed: its head reads class evidence, and the last layer
                of the network cannot be had.
            NonFiniteFeatures: the head's numbers are too large.
        """
        model, info = self._model(kept)
        scores = model.scores_of(kept.columns if model.nudity else kept.features)
        return replace(
            old,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            version=__version__,
            model=info,
            settings={**old.settings, "vocabulary": self._asked},
            tags=ranking.rank(scores, self.vocabulary, model.answered_by, model.confidence(scores)),
            shots=ranking.tagged_shots(old.shots, scores, self.vocabulary),
            slugs=self.vocabulary.slugs,
        )

    def _model(self, kept: KeptFeatures) -> tuple[Model, ModelInfo]:
        """What answers for these features, made once; what was wrong once is wrong for all of their network."""
        key = kept.network, kept.nudity is not None
        if key not in self._models:
            try:
                model = self._made(*key)
                self._models[key] = model, model.info(self.vocabulary.name)
            except MovieTagsError as error:
                self._models[key] = error
        found = self._models[key]
        if isinstance(found, MovieTagsError):
            raise found
        return found

    def _made(self, made: Network, asked: bool) -> Model:
        words = self.vocabulary
        if not {made.name, PORTABLE} & {*words.heads}:
            raise BadVocabulary(
                f"vocabulary {words.name} has a head for {', '.join(words.heads) or 'no backbone'}, none for "
                f"{made.name}, whose features these are: name a vocabulary trained with --backbone {made.name}, {AGAIN}"
            )
        known = head.load(words.head_path(made.name), words)
        at = nudity.open_place(words, known) if asked else None
        return Model(self._network(made, known), known, None if at is None else nudity.Told(at))

    def _network(self, made: Network, known: Head) -> Backbone:
        """What the head has to know of the network of these features, which must be the one it was trained on."""
        network: Backbone = WithoutNetwork(  # nobody looks at pictures
            name=made.name, identity=made.identity, sha256=made.sha256, source=made.name, input_size=0,
            feature_count=made.feature_count, parameters=0, batch_size=1,
        )  # fmt: skip
        numbers = made.sha256
        if known.reads != FEATURES:
            network = self._networks.of(made, self.vocabulary.weights_path(made.name))
            numbers = whole_sha256(network)
        if known.backbone != ANY_NETWORK and (known.backbone, known.backbone_sha256) != (made.identity, numbers):
            raise BadHead(
                f"the head for {made.name} in {self.vocabulary.folder} was trained on {known.backbone} "
                f"{known.backbone_sha256[:12]}, the features are of {made.identity} {numbers[:12]}: name a vocabulary "
                f"trained on these, {AGAIN}"
            )
        check_inputs(network, known, self.vocabulary)
        return network
