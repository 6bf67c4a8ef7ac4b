"""Two instruments at once, as one pair of autoencoders: the paper's experiment with mixtures.

    python -m training.latent_morph.mixtures --data FOLDER --json build/latent_morph/mixtures.json

A mixture's symbol is a triple (octave, pitch class, dynamics) for each of two instruments, each
label with one class more for silence; its signal is the spectrum of both. Frames are mixed as
powers (the original added logarithms): both instruments in half of the frames, either alone in a
quarter. Labels can then be told of a mixture, heard from two triples, and both held against a plain
classifier of the same batches. What is tested are recordings of held-out keys, added as sound, so
with all their phases. A training that was stopped goes on. `--draw FOLDER` draws mixtures.png.
"""

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from models.morph.spectrum import BINS, FLOOR_DB, vqt
from training.latent_morph import laws as velocity_laws
from training.latent_morph import prepare
from training.latent_morph.analysis import from_onset
from training.latent_morph.data import Frames, Manner
from training.latent_morph.network import divergence, drawn, layers, scaled
from training.latent_morph.sources import (
    BUILD,
    CLASSES,
    DYNAMICS,
    NAMES,
    OCTAVES,
    RATE_HZ,
    TEST_PITCH,
    TRAIN,
    VALID_PITCH,
    VALID_TAKE,
    Take,
    read_takes,
)
from training.latent_morph.train import follow, rate_at

PAIRS = (("cello", "flute"),)
HEADS = {"octave": OCTAVES + 1, "class": CLASSES + 1, "dynamics": len(DYNAMICS) + 1}
SIZES = tuple(HEADS.values()) * 2
SILENT = tuple(size - 1 for size in HEADS.values())  # each head's last class
LATENT, HIDDEN = 64, 512
DROPOUT, MEAN = 0.1, 0.998  # of what reads while it learns; of the running mean of the weights
UPDATES, BATCH, EVERY, RATE = 6_000, 256, 500, 1e-3
TOLD, THROUGH, MATCH = 10.0, 0.5, 1.0
SPREAD_DB = 8.0
FIRST_FRAME, LAST_FRAME = 4, 75
TESTED = 150  # mixtures
_MANNER = Manner(ages=False, velocities=False)
_STILL = Manner(False, False, False)


@dataclass(frozen=True)
class Mixed:
    """Frames of mixtures."""

    spectra: Tensor  # (n, 410) dB
    labels: Tensor  # (n, 6)


class Mixtures:
    """Frames of two instruments, mixed at random."""

    def __init__(
        self, corpus: prepare.Corpus, pair: tuple[str, str], splits: tuple[int, ...]
    ) -> None:
        laws = velocity_laws.measure(corpus)
        self.sides = []
        for name in pair:
            side = Frames(corpus, laws, splits)
            own = corpus.instrument[side.takes] == NAMES.index(name)
            side.takes, share = side.takes[own], side.share[own]
            side.share = share / share.sum()
            self.sides.append(side)

    def batch(self, size: int, manner: Manner, random: np.random.Generator) -> Mixed:
        """Return `size` frames."""
        which = random.integers(0, 4, size)  # 2: the first alone; 3: the second
        power, labels = np.zeros((size, BINS)), []
        for number, side in enumerate(self.sides):
            made = side.batch(size, manner, random)
            heard = which != 3 - number
            power += 10 ** (made.spectra.numpy() / 10) * heard[:, None]
            own = made.labels[:, :3].numpy()
            labels.append(np.where(heard[:, None], own, SILENT))
        spectra = np.maximum(10 * np.log10(power + 1e-12), FLOOR_DB)
        return Mixed(
            torch.from_numpy(spectra.astype(np.float32)),
            torch.from_numpy(np.concatenate(labels, 1)).long(),
        )


