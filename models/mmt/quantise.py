"""A network's weights as int8, and how the step wants them laid out in memory.

A matrix keeps one scale an output: its largest weight is 127. Files hold the int8 numbers
themselves, so that what is measured is what ships. Embeddings, norms and biases stay float32.
"""

from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from models.errors import ModelError
from models.mmt import kernels
from models.mmt.shape import (
    HEAD,
    IN_TURN,
    LEARNED,
    ORDER,
    ROTARY,
    TOGETHER,
    WAVELENGTHS,
    Shape,
    array_shapes,
    row_angles,
    shape_of,
)


class Matrices(NamedTuple):
    """Matrices of one sort, one after another: matrix i begins at `at[i]` and `row_at[i]`."""

    codes: np.ndarray  # int8, panels of models.mmt.kernels
    scale: np.ndarray  # float32 an output
    offset: np.ndarray  # int32 an output: -128 times the sum of its codes
    bias: np.ndarray  # float32 an output
    at: np.ndarray
    row_at: np.ndarray
    blocks: np.ndarray  # of 16 outputs
    groups: np.ndarray  # of 4 inputs


class Weights(NamedTuple):
    """All of a network, as models.mmt.step reads it."""

    embedding: np.ndarray  # (all codes, width)
    starts: np.ndarray  # where each field's codes begin in the embedding
    positions: np.ndarray  # (rows, width), already scaled; (0, width) with rotary ones
    row_turns: np.ndarray  # (rows, 2, HEAD // 4), cosine and sine; (0, 2, 0) with learned ones
    time_turns: np.ndarray  # (2, all waves), of each tick of each wave
    waves: np.ndarray  # (2, HEAD // 4), where each wave begins in time_turns and its ticks
    norms: np.ndarray  # (2 layers + 1, 2, width)
    qkv: Matrices  # queries already scaled by HEAD ** -0.5
    out: Matrices
    up: Matrices
    down: Matrices
    logits: Matrices  # heads together: one matrix; in turn: one for each place of ORDER
    turn_in: Matrices
    turn_norms: np.ndarray  # (places, 2, turn width)
    turn_up: Matrices
    turn_down: Matrices
    turn_embedding: np.ndarray  # (all codes, turn width)


