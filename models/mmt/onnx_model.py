"""The same network for onnxruntime: what the compiled step is checked by, and measured beside.

`float_model` writes the ONNX graph of the layers, `int8_model` lets onnxruntime quantise its
matrices. OnnxDecoder is a Decoder whose layers run there; heads and draws stay the compiled ones.
Needs the packages onnx (to write) and onnxruntime (to run); neither is needed otherwise.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelError
from models.mmt.decoder import Decoder
from models.mmt.quantise import quantised
from models.mmt.representation import times, with_advances
from models.mmt.shape import HEAD, LEARNED, ROTARY, Shape, row_angles, time_angles

OPSET = 20


def float_model(arrays: dict[str, np.ndarray], shape: Shape) -> bytes:
    """Return the layers as ONNX. [main]

    In: rows (n, 6) int64 as the network reads them; unseen (n, earlier + n) float32, 0 where a
    row sees another, -1e9 where not; k0, v0, k1... (heads, earlier, HEAD); with learned positions
    places (n,) int64, with rotary ones cos and sin (n, HEAD // 2). Out: hidden (n, width), and
    K0, V0, K1... with the new rows' keys and values behind the earlier ones.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    width, heads = shape.width, shape.width // HEAD
    constants: dict[str, np.ndarray] = {
        "starts": np.array(shape.starts, np.int64),
        "embedding": arrays["embedding"],
        "by_head": np.array([0, heads, HEAD], np.int64),
        "whole": np.array([0, width], np.int64),
        "over_fields": np.array([1], np.int64),
    }
    nodes: list[Any] = []

    def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(name: str, array: np.ndarray) -> str:
        constants[name] = np.ascontiguousarray(array, np.float32)
        return name

    def norm(x: str, name: str) -> str:
        gain, bias = (constant(f"{name}.{k}", arrays[name][k]) for k in (0, 1))
        return node("LayerNormalization", [x, gain, bias], f"{name}.y", axis=-1, epsilon=1e-5)

    def turned(x: str) -> str:
        a, b = f"{x}.a", f"{x}.b"
        nodes.append(helper.make_node("Split", [x], [a, b], axis=2, num_outputs=2))
        parts = [node("Mul", [p, q], f"{x}.{p[-1]}{q}") for p, q in ((a, "cos"), (b, "sin"))]
        low = node("Sub", parts, f"{x}.low")
        parts = [node("Mul", [p, q], f"{x}.{p[-1]}{q}") for p, q in ((a, "sin"), (b, "cos"))]
        high = node("Add", parts, f"{x}.high")
        return node("Concat", [low, high], f"{x}.turned", axis=2)

    node("Add", ["rows", "starts"], "codes")
    node("Gather", ["embedding", "codes"], "vectors")
    x = node("ReduceSum", ["vectors", "over_fields"], "x", keepdims=0)
    if shape.positions == LEARNED:
        constant("positions", arrays["positions"] * np.float32(width**-0.5))
        x = node("Add", [x, node("Gather", ["positions", "places"], "placed")], "x.placed")
    for i in range(shape.layers):
        name = f"layer{i}"
        qkv = arrays[f"{name}.qkv"].T.copy()
        qkv[:, :width] *= HEAD**-0.5
        y = node("MatMul", [norm(x, f"{name}.norm1"), constant(f"{name}.qkv", qkv)], f"{name}.y")
        parts = [f"{name}.{part}" for part in "qkv"]
        nodes.append(helper.make_node("Split", [y], parts, axis=1, num_outputs=3))
        q, k, v = (
            node(
                "Transpose",
                [node("Reshape", [part, "by_head"], f"{part}.split")],
                f"{part}.heads",
                perm=[1, 0, 2],
            )
            for part in parts
        )
        if shape.positions == ROTARY:
            q, k = turned(q), turned(k)
        keys = node("Concat", [f"k{i}", k], f"K{i}", axis=1)
        values = node("Concat", [f"v{i}", v], f"V{i}", axis=1)
        across = node("Transpose", [keys], f"{name}.across", perm=[0, 2, 1])
        scores = node("MatMul", [q, across], f"{name}.scores")
        scores = node("Add", [scores, "unseen"], f"{name}.seen")
        shares = node("Softmax", [scores], f"{name}.shares", axis=-1)
        y = node("MatMul", [shares, values], f"{name}.gathered")
        y = node("Transpose", [y], f"{name}.rows", perm=[1, 0, 2])
        y = node("Reshape", [y, "whole"], f"{name}.flat")
        out = constant(f"{name}.out", arrays[f"{name}.out"].T)
        y = node("MatMul", [y, out], f"{name}.out.y")
        y = node("Add", [y, constant(f"{name}.out_bias", arrays[f"{name}.out_bias"])], f"{y}.b")
        x = node("Add", [x, y], f"{name}.x")
        up = constant(f"{name}.up", arrays[f"{name}.up"].T)
        y = node("MatMul", [norm(x, f"{name}.norm2"), up], f"{name}.up.y")
        y = node("Add", [y, constant(f"{name}.up_bias", arrays[f"{name}.up_bias"])], f"{y}.b")
        y = node("Gelu", [y], f"{name}.gelu")
        y = node("MatMul", [y, constant(f"{name}.down", arrays[f"{name}.down"].T)], f"{name}.z")
        bias = constant(f"{name}.down_bias", arrays[f"{name}.down_bias"])
        x = node("Add", [x, node("Add", [y, bias], f"{y}.b")], f"{name}.xx")
    nodes.append(helper.make_node("Identity", [norm(x, "norm")], ["hidden"]))

    def value(name: str, sizes: list[int | str], kind: int = TensorProto.FLOAT):
        return helper.make_tensor_value_info(name, kind, sizes)

    inputs = [
        value("rows", ["n", len(shape.sizes)], TensorProto.INT64),
        value("unseen", ["n", "all"]),
    ]
    if shape.positions == LEARNED:
        inputs.append(value("places", ["n"], TensorProto.INT64))
    else:
        inputs += [value(name, ["n", HEAD // 2]) for name in ("cos", "sin")]
    pairs = [(kind, i) for i in range(shape.layers) for kind in "kv"]
    inputs += [value(f"{kind}{i}", [heads, "earlier", HEAD]) for kind, i in pairs]
    outputs = [value("hidden", ["n", width])]
    outputs += [value(f"{kind.upper()}{i}", [heads, "all", HEAD]) for kind, i in pairs]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "mmt", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


def int8_model(model: bytes) -> bytes:
    """Return a float_model with its matrices as int8, one scale an output. [main]"""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return target.read_bytes()


class OnnxDecoder(Decoder):
    """A Decoder whose layers are an ONNX model's; heads are the compiled ones."""

    def __init__(self, model: bytes, weights: dict[str, np.ndarray], shape: Shape) -> None:
        """`model` of float_model or int8_model, the rest as Decoder takes it. [main]"""
        super().__init__(weights, shape)
        try:
            import onnxruntime
        except ImportError as error:
            raise ModelError("onnxruntime is not installed: pip install onnxruntime") from error
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model, settings, providers=["CPUExecutionProvider"]
        )
        empty = np.zeros((shape.width // HEAD, 0, HEAD), np.float32)
        self._names = [f"{kind}{i}" for i in range(shape.layers) for kind in "kv"]
        self._past = dict.fromkeys(self._names, empty)

    def attention(self, row: int) -> np.ndarray:
        """Not to be had: the keys are the other runtime's. [any]"""
        raise ModelError(f"an ONNX model does not tell what row {row} looks at")

    def _run(self, count: int, first: int) -> None:
        unseen = np.triu(np.full((count, first + count), -1e9, np.float32), first + 1)
        rows = self.rows[: first + count]
        fed = with_advances(rows) if self.shape.positions == ROTARY else rows
        inputs: dict[str, np.ndarray] = {"rows": fed[first:], "unseen": unseen}
        for name, past in self._past.items():
            kept = past if past.shape[1] == first else np.ascontiguousarray(past[:, :first])
            inputs[name] = kept
        if self.shape.positions == LEARNED:
            inputs["places"] = np.arange(first, first + count)
        else:
            places = np.arange(first, first + count)
            turns = np.concatenate([row_angles(places), time_angles(times(rows[first:]))], axis=1)
            inputs["cos"] = np.cos(turns).astype(np.float32)
            inputs["sin"] = np.sin(turns).astype(np.float32)
        results = self._session.run(["hidden", *(name.upper() for name in self._names)], inputs)
        arrays = [np.asarray(result) for result in results]
        self.state.hidden[:count] = arrays[0]
        self._past = dict(zip(self._names, arrays[1:], strict=True))


def onnx_decoder(arrays: dict[str, np.ndarray], shape: Shape, int8: bool) -> OnnxDecoder:
    """Return an OnnxDecoder of float32 arrays, named as in array_shapes. [main]"""
    model = float_model(arrays, shape)
    return OnnxDecoder(int8_model(model) if int8 else model, quantised(arrays, shape), shape)
