"""Trains a network: build/latent_morph/NAME.pt, the best on validation, and NAME.jsonl.

    python -m training.latent_morph.train --kind B --seed 1        # name B-1
    python -m training.latent_morph.train --kind B --seed 1 --resume

Kinds: B is the live form. Its labels are told of the mean of the signal's latent, not of a point
drawn, a tenth of the encoder's units rests, straight lines between labels are kept straight by
ear, and what is kept is a running mean of the weights. "classifier" reads as B's encoder does,
with as many units; "-eight" learns eight instruments alone; "classifier-still" has half as many
units, none of which rests, and no transposition. A is the paper's as published: match weight 10,
sustain only, no transposition, no labels for the signal's latent; A+ has the last two. wide and
paper have them as well, and two layers of 1,000 or of the paper's own 5,000.
"""

import argparse
import copy
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.morph.voice_model import BANDS, HARMONICS
from training.latent_morph import laws as velocity_laws
from training.latent_morph import prepare
from training.latent_morph.analysis import HIGHEST_HZ, band_edges_hz
from training.latent_morph.data import Batch, Frames, Manner
from training.latent_morph.network import (
    Classifier,
    Pair,
    Shape,
    divergence,
    drawn,
    label_loss,
)
from training.latent_morph.sources import (
    BUILD,
    EIGHT,
    NAMES,
    TRAIN,
    VALID_PITCH,
    VALID_TAKE,
)

VALIDATION = (VALID_PITCH, VALID_TAKE)
_SPREAD_DB = 6.0  # of a level around what is decoded
_WHOLE_DB = 0.25  # of a frame's level, which is learnt as a median: a mean would blur attacks
_BIN_SPREAD_DB = 8.0
_SYMBOL = 3.0  # the weight of the symbol's own labels
_BRIGHTER = 30.0  # an octave
_BRIGHTER_ROWS = 48  # of a batch, to save time
_LINES, _STEPS = 48, 8  # lines between labels in a batch, and steps of each
_FAINT_DB = -80.0  # below it nothing of a line is heard
_VELOCITY = 2  # where the features have it
_SHARES = torch.cat([torch.full((HARMONICS,), 0.5), torch.ones(BANDS)])  # of power, by level
_MIDDLES_HZ = torch.from_numpy((band_edges_hz()[1:] + band_edges_hz()[:-1]) / 2).float()


@dataclass(frozen=True)
class Kind:
    """What is trained, and how."""

    manner: Manner
    shape: Shape
    classifies: bool = False  # the shape's encoder tells labels and nothing else
    match: float = 1.0
    told: float = 3.0  # weight of the labels on the signal's latent
    plainly: bool = False  # those labels are told of its mean, not of a point drawn
    through: float = 0.5  # weight of the levels decoded from the symbol's latent
    straight: float = 0.0  # weight of how far a line between two labels is from one by ear
    average: float = 0.0  # how much of the running mean of the weights an update keeps
    names: tuple[str, ...] = NAMES  # the instruments it learns


_LIVE = Kind(
    Manner(),
    Shape("B", encoder=768, dropout=0.1),
    told=20.0,
    plainly=True,
    through=1.0,
    straight=8.0,
    average=0.998,
)
_READS = replace(_LIVE, classifies=True)
_STILL = Shape("B", encoder=384)

