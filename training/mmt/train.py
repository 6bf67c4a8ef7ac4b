"""Trains a network on the corpus: build/mmt/NAME.npz (best), .pt (to go on), .jsonl and .png.

    python -m training.mmt.train --name mmt                       # the dissertation's settings
    torchrun --nproc-per-node 8 -m training.mmt.train --name mmt  # several GPUs
    python -m training.mmt.train --name mmt --resume              # goes on where it was stopped

Deviations from the dissertation: rows that only pad are not counted in the loss; every excerpt
begins at a random beat, not only those of pieces over 256 beats; only a piece that really ends
within the excerpt has end-of-song; matrices are multiplied in bfloat16.
"""

import argparse
import json
import math
import os
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from models.mmt.representation import FIELDS
from models.mmt.shape import IN_TURN, LEARNED, ROTARY, TOGETHER, Shape, shape_of
from training.mmt.data import KINDS, Corpus, Excerpts, Kind, padded
from training.mmt.network import Network, exported, imported
from training.mmt.prepare import BUILD, CORPUS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--name", default="mmt")
    add("--out", type=Path, default=BUILD)
    add("--data", type=Path, default=CORPUS)
    add("--corpora", nargs="+", help="learn from these only")
    add("--power", type=float, default=0.0, help="draw pieces by their notes to this power")
    add("--kind", choices=list(KINDS), default="mmt")
    add("--heads", choices=(TOGETHER, IN_TURN), default=TOGETHER)
    add("--positions", choices=(LEARNED, ROTARY), default=LEARNED)
    add("--layers", type=int, default=6)
    add("--width", type=int, default=512)
    add("--inner", type=int, default=2048)
    add("--turn-width", type=int, default=256)
    add("--turn-inner", type=int, default=256)
    add("--rows", type=int, default=1024, help="longest sequence")
    add("--batch", type=int, default=8, help="sequences an update, all processes together")
    add("--updates", type=int, default=200_000)
    add("--rate", type=float, default=5e-4)
    add("--warmup", type=int, default=5_000, help="updates over which the rate rises")
    add("--decay", type=int, default=100_000, help="updates at which the rate has fallen")
    add("--floor", type=float, default=0.1, help="share of the rate it falls to")
    add("--dropout", type=float, default=0.2)
    add("--clip", type=float, default=1.0, help="longest gradient")
    add("--every", type=int, default=1_000, help="updates between validations")
    add("--patience", type=int, default=20, help="validations without improvement; 0: no end")
    add("--valid-pieces", type=int, default=0, help="validate on so many pieces; 0: all")
    add("--seed", type=int, default=1)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--precision", choices=("bf16", "fp32"), default="bf16")
    add("--compile", action="store_true")
    add("--threads", type=int, default=1, help="on the CPU")
    add("--pool", type=int, default=1, help="batches dealt out by length, to pad less")
    add("--workers", type=int, default=0, help="processes that cut excerpts")
    add("--minutes", type=float, default=0, help="stop, ready to go on, after so long")
    add("--resume", action="store_true", help="go on from NAME.pt if there is one")
    train(parser.parse_args())


