"""Networks as ONNX models, run on the processor."""

from __future__ import annotations

import numpy as np

from tagger import libraries
from tagger.process import cores
from tagger.records import Floats


class Network:
    """A network that stands ready; several threads may ask it at once."""

    def __init__(self, model: bytes, large: bool = False, half: bool = False) -> None:
        """Takes a ModelProto with one input.

        Args:
            model: the graph.
            large: its layers take so long that threads may sleep between them; others find the cores free, as decoders.
            half: in bfloat16, where the processor has it (ARM).

        Raises:
            LibraryMissing: ONNX Runtime is not installed.
        """
        with libraries.needed("a network as an ONNX model"):
            import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # it would plan, and keep, a block of memory for each length of a call
        if large:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if half:
            options.add_session_config_entry("mlas.enable_gemm_fastmath_arm64_bfloat16", "1")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, prepared: Floats) -> Floats:
        """Returns float32 (n, d) of n pictures, laid out as the network takes them."""
        return self.layers(prepared)[0].reshape(len(prepared), -1)

    def layers(self, prepared: Floats) -> list[Floats]:
        """Returns all that a graph gives, its last layer first, float32."""
        answers = self._session.run(None, {self._input: np.ascontiguousarray(prepared)})
        return [np.asarray(answer, np.float32) for answer in answers]