KINDS = {
    "B": _LIVE,
    "B-eight": replace(_LIVE, names=EIGHT),
    "classifier": _READS,
    "classifier-eight": replace(_READS, names=EIGHT),
    "classifier-still": Kind(Manner(transpose=False), _STILL, classifies=True),
    "A": Kind(
        Manner(transpose=False, velocities=False, ages=False, sustain_only=True),
        Shape("A", latent=32, encoder=512, decoder=512),
        match=10.0,
        told=0.0,
        through=0.0,
    ),
    "A+": Kind(
        Manner(ages=False, velocities=False),
        Shape("A", latent=32, encoder=512, decoder=512),
        through=0.0,
    ),
    "wide": Kind(
        Manner(ages=False, velocities=False),
        Shape("A", latent=32, encoder=1000, decoder=1000, symbol=800),
    ),
    "paper": Kind(
        Manner(ages=False, velocities=False),
        Shape("A", latent=32, encoder=5000, decoder=5000, symbol=800),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--kind", choices=list(KINDS), default="B")
    add("--seed", type=int, default=1)
    add("--name", help="KIND-SEED unless given")
    add("--frames", type=Path, default=prepare.FRAMES)
    add("--out", type=Path, default=BUILD)
    add("--updates", type=int, default=16_000)
    add("--batch", type=int, default=256)
    add("--rate", type=float, default=1e-3)
    add("--every", type=int, default=1_000, help="updates between validations")
    add("--latent", type=int, default=16, help="of form B")
    add("--hidden", type=int, default=128, help="of form B's decoder")
    add("--threads", type=int, default=1)
    add("--stop", type=int, default=0, help="stop, ready to go on, after so many updates")
    add("--resume", action="store_true", help="go on from where it was stopped")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("medium")  # products of 16 bits where there are such
    corpus = prepare.load(options.frames)
    train(corpus, options)


def train(corpus: prepare.Corpus, options: argparse.Namespace) -> torch.nn.Module:
    """Train until the updates are used up; return the network that was best on validation."""
    kind = KINDS[options.kind]
    name = options.name or f"{options.kind}-{options.seed}"
    torch.manual_seed(options.seed)
    laws = velocity_laws.measure(corpus)
    frames = Frames(corpus, laws, (TRAIN,), kind.names)
    held_out = Frames(corpus, laws, VALIDATION, kind.names)
    check = held_out.batch(4096, _checked(kind.manner), np.random.default_rng(0))
    network = build(kind, options.latent, options.hidden)
    learning = list(network.parameters())
    kept = copy.deepcopy(network).eval() if kind.average else network
    optimiser = torch.optim.Adam(learning, options.rate, fused=True)
    options.out.mkdir(parents=True, exist_ok=True)
    going, best, log = (options.out / f"{name}.{end}" for end in ("going.pt", "pt", "jsonl"))
    state: dict[str, Any] = {"update": 0, "best": float("inf"), "seconds": 0.0}
    if options.resume and going.is_file():
        saved = torch.load(going, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        if kind.average:
            kept.load_state_dict(saved["mean"])
        state = saved["state"]
    else:
        log.write_text("")
    began = time.process_time() - state["seconds"]
    bar = tqdm(
        range(state["update"], options.updates),
        name,
        initial=state["update"],
        total=options.updates,
        mininterval=5,
    )
    for update in bar:
        random = np.random.default_rng((options.seed, update))
        torch.manual_seed(options.seed * 1_000_003 + update)  # so that what resumes is the same
        for group in optimiser.param_groups:
            group["lr"] = float(options.rate * rate_at(update, options.updates))
        batch = frames.batch(options.batch, kind.manner, random)
        loss = torch.stack(list(losses(network, kind, batch).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 20.0)
        optimiser.step()
        if kind.average:
            follow(kept, network, min(kind.average, update / (update + 9)))
        if (update + 1) % options.every and update + 1 not in (options.updates, options.stop):
            continue
        with torch.no_grad():
            torch.manual_seed(options.seed)
            parts = {k: float(v) for k, v in losses(kept, kind, check).items()}
        total = sum(parts.values())
        seconds = time.process_time() - began
        row = {"update": update + 1, "loss": total, **parts, "cpu_s": round(seconds, 1)}
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        bar.set_postfix(valid=f"{total:.2f}")
        if total < state["best"]:
            state["best"] = total
            about = {"kind": options.kind, "seed": options.seed, "updates": update + 1}
            about |= {"latent": options.latent, "hidden": options.hidden, "cpu_s": seconds}
            torch.save({"network": kept.state_dict(), "about": about}, best)
        state |= {"update": update + 1, "seconds": seconds}
        whole = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        if kind.average:
            whole["mean"] = kept.state_dict()
        torch.save({**whole, "state": state}, going)
        if update + 1 == options.stop:
            break
    return restored(best)[0]


def build(kind: Kind, latent: int, hidden: int) -> torch.nn.Module:
    """Return an untrained network of a kind; form B has the latent and decoder asked for."""
    shape = kind.shape
    if kind.classifies:
        return Classifier(shape.encoder, shape.dropout)
    if shape.form == "B":
        shape = replace(shape, latent=latent, decoder=hidden)
    return Pair(shape)


def restored(path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Return a trained network and what is known of it; SystemExit if there is none."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run python -m training.latent_morph.train first")
    saved = torch.load(path, weights_only=True)
    about = saved["about"]
    network = build(KINDS[about["kind"]], about["latent"], about["hidden"])
    network.load_state_dict(saved["network"])
    return network.eval(), about


def follow(mean: torch.nn.Module, network: torch.nn.Module, kept: float) -> None:
    """Move a running mean of weights towards a network's, `kept` of it (0 to 1) staying."""
    with torch.no_grad():
        for own, other in zip(mean.parameters(), network.parameters(), strict=True):
            own.lerp_(other, 1 - kept)


def losses(network: torch.nn.Module, kind: Kind, batch: Batch) -> dict[str, Tensor]:
    """Return the parts of the loss, weighted."""
    if not isinstance(network, Pair):
        return {"labels": label_loss(network(batch.spectra), batch.labels)}
    signal, symbol = network.of_signal(batch.spectra), network.of_symbol(batch.labels)
    z, z_symbol = drawn(*signal), drawn(*symbol)
    parts = {
        "levels": _distance(network, z, batch),
        "symbol": _symbol_weight(kind) * label_loss(network.symbol(z_symbol), batch.labels),
        "kl": divergence(*signal) + divergence(*symbol),
        "match": kind.match * divergence(*signal, *symbol),
    }
    if kind.told:
        point = signal[0] if kind.plainly else z
        parts["told"] = kind.told * label_loss(network.symbol(point), batch.labels)
    if kind.through:
        parts["through"] = kind.through * _distance(network, z_symbol, batch)
    if kind.straight:
        parts["straight"] = kind.straight * detour(network, batch)
    if network.shape.form == "B":
        parts["brighter"] = _BRIGHTER * _not_brighter(network, z_symbol, batch)
    return parts


def rate_at(update: int, updates: int) -> float:
    """Return the share of the learning rate: a short rise, then half a cosine down to 2 %."""
    rise = min(1.0, (update + 1) / 200)
    return rise * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * update / max(1, updates))))


def _distance(network: Pair, z: Tensor, batch: Batch) -> Tensor:
    """Return minus the log likelihood of levels (or bins), but for a constant."""
    found = network.signal(z, batch.features)
    if network.shape.form == "A":
        return ((found - batch.spectra) ** 2).sum(1).mean() / (2 * _BIN_SPREAD_DB**2)
    whole, target = _total_db(found)[:, None], _total_db(batch.target)[:, None]
    shape = batch.weight * ((found - whole) - (batch.target - target)) ** 2
    heard = 0.05 + 0.95 * torch.sigmoid((target + 45) / 5)
    levels = shape.sum(1).mean() / (2 * _SPREAD_DB**2)
    return levels + (heard * (whole - target).abs()).mean() / _WHOLE_DB


def _not_brighter(network: Pair, z: Tensor, batch: Batch) -> Tensor:
    """Return by how many octaves harder keys fail to be brighter: a quarter from 0 to 127."""
    z, told = z[:_BRIGHTER_ROWS], batch.features[:_BRIGHTER_ROWS]
    softer, harder = torch.rand(2, len(z)).sort(0).values
    hz = _frequencies_hz(60 + 24 * told[:, 0])
    heard = (hz < HIGHEST_HZ) * _SHARES
    centres = []
    for velocity in (softer, harder):
        features = told.clone()
        features[:, _VELOCITY] = velocity
        levels = network.signal(z, features).clamp(-100, 20)
        power = 10 ** (levels / 10) * heard
        centres.append((power * hz.log2()).sum(1) / (power.sum(1) + 1e-8))
    return (0.25 * (harder - softer) - (centres[1] - centres[0])).clamp(min=0).mean()


def detour(network: Pair, batch: Batch) -> Tensor:
    """Return how rough the straight lines between labels are, beside the least there can be.

    A line goes from a row's label to that of another instrument and dynamics at the same key, in
    _STEPS steps. Their squares add up to the square of the whole way over _STEPS, or to more,
    where a way bends or leaps: by what share of it, the mean over the lines. Each line counts as
    much as any other, or labels no instrument has would be sent far away, on straight ways.
    """
    labels, told = batch.labels[:_LINES].clamp(min=0), batch.features[:_LINES]
    other = labels.clone()
    other[:, 2:] = labels.roll(1, 0)[:, 2:]
    begin, end = network.of_symbol(labels)[0], network.of_symbol(other)[0]
    share = torch.linspace(0, 1, _STEPS + 1)[:, None, None]
    way = network.signal(
        (begin + share * (end - begin)).flatten(0, 1), told.repeat(_STEPS + 1, 1)
    ).unflatten(0, (_STEPS + 1, len(labels)))
    way = way.clamp(_FAINT_DB, 20)
    steps = (way.diff(dim=0) ** 2).mean(2).sum(0) * _STEPS
    whole = ((way[-1] - way[0]) ** 2).mean(1)
    return ((steps - whole) / (whole + 1.0)).mean()


def _frequencies_hz(pitch: Tensor) -> Tensor:
    """Return the frequency of each level (n, 88) of keys (n,)."""
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    harmonics = f0[:, None] * torch.arange(1, HARMONICS + 1)
    return torch.cat([harmonics, _MIDDLES_HZ.expand(len(pitch), -1)], 1)


def _total_db(levels: Tensor) -> Tensor:
    """Return the RMS of frames (n, 88) in dB."""
    power = 10 ** (levels.clamp(max=20) / 10)
    whole = power[:, :HARMONICS].sum(1) / 2 + power[:, HARMONICS:].sum(1)
    return 10 * torch.log10(whole + 1e-8)


def _symbol_weight(kind: Kind) -> float:
    """Return the weight of the symbol's own labels: the paper's 1 where labels are not told."""
    return min(kind.told, _SYMBOL) or 1.0


def _checked(manner: Manner) -> Manner:
    """Return how validation frames are made: as they were recorded."""
    return Manner(False, False, False, manner.sustain_only)


if __name__ == "__main__":
    main()
