"""Trains a transcription network on one thread of a CPU and writes its weights.

``python -m training.latent_morph.transcription.train --form offline`` reads centred spectra and
looks four frames ahead; ``--form live`` reads early ones, tells of a moment 64 ms ago, and begins
with the other's weights. Stopped, it goes on from its last checkpoint. The weights of the last step
are written; nothing is chosen by the test phrases.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from models.morph.spectrum import BINS, HOP, RATE_HZ, lead_frames
from models.transcription.network import CONTEXT, HOP_S, KEYS, LOWEST_KEY
from training.latent_morph.sources import NAMES, UNKNOWN
from training.latent_morph.transcription.network import TranscriptionNet
from training.latent_morph.transcription.prepare import STEPS_A_DB, TRANSCRIPTION

FORMS = {"offline": (False, 4), "live": (True, -1)}  # early spectra, lag in frames
BATCH, FRAMES = 8, 96
STEPS = {"offline": 10_000, "live": 3000}
RATE = 4e-3
LAST = 0.44  # of the steps: over these the rate goes down to nothing, if it is not lower already
ONSET_REACH = 1.5  # frames: what a target rises over, before an onset and after
RARE = 3.0  # weight of what is there against what is not
WEIGHTS = {"onset": 1.0, "sounding": 1.0, "dynamics": 0.15, "instrument": 0.3}
EVERY = 100  # steps between checkpoints


@dataclass(frozen=True)
class Phrases:
    """A split as prepare.py writes it."""

    spectra: np.ndarray  # (phrases, frames, 410) uint8, a frame every 256 samples
    notes: np.ndarray
    offsets: np.ndarray

    def notes_of(self, number: int) -> np.ndarray:
        """Return a phrase's notes."""
        return self.notes[self.offsets[number] : self.offsets[number + 1]]


@dataclass(frozen=True)
class Batch:
    """Spectra of 0..1 and what is true of their last frames."""

    spectra: torch.Tensor  # (batch, CONTEXT + frames, 410)
    onset: torch.Tensor  # (batch, frames, 88)
    sounding: torch.Tensor
    dynamics: torch.Tensor  # classes, UNKNOWN where nothing sounds or nobody knows
    instrument: torch.Tensor


def load_phrases(folder: Path) -> Phrases:
    """Return a split; SystemExit if it was not prepared."""
    if not (folder / "offsets.npy").is_file():
        raise SystemExit(f"{folder} holds no phrases: run prepare first")
    return Phrases(*(np.load(folder / f"{n}.npy") for n in ("spectra", "notes", "offsets")))


def window(
    phrases: Phrases, number: int, begin: int, frames: int, early: bool, shift_bins: int = 0
) -> np.ndarray:
    """Return (frames, 410) uint8 of a phrase, a frame in two, from frame `begin` of 256 samples."""
    rows = begin + 2 * np.arange(frames)[:, None] + (lead_frames() if early else 0)
    spectrum = phrases.spectra[number]
    inside = (rows >= 0) & (rows < len(spectrum))
    columns = np.arange(BINS) - shift_bins
    inside = inside & (columns >= 0) & (columns < BINS)
    found = spectrum[np.clip(rows, 0, len(spectrum) - 1), np.clip(columns, 0, BINS - 1)]
    return np.where(inside, found, 0)


def truth(notes: np.ndarray, begin: int, frames: int, shift: int = 0) -> dict[str, np.ndarray]:
    """Return what is true of frames every HOP_S, the first centred on sample 256 * `begin`."""
    at_s = begin * HOP / RATE_HZ + HOP_S * np.arange(frames)
    onset = np.zeros((frames, KEYS), np.float32)
    sounding = np.zeros((frames, KEYS), np.float32)
    dynamics = np.full((frames, KEYS), UNKNOWN)
    instrument = np.full((frames, KEYS), UNKNOWN)
    for note in notes:
        key = int(note["pitch"]) + shift - LOWEST_KEY
        if not 0 <= key < KEYS:
            continue
        near = 1 - np.abs(at_s - note["start_s"]) / (ONSET_REACH * HOP_S)
        onset[:, key] = np.maximum(onset[:, key], near)
        held = (at_s >= note["start_s"]) & (at_s < note["end_s"])
        sounding[held, key] = 1
        dynamics[held, key] = note["dynamics"]
        instrument[held, key] = note["instrument"]
    return {
        "onset": onset,
        "sounding": sounding,
        "dynamics": dynamics,
        "instrument": instrument,
    }


