"""Trains the judge of found notes (models.transcription.judge), and measures it on validation.

``python -m training.latent_morph.transcription.judging`` reads the prepared phrases and the frames
of single notes (build/latent_morph), and writes judge.npz beside the phrases; stopped, it goes on
where it was. Three quarters of a batch are frames of the phrases' notes, a quarter of single notes
brought to a recording's usual level; keys are named up to two semitones off, and levels moved, so
that neither is taken for the instrument. The network of courses learns beside, from the same notes
taken a little early or late. ``--measure`` prints what is right of the true notes of
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
from models.transcription.judge import (
    COURSE_FACTS,
    FACTS,
    PARTS,
    SEEN,
    Judge,
    asked,
    inputs,
)
from models.transcription.network import DYNAMICS
from training.latent_morph import prepare as single
from training.latent_morph.sources import NAMES, TRAIN, UNKNOWN, VALID_PITCH, VALID_TAKE
from training.latent_morph.train import rate_at
from training.latent_morph.transcription.courses import (
    LOUDER_DB,
    SEMITONES,
    USUAL_DB,
    course_read,
    courses_of_phrases,
    courses_of_takes,
    some,
)
from training.latent_morph.transcription.prepare import STEPS_A_DB, TRANSCRIPTION
from training.latent_morph.transcription.train import Phrases, load_phrases

HIDDEN, UPDATES, BATCH, RATE, EVERY = 256, 10_000, 512, 1e-3, 500
DROPOUT = 0.2
COURSE_HIDDEN, COURSE_DROPOUT, COURSE_DECAY = 128, 0.5, 0.02
SINGLE_SHARE = 0.25
LEVELS_DB = (USUAL_DB - 5, USUAL_DB + 5)


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


def course_network() -> nn.Sequential:
    """Return an untrained one that reads courses."""
    return nn.Sequential(
        nn.Dropout(COURSE_DROPOUT / 3),
        nn.Linear(PARTS * SEEN + COURSE_FACTS, COURSE_HIDDEN),
        nn.ReLU(), nn.Dropout(COURSE_DROPOUT),
        nn.Linear(COURSE_HIDDEN, COURSE_HIDDEN), nn.ReLU(), nn.Dropout(COURSE_DROPOUT),
        nn.Linear(COURSE_HIDDEN, len(DYNAMICS)),
    )  # fmt: skip


def train(phrases: Phrases, corpus: single.Corpus, updates: int, out: Path) -> None:
    """Train for so many updates, from the checkpoint beside `out` if there is one."""
    torch.manual_seed(1)
    net, heard = network(), course_network()
    optimiser = torch.optim.AdamW(
        [
            {"params": net.parameters(), "weight_decay": 1e-4},
            {"params": heard.parameters(), "weight_decay": COURSE_DECAY},
        ],
        RATE,
    )
    checkpoint, done, spent_s = out.with_name("judge.pt"), 0, 0.0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        heard.load_state_dict(kept["course"])
        optimiser.load_state_dict(kept["optimiser"])
        done, spent_s = kept["done"], kept["spent_s"]
    began = time.process_time() - spent_s
    takes = np.flatnonzero(corpus.split == TRAIN)
    courses = [courses_of_phrases(phrases), courses_of_takes(corpus, takes)]
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
        parts = [
            some(part, count, random)
            for part, count in zip(courses, (BATCH - apart, apart), strict=True)
        ]
        read, dynamics = (np.concatenate(side) for side in zip(*parts, strict=True))
        loss = loss + _lost(heard.train()(torch.from_numpy(read)), dynamics)
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
        state = {"net": net.state_dict(), "course": heard.state_dict()}
        state["optimiser"] = optimiser.state_dict()
        torch.save({**state, "done": update + 1, "spent_s": seconds}, checkpoint)
    arrays = {}
    for which, layers in (("", net), ("course_", heard)):
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        for place, layer in enumerate(linear):
            arrays[f"{which}w{place}"] = np.ascontiguousarray(layer.weight.detach().numpy().T)
            arrays[f"{which}b{place}"] = layer.bias.detach().numpy()
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
            pitch, lasts_s = int(note["pitch"]), float(note["end_s"] - note["start_s"])
            course = course_read([levels[first : max(last, first + 1) : 2]], pitch, lasts_s)
            rows.append((_judged(judge, levels[at], pitch, age_s, course), note))
    return _right([(told, int(n["dynamics"]), int(n["instrument"])) for told, n in rows])


def of_single_notes(judge: Judge, corpus: single.Corpus) -> dict[str, float]:
    """Return the same of single notes of held-out keys and recordings, for validation."""
    rows = []
    for take in np.flatnonzero(np.isin(corpus.split, (VALID_PITCH, VALID_TAKE))):
        part = corpus.rows(int(take))
        levels = corpus.spectra[part].astype(np.float32)
        levels = np.maximum(levels + USUAL_DB - corpus.level_db[take], FLOOR_DB)
        at = asked(0, len(levels))
        pitch = int(corpus.pitch[take])
        course = course_read([levels[::2]], pitch, len(levels) * HOP_S)
        told = _judged(judge, levels[at].astype(np.float32), pitch, at * HOP_S, course)
        rows.append((told, int(corpus.dynamics[take]), int(corpus.instrument[take])))
    return _right(rows)


def _judged(
    judge: Judge, levels_db: np.ndarray, pitch: int, age_s: np.ndarray, course: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    loud, who = judge.frames(inputs(levels_db, np.full(len(levels_db), pitch), age_s))
    return loud.mean(0) + judge.courses(course.astype(np.float32))[0], who.mean(0)


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