def quantised(arrays: dict[str, np.ndarray], shape: Shape) -> dict[str, np.ndarray]:
    """Return the arrays with every matrix as int8 NAME and float32 NAME.scale. [any]

    Raises ModelError naming the array if they are not what `shape` describes.
    """
    result = {}
    for name, sizes in array_shapes(shape).items():
        if name not in arrays:
            raise ModelError(f"the weights lack the array '{name}'")
        array = np.asarray(arrays[name], np.float32)
        if array.shape != sizes:
            raise ModelError(f"the array '{name}' must have shape {sizes}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ModelError(f"the array '{name}' must hold finite numbers")
        if is_matrix(name):
            scale = np.maximum(np.abs(array).max(1), 1e-12) / 127
            result[name] = np.rint(array / scale[:, None]).astype(np.int8)
            result[f"{name}.scale"] = scale.astype(np.float32)
        else:
            result[name] = array
    return result


def is_matrix(name: str) -> bool:
    """Whether an array is multiplied with, and so becomes int8. [any]"""
    last = name.split(".")[-1]
    return last in ("qkv", "out", "up", "down", "logits", "turn_in")


def write_file(path: Path, arrays: dict[str, np.ndarray], shape: Shape) -> None:
    """Write `quantised` arrays and what they are of: embeddings and positions as float16."""
    small = {
        name: array.astype(np.float16) if array.ndim == 2 and array.dtype == np.float32 else array
        for name, array in arrays.items()
    }
    np.savez_compressed(path, allow_pickle=False, shape=np.array([shape.text()]), **small)


def read_file(content: bytes, name: str) -> tuple[Shape, dict[str, np.ndarray]]:
    """Return what write_file wrote, from a file's bytes; `name` is for messages. [main]"""
    try:
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        shape = shape_of(str(arrays.pop("shape")[0]))
    except (ValueError, OSError, EOFError, KeyError, BadZipFile, IndexError) as error:
        raise ModelError(f"{name} is not a file of quantised weights: {error}") from error
    expected = array_shapes(shape)
    for key, sizes in expected.items():
        if key not in arrays or arrays[key].shape != sizes:
            raise ModelError(f"{name}: array '{key}' must have shape {sizes}")
        wanted = np.int8 if is_matrix(key) else arrays[key].dtype
        if arrays[key].dtype != wanted:
            raise ModelError(f"{name}: array '{key}' must be int8, got {arrays[key].dtype}")
        if is_matrix(key):
            scale = arrays.get(f"{key}.scale")
            if scale is None or scale.shape != sizes[:1] or scale.dtype != np.float32:
                raise ModelError(f"{name}: array '{key}.scale' must be float32 {sizes[:1]}")
        else:
            arrays[key] = arrays[key].astype(np.float32)
    return shape, arrays


def laid_out(arrays: dict[str, np.ndarray], shape: Shape) -> Weights:
    """Return `quantised` arrays in the step's layout. [main]"""
    layers, width = range(shape.layers), shape.width

    def sort(names: list[str], scales: np.ndarray | None = None) -> Matrices:
        return _matrices(arrays, names, scales)

    queries = np.ones(3 * width, np.float32)
    queries[:width] = HEAD**-0.5
    norms = [arrays[f"layer{i}.norm{k}"] for i in layers for k in (1, 2)]
    in_turn = shape.heads == IN_TURN
    places = [f"turn{field}" for field in ORDER] if in_turn else []
    turn_width = shape.turn_width if in_turn else 0
    told = np.zeros((sum(shape.sizes) if in_turn else 0, turn_width), np.float32)
    for field in ORDER[:-1] if in_turn else ():
        begin = shape.starts[field]
        told[begin : begin + shape.sizes[field]] = arrays[f"turn{field}.embedding"]
    positions = np.zeros((0, width), np.float32)
    if shape.positions == LEARNED:
        positions = arrays["positions"] * np.float32(width**-0.5)
    row_turns, time_turns, waves = np.zeros((0, 2, 0)), np.zeros((2, 0)), np.zeros((2, 0))
    if shape.positions == ROTARY:
        turns = row_angles(np.arange(shape.rows))
        row_turns = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        turns = np.concatenate([2 * np.pi * np.arange(wave) / wave for wave in WAVELENGTHS])
        time_turns = np.stack([np.cos(turns), np.sin(turns)])
        waves = np.stack([np.cumsum((0, *WAVELENGTHS[:-1])), WAVELENGTHS])
    return Weights(
        embedding=np.ascontiguousarray(arrays["embedding"]),
        starts=np.array(shape.starts, np.int64),
        positions=np.ascontiguousarray(positions),
        row_turns=row_turns.astype(np.float32),
        time_turns=time_turns.astype(np.float32),
        waves=waves.astype(np.int64),
        norms=np.stack([*norms, arrays["norm"]]),
        qkv=sort([f"layer{i}.qkv" for i in layers], queries),
        out=sort([f"layer{i}.out" for i in layers]),
        up=sort([f"layer{i}.up" for i in layers]),
        down=sort([f"layer{i}.down" for i in layers]),
        logits=sort(
            ["logits"] if shape.heads == TOGETHER else [f"{place}.logits" for place in places]
        ),
        turn_in=sort(["turn_in"] if in_turn else []),
        turn_norms=np.stack([arrays[f"{place}.norm"] for place in places])
        if in_turn
        else np.zeros((0, 2, 0), np.float32),
        turn_up=sort([f"{place}.up" for place in places]),
        turn_down=sort([f"{place}.down" for place in places]),
        turn_embedding=told,
    )


def _matrices(
    arrays: dict[str, np.ndarray], names: list[str], scales: np.ndarray | None
) -> Matrices:
    codes, scale, offset, bias = [], [], [], []
    at, row_at, blocks, groups = [], [], [], []
    for name in names:
        matrix = arrays[name]
        outputs, inputs = matrix.shape
        full = -(-outputs // kernels.LANES) * kernels.LANES
        at.append(sum(map(len, codes)))
        row_at.append(sum(map(len, scale)))
        blocks.append(full // kernels.LANES)
        groups.append(inputs // kernels.STEP)
        codes.append(kernels.pack(matrix))
        factor = arrays[f"{name}.scale"] * (1 if scales is None else scales)
        scale.append(_filled(factor, full, np.float32))
        offset.append(_filled(-128 * matrix.sum(1, dtype=np.int32), full, np.int32))
        bias.append(_filled(arrays.get(f"{name}_bias", np.zeros(outputs)), full, np.float32))

    def join(parts: list[np.ndarray], kind: type) -> np.ndarray:
        return np.concatenate(parts) if parts else np.zeros(0, kind)

    return Matrices(
        join(codes, np.int8),
        join(scale, np.float32),
        join(offset, np.int32),
        join(bias, np.float32),
        *(np.array(numbers, np.int64) for numbers in (at, row_at, blocks, groups)),
    )


def _filled(values: np.ndarray, size: int, kind: type) -> np.ndarray:
    result = np.zeros(size, kind)
    result[: len(values)] = values
    return result
