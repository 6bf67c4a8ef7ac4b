"""A note's course, and what reads its dynamics: what its frames, each by itself, do not tell.

    python -m training.latent_morph.course --seed 1    # build/latent_morph/course-1.pt

A course is how a note begins and wavers: the mean of what is held, the means of three stretches of
the attack less that mean, and the deviation of every bin of what is held. Soft notes begin slowly,
and their upper bins waver. What a network says of a note's frames and what is said of its course
are two opinions of one note, and their log probabilities add up (held_out.labels_told).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from models.morph import course as models_course
from models.morph.spectrum import BINS
from training.latent_morph import prepare
from training.latent_morph.data import SEMITONES, STEP, shifted
from training.latent_morph.prepare import Corpus
from training.latent_morph.sources import BUILD, DYNAMICS, NAMES, TRAIN, UNKNOWN
from training.latent_morph.train import rate_at

ATTACK = ((0, 2), (2, 5), (5, 12))  # frames since the onset
HELD = 4  # the first frame of what is held: 43 ms
PARTS = len(ATTACK) + 2
TAKEN = 5  # courses of a take that is learnt from: its own, and of stretches of it
_SHORTEST, _LEAST = 8, 0.35  # of such a stretch: frames, share of what is held
_HIDDEN, _DROPOUT, _DECAY, _RATE = 512, 0.6, 0.02, 1e-3
_INSTRUMENT = 0.3  # its weight in the loss: who plays is learnt besides


class CourseReader(nn.Module):
    """Tells dynamics, and instruments, from courses."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(_DROPOUT / 3),
            nn.Linear(PARTS * BINS, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, len(DYNAMICS) + len(NAMES)),
        )  # fmt: skip

    def forward(self, courses: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits (n, 5) and (n, instruments) of courses (n, PARTS, 410) in dB."""
        held, others = (courses[:, :1] + 60) / 20, courses[:, 1:] / 6
        found = self.layers(torch.cat([held, others], 1).flatten(1))
        return found[:, : len(DYNAMICS)], found[:, len(DYNAMICS) :]


class Courses:
    """The courses of the takes to learn from that tell their dynamics, and how they are drawn."""

    def __init__(self, corpus: Corpus) -> None:
        self.takes = np.flatnonzero((corpus.split == TRAIN) & (corpus.dynamics != UNKNOWN))
        self._labels = (corpus.dynamics[self.takes], corpus.instrument[self.takes])
        random = np.random.default_rng(0)
        self._all = np.empty((len(self.takes), TAKEN, PARTS, BINS), np.float16)
        for row, take in enumerate(self.takes.tolist()):
            spectra = corpus.spectra[corpus.rows(take)].astype(np.float32)
            self._all[row, 0] = course_of(spectra)
            for other in range(1, TAKEN):
                self._all[row, other] = course_of(spectra, random)

    def batch(self, size: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return courses (size, PARTS, 410), transposed; their dynamics and instruments."""
        row = random.integers(0, len(self.takes), size)
        moved = random.integers(-SEMITONES, SEMITONES + 1, size)
        found = self._all[row, random.integers(0, TAKEN, size)].astype(np.float32)
        found = moved_by(found, moved) + random.standard_normal(found.shape, np.float32)
        dynamics, instrument = (
            torch.from_numpy(label[row].astype(np.int64)) for label in self._labels
        )
        return torch.from_numpy(found), dynamics, instrument


def course_of(spectra: np.ndarray, random: np.random.Generator | None = None) -> np.ndarray:
    """Return the course (PARTS, 410) in dB of a note's spectra (frames, 410), from its onset on.

    With `random`: of a stretch of what is held, the onset taken a frame earlier or later.
    """
    if random is None:
        return models_course.course_of(spectra, ATTACK, (HELD, None))
    by, last = int(random.integers(-1, 2)), len(spectra) - 1
    first = min(HELD + int(random.integers(0, 3)), last)
    whole = last + 1 - first
    length = min(whole, max(_SHORTEST, int(whole * random.uniform(_LEAST, 1))))
    first += int(random.integers(0, whole - length + 1))
    attack = tuple((max(begin + by, 0), end + by) for begin, end in ATTACK)
    return models_course.course_of(spectra, attack, (first, first + length))


def moved_by(courses: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """Return courses (n, PARTS, 410) moved by so many semitones each (n,)."""
    bins = semitones * STEP
    held = shifted(courses[:, 0], bins)[:, None]
    others = [shifted(courses[:, part], bins, 0.0)[:, None] for part in range(1, PARTS)]
    return np.concatenate([held, *others], 1)


def dynamics_told(
    reader: CourseReader, spectra: np.ndarray, semitones: tuple[int, ...]
) -> np.ndarray:
    """Return the log probabilities (5,) of the dynamics of a note's spectra (frames, 410).

    They are means over the course moved by so many semitones.
    """
    course = np.repeat(course_of(spectra.astype(np.float32))[None], len(semitones), 0)
    with torch.no_grad():
        found = reader(torch.from_numpy(moved_by(course, np.array(semitones))))[0]
    return torch.log_softmax(found, 1).mean(0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seed", type=int, default=1)
    add("--out", type=Path, default=BUILD)
    add("--frames", type=Path, default=prepare.FRAMES)
    add("--updates", type=int, default=4_200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("medium")  # as train.py
    file = options.out / f"course-{options.seed}.pt"
    if file.is_file():
        print(f"{file} is there")
        return
    reader = train(Courses(prepare.load(options.frames)), options.seed, options.updates)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(reader.state_dict(), file)


def train(courses: Courses, seed: int, updates: int) -> CourseReader:
    """Return a reader of courses."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    reader = CourseReader().train()
    optimiser = torch.optim.AdamW(reader.parameters(), _RATE, weight_decay=_DECAY, fused=True)
    for update in tqdm(range(updates), f"course-{seed}", mininterval=5):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * float(rate_at(update, updates))
        heard, dynamics, instrument = courses.batch(256, random)
        found = reader(heard)
        loss = functional.cross_entropy(found[0], dynamics)
        loss = loss + _INSTRUMENT * functional.cross_entropy(found[1], instrument)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return reader.eval()


def restored(path: Path) -> CourseReader:
    """Return a trained reader; SystemExit if there is none."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run python -m training.latent_morph.course first")
    reader = CourseReader()
    reader.load_state_dict(torch.load(path, weights_only=True))
    return reader.eval()


if __name__ == "__main__":
    main()
