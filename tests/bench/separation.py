"""Time of one online step of the part-separation network: ours beside others, same weights.

A seeded melody of chords is played through every implementation
in turn, 100 notes at a time, 20 rounds, one thread each. All but "ours, with features" start from
the same tokens. "Cold" is ours after 64 MB of other memory have been written.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from engine.rt.features import (
    MAX_TOKENS,
    PITCH,
    new_memory,
    remember_note_off,
    remember_note_on,
    revise_chord,
    write_features,
)
from engine.rt.history import believe
from engine.rt.network import HIDDEN, LAYERS, advance, frequencies, new_network, step
from models import registry
from tests.bench.report import arguments, report

RATE_HZ = 48000
ROUNDS, NOTES = 20, 100
WARM_UP = 50
COLD_NOTES = 200
Step = Callable[[np.ndarray], np.ndarray]  # tokens (n,) -> logp (K,), keeping its own state


def main() -> None:
    options = arguments(__doc__)
    weights = registry.load("chorales")
    notes = melody(ROUNDS * NOTES)
    tokens = tokens_of(notes)
    steps: dict[str, Step] = {"ours": ours(weights)}
    steps["onnxruntime, bound"], steps["onnxruntime, run()"] = onnx_steps(weights)
    steps["numpy"] = numpy_step(weights)
    torch_one = torch_step(weights)
    if torch_one is not None:
        steps["torch"] = torch_one

    times_us: dict[str, list[float]] = {name: [] for name in [*steps, "ours, with features"]}
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in steps}
    whole = whole_step(weights)
    for one in steps.values():  # nothing is measured while it warms up
        for row in tokens[:WARM_UP]:
            one(row)
    for _ in range(ROUNDS):
        start = len(outputs["ours"])
        for name, one in steps.items():
            for row in tokens[start : start + NOTES]:
                began = time.perf_counter_ns()
                logp = one(row)
                times_us[name].append((time.perf_counter_ns() - began) / 1000)
                outputs[name].append(logp.copy())
        for note in notes[start : start + NOTES]:
            began = time.perf_counter_ns()
            whole(note)
            times_us["ours, with features"].append((time.perf_counter_ns() - began) / 1000)
    times_us["ours, with features, cold"] = cold_times_us(weights, notes[:COLD_NOTES])

    right = truth(weights, tokens)
    differs = {name: float(np.abs(np.array(out) - right).max()) for name, out in outputs.items()}
    rows = [
        {
            "step": name,
            "p50_us": float(np.percentile(times, 50)),
            "p99_us": float(np.percentile(times, 99)),
            "min_us": float(min(times)),
            "differs_by": differs.get(name, ""),
        }
        for name, times in times_us.items()
    ]
    p50_us = {row["step"]: row["p50_us"] for row in rows}
    best_onnx = min(p50_us["onnxruntime, bound"], p50_us["onnxruntime, run()"])
    ratio = p50_us["ours"] / best_onnx
    worst = max(differs.values())
    hot_us = p50_us["ours, with features"]
    report(
        "separation",
        rows,
        {
            "step at most 0.7 x onnxruntime's best": (ratio, 0.7, ratio <= 0.7),
            "step with features, hot, below 50 us": (hot_us, 50, hot_us < 50),
            "outputs equal to float64's to 1e-5": (worst, 1e-5, worst <= 1e-5),
        },
        options.json,
    )


def melody(n: int) -> list[tuple[int, int]]:
    """Return (pitch, onset frame) of n notes in chords of four, half a second apart."""
    random = np.random.default_rng(5)
    middles = np.array([71, 65, 59, 51])
    return [
        (int(middles[i % 4] + random.integers(-5, 6)), i // 4 * RATE_HZ // 2 + i % 4 * 300)
        for i in range(n)
    ]


def tokens_of(notes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Return each note's tokens, keys held for the length of their chord, voices in their order."""
    memory = new_memory(RATE_HZ, 4)
    sure = np.eye(4, dtype=np.float32)
    rows = []
    for i, (pitch, frame) in enumerate(notes):
        row = np.zeros(MAX_TOKENS, np.int32)
        revise_chord(memory, frame)
        count = write_features(memory, pitch, frame, row)
        remember_note_on(memory, pitch, frame)
        believe(memory, sure[i % 4])
        if i >= 4:
            remember_note_off(memory, notes[i - 4][0])
        rows.append(row[:count].copy())
    return rows


