"""Trains the live part-separation network; writes build/NAME.npz.

One thread, no GPU. Every sequence is a new performance of pieces played one after the other, half
of the time as the network itself has understood it so far (sequences.py). The loss is that of each
note alone plus that of each chord's joint assignment; the weights that are kept are a running
average of those of the optimiser, and so are those that understand. Validation pieces choose
nothing but the recipe; over the last fifth of the updates they are learnt from too, and the weights
before it are kept as build/NAME_unseen.npz: calibrate.py needs them. Test pieces are never read
here.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from engine.rt.features import CLASSES_WERE, MAX_TOKENS, PITCH, tokens
from engine.rt.network import HIDDEN, LAYERS, frequencies
from training.part_separation.evaluate import figures
from training.part_separation.prepare import BUILD, load
from training.part_separation.sequences import Batch, Sequences

OWN_DECISIONS = 0.5  # share of the updates learnt from them,
OWN_FROM = 100  # from this update on
LAST = 0.8  # share of the updates after which validation pieces are learnt from too


class Separator(nn.Module):
    """Three LSTM layers over summed tokens, as engine.rt.network computes it note by note."""

    def __init__(self, classes: int, dropout: float, seed: int = 1) -> None:
        super().__init__()
        self.none = tokens(classes)
        self.embedding = nn.Embedding(self.none + 1, HIDDEN, padding_idx=self.none)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.embedding.weight.data[CLASSES_WERE:] *= 0.3
        self.embedding.weight.data[self.none] = 0
        self.frequency = nn.Parameter(torch.zeros(HIDDEN))
        self.layers = nn.ModuleList(nn.LSTM(HIDDEN, HIDDEN) for _ in range(LAYERS))
        self.output = nn.Linear(HIDDEN, classes)
        self.share = dropout
        self.random = np.random.default_rng(seed)
        self.hertz: torch.Tensor
        hertz = torch.zeros(self.none + 1)
        hertz[PITCH : PITCH + 128] = torch.from_numpy(frequencies())
        self.register_buffer("hertz", hertz)

    def forward(self, rows: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Return log-probabilities (step, batch, K) and the state after the last step.

        rows (step, batch, MAX_TOKENS) int64 tokens, `none` where there are no more.
        """
        steps, batch, _ = rows.shape
        flat = rows.reshape(-1, MAX_TOKENS)
        x = nn.functional.embedding_bag(
            flat, self.embedding.weight, mode="sum", padding_idx=self.none
        )
        x = x + self.hertz[flat[:, 0]][:, None] * self.frequency
        x = x.reshape(steps, batch, HIDDEN)
        states = []
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):  # twice as fast
            for i, layer in enumerate(self.layers):
                x, after = layer(x, state[i] if state else None)
                states.append(after)
                x = self._dropped(x)
        return self.output(x.float()).float().log_softmax(-1), states

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        """Return values, in training some of them nought. Random bytes are soon made."""
        if not self.training or self.share == 0:
            return x
        kept = torch.from_numpy(random_bytes(self.random, x.shape) >= round(256 * self.share))
        return x * kept.to(x.dtype).mul_(1 / (1 - self.share))

    @torch.inference_mode()
    def step(self, rows: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """One note of every sequence: rows (batch, MAX_TOKENS) -> logp (batch, K), state.

        In bfloat16: what training hears of its own decisions need not be exact.
        """
        with torch.autocast("cpu", torch.bfloat16):
            logp, state = self(torch.from_numpy(rows)[None], state)
        return logp[0].numpy(), state


def exported(model: Separator) -> dict[str, np.ndarray]:
    """Return the weights by the names engine.rt.network.shapes gives them."""
    weights = {
        "embedding": model.embedding.weight[: model.none],
        "frequency": model.frequency,
        "output": model.output.weight,
        "output_bias": model.output.bias,
    }
    for layer in range(LAYERS):
        part = {name: getattr(model.layers[layer], f"{name}_l0") for name in _LSTM_NAMES}
        weights[f"input_{layer}"] = part["weight_ih"]
        weights[f"recurrent_{layer}"] = part["weight_hh"]
        weights[f"bias_{layer}"] = part["bias_ih"] + part["bias_hh"]
    return {k: v.detach().numpy().astype(np.float32).copy() for k, v in weights.items()}


_LSTM_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class JointLoss:
    """Minus the log-probability of the true assignment among all of a chord's, in nats a note."""

    def __init__(self, classes: int) -> None:
        self.orders = {
            n: torch.tensor(list(itertools.permutations(range(classes), n)))
            for n in range(2, classes + 1)
        }

    def __call__(
        self, logp: torch.Tensor, voices: np.ndarray, decision: np.ndarray
    ) -> torch.Tensor:
        """logp (n, K), voices (n, K) bool, decision (n,) rising int: notes sequence by sequence."""
        first = np.flatnonzero(np.diff(decision, prepend=-1))
        sizes = np.diff(first, append=len(decision))
        total = logp.new_zeros(())
        notes = 0
        for n, orders in self.orders.items():
            rows = torch.from_numpy(first[sizes == n][:, None] + np.arange(n))
            if not len(rows):
                continue
            scores = logp[rows[:, None, :], torch.arange(n) * 0 + orders[None]].sum(-1)
            right = torch.from_numpy(voices)[rows[:, None, :], orders[None]].all(-1)
            possible = right.any(-1)
            scores, right = scores[possible], right[possible]
            best = scores.masked_fill(~right, -1e9).logsumexp(-1)
            total = total + (scores.logsumexp(-1) - best).sum()
            notes += n * len(scores)
        return total / max(notes, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="chorales")
    parser.add_argument("--data", type=Path, default=BUILD / "corpus.npz")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument(
        "--tell-absent", action="store_true", help="tell which classes a piece has not"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--updates", type=int, default=7500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.4)
    parser.add_argument("--forget", type=float, default=0.2, help="share of tokens left out")
    parser.add_argument("--joint", type=float, default=0.5, help="weight of the joint loss")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the kept weights")
    parser.add_argument("--every", type=int, default=500, help="updates between validations")
    parser.add_argument("--resume", action="store_true", help="go on from build/NAME.pt")
    train(parser.parse_args())


def train(options: argparse.Namespace) -> None:
    if options.data.resolve() == (BUILD / f"{options.name}.npz").resolve():
        raise SystemExit(f"{options.data} would be overwritten: choose another --name")
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    pieces, valid = load(options.data, "train"), load(options.data, "valid")
    sequences = Sequences(
        pieces, options.classes, options.seed, options.batch, options.steps, options.tell_absent
    )
    model = Separator(options.classes, options.dropout, options.seed)
    average = Separator(options.classes, 0.0).eval()
    average.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), options.rate, weight_decay=0.01)
    warm, total = 100, options.updates
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda u: min(1, (u + 1) / warm) * max(0.0, (total - u) / total)
    )
    parts = {"model": model, "average": average, "optimiser": optimiser, "schedule": schedule}
    checkpoint = BUILD / f"{options.name}.pt"
    start = 0
    if options.resume and checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        start = saved["update"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        sequences.random = np.random.default_rng([options.seed, start])
        model.random = np.random.default_rng([options.seed, start, 1])
    joint_loss = JointLoss(options.classes)
    began = time.process_time()
    bar = tqdm(range(start, total), mininterval=5, initial=start, total=total)
    for update in bar:
        if update >= LAST * total:
            sequences.pieces = pieces + valid
            if update < LAST * total + 1:
                unseen = BUILD / f"{options.name}_unseen.npz"
                np.savez(unseen, allow_pickle=False, **exported(average))
        own = update >= OWN_FROM and sequences.random.random() < OWN_DECISIONS
        batch = sequences.listened(average.step) if own else sequences.taught()
        note_loss, chord_loss = _losses(model, batch, options.forget, joint_loss)
        optimiser.zero_grad(set_to_none=True)
        (note_loss + options.joint * chord_loss).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        _follow(average, model, min(options.average, (update + 1) / (update + 10)))
        if update % 20 == 0:
            bar.set_postfix(loss=f"{note_loss.item():.3f}")
        if (update + 1) % options.every == 0 or update + 1 == total:
            _save(checkpoint, parts, update + 1)
            weights = exported(average)
            np.savez(BUILD / f"{options.name}.npz", allow_pickle=False, **weights)
            seen = ", partly learnt from" if update >= LAST * total else ""
            row = figures(weights, valid, seed=1, performances=1)
            cpu_s = time.process_time() - began
            bar.write(
                f"{options.name} update {update + 1} loss {note_loss.item():.4f} "
                f"cpu {cpu_s:.0f} s; validation{seen}: "
                + " ".join(f"{key} {value:.2f}" for key, value in row.items())
            )


def _losses(
    model: Separator, batch: Batch, forget: float, joint_loss: JointLoss
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of notes alone and of chords together, both in nats a note."""
    rows, voices, decision, playing = batch
    logp, _ = model(forgetful(torch.from_numpy(rows), forget, model.none, model.random))
    if not playing.all():
        logp = logp.masked_fill(~torch.from_numpy(playing), -1e6).log_softmax(-1)
    of_notes = -logp.masked_fill(~torch.from_numpy(voices), -1e9).logsumexp(-1).mean()
    by_sequence = decision + np.arange(decision.shape[1]) * (decision.max() + 1)
    of_chords = joint_loss(
        logp.transpose(0, 1).flatten(0, 1),
        voices.swapaxes(0, 1).reshape(-1, voices.shape[-1]),
        by_sequence.T.reshape(-1),
    )
    return of_notes, of_chords


def forgetful(
    rows: torch.Tensor, share: float, none: int, random: np.random.Generator
) -> torch.Tensor:
    """Return tokens with some left out, never the pitch: no single one must be relied upon."""
    left_out = torch.from_numpy(random_bytes(random, rows.shape) < round(256 * share))
    left_out[..., 0] = False
    return rows.masked_fill(left_out, none)


def random_bytes(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return uint8, every value as likely."""
    return np.frombuffer(random.bytes(int(np.prod(shape))), np.uint8).reshape(shape)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the running average a little towards the weights."""
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def _save(path: Path, parts: dict[str, Any], update: int) -> None:
    """Write everything needed to go on, in one move so that no half file remains."""
    saved = {name: part.state_dict() for name, part in parts.items()}
    torch.save(saved | {"update": update}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()