def train(options: argparse.Namespace) -> None:
    """Train until the updates, the minutes or the patience are used up."""
    began = time.monotonic()
    rank, world, device = _join(options)
    torch.manual_seed(options.seed + 1000 * rank)
    if options.batch % world:
        raise SystemExit(f"--batch {options.batch} is no multiple of {world} processes")
    kind = KINDS[options.kind]
    shape = Shape(
        layers=options.layers,
        width=options.width,
        inner=options.inner,
        rows=options.rows,
        heads=options.heads,
        positions=options.positions,
        turn_width=options.turn_width,
        turn_inner=options.turn_inner,
        sizes=kind.sizes,
    )
    network = Network(shape, options.dropout).to(device)
    optimiser = torch.optim.Adam(network.parameters(), options.rate, fused=True)
    files = {end: options.out / f"{options.name}.{end}" for end in ("pt", "npz", "jsonl", "png")}
    options.out.mkdir(parents=True, exist_ok=True)
    state: dict[str, Any] = {"update": 0, "best": math.inf, "waited": 0, "seconds": 0.0}
    if options.resume and files["pt"].exists():
        saved = torch.load(files["pt"], map_location=device, weights_only=True)
        if saved["shape"] != shape.text():
            raise SystemExit(f"{files['pt']} is of another shape: {saved['shape']}")
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        state = saved["state"]
    elif rank == 0:
        files["jsonl"].write_text("")
    loss_of: nn.Module = Loss(network)
    if options.compile:
        loss_of = torch.compile(loss_of, dynamic=False)  # pyright: ignore[reportAssignmentType]
    if world > 1:
        loss_of = DistributedDataParallel(loss_of)
    corpus = Corpus(options.data, "train", options.corpora, options.power)
    excerpts = Excerpts(
        corpus,
        kind,
        options.rows,
        options.batch // world,
        (options.seed, rank),
        start=state["update"],
        pool=options.pool,
        multiple=max(128, options.rows // 4) if options.compile else 1,  # few shapes to compile
    )
    loader = DataLoader(
        excerpts, None, num_workers=options.workers, pin_memory=device.type == "cuda"
    )
    valid = validation(Corpus(options.data, "valid", options.corpora), kind, shape, options)
    mixed = _mixed(device, options.precision)
    bar = tqdm(initial=state["update"], total=options.updates, mininterval=5, disable=rank > 0)
    spent = state["seconds"]
    recent: list[torch.Tensor] = []
    for rows, lengths, counted in loader:
        if state["update"] >= options.updates or _waited_too_long(state, options):
            break
        network.train()
        for group in optimiser.param_groups:
            group["lr"] = options.rate * rate_at(state["update"], options)
        rows, lengths = rows.to(device, non_blocking=True), lengths.to(device, non_blocking=True)
        with mixed():
            nll = loss_of(rows, lengths)
        loss = nll.sum() / counted
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        optimiser.step()
        recent.append(loss.detach())
        state["update"] += 1
        bar.update()
        out_of_time = False
        if state["update"] % 20 == 0:
            bar.set_postfix(loss=f"{torch.stack(recent[-20:]).mean():.3f}")
            if options.minutes:
                late = time.monotonic() - began > options.minutes * 60
                out_of_time = _agreed(late, world, device)
        last = state["update"] >= options.updates
        if state["update"] % options.every == 0 or last or out_of_time:
            if rank == 0:
                told = nll_of(network, valid, device, mixed)
                state["seconds"] = spent + time.monotonic() - began
                improved = sum(told.values()) < state["best"]
                state["best"] = min(state["best"], sum(told.values()))
                state["waited"] = 0 if improved else state["waited"] + 1
                row = {
                    "update": state["update"],
                    "seconds": round(state["seconds"], 1),
                    "train": round(float(torch.stack(recent).mean()), 4),
                    "valid": round(sum(told.values()), 4),
                    **{name: round(value, 4) for name, value in told.items()},
                }
                with files["jsonl"].open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row) + "\n")
                bar.write(" ".join(f"{key} {value}" for key, value in row.items()))
                if improved:
                    save_weights(files["npz"], network)
                _save(files["pt"], network, optimiser, state)
                draw_curves(files["jsonl"], files["png"])
            state = _shared(state, world)
            recent = []
            if out_of_time:
                break
    bar.close()
    if world > 1:
        distributed.destroy_process_group()


class Loss(nn.Module):
    """What DistributedDataParallel and torch.compile wrap: the summed NLL of each field."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.network.nll(rows, lengths)


def rate_at(update: int, options: argparse.Namespace) -> float:
    """Return the share of the rate at an update: up over the warm-up, then down to the floor."""
    if update < options.warmup:
        return (update + 1) / options.warmup
    fallen = min(1.0, (update - options.warmup) / max(1, options.decay - options.warmup))
    return 1 - (1 - options.floor) * fallen


def validation(
    corpus: Corpus, kind: Kind, shape: Shape, options: argparse.Namespace
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the openings of the validation pieces in batches, the same at every validation."""
    count = len(corpus.pieces)
    wanted = min(options.valid_pieces or count, count)
    pieces = np.linspace(0, count - 1, wanted).round().astype(int)
    made = [corpus.excerpt(int(i), 0, kind, shape.rows) for i in pieces]
    made.sort(key=len)
    return [padded(made[i : i + 8], None) for i in range(0, len(made), 8)]


