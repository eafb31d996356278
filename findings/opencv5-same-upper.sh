#!/usr/bin/env bash
# OpenCV 5 pads an ONNX convolution with auto_pad=SAME_UPPER on the wrong side where stride and size make the padding
# uneven (kernel 3, stride 2, even size): same shape, no message, other numbers. OpenCV 4.14 is right there and wrong
# with SAME_LOWER instead. The same padding written out as `pads` is right in both.
# Measured with OpenCV 5.0.0.93 and 4.14.0.94 against ONNX Runtime 1.32.0 and the reference evaluator of onnx 1.23.2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
pip() { "$work/venv/bin/pip" "$@" -qq --disable-pip-version-check --only-binary :all:; }
pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
pip install --no-deps --target "$work/cv4" opencv-python-headless==4.14.0.94
pip install --no-deps --target "$work/cv5" opencv-python-headless==5.0.0.93
cd "$work"
cat >measure.py <<'PY'
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

WEIGHT = np.zeros((1, 1, 3, 3), np.float32)
WEIGHT[0, 0, 1, 1] = 1  # only the centre counts: the output says which pixels the kernel was laid on


def rows(size, **padding):
    """Returns the rows of the picture that the convolution looks at: in truth, and by OpenCV."""
    out = (size + 1) // 2
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], strides=[2, 2], **padding)
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, size, size])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 1, out, out])
    graph = onnx.helper.make_graph([node], "conv", [x], [y], [onnx.numpy_helper.from_array(WEIGHT, "w")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    picture = np.repeat(np.arange(size, dtype=np.float32), size).reshape(1, 1, size, size)  # each pixel: its row
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    truth = session.run(None, {"x": picture})[0]
    assert np.array_equal(truth, ReferenceEvaluator(model).run(None, {"x": picture})[0])
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(picture)
    got = net.forward()
    assert got.shape == truth.shape, (got.shape, truth.shape)
    return truth[0, 0, :, 1].astype(int).tolist(), got[0, 0, :, 1].astype(int).tolist()


odd, even = [1, 3, 5, 7], [0, 2, 4, 6]
upper, lower = (odd, even if cv2.__version__[0] == "5" else odd), (even, even if cv2.__version__[0] == "5" else odd)
expected = {
    "8 rows, SAME_UPPER": (rows(8, auto_pad="SAME_UPPER"), upper),
    "8 rows, SAME_LOWER": (rows(8, auto_pad="SAME_LOWER"), lower),
    "8 rows, pads of SAME_UPPER": (rows(8, pads=[0, 0, 1, 1]), (odd, odd)),
    "8 rows, pads of SAME_LOWER": (rows(8, pads=[1, 1, 0, 0]), (even, even)),
    "9 rows, SAME_UPPER": (rows(9, auto_pad="SAME_UPPER"), ([0, 2, 4, 6, 8],) * 2),
}
for name, (seen, _) in expected.items():
    print(f"OpenCV {cv2.__version__}, {name}: rows {seen[0]} by ONNX Runtime, {seen[1]} by OpenCV")
sys.exit(any(seen != wanted for seen, wanted in expected.values()))
PY
for version in cv4 cv5; do
  if ! PYTHONPATH="$work/$version" "$work/venv/bin/python" measure.py 2>errors; then
    cat errors >&2
    echo "not as found with $version" >&2
    exit 1
  fi
done
echo "as found: OpenCV 5 takes SAME_UPPER for SAME_LOWER at stride 2, OpenCV 4.14 the other way round"
