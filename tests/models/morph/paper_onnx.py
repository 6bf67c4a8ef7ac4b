"""A small ONNX file of the paper's form, with weights by chance: for tests of what reads one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from models.morph.paper_model import BINS_DB, LABELS, MEANS, POINTS, SPREADS

INSTRUMENTS = ("horn", "harp")
TABLES: dict[str, Any] = {
    "instruments": list(INSTRUMENTS),
    "low_keys": [40, 50],
    "high_keys": [80, 90],
    "rise_s": [0.1, 0.01],
    "fall_db_s": [[0.0, 0.0], [10.0, 1.0]],
}


def small_file(seed: int = 0, latent: int = 4, **changed: Any) -> bytes:
    """Return such a file; `changed` tables replace the usual ones, None leaves one out."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    width = 26 + len(INSTRUMENTS)
    arrays = {
        "s": random.normal(0, 1, (width, latent)),
        "v": random.normal(0, 0.1, (width, latent)),
        "d": random.normal(0, 4, (latent, 410)),
        "floor": np.full(410, -60.0),
    }
    nodes = [
        helper.make_node("MatMul", [LABELS, "s"], [MEANS]),
        helper.make_node("MatMul", [LABELS, "v"], [SPREADS]),
        helper.make_node("MatMul", [POINTS, "d"], ["raised"]),
        helper.make_node("Add", ["raised", "floor"], [BINS_DB]),
    ]

    def value(name: str, rows: str, columns: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, columns])

    graph = helper.make_graph(
        nodes,
        "small",
        [value(LABELS, "n", width), value(POINTS, "m", latent)],
        [value(MEANS, "n", latent), value(SPREADS, "n", latent), value(BINS_DB, "m", 410)],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    tables = {key: value for key, value in {**TABLES, **changed}.items() if value is not None}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in tables.items()})
    return model.SerializeToString()
