"""Trains the judge of found notes (models.transcription.judge), and measures it on validation.

``python -m training.latent_morph.transcription.judging`` reads the prepared phrases and the frames
of single notes (build/latent_morph), and writes judge.npz beside the phrases; stopped, it goes on
where it was. Three quarters of a batch are frames of the phrases' notes, a quarter of single notes
brought to a recording's usual level; keys are named up to two semitones off, and levels moved, so
that neither is taken for the instrument. ``--measure`` prints what is right of the true notes of
validation phrases and of held-out single notes, judged and by the network's own heads.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.morph.spectrum import FLOOR_DB, HOP_S
from models.transcription.judge import FACTS, SEEN, Judge, asked, inputs
from models.transcription.network import DYNAMICS
from training.latent_morph import prepare as single
from training.latent_morph.sources import NAMES, TRAIN, UNKNOWN, VALID_PITCH, VALID_TAKE
from training.latent_morph.train import rate_at
from training.latent_morph.transcription.prepare import STEPS_A_DB, TRANSCRIPTION
from training.latent_morph.transcription.train import Phrases, load_phrases

HIDDEN, UPDATES, BATCH, RATE, EVERY = 256, 3_000, 512, 1e-3, 500
DROPOUT = 0.2
SINGLE_SHARE = 0.25
LEVELS_DB = (-16.0, -6.0)  # of a single note's loudest frame, the loudest sample being 0.5
SEMITONES, LOUDER_DB = 2, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--frames", type=Path, default=single.FRAMES)
    parser.add_argument("--updates", type=int, default=UPDATES)
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = single.load(options.frames)
    out = options.data / "judge.npz"
    train(load_phrases(options.data / "train"), corpus, options.updates, out)
    if options.measure:
        judge = Judge(dict(np.load(out)), NAMES)
        found = {
            "phrases": of_phrases(judge, load_phrases(options.data / "valid")),
            "single notes": of_single_notes(judge, corpus),
        }
        print(json.dumps(found, indent=1))


def network() -> nn.Sequential:
    """Return an untrained one."""
    return nn.Sequential(
        nn.Linear(SEEN + FACTS, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, len(DYNAMICS) + len(NAMES)),
    )  # fmt: skip


def train(phrases: Phrases, corpus: single.Corpus, updates: int, out: Path) -> None:
    """Train for so many updates, from the checkpoint beside `out` if there is one."""
    torch.manual_seed(1)
    net = network()
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-4)
    checkpoint, done, spent_s = out.with_name("judge.pt"), 0, 0.0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        done, spent_s = kept["done"], kept["spent_s"]
    began = time.process_time() - spent_s
    takes = np.flatnonzero(corpus.split == TRAIN)
    number = np.repeat(np.arange(len(phrases.offsets) - 1), np.diff(phrases.offsets))
    for update in range(done, updates):
        torch.manual_seed(update)
        random = np.random.default_rng((2, update))
        for group in optimiser.param_groups:
            group["lr"] = float(RATE * rate_at(update, updates))
        apart = int(BATCH * SINGLE_SHARE)
        parts = [
            _from_phrases(phrases, number, BATCH - apart, random),
            _from_takes(corpus, takes, apart, random),
        ]
        read, dynamics, instrument = (np.concatenate(side) for side in zip(*parts, strict=True))
        logits = net.train()(torch.from_numpy(read))
        loss = _lost(logits[:, : len(DYNAMICS)], dynamics)
        loss = loss + _lost(logits[:, len(DYNAMICS) :], instrument)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (update + 1) % EVERY and update + 1 < updates:
            continue
        seconds = time.process_time() - began
        print(
            f"judge, update {update + 1}: loss {float(loss.detach()):.3f}, {seconds:.0f} s",
            flush=True,
        )
        state = {"net": net.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "done": update + 1, "spent_s": seconds}, checkpoint)
    layers = [layer for layer in net if isinstance(layer, nn.Linear)]
    arrays = {}
    for place, layer in enumerate(layers):
        arrays[f"w{place}"] = np.ascontiguousarray(layer.weight.detach().numpy().T)
        arrays[f"b{place}"] = layer.bias.detach().numpy()
    np.savez(out, allow_pickle=False, **arrays)


def _lost(logits: torch.Tensor, wanted: np.ndarray) -> torch.Tensor:
    return functional.cross_entropy(
        logits, torch.from_numpy(wanted.astype(np.int64)), ignore_index=UNKNOWN
    )


def _moved(
    levels_db: np.ndarray, pitch: np.ndarray, age_s: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return the inputs of frames as if a little louder and of a key near by."""
    count = len(levels_db)
    louder = random.uniform(-LOUDER_DB, LOUDER_DB, (count, 1)).astype(np.float32)
    read = inputs(np.maximum(levels_db + louder, FLOOR_DB), pitch, age_s)
    named = pitch + random.integers(-SEMITONES, SEMITONES + 1, count)
    key = (named - 60) / 24
    read[:, SEEN], read[:, SEEN + 1] = key, key * key
    return read