def nll_of(network: Network, batches, device: torch.device, mixed) -> dict[str, float]:
    """Return the NLL of each field in nats a row."""
    network.eval()
    total = torch.zeros(len(network.shape.sizes), device=device)
    count = 0
    with torch.inference_mode(), mixed():
        for rows, lengths in batches:
            total += network.nll(rows.to(device), lengths.to(device))
            count += int((lengths - 1).sum())
    names = FIELDS if len(total) == len(FIELDS) else ("token",)
    return {name: float(value) / count for name, value in zip(names, total, strict=True)}


def save_weights(path: Path, network: Network) -> None:
    """Write the arrays and, as `shape`, what they are of."""
    save_arrays(path, exported(network), network.shape)


def save_arrays(path: Path, arrays: dict[str, np.ndarray], shape: Shape) -> None:
    """Write arrays of a shape, in one move so that no half file remains."""
    text, sizes = np.array([shape.text()]), np.array(shape.sizes)
    new = path.with_suffix(".new.npz")
    np.savez(new, allow_pickle=False, shape=text, sizes=sizes, **arrays)
    new.replace(path)


def load_weights(path: Path) -> tuple[Shape, dict[str, np.ndarray]]:
    """Return what save_weights wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    shape = shape_of(str(arrays.pop("shape")[0]))
    return replace(shape, sizes=tuple(arrays.pop("sizes").tolist())), arrays


def load_network(path: Path, device: str = "cpu") -> Network:
    """Return a trained network, ready to be asked."""
    return imported(*load_weights(path)).to(device)


def draw_curves(lines: Path, picture: Path) -> None:
    """Draw the loss over the updates, and each field's, from the lines a run has written."""
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    updates = [row["update"] for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for name in ("train", "valid"):
        left.plot(updates, [row[name] for row in rows], label=name)
    for name in rows[0]:
        if name not in ("update", "seconds", "train", "valid"):
            right.plot(updates, [row[name] for row in rows], label=name)
    left.set(xlabel="updates", ylabel="nats a row")
    right.set(xlabel="updates", ylabel="nats, validation")
    left.legend()
    right.legend()
    figure.savefig(picture, dpi=120)
    plt.close(figure)


def _join(options: argparse.Namespace) -> tuple[int, int, torch.device]:
    """Return this process's number, how many there are, and its device."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    gpu = torch.cuda.is_available() if options.device == "auto" else options.device == "cuda"
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if gpu else "cpu"
    if gpu:
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    else:
        torch.set_num_threads(options.threads)
    if world > 1:
        distributed.init_process_group("nccl" if gpu else "gloo")
    return rank, world, torch.device(device)


def _mixed(device: torch.device, precision: str):
    if precision == "fp32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def _waited_too_long(state: dict[str, Any], options: argparse.Namespace) -> bool:
    return bool(options.patience) and state["waited"] >= options.patience


def _agreed(yes: bool, world: int, device: torch.device) -> bool:
    """Return whether any process says yes: all go the same way."""
    if world == 1:
        return yes
    said = torch.tensor(float(yes), device=device)
    distributed.all_reduce(said)
    return said.item() > 0


def _shared(state: dict[str, Any], world: int) -> dict[str, Any]:
    """Return the first process's state in every process."""
    if world == 1:
        return state
    told: list[Any] = [state]
    distributed.broadcast_object_list(told)
    return told[0]


def _save(path: Path, network: Network, optimiser, state: dict[str, Any]) -> None:
    """Write everything needed to go on, in one move so that no half file remains."""
    saved = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save(saved | {"state": state, "shape": network.shape.text()}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()
