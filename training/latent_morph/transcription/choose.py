"""Chooses the thresholds of notes on the validation phrases.

``python -m training.latent_morph.transcription.choose`` prints, for each try, the mean of onset F1
and of onset-and-end F1, offline and live. What was chosen stands in `engine.transcription`: offline
the best; live nearly, for reasons that TRANSCRIPTION.md gives, so it is printed besides.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.transcription.judging import judged, kept
from engine.transcription.live_notes import LiveThresholds
from engine.transcription.notes import Listening, Thresholds, find_notes
from engine.transcription.players import assign
from models.morph.spectrum import FLOOR_DB
from models.transcription.judge import Judge
from models.transcription.network import Network, NetworkStream, registry
from training.latent_morph.sources import NAMES
from training.latent_morph.transcription.live import live_notes
from training.latent_morph.transcription.prepare import STEPS_A_DB, TRANSCRIPTION
from training.latent_morph.transcription.scores import score
from training.latent_morph.transcription.train import Phrases, load_phrases, window


def load_network(path: Path) -> Network:
    """Return a trained network."""
    return Network(registry.read_weights(path.read_bytes(), str(path)), NAMES)


def load_judge(path: Path) -> Judge:
    """Return a trained judge."""
    return Judge(registry.read_weights(path.read_bytes(), str(path)), NAMES)


def spectra(phrases: Phrases, early: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (levels in dB, true notes) of every phrase, its loudest sample as when transcribing."""
    frames = (phrases.spectra.shape[1] + 1) // 2
    for number in range(len(phrases.spectra)):
        levels = window(phrases, number, 0, frames, early) / STEPS_A_DB + FLOOR_DB
        yield levels.astype(np.float32), phrases.notes_of(number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--form", choices=("offline", "live", "players"), default="offline")
    parser.add_argument("--phrases", type=int, default=80, help="how many of them")
    options = parser.parse_args()
    form = "live" if options.form == "live" else "offline"
    network = load_network(options.data / f"{form}.npz")
    phrases = load_phrases(options.data / "valid")
    heard, true, seen = [], [], []
    for levels, notes in itertools.islice(spectra(phrases, network.early), options.phrases):
        stream = NetworkStream(network)
        heard.append([stream.push(levels), stream.finish()])
        true.append(notes)
        seen.append(kept(levels))
    if options.form == "players":
        rows = _players(heard, true, seen, network, load_judge(options.data / "judge.npz"))
    elif options.form == "live":
        rows = _live(heard, true, network)
    else:
        rows = _offline(heard, true, network)
    rows.sort()
    chosen = str(LiveThresholds() if form == "live" else Thresholds())
    for mean, text in [row for row in rows[:-8] if row[1].endswith(chosen)] + rows[-8:]:
        print(f"{mean:.2f}  {text}")


def _offline(heard: list, true: list, network: Network) -> list[tuple[float, str]]:
    kept = []
    for parts in heard:
        listening = Listening()
        for part in parts:
            listening.add(part)
        kept.append(listening)
    rows = []
    for onset, sounding, going_on, unstruck in itertools.product(
        (0.3, 0.4, 0.5), (0.4,), (0.4, 0.5, 0.6), (0.8, 0.9)
    ):
        thresholds = Thresholds(onset, sounding, going_on, unstruck)
        found = [find_notes(listening, network.lag, thresholds)[0] for listening in kept]
        got = score((t, f, None) for t, f in zip(true, found, strict=True))
        text = f"onset {got.onset:.1f}, and end {got.onset_offset:.1f}: {thresholds}"
        rows.append(((got.onset + got.onset_offset) / 2, text))
    return rows


def _players(
    heard: list, true: list, seen: list, network: Network, judge: Judge
) -> list[tuple[float, str]]:
    """Try how much the network's own evidence counts, and when a second instrument is there."""
    found, rows = [], []
    for parts in heard:
        listening = Listening()
        for part in parts:
            listening.add(part)
        found.append(find_notes(listening, network.lag))
    alone = [
        (*judged(notes, spectrum, judge), evidence)
        for (notes, evidence), spectrum in zip(found, seen, strict=True)
    ]
    for own, second in itertools.product((0.0, 0.25, 0.5, 1.0, None), (4.0, 8.0, 16.0, 32.0)):
        triples = []
        for notes, spoken, evidence in alone:
            both = evidence if own is None else spoken + own * evidence
            triples.append((notes, assign(both, second_gain=second)))
        got = score((t, *n) for t, n in zip(true, triples, strict=True))
        what = "the network alone" if own is None else f"the judge and {own:g} of the network"
        rows.append((got.onset_player, f"player {got.onset_player:.1f}: {what}, gain {second:g}"))
    return rows


def _live(heard: list, true: list, network: Network) -> list[tuple[float, str]]:
    rows = []
    for onset, sounding, going_on, silent, again in itertools.product(
        (0.2, 0.3), (0.3, 0.5), (0.5, 0.6), (1, 2, 3), (0.3, 0.5)
    ):
        thresholds = LiveThresholds(onset, sounding, going_on, silent, again)
        found = [live_notes(parts[0], network.lag, thresholds) for parts in heard]
        got = score((t, f, None) for t, f in zip(true, found, strict=True))
        text = f"onset {got.onset:.1f}, and end {got.onset_offset:.1f}: {thresholds}"
        rows.append(((got.onset + got.onset_offset) / 2, text))
    return rows


if __name__ == "__main__":
    main()
