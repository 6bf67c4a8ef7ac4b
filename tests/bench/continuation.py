"""CPU time of one generated note, one thread each: ours beside others, same weights, same run.

A note is: the last row goes in, all six codes of the next are drawn. At 64, 256, 512 and 1000
events heard, in turns, every way playing on from the same rows. "No cache" is the original's way:
every note computes all rows anew, and the logits of all of them. It runs in x-transformers where
that is installed, else in a network of ours that computes the same. Weights are untrained: they
cost the same time. Prefill is the hearing of 512 events at once. Memory is that of a process
which does nothing else but load a file of int8 weights and play on. The small network that ships is
measured as well, as far as its 512 rows go, beside its own size without a cache; what int8 costs
it, where the training's weights and held-out pieces are at hand (training/mmt/run.sh).
"""

import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from models.mmt import decoder as d
from models.mmt.kernels import KIND
from models.mmt.onnx_model import onnx_decoder
from models.mmt.quantise import quantised, write_file
from models.mmt.representation import SIZES, TICKS, encode
from models.mmt.sampling import Rules, packed
from models.mmt.shape import HEAD, IN_TURN, LEARNED, ROTARY, TOGETHER, Shape, random_weights
from models.registry import find_continuation
from tests.bench.processes import call
from tests.bench.report import arguments, report

EVENTS = (64, 256, 512, 1000)
PREFILL = 512
ROUNDS, NOTES = 5, 8
HELD_OUT = 20  # pieces
FEW = 2  # notes a round of ways that take long
SEED = 3
RULES = Rules(may_end=False, notes_only=True)
MOST_MB = 250
SMALL = "small"
BUILD = Path(__file__).parents[2] / "build" / "mmt"  # what training leaves

Play = Callable[[int], None]  # hears the event before this number again and draws the next


def main() -> None:
    options = arguments(__doc__)
    shape = Shape()
    weights = random_weights(shape, SEED)
    music = rows()
    ours = d.from_floats(weights, shape)
    ways: dict[str, tuple[Callable[[int], None], Play, int]] = {
        "ours, int8": decoder_way(ours, music, NOTES)
    }
    turns = Shape(heads=IN_TURN, positions=ROTARY)
    name = "ours, int8, heads in turn"
    ways[name] = decoder_way(d.from_floats(random_weights(turns, SEED), turns), music, NOTES)
    for kind, int8 in (("int8", True), ("fp32", False)):
        decoder = onnx_decoder(weights, shape, int8)
        ways[f"onnxruntime, {kind}"] = decoder_way(decoder, music, NOTES)
    small = d.shipped()
    ways[f"{SMALL}, ours, int8"] = decoder_way(small, music, NOTES)
    if find_spec("torch"):
        ways["torch, cache, fp32"] = torch_cache_way(weights, shape, music)
        ways["torch, no cache"] = torch_whole_way(weights, shape, music)
        plain = replace(small.shape, heads=TOGETHER, positions=LEARNED)
        way = torch_whole_way(random_weights(plain, SEED), plain, music)
        ways[f"{SMALL}, torch, no cache"] = way
        if find_spec("x_transformers"):
            ways["x-transformers, no cache"] = x_transformers_way(music, shape)
            ways[f"{SMALL}, x-transformers, no cache"] = x_transformers_way(music, small.shape)

    times: dict[str, dict[int, list[float]]] = {way: {n: [] for n in EVENTS} for way in ways}
    for hear, play, _ in ways.values():  # nothing is measured while it warms up
        hear(64)
        play(64)
    for _ in range(ROUNDS):
        for events in EVENTS:
            for way, (hear, play, notes) in ways.items():
                if way.startswith(SMALL) and events > small.shape.rows:
                    continue
                hear(events)
                for _ in range(notes):
                    began = time.process_time_ns()
                    play(events)
                    times[way][events].append((time.process_time_ns() - began) / 1e6)
    median = {
        way: {n: float(np.median(taken)) for n, taken in by_events.items() if taken}
        for way, by_events in times.items()
    }
    slow = next((w for w in ("x-transformers, no cache", "torch, no cache") if w in ways), None)
    slow_small = f"{SMALL}, {slow}"
    table: list[dict[str, Any]] = []
    for way, by_events in median.items():
        row: dict[str, Any] = {"way": way}
        row |= {f"{n} events, ms": value for n, value in by_events.items()}
        row |= {f"notes/s at {PREFILL}": 1000 / by_events[PREFILL]}
        beside = slow_small if way.startswith(SMALL) else slow
        if beside in median:
            row |= {f"x at {n}": median[beside][n] / value for n, value in by_events.items()}
        row["prefill 512, ms"] = prefill_ms(ways[way][0])
        table.append(row)
    if find_spec("torch"):
        table.append({"way": "torch, bf16", "prefill 512, ms": torch_prefill_ms(weights, shape)})

    used = memory_mb(weights, shape)
    mine = median["ours, int8"]
    cost = float(np.mean([median[name][n] / mine[n] for n in EVENTS]))
    reach: dict[str, tuple[Any, Any, bool]] = {}
    if slow:
        for events, bar in ((64, 20), (512, 150)):
            ratio = median[slow][events] / mine[events]
            reach[f"at {events} events, times faster than {slow}"] = (ratio, bar, ratio >= bar)
    per_second = 1000 / mine[512]
    reach["notes a CPU second at 512 events"] = (per_second, 500, per_second >= 500)
    reach["cost of heads in turn"] = (cost, 1.15, cost <= 1.15)
    reach["memory of a playing process, MB"] = (used, MOST_MB, used <= MOST_MB)
    worse = int8_worse_percent()
    if worse is not None:
        reach["NLL of the int8 step above float32's, trained, %"] = (worse, 0.5, worse <= 0.5)
    print(f"int8 products: {KIND}")
    report("continuation", table, reach, options.json)


