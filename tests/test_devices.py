"""Decoders in hardware, GPUs, and batches as long as pays: what is not here is said in one line, and does no harm."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import media
import networks
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from tagger import Settings, Tagger
from tagger.errors import BadSettings, BadWeights, DeviceMissing, NetworkFailed, NonFiniteFeatures, VideoUnreadable
from tagger.models import devices, registry
from tagger.models.backbone import whole_sha256
from tagger.models.compact import CompactBackbone
from tagger.models.devices import PROCESSOR, Device, choose
from tagger.models.keras_apps import AppBackbone, KerasBackbone, Room
from tagger.pipeline import Engine
from tagger.process import hardware_decoders
from tagger.settings import USUAL_OPENING, Opening
from tagger.shots.scan import scan
from tagger.shots.thumbnails import LUMA, Shrinker
from tagger.video import container
from tagger.video import film as video
from tagger.video.film import Film, Frame
from tagger.video.observer import Observer

SMALL = "mobilenet-0.25-128"
NVIDIA = Path("/dev/nvidia0").exists()
Network = CompactBackbone | AppBackbone


def pictures(count: int) -> list[np.ndarray]:
    return [media.scenery(seed, 200 + 10 * seed, 150) for seed in range(count)]


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return networks.save(SMALL, tmp_path_factory.mktemp("weights") / "random.h5")


def loaded(name: str, weights: Path | None = None, batch_size: int | None = None, device: str = "auto") -> Network:
    made = registry.load(name, weights, batch_size, device)
    assert isinstance(made, Network)
    return made


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the package said so far."""
    caplog.set_level(logging.INFO, "tagger")
    return lambda: [record.getMessage() for record in caplog.records if record.name.startswith("tagger")]


# Decoders in hardware


def test_what_ffmpeg_does_not_know_is_refused_with_what_it_knows() -> None:
    for name in ("none", "auto", *hardware_decoders()):
        assert Settings(hwaccel=name).hwaccel == name
    with pytest.raises(BadSettings) as caught:
        Settings(hwaccel="magic")
    assert str(caught.value) == f"hwaccel 'magic': choose one of {', '.join(('none', 'auto', *hardware_decoders()))}"


@pytest.mark.skipif(NVIDIA, reason="needs a machine without an NVIDIA GPU")
@pytest.mark.skipif("cuda" not in hardware_decoders(), reason="needs an FFmpeg that knows cuda")
@pytest.mark.parametrize("hwaccel", ["cuda", "auto"])
def test_a_device_that_is_not_here_costs_one_line(
    film: media.Truth, hwaccel: str, said: Callable[[], list[str]]
) -> None:
    observer = Observer()
    with Film(film.path) as opened:
        numbers = [media.read_number(frame.pixels()) for frame in opened.frames(observer, hwaccel)]
    assert observer.decode_failures == 0
    assert numbers == list(range(film.frame_count))
    (line,) = said()
    assert line.startswith(f"{film.path}: decoded on the processor: cuda cannot be used (")
    for other in hardware_decoders()[1:] if hwaccel == "auto" else ():
        assert f", {other} " in line
    assert "\n" not in line