class MixturePair(nn.Module):
    """The two autoencoders of mixtures."""

    def __init__(self, hidden: int = HIDDEN, latent: int = LATENT) -> None:
        super().__init__()
        self.encoder = layers(BINS, hidden, 2 * latent, DROPOUT)
        self.decoder = layers(latent, hidden, BINS)
        self.symbol_encoder = layers(sum(SIZES), hidden // 2, 2 * latent)
        self.symbol_decoder = layers(latent, hidden // 2, sum(SIZES))

    def of_signal(self, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (n, L) of spectra (n, 410) in dB."""
        mean, spread = self.encoder(scaled(spectra)).chunk(2, 1)
        return mean, spread.clamp(-8, 2)

    def of_symbol(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (n, L) of labels (n, 6)."""
        parts = [functional.one_hot(labels[:, k], size) for k, size in enumerate(SIZES)]
        mean, spread = self.symbol_encoder(torch.cat(parts, 1).float()).chunk(2, 1)
        return mean, spread.clamp(-8, 2)

    def signal(self, z: Tensor) -> Tensor:
        """Return bins (n, 410) in dB."""
        return self.decoder(z) * 25 - 70

    def told(self, spectra: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the six labels of spectra."""
        return self.symbol_decoder(self.of_signal(spectra)[0]).split(SIZES, 1)


class MixtureClassifier(nn.Module):
    """The labels straight from the spectrum."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.layers = layers(BINS, hidden, sum(SIZES), DROPOUT)

    def told(self, spectra: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the six labels of spectra."""
        return self.layers(scaled(spectra)).split(SIZES, 1)


KINDS = {"pair": MixturePair, "classifier": MixtureClassifier}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True)
    add("--frames", type=Path, default=prepare.FRAMES)
    add("--out", type=Path, default=BUILD)
    add("--updates", type=int, default=UPDATES)
    add("--tested", type=int, default=TESTED, help="mixtures of each pair")
    add("--json", type=Path)
    add("--draw", type=Path, help="a folder for mixtures.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("medium")  # products of 16 bits where there are such
    corpus = prepare.load(options.frames)
    takes = read_takes(options.data, prepare.MOST, rest=True)
    figures: dict[str, Any] = {}
    shown = []
    for pair in PAIRS:
        tests = tested_mixtures(corpus, takes, pair, options.tested)
        name = " and ".join(pair)
        figures[name] = {}
        for kind in KINDS:
            network, seconds = train(corpus, pair, kind, options.updates, options.out)
            valid = valid_labels(network, corpus, pair)
            found = {**score(network, tests), "valid_labels": valid, "cpu_s": round(seconds)}
            figures[name][kind] = found
            if kind == "pair":
                shown.append((name, network, tests[0]))
        print(name, json.dumps(figures[name], indent=1), flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.draw:
        draw(shown, options.draw / "mixtures.png")


def train(
    corpus: prepare.Corpus, pair: tuple[str, str], kind: str, updates: int, folder: Path
) -> tuple[Any, float]:
    """Return the network that was best on validation, and its CPU seconds."""
    torch.manual_seed(1)
    network = KINDS[kind]()
    mean = copy.deepcopy(network).eval()
    learnt = Mixtures(corpus, pair, (TRAIN,))
    check = _validation(corpus, pair)
    optimiser = torch.optim.Adam(network.parameters(), RATE, fused=True)
    file = folder / f"mixtures-{'-'.join(pair).replace(' ', '_')}-{kind}.pt"
    state: dict[str, Any] = {"update": 0, "best": float("inf"), "seconds": 0.0}
    best = None
    if file.is_file():
        saved = torch.load(file, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        mean.load_state_dict(saved["mean"])
        state, best = saved["state"], saved["best"]
    began = time.process_time() - state["seconds"]
    for update in tqdm(
        range(state["update"], updates), f"{' and '.join(pair)}, {kind}", mininterval=5
    ):
        torch.manual_seed(update)
        for group in optimiser.param_groups:
            group["lr"] = float(RATE * rate_at(update, updates))
        batch = learnt.batch(BATCH, _MANNER, np.random.default_rng((1, update)))
        loss = loss_of(network, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 20.0)
        optimiser.step()
        follow(mean, network, min(MEAN, update / (update + 9)))
        if (update + 1) % EVERY and update + 1 < updates:
            continue
        with torch.no_grad():
            torch.manual_seed(0)
            valid = float(loss_of(mean, check))
        if valid < state["best"]:
            state["best"] = valid
            best = {key: value.clone() for key, value in mean.state_dict().items()}
        state |= {"update": update + 1, "seconds": time.process_time() - began}
        whole = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        whole["mean"] = mean.state_dict()
        torch.save({**whole, "state": state, "best": best}, file)
    if best is not None:
        mean.load_state_dict(best)
    return mean, state["seconds"]


def valid_labels(network: Any, corpus: prepare.Corpus, pair: tuple[str, str]) -> float:
    """Return the % of labels of validation frames that are right: what choices are made by."""
    check = _validation(corpus, pair)
    with torch.no_grad():
        found = torch.stack([one.argmax(1) for one in network.told(check.spectra)], 1)
    return round(100 * float((found == check.labels).float().mean()), 1)


def _validation(corpus: prepare.Corpus, pair: tuple[str, str]) -> Mixed:
    held_out = Mixtures(corpus, pair, (VALID_PITCH, VALID_TAKE))
    return held_out.batch(2048, _STILL, np.random.default_rng(0))


def loss_of(network: Any, batch: Mixed) -> Tensor:
    """Return the loss of a batch."""
    if isinstance(network, MixtureClassifier):
        return _labels_lost(network.told(batch.spectra), batch.labels)
    signal, symbol = network.of_signal(batch.spectra), network.of_symbol(batch.labels)
    z, z_symbol = drawn(*signal), drawn(*symbol)
    own, other = (
        ((network.signal(point) - batch.spectra) ** 2).sum(1).mean() / (2 * SPREAD_DB**2)
        for point in (z, z_symbol)
    )
    told, said = (
        _labels_lost(network.symbol_decoder(point).split(SIZES, 1), batch.labels)
        for point in (signal[0], z_symbol)  # of the signal the mean, which is what is asked later
    )
    kl = divergence(*signal) + divergence(*symbol) + MATCH * divergence(*signal, *symbol)
    return own + THROUGH * other + TOLD * (told + said) + kl


def _labels_lost(logits: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    return torch.stack(
        [functional.cross_entropy(logit, labels[:, k]) for k, logit in enumerate(logits)]
    ).sum()


@dataclass(frozen=True)
class Sample:
    """One mixture of recordings: its frames, and what plays."""

    spectra: np.ndarray  # (T, 410) dB
    labels: np.ndarray  # (6,)


def tested_mixtures(
    corpus: prepare.Corpus, takes: list[Take], pair: tuple[str, str], count: int
) -> list[Sample]:
    """Return mixtures of held-out keys, the sounds added; the same ones each time."""
    random = np.random.default_rng(9)
    own = [
        np.flatnonzero((corpus.split == TEST_PITCH) & (corpus.instrument == NAMES.index(name)))
        for name in pair
    ]
    tests = []
    for number in range(count):
        heard = [(0, 1), (0, 1), (0,), (1,)][number % 4]
        audio, labels = np.zeros(RATE_HZ, np.float32), np.array(SILENT * 2)
        longest = 0
        for side in heard:
            take = int(random.choice(own[side]))
            frames = corpus.first[take + 1] - corpus.first[take]
            sound = from_onset(takes[take].audio())[: min(len(audio), int(frames) * 256)]
            audio[: len(sound)] += sound
            longest = len(sound) if not longest else min(longest, len(sound))
            octave = int(np.clip(corpus.pitch[take] // 12 - 1, 0, OCTAVES - 1))
            labels[3 * side : 3 * side + 3] = (
                octave, corpus.pitch[take] % 12, corpus.dynamics[take],
            )  # fmt: skip
        last = max(min(longest // 256, LAST_FRAME), FIRST_FRAME + 2)
        tests.append(Sample(vqt(audio)[FIRST_FRAME:last], labels))
    return tests


def score(network: Any, tests: list[Sample]) -> dict[str, Any]:
    """Return % of frames and of mixtures whose label is right, by head, and errors in dB."""
    frames: dict[str, list[float]] = {}
    notes: dict[str, list[float]] = {}
    errors = []
    for test in tests:
        spectra = torch.from_numpy(test.spectra)
        both = not (test.labels[[0, 3]] == SILENT[0]).any()
        with torch.no_grad():
            logits = [torch.log_softmax(one, 1).numpy() for one in network.told(spectra)]
            if isinstance(network, MixturePair):
                own = network.signal(network.of_signal(spectra)[0]).numpy()
                labels = torch.from_numpy(test.labels[None])
                other = network.signal(network.of_symbol(labels)[0]).numpy()
                errors.append([_error_db(test.spectra, found) for found in (own, other)])
        for column, true in enumerate(test.labels):
            head = list(HEADS)[column % 3]
            silent = true == SILENT[column % 3]
            if silent and head != "octave":
                continue
            told = "silence" if silent else f"{head} of two" if both else f"{head} alone"
            frames.setdefault(told, []).append(float((logits[column].argmax(1) == true).mean()))
            notes.setdefault(told, []).append(float(logits[column].sum(0).argmax() == true))
    found: dict[str, Any] = {
        told: {
            "frame": round(100 * float(np.mean(frames[told])), 1),
            "mixture": round(100 * float(np.mean(notes[told])), 1),
        }
        for told in sorted(frames)
    }
    if errors:
        own, other = np.mean(errors, 0)
        found |= {
            "autoencoded_db": round(float(own), 2),
            "from_labels_db": round(float(other), 2),
            "ratio": round(float(other / own), 3),
        }
    return found


def _error_db(true: np.ndarray, found: np.ndarray) -> float:
    """Return the RMS error of bins, none counted below 60 dB under the loudest."""
    floor = true.max() - 60
    gap = np.maximum(true, floor) - np.maximum(found, floor)
    return float(np.sqrt((gap**2).mean()))


def draw(shown: list[tuple[str, Any, Sample]], path: Path) -> None:
    """Draw a mixture of each pair: recorded, autoencoded, from its labels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(shown), 3, figsize=(9, 2.6 * len(shown)), squeeze=False)
    for row, (name, network, test) in enumerate(shown):
        spectra = torch.from_numpy(test.spectra)
        with torch.no_grad():
            own = network.signal(network.of_signal(spectra)[0]).numpy()
            labels = torch.from_numpy(test.labels[None])
            other = network.signal(network.of_symbol(labels)[0]).numpy().repeat(len(spectra), 0)
        top = test.spectra.max()
        titles = (f"{name}, recorded", "autoencoded", "from two triples of labels")
        for axis, bins, title in zip(axes[row], (test.spectra, own, other), titles, strict=True):
            axis.imshow(
                bins.T, origin="lower", aspect="auto", cmap="magma", vmin=top - 60, vmax=top
            )
            axis.set_title(title, fontsize=8)
            axis.set_xticks([])
            axis.set_yticks([])
    figure.supylabel("410 bins, 30 Hz to 11 kHz", fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