def draw(phrases: Phrases, form: tuple[bool, int], random: np.random.Generator) -> Batch:
    """Return a batch of random places, transposed by up to two semitones and louder or softer."""
    early, lag = form
    spectra, rows = [], []
    longest = phrases.spectra.shape[1]
    for _ in range(BATCH):
        number = int(random.integers(len(phrases.spectra)))
        newest = int(random.integers(0, longest - 2 * FRAMES))  # the first output's newest frame
        shift = int(random.integers(-2, 3)) if random.random() < 0.5 else 0
        seen = window(phrases, number, newest - 2 * CONTEXT, CONTEXT + FRAMES, early, 4 * shift)
        levels = seen.astype(np.float32) / 255
        louder = random.uniform(-10, 6) * STEPS_A_DB / 255
        spectra.append(np.clip(levels + louder, 0, None) * (levels > 0))
        rows.append(truth(phrases.notes_of(number), newest - 2 * lag, FRAMES, shift))
    columns = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
    return Batch(torch.from_numpy(np.stack(spectra)), **columns)


def losses(net: TranscriptionNet, batch: Batch) -> dict[str, torch.Tensor]:
    """Return what each output has to learn, before weighing."""
    there, loud, who = net(batch.spectra)
    rare = torch.tensor(RARE)
    scale = KEYS / 4  # a key in many sounds
    return {
        "onset": scale
        * functional.binary_cross_entropy_with_logits(there[..., 0], batch.onset, pos_weight=rare),
        "sounding": scale
        * functional.binary_cross_entropy_with_logits(there[..., 1], batch.sounding),
        "dynamics": _classes(loud, batch.dynamics),
        "instrument": _classes(who, batch.instrument),
    }


def _classes(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    known = wanted != UNKNOWN
    total = functional.cross_entropy(logits[known], wanted[known], reduction="sum")
    return total / max(1, int(known.sum()))  # now and then none is known


def train(
    data: Path, form: str, steps: int, out: Path, seed: int, first: Path | None = None
) -> None:
    """Train for so many steps, from the checkpoint beside `out` if there is one.

    `first` are weights to begin with.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    phrases, net = load_phrases(data / "train"), TranscriptionNet(len(NAMES))
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps * 3 // 2, pct_start=0.1)
    checkpoint, done, spent_s, heard = out.with_suffix(".pt"), 0, 0.0, {}
    if first is not None:
        net.take(np.load(first))
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        done, spent_s = kept["done"], kept["spent_s"]
    began = time.process_time()
    for step in range(done, steps):
        random = np.random.default_rng([seed, step])
        found = losses(net, draw(phrases, FORMS[form], random))
        total = torch.stack([WEIGHTS[name] * value for name, value in found.items()]).sum()
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        for group in optimiser.param_groups:
            group["lr"] = min(group["lr"], RATE * (steps - step - 1) / (LAST * steps))
        for name, value in found.items():
            heard[name] = 0.98 * heard.get(name, value.item()) + 0.02 * value.item()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            minutes = (spent_s + time.process_time() - began) / 60
            told = ", ".join(f"{name} {value:.3f}" for name, value in heard.items())
            print(f"{form} {step + 1}/{steps}: {told}; {minutes:.1f} min of CPU", flush=True)
            states = {"net": net, "optimiser": optimiser, "schedule": schedule}
            kept = {name: thing.state_dict() for name, thing in states.items()}
            torch.save(kept | {"done": step + 1, "spent_s": minutes * 60}, checkpoint)
            save(out, net.arrays(*FORMS[form]))
    told = {name: round(value, 4) for name, value in heard.items()}
    said = {"form": form, "steps": steps, "seed": seed, "losses": told}
    out.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a file of weights."""
    np.savez(path, allow_pickle=False, **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=sorted(FORMS), required=True)
    parser.add_argument("--data", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--steps", type=int, help=f"default: {STEPS}")
    parser.add_argument("--out", type=Path, help="default: FORM.npz among the data")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    out = options.out or options.data / f"{options.form}.npz"
    first = options.data / "offline.npz" if options.form == "live" else None
    steps = options.steps or STEPS[options.form]
    train(options.data, options.form, steps, out, options.seed, first)


if __name__ == "__main__":
    main()