def test_a_codec_that_a_device_does_not_know_costs_one_line(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    truth = media.film(tmp_path / "odd\nname.avi", (10,), codec="huffyuv", pix_fmt="yuv422p")
    for device in hardware_decoders():
        with Film(truth.path) as opened:
            assert sum(1 for _ in opened.frames(hwaccel=device)) == truth.frame_count
    folder = str(tmp_path)
    assert said() == [
        f"{folder}/odd\\x0aname.avi: decoded on the processor: {device} does not decode huffyuv"
        for device in hardware_decoders()
    ]


def test_without_the_option_nothing_is_tried_or_said(
    film: media.Truth, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_refusal", lambda *_: pytest.fail("tried a device"))
    with Film(film.path) as opened:
        assert sum(1 for _ in opened.frames()) == film.frame_count
    assert said() == []


@pytest.mark.parametrize(
    ("memory", "found", "expected"),
    [
        ("cuda", True, ""),
        ("yuv420p", True, "does not decode this h264"),  # FFmpeg fell back, as it does where a profile is unknown
        ("cuda", False, "gave no picture"),
    ],
)
def test_a_device_is_tried_on_the_first_picture(
    film: media.Truth, monkeypatch: pytest.MonkeyPatch, memory: str, found: bool, expected: str
) -> None:
    """`memory` is the format of the decoder; with a device whose pictures were fetched, theirs is another."""

    def opened(path: Path, tried: ExitStack, opening: Opening, device: str) -> tuple[Any, Any]:
        held, stream = real(path, tried, opening)
        codec = SimpleNamespace(is_hwaccel=True, name="h264", pix_fmt=memory, decode=stream.codec_context.decode)
        given = SimpleNamespace(demux=lambda _: held.demux(stream), format=held.format)
        return given, SimpleNamespace(codec_context=codec, index=stream.index)

    real = container._opened
    monkeypatch.setattr(container, "_opened", opened)
    if not found:
        monkeypatch.setattr(container, "decoded", lambda *_: None)
    assert container._refusal(film.path, USUAL_OPENING, "cuda") == expected


def test_a_device_that_takes_the_film_decodes_it_without_threads(
    film: media.Truth, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[str]]
) -> None:
    """As far as that goes without one: what is opened for it decodes here on the processor."""
    monkeypatch.setattr(container, "_refusal", lambda *_: "")
    monkeypatch.setattr(container, "HWAccel", lambda *_, **__: None)
    with ExitStack() as opened:
        _, stream = container.open_video(film.path, opened, hwaccel=hardware_decoders()[0])
        assert stream.thread_type.name == "NONE"
    with Film(film.path) as whole:
        assert sum(1 for _ in whole.frames(hwaccel="auto")) == film.frame_count
    assert said() == []


@pytest.mark.skipif(NVIDIA, reason="needs a machine without an NVIDIA GPU")
@pytest.mark.skipif("cuda" not in hardware_decoders(), reason="needs an FFmpeg that knows cuda")
def test_a_device_that_goes_away_after_it_was_tried_costs_one_line(
    film: media.Truth, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(container, "_refusal", lambda *_: "")
    with Film(film.path) as whole:
        assert sum(1 for _ in whole.frames(hwaccel="cuda")) == film.frame_count
    assert len(said()) == 1


def test_what_is_no_film_says_only_that(tmp_path: Path, said: Callable[[], list[str]]) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with ExitStack() as opened, pytest.raises(VideoUnreadable, match="is no video that FFmpeg can open"):
        container.open_video(tmp_path / "text.mp4", opened, hwaccel="auto")
    assert said() == []


@pytest.mark.parametrize("memory", ["nv12", "p010le"])
def test_pictures_in_the_formats_of_devices_are_the_same_pictures(film: media.Truth, memory: str) -> None:
    with Film(film.path) as opened:
        for frame in opened.frames():
            fetched = Frame(frame.index, frame.time_s, frame.picture.reformat(format=memory))
            assert fetched.picture.format.name == memory
            assert media.read_number(fetched.pixels()) == frame.index
            assert np.abs(fetched.pixels().astype(int) - frame.pixels()).mean() < 1.5  # of 255
            ours, theirs = Shrinker()(frame.picture).values, Shrinker()(fetched.picture).values
            assert np.abs(ours.astype(int) - theirs)[:LUMA].mean() < 0.5
            assert np.abs(ours.astype(int) - theirs)[LUMA:].mean() < 0.5
            assert fetched.nbytes > 0


@pytest.mark.parametrize("memory", ["nv12", "p010le"])
def test_shots_are_the_same_in_the_formats_of_devices(
    film: media.Truth, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(*packet: Any) -> list[Any]:
        return [picture.reformat(format=memory) for picture in container.decoded(*packet) or ()]

    monkeypatch.setattr(video, "decoded", fetched)
    with Film(film.path) as opened:
        assert [found.shot.keyframe.frame for found in scan(opened, Settings(scan="full")).shots] == [15, 52, 87]


@pytest.mark.usefixtures("key_frames_trusted")
def test_a_full_scan_uses_it_and_a_fast_one_does_not(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def look(path: Path, opening: Opening, device: str) -> str:
        tried.append(device)
        return "is only looked at"

    monkeypatch.setattr(container, "_refusal", look)
    device = hardware_decoders()[0]
    for how, expected in (("fast", []), ("full", [device])):
        with Film(film.path) as opened:
            scanning = scan(opened, Settings(scan=how, hwaccel=device))
            assert [found.shot.start_frame for found in scanning.shots] == [0, *film.cuts]
        assert (scanning.how.used, tried) == (how, expected)


def test_the_command_says_it_once_and_the_report_says_what_was_asked(film: media.Truth) -> None:
    words = [sys.executable, "-m", "tagger", "extract", str(film.path), "--hwaccel", "auto", "-o", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    settings = json.loads(done.stdout)["settings"]
    assert (settings["hwaccel"], settings["device"], settings["precision"]) == ("auto", "auto", "float32")
    assert settings["batch_size"] == 16
    model, *rest = done.stderr.splitlines()
    assert model.startswith("movietags: backbone")
    assert all(line.startswith(f"movietags: {film.path}: decoded on the processor: ") for line in rest)
    assert len(rest) <= 1
    quiet = subprocess.run([*words, "-q"], capture_output=True, text=True, check=True)
    assert quiet.stderr == ""


# GPUs


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        ("auto", ["cpu:0"], Device()),
        ("auto", ["gpu:0", "gpu:1"], Device(is_gpu=True)),
        ("auto", ["tpu:0"], Device()),
        ("cpu", ["gpu:0"], PROCESSOR),
        ("gpu", ["gpu:2", "gpu:3"], Device("gpu:2", is_gpu=True)),
        ("gpu:3", ["gpu:2", "gpu:3"], Device("gpu:3", is_gpu=True)),
    ],
)
def test_the_device_that_is_meant(asked: str, found: list[str], expected: Device) -> None:
    assert choose(asked, found) == expected


def test_only_a_gpu_computes_in_half_precision_and_in_large_batches() -> None:
    """Not a processor that has instructions for bfloat16: see `Device.precision`."""
    assert (Device("cpu:0").precision, Device("cpu:0").batch_size) == ("float32", 16)
    assert (Device("gpu:0", is_gpu=True).precision, Device("gpu:0", is_gpu=True).batch_size) == ("mixed_float16", 64)


@pytest.mark.parametrize(("asked", "found"), [("gpu", ["cpu:0"]), ("gpu:1", ["gpu:0"]), ("gpu", [])])
def test_a_gpu_that_is_not_here_is_one_line_with_what_is(asked: str, found: list[str]) -> None:
    with pytest.raises(DeviceMissing) as caught:
        choose(asked, found)
    expected = f"--device {asked}: Keras finds {', '.join(found) or 'nothing'} here: use --device cpu, or install"
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("device", ["", "GPU", "tpu", "gpu:", "gpu:x", "cpu:0", "gpu:1 "])
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(BadSettings, match="choose auto, cpu, gpu or gpu:N"):
        Settings(device=device)


def test_the_command_ends_with_the_first_film(
    film: media.Truth, random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "keras_devices", lambda: ["cpu:0"])
    words = ["extract", str(film.path), str(film.path), "--backbone", SMALL, "--weights", str(random_weights)]
    done = CliRunner().invoke(cli.cli, [*words, "--device", "gpu"])
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert errors == [
        "movietags: error: --device gpu: Keras finds cpu:0 here: use --device cpu, "
        "or install movietags[gpu] where there is a GPU"
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hwaccel", "magic"], "hwaccel 'magic': choose one of none, auto"),
        (["--device", "tpu"], "device 'tpu': choose auto, cpu, gpu or gpu:N"),
        (["--batch-size", "many"], "'many' is not a valid integer"),
        (["--batch-size", "1025"], "batch_size = 1025: from 1 to 1024"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str) -> None:
    done = CliRunner().invoke(cli.cli, ["extract", "film.mp4", *words])
    assert done.exit_code == 2
    assert message in done.stderr.splitlines()[-1]


def test_what_keras_finds_here() -> None:
    assert devices.keras_devices()[0] in ("cpu:0", "gpu:0")


def test_the_embedded_network_says_that_it_stays(film: media.Truth, said: Callable[[], list[str]]) -> None:
    there, here = (Tagger(Settings(device=device)).extract(film.path) for device in ("gpu:7", "auto"))
    assert there.tags == here.tags
    assert said() == ["compact runs on the processor: --device gpu:7 is for the networks of Keras"]


ELSEWHERE = """
import sys; sys.path.insert(0, "tests")
import keras, numpy as np, test_devices as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tagger.models import devices, registry
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
assert devices.keras_devices() == ["cpu:0", "cpu:1"], devices.keras_devices()
devices.choose = lambda asked, found: devices.Device("cpu:1", is_gpu=True)
with ThreadPoolExecutor(1) as loader:
    network = loader.submit(registry.load, t.SMALL, Path(sys.argv[1]), None, "gpu").result()
places, call = [], network.network.predict_on_batch
class Watched:
    def predict_on_batch(self, batch):
        places.append(keras.ops.ones(1))  # stands where the network is called
        return call(batch)
object.__setattr__(network, "network", Watched())
found = network.features(t.pictures(2))
places += [weight.value for layer in [call.__self__] for weight in layer.weights]
of = lambda x: x.device if isinstance(x.device, str) else str(x.devices())
assert all("CPU:1" in of(x) or "CpuDevice(id=1)" in of(x) for x in places), {of(x) for x in places}
np.save(sys.argv[2], found)
"""


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_a_network_is_built_and_called_on_its_device(engine: str, random_weights: Path, tmp_path: Path) -> None:
    """Of two processors (made up, as the library allows) on the second, though in two threads."""
    pytest.importorskip(engine)
    flags = f"{networks.QUICKLY} --xla_force_host_platform_device_count=2"
    env = {**os.environ, "KERAS_BACKEND": engine, "XLA_FLAGS": flags}
    env["JAX_PLATFORMS"] = "cpu"
    command = [sys.executable, "-c", ELSEWHERE, str(random_weights), str(tmp_path / "said.npy")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-2000:]
    expected = loaded(SMALL, random_weights).features(pictures(2))
    assert expected.std() > 0.1
    assert np.abs(np.load(tmp_path / "said.npy") - expected).mean() < 0.01 * np.abs(expected).mean()  # half precision


def test_keras_is_asked_only_where_there_may_be_a_gpu(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def finds() -> list[str]:
        asked.append("")
        return ["cpu:0"]

    monkeypatch.setattr(devices, "keras_devices", finds)
    for likely, expected in ((False, 0), (True, 1)):
        monkeypatch.setattr(devices, "gpu_likely", lambda likely=likely: likely)
        asked.clear()
        for device in ("auto", "cpu"):
            made = loaded(SMALL, random_weights, 4, device)
            assert (type(made), made.device) == (AppBackbone, PROCESSOR)
        assert len(asked) == expected


def test_on_the_processor_means_what_auto_means_there(random_weights: Path) -> None:
    here, there = (loaded(SMALL, random_weights, 4, device) for device in ("cpu", "auto"))
    assert here.device == there.device == PROCESSOR
    assert np.array_equal(here.features(pictures(3)), there.features(pictures(3)))


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are built as for a GPU, and run on the processor."""
    monkeypatch.setattr(devices, "gpu_likely", lambda: True)
    monkeypatch.setattr(devices, "keras_devices", lambda: ["gpu:0"])


@pytest.mark.usefixtures("as_on_a_gpu")
def test_half_precision_keeps_the_numbers_and_gives_float32(
    random_weights: Path, said: Callable[[], list[str]]
) -> None:
    half, whole = (loaded(SMALL, random_weights, 4, device) for device in ("auto", "cpu"))
    assert said() == [f"{SMALL} runs on a GPU, in mixed_float16"]
    assert isinstance(half, KerasBackbone)
    assert {layer.compute_dtype for layer in half.network.layers} == {"float16"}
    assert (half.sha256, whole_sha256(half)) == (whole.sha256, whole_sha256(whole))
    found, expected = half.features(pictures(4)), whole.features(pictures(4))
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).mean() < 0.01 * np.abs(expected).mean()


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(("asked", "policy"), [("float32", "float32"), ("bfloat16", "bfloat16")])
def test_a_gpu_computes_as_it_is_asked(asked: str, policy: str, random_weights: Path) -> None:
    network = registry.load(SMALL, random_weights, 4, "auto", asked)
    assert {layer.compute_dtype for layer in network.network.layers} == {policy}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("as_on_a_gpu")
def test_whole_numbers_are_for_the_processor(random_weights: Path) -> None:
    with pytest.raises(BadSettings, match=r"^--precision int8: .* on the processor alone: --device cpu$"):
        registry.load(SMALL, random_weights, 4, "auto", "int8")


@pytest.mark.usefixtures("as_on_a_gpu")
def test_half_precision_names_what_is_in_a_picture_as_whole_does(shared: Path) -> None:
    file = shared / "models/mobilenet_v2_1.0_224.weights.h5"
    paths = sorted((shared / "models/imagenet_check").glob("*.*"))[:16]
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    networks = [loaded("mobilenetv2", file, 16, device) for device in ("auto", "cpu")]
    half, whole = (one.classifier.logits(one.features(images)) for one in networks if one.classifier)
    assert (half.argmax(1) == whole.argmax(1)).sum() >= 15


@pytest.mark.usefixtures("as_on_a_gpu")
def test_an_overflow_in_half_precision_says_what_to_do(random_weights: Path) -> None:
    half = loaded(SMALL, random_weights, 4)
    broken = replace(half, network=Counting(256, np.inf))
    with pytest.raises(NonFiniteFeatures, match="picture 0 of 1 in half precision: use --device cpu"):
        broken.features(pictures(1))


# Batches


class Counting:
    """Stands in for a network; knows how long each batch was."""

    def __init__(self, features: int, answer: float = 1.0) -> None:
        self.features, self.answer, self.calls = features, answer, list[int]()

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        self.calls.append(len(batch))
        return np.full((len(batch), self.features), self.answer, np.float32)

    __call__ = predict_on_batch  # as a network that is none of Keras is asked


def calls(made: Network, count: int) -> list[int]:
    network = Counting(made.feature_count)
    assert replace(made, network=network).features([np.zeros((1, 1, 3), np.uint8)] * count).shape[0] == count
    return network.calls


class Small(Counting):
    """A GPU that holds few pictures, and says so as libraries do."""

    def __init__(self, features: int, holds: int, says: str) -> None:
        super().__init__(features)
        self.holds, self.says = holds, says

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        found: np.ndarray = super().predict_on_batch(batch)
        if len(batch) > self.holds:
            raise RuntimeError(self.says)
        found[:] += batch[:, :1, 0, 0]  # of each picture its own
        return found


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("says", ["RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.", "CUDA out of memory."])
def test_a_gpu_is_given_as_many_pictures_as_it_holds(
    says: str, random_weights: Path, said: Callable[[], list[str]]
) -> None:
    made = loaded(SMALL, random_weights)
    assert isinstance(made, KerasBackbone)
    network = Small(made.feature_count, 20, says)
    network_of = replace(made, network=network, room=Room(64))
    looked = [np.full((9, 9, 3), shade, np.uint8) for shade in range(40)]
    found = network_of.features(looked)
    assert np.allclose(found[:, 0], made.preprocess(np.arange(40, dtype=np.uint8)[:, None, None, None])[:, 0, 0, 0] + 1)
    network_of.features(looked)
    assert network.calls == [64, 32, 16, 16, 16, 16, 16, 16]  # what it holds is known from then on
    assert [line.rpartition(": ")[2] for line in said()[1:]] == ["32 at once", "16 at once"]


@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_fails_for_other_reasons_is_not_tried_with_fewer(random_weights: Path) -> None:
    made = loaded(SMALL, random_weights)
    assert isinstance(made, KerasBackbone)
    for holds, says in ((20, "CUDNN_STATUS_NOT_SUPPORTED"), (0, "out of memory")):
        network = Small(made.feature_count, holds, says)
        with pytest.raises(NetworkFailed, match=says):
            replace(made, network=network, room=Room(64)).features(pictures(2))
        assert network.calls == ([64] if holds else [64, 32, 16, 8, 4, 2, 1])


def test_the_embedded_network_computes_no_picture_that_is_none() -> None:
    assert calls(loaded("compact", None), 33) == [16, 16, 1]
    assert calls(loaded("compact", None, 1000), 3) == [3]


def test_nor_does_one_of_keras_on_the_processor(random_weights: Path) -> None:
    assert calls(loaded(SMALL, random_weights), 27) == [8, 8, 8, 3]
    assert calls(loaded(SMALL, random_weights, 6), 11) == [6, 5]


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_network_on_a_gpu_gets_few_lengths(random_weights: Path) -> None:
    on_gpu = loaded(SMALL, random_weights)
    assert [calls(on_gpu, count) for count in (1, 70)] == [[64], [64, 64]]
    assert calls(loaded(SMALL, random_weights, 8), 3) == [8]
    assert [calls(loaded(SMALL, random_weights, 256), count) for count in (70, 300)] == [[128], [256, 64]]


@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_is_compiled_beforehand_is_no_more_than_pays(random_weights: Path) -> None:
    assert loaded(SMALL, random_weights, 1000).rehearsal == 64
    assert loaded(SMALL, random_weights, 4).rehearsal == 4
    assert loaded(SMALL, random_weights, 1000, "cpu").rehearsal == 1
    assert loaded("compact", None, 1000).rehearsal == 1


def test_a_network_without_classifier_is_refused_before_the_film(tmp_path: Path) -> None:
    file = networks.save(SMALL, tmp_path / "no_top.h5", include_top=False)
    with pytest.raises(BadWeights, match="has no classifier"):
        Engine(Settings(backbone=SMALL, weights=file)).model()


def test_features_of_keras_do_not_depend_on_the_batch(random_weights: Path) -> None:
    many = pictures(11)
    expected = loaded(SMALL, random_weights, 1).features(many)
    assert expected.std() > 0.1
    for size in (3, None, 1000):
        assert np.abs(loaded(SMALL, random_weights, size).features(many) - expected).max() < 1e-4


def test_a_large_batch_changes_nothing_in_the_report(film: media.Truth) -> None:
    auto, large = (Tagger(Settings(batch_size=size)).extract(film.path) for size in (None, 1000))
    assert (auto.settings["batch_size"], large.settings["batch_size"]) == (16, 1000)
    assert auto.tags == large.tags
    assert auto.shots == large.shots
