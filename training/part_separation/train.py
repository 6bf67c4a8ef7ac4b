"""Trains the live part-separation network on the chorales; writes build/NAME.npz.

One thread, no GPU. Every sequence is a new performance of pieces played one after the other.
The loss is that of each note alone plus that of each chord's joint assignment; the weights that
are kept are a running average of those of the optimiser. Validation pieces choose nothing but
the recipe; when it is settled they may be learnt from too. Test pieces are never read here.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from engine.rt.features import MAX_TOKENS, PITCH, TOKENS
from engine.rt.network import GATES, HIDDEN, LAYERS, frequencies
from training.part_separation.evaluate import figures
from training.part_separation.live import CLASSES, RATE_HZ, Conditions, decisions, features, perform
from training.part_separation.prepare import BUILD, Chorale, load

WINDOW_FRAMES = 45 * RATE_HZ // 1000


class Separator(nn.Module):
    """Three LSTM layers over summed tokens, as engine.rt.network computes it note by note."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS + 1, HIDDEN, padding_idx=TOKENS)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.embedding.weight.data[TOKENS] = 0
        self.frequency = nn.Parameter(torch.zeros(HIDDEN))
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, LAYERS, dropout=dropout)
        self.output = nn.Linear(HIDDEN, CLASSES)
        self.dropout = nn.Dropout(dropout)
        self.hertz: torch.Tensor
        hertz = torch.zeros(TOKENS + 1)
        hertz[PITCH : PITCH + 128] = torch.from_numpy(frequencies())
        self.register_buffer("hertz", hertz)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens (step, batch, MAX_TOKENS) int64, TOKENS where none -> logits (step, batch, K)."""
        steps, batch, _ = tokens.shape
        flat = tokens.reshape(-1, MAX_TOKENS)
        x = nn.functional.embedding_bag(flat, self.embedding.weight, mode="sum")
        x = x + self.hertz[flat[:, 0]][:, None] * self.frequency
        x = x.reshape(steps, batch, HIDDEN)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):  # twice as fast
            hidden, _ = self.lstm(x)
        return self.output(self.dropout(hidden.float()))


def exported(model: Separator) -> dict[str, np.ndarray]:
    """Return the weights by the names engine.rt.network.shapes gives them."""
    weights = {
        "embedding": model.embedding.weight[:TOKENS],
        "frequency": model.frequency,
        "output": model.output.weight,
        "output_bias": model.output.bias,
    }
    for layer in range(LAYERS):
        part = {name: getattr(model.lstm, f"{name}_l{layer}") for name in _LSTM_NAMES}
        weights[f"input_{layer}"] = part["weight_ih"]
        weights[f"recurrent_{layer}"] = part["weight_hh"]
        weights[f"bias_{layer}"] = part["bias_ih"] + part["bias_hh"]
    return {k: v.detach().numpy().astype(np.float32).copy() for k, v in weights.items()}


_LSTM_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Sequences:
    """Endless seeded batches of performances, no two alike."""

    def __init__(self, chorales: list[Chorale], seed: int, batch: int, steps: int) -> None:
        self.chorales = chorales
        self.random = np.random.default_rng(seed)
        self.batch, self.steps = batch, steps

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tokens (step, batch, MAX_TOKENS), voices (step, batch, K), decision numbers."""
        rows = [self._sequence() for _ in range(self.batch)]
        return tuple(np.stack([row[i] for row in rows], axis=1) for i in range(3))  # type: ignore

    def _sequence(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        conditions = self._conditions()
        parts = []
        missing = self.steps
        while missing > 0:
            chorale = self.chorales[self.random.integers(len(self.chorales))]
            notes = _altered(_transposed(chorale.notes, self.random), self.random)
            performance = perform(notes, conditions, self.random)
            tokens, _, onsets = features(performance)
            start = 0
            if not parts and self.random.random() < 0.5:
                start = int(self.random.integers(len(tokens)))
            numbers = decisions(onsets, WINDOW_FRAMES, CLASSES)
            offset = parts[-1][2][-1] + 1 if parts else 0
            cut = slice(start, start + missing)
            parts.append((tokens[cut], performance.voices[cut], numbers[cut] + offset))
            missing -= len(parts[-1][0])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore

    def _conditions(self) -> Conditions:
        r = self.random
        if r.random() < 0.25:
            return Conditions(merge_unisons=bool(r.random() < 0.2))
        low = r.uniform(0.3, 1.3)
        return Conditions(
            jitter_ms=r.uniform(1, 30),
            tempo_octaves=1.1,
            rubato=0.1,
            articulation=(low, low) if r.random() < 0.5 else (0.6, 1.05),
            spread_ms=r.uniform(0, 60) if r.random() < 0.2 else 0.0,
            merge_unisons=True,
        )


def _transposed(notes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the notes in any key, -5 to +6 semitones away."""
    notes = notes.copy()
    notes[:, 2] += random.integers(-5, 7)
    return notes


def _altered(notes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return, half of the time, the notes with a few left out and a few wrong."""
    if random.random() < 0.5:
        return notes
    kept = notes[random.random(len(notes)) >= random.uniform(0, 0.12)]
    wrong = random.random(len(kept)) < random.uniform(0, 0.04)
    kept[:, 2] += np.where(wrong, random.choice([-2, -1, 1, 2], len(kept)), 0).astype(np.int32)
    return kept[np.lexsort((kept[:, 3], kept[:, 1], kept[:, 2], kept[:, 0]))]


class JointLoss:
    """Minus the log-probability of the true assignment among all of a chord's, in nats a note."""

    def __init__(self) -> None:
        self.orders = {
            n: torch.tensor(list(itertools.permutations(range(CLASSES), n)))
            for n in range(2, CLASSES + 1)
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
    parser.add_argument("--learn", nargs="+", choices=("train", "valid"), default=["train"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--updates", type=int, default=7500)
    parser.add_argument("--until", type=int, default=7500, help="stop after so many of them")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.4)
    parser.add_argument("--forget", type=float, default=0.2, help="share of tokens left out")
    parser.add_argument("--joint", type=float, default=0.5, help="weight of the joint loss")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the kept weights")
    parser.add_argument("--every", type=int, default=750, help="updates between validations")
    parser.add_argument("--resume", action="store_true", help="go on from build/NAME.pt")
    train(parser.parse_args())


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    chorales = [chorale for split in options.learn for chorale in load(options.data, split)]
    sequences = Sequences(chorales, options.seed, options.batch, options.steps)
    valid = [] if "valid" in options.learn else load(options.data, "valid")
    model = Separator(options.dropout)
    optimiser = torch.optim.AdamW(model.parameters(), options.rate, weight_decay=0.01)
    warm, total = 200, options.updates
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda u: min(1, (u + 1) / warm) * max(0.0, (total - u) / total)
    )
    average = {k: v.clone() for k, v in model.state_dict().items()}
    checkpoint = BUILD / f"{options.name}.pt"
    start = 0
    if options.resume:
        saved = torch.load(checkpoint, weights_only=True)
        start, average = saved["update"], saved["average"]
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        sequences.random = np.random.default_rng([options.seed, start])
    joint_loss = JointLoss()
    began = time.process_time()
    end = min(total, options.until)
    bar = tqdm(range(start, end), mininterval=5, initial=start, total=end)
    for update in bar:
        tokens, voices, decision = sequences.next()
        logp = model(forgetful(_padded(tokens), options.forget)).log_softmax(-1)
        target = torch.from_numpy(voices)
        note_loss = -logp.masked_fill(~target, -1e9).logsumexp(-1).mean()
        loss = note_loss
        if options.joint:
            by_sequence = decision + np.arange(options.batch) * (decision.max() + 1)
            loss = loss + options.joint * joint_loss(
                logp.transpose(0, 1).reshape(-1, CLASSES),
                voices.swapaxes(0, 1).reshape(-1, CLASSES),
                by_sequence.T.reshape(-1),
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        decay = min(options.average, (update + 1) / (update + 10))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - decay)
        if update % 20 == 0:
            bar.set_postfix(loss=f"{note_loss.item():.3f}")
        if (update + 1) % options.every == 0 or update + 1 == end:
            _save(checkpoint, model, optimiser, schedule, average, update + 1)
            weights = _averaged(average, options.dropout)
            np.savez(BUILD / f"{options.name}.npz", allow_pickle=False, **weights)
            row = figures(weights, valid, seed=1, performances=1) if valid else {}
            cpu_s = time.process_time() - began
            bar.write(
                f"{options.name} update {update + 1} loss {loss.item():.4f} cpu {cpu_s:.0f} s "
                + " ".join(f"{key} {value:.2f}" for key, value in row.items())
            )


def forgetful(tokens: torch.Tensor, share: float) -> torch.Tensor:
    """Return tokens with some left out, never the pitch: no single one must be relied upon."""
    left_out = torch.rand(tokens.shape) < share
    left_out[..., 0] = False
    return tokens.masked_fill(left_out, TOKENS)


def _padded(tokens: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.where(tokens < 0, TOKENS, tokens).astype(np.int64))


def _averaged(average: dict[str, torch.Tensor], dropout: float) -> dict[str, np.ndarray]:
    model = Separator(dropout)
    model.load_state_dict(average)
    return exported(model)


def _save(path: Path, model, optimiser, schedule, average, update: int) -> None:
    """Write everything needed to go on, in one move so that no half file remains."""
    parts = {"model": model, "optimiser": optimiser, "schedule": schedule}
    saved = {name: part.state_dict() for name, part in parts.items()}
    torch.save(saved | {"average": average, "update": update}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    assert GATES == 4 * HIDDEN
    main()