def rows() -> np.ndarray:
    """Return a sequence (1024, 6) of made music: chords of four, a tune above."""
    random = np.random.default_rng(SEED)
    notes = []
    for beat in range(256):
        root = 40 + int(random.integers(0, 12))
        notes += [(beat * TICKS, root + step, TICKS, 31) for step in (0, 7, 16)]
        notes += [(beat * TICKS + half, 70 + int(random.integers(0, 12)), 6, 25) for half in (0, 6)]
    return encode(np.array(notes))[:1024].astype(np.int64)


def decoder_way(decoder: d.Decoder, music: np.ndarray, notes: int):
    draw = packed(RULES)
    random = np.random.default_rng(SEED)

    def hear(events: int) -> None:
        decoder.rewind(0)
        decoder.feed(music[:events])

    def play(events: int) -> None:
        decoder.rewind(events - 1)
        decoder.feed_slice(music[events - 1 : events])
        decoder.next(draw, random)

    return hear, play, notes


def drawn(torch: Any, logits: list[Any]) -> list[int]:
    """Return a code a field, from the likeliest tenth."""
    codes = []
    for field, size in zip(logits, SIZES, strict=True):
        top, which = field.topk(-(-size // 10))
        codes.append(int(which[torch.multinomial(top.softmax(-1), 1)]))
    return codes


def torch_cache_way(weights: dict[str, np.ndarray], shape: Shape, music: np.ndarray):
    import torch

    from training.mmt.network import imported

    torch.set_num_threads(1)
    network = imported(shape, weights)
    table = torch.from_numpy(music)[None]
    caches: dict[int, Any] = {}

    @torch.inference_mode()
    def hear(events: int) -> None:
        caches[events] = network(table[:, : events - 1], keep=True)[1]

    @torch.inference_mode()
    def play(events: int) -> None:
        last = table[:, events - 1 : events]
        hidden, _ = network(last, caches[events], keep=True)
        drawn(torch, list(network.logits(hidden[0, -1]).split(SIZES)))

    return hear, play, NOTES


def torch_whole_way(weights: dict[str, np.ndarray], shape: Shape, music: np.ndarray):
    import torch

    from training.mmt.network import imported

    torch.set_num_threads(1)
    network = imported(shape, weights)
    table = torch.from_numpy(music)[None]

    @torch.inference_mode()
    def play(events: int) -> None:
        hidden, _ = network(table[:, :events])
        drawn(torch, [logits[0, -1] for logits in network.logits(hidden).split(SIZES, -1)])

    return play, play, FEW


def x_transformers_way(music: np.ndarray, shape: Shape):
    """The original's network: six embeddings, x-transformers' layers, six heads."""
    import torch
    from x_transformers import Decoder  # pyright: ignore[reportMissingImports]

    width = shape.width
    embeddings = [torch.nn.Embedding(size, width) for size in SIZES]
    positions = torch.nn.Embedding(shape.rows, width)
    layers = Decoder(dim=width, depth=shape.layers, heads=width // HEAD).eval()
    heads = [torch.nn.Linear(width, size) for size in SIZES]
    table = torch.from_numpy(music)[None]

    @torch.inference_mode()
    def play(events: int) -> None:
        x = torch.stack([e(table[:, :events, f]) for f, e in enumerate(embeddings)]).sum(0)
        x = layers(x + positions(torch.arange(events)) * width**-0.5)
        drawn(torch, [head(x)[0, -1] for head in heads])

    return play, play, FEW


def prefill_ms(hear: Callable[[int], None]) -> float:
    """Return the least CPU ms of three that hearing 512 events takes."""
    taken = []
    for _ in range(3):
        began = time.process_time_ns()
        hear(PREFILL)
        taken.append((time.process_time_ns() - began) / 1e6)
    return min(taken)


def torch_prefill_ms(weights: dict[str, np.ndarray], shape: Shape) -> float:
    import torch

    from training.mmt.network import imported

    network = imported(shape, weights)
    table = torch.from_numpy(rows())[None]

    @torch.inference_mode()
    def hear(events: int) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            network(table[:, :events], keep=True)

    hear(PREFILL)
    return prefill_ms(hear)


def int8_worse_percent() -> float | None:
    """Return what int8 costs the small network on held-out pieces; None without the training's."""
    trained, corpus = BUILD / "small.npz", BUILD / "corpus.npz"
    if not (find_spec("torch") and trained.exists() and corpus.exists()):
        return None
    from training.mmt.data import KINDS, Corpus
    from training.mmt.ship import worse_by
    from training.mmt.train import load_weights

    shape, arrays = load_weights(trained)
    held_out = Corpus(corpus, "test")
    some = np.linspace(0, len(held_out.pieces) - 1, HELD_OUT).round().astype(int)
    excerpts = [held_out.excerpt(int(i), 0, KINDS["mmt"], shape.rows) for i in some]
    return worse_by(find_continuation(d.SHIPPED).file, excerpts, shape, arrays)


def memory_mb(weights: dict[str, np.ndarray], shape: Shape) -> float:
    """Return the most memory, in MB, that a process which plays on has ever had."""
    assert shape.positions == LEARNED
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        write_file(path, quantised(weights, shape), shape)
        return call(playing_process, dict(os.environ), path=str(path))


def playing_process(path: str) -> float:
    """Load weights, play on to 512 events, return the most memory this process had, in MB."""
    decoder = d.load(Path(path))
    decoder.feed(rows()[:256])
    decoder.generate(RULES, np.random.default_rng(SEED), 256)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    main()
