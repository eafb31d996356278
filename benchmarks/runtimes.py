"""OpenCV or onnxruntime: which runs our networks faster, and what does it cost to have it?

    python benchmarks/runtimes.py

Each network that is not run by Keras, on one and on all cores, in batches; cold start and memory in fresh processes.
Writes results/runtimes.json.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measure import keep, machine, run

from tagger.models import arrays, compact, efficientnet_lite, torch_file
from tagger.process import cores
from tagger.records import Floats

ROUNDS = 7  # the first is not counted
BATCHES = (1, 4, 16, 32)
SIZES = {"compact": 160, "efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
COLD = """
import json, sys, time
begun = time.monotonic()
name, size, runner = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import numpy as np
sys.path.insert(0, sys.argv[4])
import runtimes
body = runtimes.body(name)
read = time.monotonic()
network = runtimes.RUNNERS[runner](body, 0)
network(np.zeros((1, 3, size, size), np.float32))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([time.monotonic() - read, int(status["VmHWM"].split()[0]) / 1024]))
"""
Runner = Callable[[Floats], Any]


def body(name: str) -> bytes:
    """The ONNX model of a network."""
    if name == "compact":
        return compact.graph(arrays.load(compact.ARRAYS)).body()
    made = efficientnet_lite.KNOWN[name]
    return efficientnet_lite.graph(made, torch_file.tensors(made.file.fetch(name), made.file.checked())).body()


def opencv(model: bytes, threads: int) -> Runner:
    """The network in OpenCV."""
    cv2.setNumThreads(threads or cores())
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))

    def answer(planes: Floats) -> Any:
        network.setInput(planes)
        return network.forward()

    return answer


def onnxruntime(model: bytes, threads: int) -> Runner:
    """The network in onnxruntime."""
    import onnxruntime as library

    options = library.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    session = library.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda planes: session.run(None, {"picture": planes})[0]


RUNNERS = {"opencv": opencv, "onnxruntime": onnxruntime}


def rates(name: str, threads: int, batch: int) -> dict[str, float]:
    """Pictures per second of each runner, medians of rounds taken in turns."""
    planes = np.random.default_rng(0).uniform(-1, 1, (batch, 3, SIZES[name], SIZES[name])).astype(np.float32)
    networks = {kind: make(body(name), threads) for kind, make in RUNNERS.items()}
    taken: dict[str, list[float]] = {kind: [] for kind in networks}
    for kind in itertools.chain.from_iterable([networks] * ROUNDS):
        begun = time.monotonic()
        networks[kind](planes)
        taken[kind].append(batch / (time.monotonic() - begun))
    return {kind: statistics.median(found[1:]) for kind, found in taken.items()}


def main() -> None:
    """Measures, prints and writes results/runtimes.json."""
    here = str(Path(__file__).parent)
    result: dict[str, Any] = {"machine": machine(), "rates": [], "cold": []}
    for name, threads, batch in itertools.product(SIZES, sorted({1, cores()}), BATCHES):
        found = rates(name, threads, batch)
        result["rates"].append({"network": name, "threads": threads, "batch": batch, **found})
        print(name, threads, batch, {kind: round(rate, 1) for kind, rate in found.items()}, flush=True)
    for name, kind in itertools.product(SIZES, RUNNERS):
        taken = [run(COLD, name, str(SIZES[name]), kind, here) for _ in range(3)]
        seconds, mib = (statistics.median(column) for column in zip(*taken, strict=True))
        result["cold"].append({"network": name, "runner": kind, "seconds": seconds, "peak_mib": mib})
        print(name, kind, f"{seconds:.2f} s, {mib:.0f} MiB", flush=True)
    keep("runtimes", result)


if __name__ == "__main__":
    main()
