"""Fixtures: films made here, and real ones where they lie beside the repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import faults as faulty
import hypothesis
import libraries
import media
import pytest

from tagger.models.packaged import PackagedFile
from tagger.settings import Settings
from tagger.video.film import Film

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A machine that is busy makes no test fail: how long things take is for benchmarks to say.
hypothesis.settings.register_profile("movietags", deadline=None)
hypothesis.settings.load_profile("movietags")

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="campaigns in full: hundreds of cases where a sample runs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test comes first: at the end one worker would wait for it."""
    items.sort(key=lambda item: "test_movies50" not in item.nodeid)


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Returns how many cases a campaign tries: the first number, the second with --nightly."""
    nightly = bool(request.config.getoption("--nightly"))
    return lambda sample, full: full if nightly else sample


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """Three shots of 30, 45 and 25 numbered frames."""
    return media.film(tmp_path_factory.mktemp("film") / "three shots.mp4")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real clips, pictures and networks; the test is skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real clips and networks beside the repository")
    return SHARED


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, fills or depends on this user's weights cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture(autouse=True)
def own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nor this user's library; where the one is that is meant if none is named."""
    place = tmp_path / "library.duckdb"
    monkeypatch.setenv("MOVIETAGS_LIBRARY", str(place))
    return place


@pytest.fixture
def library(tmp_path: Path, own_library: Path) -> Path:
    """A library of four films, whose reports are in the folder tags beside it."""
    for report in libraries.FILMS:
        libraries.put(report, tmp_path / "tags")
    libraries.added(own_library, tmp_path / "tags")
    return own_library


INSTALLED = PackagedFile.here


@pytest.fixture(scope="module", autouse=True)
def own_packages(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test finds in its own process does not depend on the packages of weights that are installed here."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.node.get_closest_marker("packages"):
            patch.setattr(PackagedFile, "here", property(lambda _: None))
        yield


@pytest.fixture(autouse=True)
def real_packages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """But those that ask for them see them."""
    if request.node.get_closest_marker("packages"):
        monkeypatch.setattr(PackagedFile, "here", INSTALLED)


@pytest.fixture
def faults(tmp_path: Path) -> dict[str, str]:
    """The environment in which decoding processes fail with films of certain names."""
    return faulty.environment(tmp_path / "hook")


@pytest.fixture
def key_frames_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that is asked to be fast goes by key frames, also in films too short to show whether it may."""
    from tagger.shots import evidence, scan

    def chosen(film: Film, settings: Settings) -> evidence.Choice:
        if settings.scan != "fast":
            return evidence.choose(film, settings)
        full_gops, against = evidence.group_lengths(film)
        return evidence.Choice("full", against) if against else evidence.Choice("fast", "told to", full_gops)

    monkeypatch.setattr(scan, "choose", chosen)