def _from_phrases(
    phrases: Phrases, number: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, dynamics and instruments of frames of notes, any of all."""
    chosen = random.integers(0, len(phrases.notes), count)
    notes = phrases.notes[chosen]
    first = np.ceil(notes["start_s"] / HOP_S)
    last = np.maximum(np.floor(notes["end_s"] / HOP_S), first + 1)
    row = (first + random.random(count) * (last - first)).astype(int)
    row = np.clip(row, 0, phrases.spectra.shape[1] - 1)
    levels = phrases.spectra[number[chosen], row] / np.float32(STEPS_A_DB) + np.float32(FLOOR_DB)
    age_s = np.maximum(row * HOP_S - notes["start_s"], 0)
    pitch = notes["pitch"].astype(int)
    return _moved(levels, pitch, age_s, random), notes["dynamics"], notes["instrument"]


def _from_takes(
    corpus: single.Corpus, takes: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of single notes."""
    take = random.choice(takes, count)
    row = (random.random(count) * np.diff(corpus.first)[take]).astype(int)
    levels = corpus.spectra[corpus.first[take] + row].astype(np.float32)
    level = random.uniform(*LEVELS_DB, count) - corpus.level_db[take]
    levels = np.maximum(levels + level[:, None].astype(np.float32), FLOOR_DB)
    read = _moved(levels, corpus.pitch[take].astype(int), row * HOP_S, random)
    return read, corpus.dynamics[take], corpus.instrument[take]


def of_phrases(judge: Judge, phrases: Phrases) -> dict[str, float]:
    """Return the % of the true notes of phrases whose dynamics and instrument are told."""
    rows = []
    for number in range(len(phrases.spectra)):
        levels = phrases.spectra[number] / np.float32(STEPS_A_DB) + np.float32(FLOOR_DB)
        for note in phrases.notes_of(number):
            first, last = (int(note[key] / HOP_S) for key in ("start_s", "end_s"))
            at = np.minimum(asked(first, last), len(levels) - 1)
            age_s = np.maximum(at * HOP_S - note["start_s"], 0)
            rows.append((_judged(judge, levels[at], int(note["pitch"]), age_s), note))
    return _right([(told, int(n["dynamics"]), int(n["instrument"])) for told, n in rows])


def of_single_notes(judge: Judge, corpus: single.Corpus) -> dict[str, float]:
    """Return the same of single notes of held-out keys and recordings, for validation."""
    rows = []
    for take in np.flatnonzero(np.isin(corpus.split, (VALID_PITCH, VALID_TAKE))):
        part = corpus.rows(int(take))
        levels = corpus.spectra[part].astype(np.float32)
        levels = np.maximum(levels + np.mean(LEVELS_DB) - corpus.level_db[take], FLOOR_DB)
        at = asked(0, len(levels))
        told = _judged(judge, levels[at].astype(np.float32), int(corpus.pitch[take]), at * HOP_S)
        rows.append((told, int(corpus.dynamics[take]), int(corpus.instrument[take])))
    return _right(rows)


def _judged(
    judge: Judge, levels_db: np.ndarray, pitch: int, age_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    loud, who = judge.frames(inputs(levels_db, np.full(len(levels_db), pitch), age_s))
    return loud.mean(0), who.mean(0)


def _right(rows: list) -> dict[str, float]:
    known = [(told, loud) for (told, _), loud, _ in rows if loud != UNKNOWN]
    guesses = np.array([told.argmax() for told, _ in known]) - [loud for _, loud in known]
    return {
        "instrument": round(100 * float(np.mean([w.argmax() == i for (_, w), _, i in rows])), 1),
        "dynamics": round(100 * float((guesses == 0).mean()), 1),
        "dynamics within one": round(100 * float((abs(guesses) <= 1).mean()), 1),
        "notes": len(rows),
    }


if __name__ == "__main__":
    main()
