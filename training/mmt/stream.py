"""How fast one stream of notes comes from a GPU: a whole note in a CUDA graph, replayed.

    python -m training.mmt.stream --weights build/mmt/mmt.npz --json FILE

Keys and values are in memory of fixed size, the drawn row is the next input, nothing waits for
the CPU. On a CPU the same step runs without a graph. Attention always reads all rows there are
room for, so a note costs the same from first to last.
"""

import argparse
import json
import time
from pathlib import Path
from typing import cast

import torch
from torch.nn import functional

from models.mmt.representation import BEAT, BEATS, FIELDS, NOTE, TYPE
from models.mmt.shape import HEAD, LEARNED, ROTARY
from training.mmt.generate import next_rows
from training.mmt.network import Layer, Network, times, turned
from training.mmt.prepare import BUILD
from training.mmt.train import load_network


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, nargs="+", default=[BUILD / "mmt.npz"])
    parser.add_argument("--notes", type=int, default=1000)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    rows = []
    for path in options.weights:
        network = load_network(path, options.device)
        if options.precision == "bf16":
            angles = network.by_row  # which bfloat16 would blur
            network = network.bfloat16()
            network.by_row = angles
        stream = Stream(network)
        step = stream.captured() if options.device == "cuda" else stream.step
        notes = min(options.notes, network.shape.rows - 8)
        per_second = speed(stream, step, notes)
        rows.append({"network": path.stem, "precision": options.precision, "notes/s": per_second})
        print(f"{path.stem}: {per_second:.0f} notes/s, one stream, {options.device}")
    if options.json:
        text = json.dumps({"bench": "mmt stream", "rows": rows, "reach": {}}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


class Stream:
    """One sequence, its keys and values, and the step that adds a row."""

    def __init__(self, network: Network) -> None:
        self.network = network
        shape, device = network.shape, network.starts.device
        kind = network.embedding.weight.dtype
        size = (2, shape.layers, 1, shape.width // HEAD, shape.rows, HEAD)
        self.cache = torch.zeros(size, dtype=kind, device=device)
        self.row = torch.zeros(1, 1, len(FIELDS), dtype=torch.long, device=device)
        self.beat_before = torch.ones(1, 1, dtype=torch.long, device=device)
        self.at = torch.zeros(1, dtype=torch.long, device=device)
        self.hidden = torch.zeros(1, 1, shape.width, dtype=kind, device=device)

    def begin(self) -> None:
        """Be at start-of-song again."""
        self.row.zero_()
        self.beat_before.fill_(1)
        self.at.zero_()

    @torch.inference_mode()
    def step(self) -> None:
        """Feed self.row, draw the next into its place."""
        network = self.network
        codes, turn = self.row, None
        if network.shape.positions == ROTARY:
            note = self.row[..., TYPE] == NOTE
            told = (self.row[..., BEAT] - self.beat_before).clamp(0, BEATS - 1) + 1
            codes = self.row.clone()
            codes[..., BEAT] = torch.where(note, told, self.row[..., BEAT])
            turn = network.rotation(self.at, times(self.row))
        x = network.embedding(codes + network.starts).sum(2)
        if network.shape.positions == LEARNED:
            x = x + network.positions(self.at) * network.shape.width**-0.5
        places = torch.arange(self.cache.shape[4], device=x.device)
        seen = (places <= self.at)[None, None, None]
        for i, module in enumerate(network.layers):
            layer = cast(Layer, module)
            q, k, v = layer.qkv(layer.norm1(x)).view(1, 1, 3, -1, HEAD).permute(2, 0, 3, 1, 4)
            if turn is not None:
                q, k = turned(q, turn), turned(k, turn)
            self.cache[0, i].index_copy_(2, self.at, k)
            self.cache[1, i].index_copy_(2, self.at, v)
            y = functional.scaled_dot_product_attention(
                q, self.cache[0, i], self.cache[1, i], attn_mask=seen
            )
            x = x + layer.out(y.transpose(1, 2).reshape(1, 1, -1))
            x = x + layer.down(functional.gelu(layer.up(layer.norm2(x))))
        self.hidden.copy_(network.norm(x))
        new = next_rows(network, self.hidden[:, -1], self.row[:, -1], None)
        self.beat_before.copy_(self.row[..., BEAT].clamp(min=1))
        self.row.copy_(new[:, None])
        self.at.add_(1)

    def captured(self):
        """Return the step as a CUDA graph's replay."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay


def speed(stream: Stream, step, notes: int) -> float:
    """Return rows a second over one sequence, after a warm-up."""
    for count in (8, notes):
        stream.begin()
        if stream.at.is_cuda:
            torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(count):
            step()
        if stream.at.is_cuda:
            torch.cuda.synchronize()
    return notes / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