def ours(weights: dict[str, np.ndarray]) -> Step:
    flat, state, _ = new_network(weights)
    logp = np.zeros(len(weights["output_bias"]), np.float32)

    def one(tokens: np.ndarray) -> np.ndarray:
        advance(flat, state, tokens, len(tokens), logp)
        return logp

    return one


def whole_step(weights: dict[str, np.ndarray]) -> Callable[[tuple[int, int]], None]:
    """Return the step as the callback takes it, features included."""
    flat, state, memory = new_network(weights, RATE_HZ)
    logp = np.zeros(len(weights["output_bias"]), np.float32)

    def one(note: tuple[int, int]) -> None:
        step(flat, state, memory, note[0], note[1], logp)
        remember_note_off(memory, note[0])

    one((60, 0))
    return one


def cold_times_us(weights: dict[str, np.ndarray], notes: list[tuple[int, int]]) -> list[float]:
    one = whole_step(weights)
    other = np.zeros(64 << 20, np.uint8)
    times = []
    for note in notes:
        other += 1
        began = time.perf_counter_ns()
        one(note)
        times.append((time.perf_counter_ns() - began) / 1000)
    return times


def embedding(weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return the table of tokens with each key's frequency added to its row."""
    table = weights["embedding"].copy()
    table[PITCH : PITCH + 128] += np.outer(frequencies(), weights["frequency"])
    return table


def numpy_step(weights: dict[str, np.ndarray], dtype: type = np.float32) -> Step:
    table = embedding(weights).astype(dtype)
    weights = {name: array.astype(dtype) for name, array in weights.items()}
    joined = [
        np.concatenate([weights[f"input_{i}"], weights[f"recurrent_{i}"]], axis=1)
        for i in range(LAYERS)
    ]
    biases = [weights[f"bias_{i}"] for i in range(LAYERS)]
    hidden = np.zeros((LAYERS, HIDDEN), dtype)
    cell = np.zeros((LAYERS, HIDDEN), dtype)

    def one(tokens: np.ndarray) -> np.ndarray:
        x = table[tokens].sum(0)
        for i in range(LAYERS):
            gates = joined[i] @ np.concatenate([x, hidden[i]]) + biases[i]
            write, forget, new, read = gates.reshape(4, HIDDEN)
            cell[i] = _sigmoid(forget) * cell[i] + _sigmoid(write) * np.tanh(new)
            x = hidden[i] = _sigmoid(read) * np.tanh(cell[i])
        logits = weights["output"] @ x + weights["output_bias"]
        logits = logits - logits.max()
        return logits - np.log(np.exp(logits).sum())

    return one


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def onnx_model(weights: dict[str, np.ndarray]) -> bytes:
    """Return the network as ONNX: tokens, h0..h2, c0..c2 -> logp, H0..H2, C0..C2."""
    from onnx import TensorProto, checker, helper, numpy_helper

    constants = {
        "table": np.concatenate([embedding(weights), np.zeros((1, HIDDEN), np.float32)]),
        "first": np.array([0], np.int64),
        "one_step": np.array([1, 1, HIDDEN], np.int64),
        "row": np.array([1, HIDDEN], np.int64),
        "output": weights["output"].T.copy(),
        "output_bias": weights["output_bias"],
    }
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "first"], ["sum"], keepdims=1),
        helper.make_node("Reshape", ["sum", "one_step"], ["x0"]),
    ]
    for i in range(LAYERS):
        for name in ("input", "recurrent"):
            constants[f"{name}{i}"] = _reordered(weights[f"{name}_{i}"])[None]
        bias = _reordered(weights[f"bias_{i}"])
        constants[f"bias{i}"] = np.concatenate([bias, np.zeros_like(bias)])[None]
        names = [f"x{i}", f"input{i}", f"recurrent{i}", f"bias{i}", "", f"h{i}", f"c{i}"]
        results = [f"y{i}", f"H{i}", f"C{i}"]
        nodes.append(helper.make_node("LSTM", names, results, hidden_size=HIDDEN))
        nodes.append(helper.make_node("Reshape", [f"y{i}", "one_step"], [f"x{i + 1}"]))
    nodes += [
        helper.make_node("Reshape", [f"x{LAYERS}", "row"], ["top"]),
        helper.make_node("Gemm", ["top", "output", "output_bias"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["logp"], axis=1),
    ]
    state = [f"{kind}{i}" for kind in "hc" for i in range(LAYERS)]
    classes = len(weights["output_bias"])

    def value(name: str, shape: list[int | str]):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "separation",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n"])]
        + [value(name, [1, 1, HIDDEN]) for name in state],
        [value("logp", [1, classes])] + [value(name.upper(), [1, 1, HIDDEN]) for name in state],
        [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def _reordered(gates: np.ndarray) -> np.ndarray:
    """Return gates (input, forget, candidate, output) in ONNX's order: i, o, f, c."""
    i, f, c, o = np.split(gates, 4)
    return np.concatenate([i, o, f, c])


def onnx_steps(weights: dict[str, np.ndarray]) -> tuple[Step, Step]:
    """Return a step with everything bound to fixed memory, and one by plain run()."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(weights), settings, providers=["CPUExecutionProvider"]
    )
    names = [f"{kind}{i}" for kind in "hc" for i in range(LAYERS)]

    def fresh() -> dict[str, np.ndarray]:
        return {name: np.zeros((1, 1, HIDDEN), np.float32) for name in names}

    tokens_value = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(MAX_TOKENS, np.int64))
    logp = np.zeros((1, len(weights["output_bias"])), np.float32)
    logp_value = onnxruntime.OrtValue.ortvalue_from_numpy(logp)
    sides = [
        {n: onnxruntime.OrtValue.ortvalue_from_numpy(a) for n, a in fresh().items()}
        for _ in range(2)
    ]
    bindings = []
    for source, target in (sides, sides[::-1]):
        binding = session.io_binding()
        binding.bind_ortvalue_input("tokens", tokens_value)
        binding.bind_ortvalue_output("logp", logp_value)
        for name in names:
            binding.bind_ortvalue_input(name, source[name])
            binding.bind_ortvalue_output(name.upper(), target[name])
        bindings.append(binding)

    def alternate() -> Iterator:
        while True:
            yield from bindings

    turns = alternate()
    none = len(weights["embedding"])  # the row of zeros behind the table
    padded = np.full(MAX_TOKENS, none, np.int64)

    def bound(tokens: np.ndarray) -> np.ndarray:
        padded[: len(tokens)] = tokens
        padded[len(tokens) :] = none
        tokens_value.update_inplace(padded)
        session.run_with_iobinding(next(turns))
        return logp_value.numpy()[0]

    state = fresh()
    wanted = ["logp", *(name.upper() for name in names)]

    def run(tokens: np.ndarray) -> np.ndarray:
        inputs = {"tokens": tokens.astype(np.int64), **state}
        results = [np.asarray(result) for result in session.run(wanted, inputs)]
        state.update(zip(names, results[1:], strict=True))
        return results[0][0]

    return bound, run


def torch_step(weights: dict[str, np.ndarray]) -> Step | None:
    """Return torch's own LSTM with these weights, None where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    table = torch.from_numpy(embedding(weights))
    lstm = torch.nn.LSTM(HIDDEN, HIDDEN, LAYERS).eval()
    with torch.no_grad():
        for i in range(LAYERS):
            for name, value in (
                ("weight_ih", weights[f"input_{i}"]),
                ("weight_hh", weights[f"recurrent_{i}"]),
                ("bias_ih", weights[f"bias_{i}"]),
                ("bias_hh", np.zeros_like(weights[f"bias_{i}"])),
            ):
                getattr(lstm, f"{name}_l{i}").copy_(torch.from_numpy(value))
    output = torch.from_numpy(weights["output"].T.copy())
    output_bias = torch.from_numpy(weights["output_bias"])
    state = [(torch.zeros(LAYERS, 1, HIDDEN), torch.zeros(LAYERS, 1, HIDDEN))]

    @torch.inference_mode()
    def one(tokens: np.ndarray) -> np.ndarray:
        x = table[torch.from_numpy(tokens).long()].sum(0)[None, None]
        y, state[0] = lstm(x, state[0])
        return torch.log_softmax(y[0] @ output + output_bias, -1)[0].numpy()

    return one


def truth(weights: dict[str, np.ndarray], tokens: list[np.ndarray]) -> np.ndarray:
    """Return the outputs in float64, warmed up as the others are: (n, K)."""
    one = numpy_step(weights, np.float64)
    for row in tokens[:WARM_UP]:
        one(row)
    return np.array([one(row) for row in tokens])


if __name__ == "__main__":
    main()
