"""Measures the transcription: phrases of held-out notes, single held-out notes, real violin.

``python -m training.latent_morph.transcription.evaluate --data FOLDER --json OUT`` prints the
tables of TRANSCRIPTION.md and draws the confusions of single notes into figures/. mir_eval's
onset tolerance is 50 ms, an end may be 50 ms or a fifth of the note off. Nothing is tuned here.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

from engine.transcription.judging import judged
from engine.transcription.notes import find_notes
from engine.transcription.players import assign
from engine.transcription.transcribing import PEAK, hear
from models.morph.spectrum import RATE_HZ
from models.transcription.judge import Judge
from models.transcription.network import VELOCITIES, Network, NetworkStream
from training.latent_morph.sources import (
    DYNAMICS,
    FLUIDR3,
    INSTRUMENTS,
    NAMES,
    TEST_PITCH,
    TEST_TAKE,
    UNKNOWN,
    read_takes,
)
from training.latent_morph.transcription import baseline
from training.latent_morph.transcription.choose import load_judge, load_network, spectra
from training.latent_morph.transcription.confusions import draw
from training.latent_morph.transcription.live import live_notes
from training.latent_morph.transcription.phrases import NOTE, audible
from training.latent_morph.transcription.prepare import MOST_TAKES, TRANSCRIPTION
from training.latent_morph.transcription.scores import Scores, matched, score
from training.latent_morph.transcription.train import load_phrases
from training.latent_morph.transcription.violin import read_violin

FIGURES = Path(__file__).parents[1] / "figures"
PARTS = ("phrases", "violin", "notes")
Pair = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the packs")
    parser.add_argument("--build", type=Path, default=TRANSCRIPTION)
    parser.add_argument("--phrases", type=int, default=100)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    offline = load_network(options.build / "offline.npz")
    judge = load_judge(options.build / "judge.npz")
    found = {}
    if "phrases" in options.parts:
        live = load_network(options.build / "live.npz")
        found |= phrases_scores(options.build / "test", offline, judge, live, options.phrases)
    if "violin" in options.parts:
        found |= violin_scores(options.data, offline, judge)
    if "notes" in options.parts:
        found |= single_notes(options.data, offline, judge)
        found["unjudged"] = single_notes(options.data, offline, None)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def phrases_scores(folder: Path, offline: Network, judge: Judge, live: Network, most: int) -> dict:
    """Print and return the scores of the test phrases, by who plays, beside the baseline."""
    kinds: dict[str, dict[str, list[Pair]]] = {}
    phrases, delays = load_phrases(folder), []
    count = min(most, len(phrases.spectra))
    early = spectra(phrases, live.early)
    for number in tqdm(range(count), desc="phrases", mininterval=10):
        audio, _ = soundfile.read(folder / f"{number:04d}.flac", dtype="float32")
        true = phrases.notes_of(number)
        notes, players = transcribed(audio, offline, judge)
        heard = NetworkStream(live).push(next(early)[0])
        at_once = live_notes(heard, live.lag)
        for t, f in matched(true, at_once):
            delays.append(float(at_once["start_s"][f] - true["start_s"][t]))
        rows = {
            "network": (true, notes, players),
            "live": (true, at_once, None),
            "autocorrelation": (true, baseline.transcribe(audio), None),
        }
        for kind in ("all", _kind(true)):
            for name, row in rows.items():
                kinds.setdefault(kind, {}).setdefault(name, []).append(row)
    result = {}
    for kind in ("solo", "chords", "duo", "all"):
        for name, pairs in kinds.get(kind, {}).items():
            result[f"{kind}, {name}"] = _told(f"{kind}, {name}", score(pairs))
    told = [1000 * float(delay) for delay in np.percentile(delays, [5, 50, 95])]
    print("live onsets against the truth, ms: 5 % {:.0f}, 50 % {:.0f}, 95 % {:.0f}".format(*told))
    return result | {"live onset error ms": [round(ms, 1) for ms in told]}


def transcribed(
    audio: np.ndarray, network: Network, judge: Judge | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return notes and their instruments, as the command finds them; without a judge unjudged."""
    louder = np.float32(PEAK / max(1e-6, float(np.abs(audio).max())))
    listening = hear([audio * louder], RATE_HZ, network)
    notes, evidence = find_notes(listening, network.lag)
    if judge is not None:
        notes, evidence = judged(notes, np.concatenate(listening.spectra), judge)
    return notes, assign(evidence)


def single_notes(data: Path, network: Network, judge: Judge | None) -> dict:
    """Print and return what is right of recorded single notes that were held out.

    What was judged is drawn.
    """
    takes = [t for t in read_takes(data, MOST_TAKES) if t.split in (TEST_PITCH, TEST_TAKE)]
    takes.sort(key=lambda take: (str(take.bank), take.start))
    pairs, rows = [], []
    for take in tqdm(takes, desc="single notes", mininterval=10):
        audio = np.pad(take.audio(), (RATE_HZ // 4, RATE_HZ // 4))
        from_s, to_s = audible(audio)
        row = (from_s, to_s, take.pitch, take.instrument, take.dynamics)
        notes, players = transcribed(audio, network, judge)
        true = np.array([row], NOTE)
        pairs.append((true, notes, players))
        if len(notes):
            longest = int(np.argmax(notes["end_s"] - notes["start_s"]))
            loud = int(np.argmin(np.abs(np.array(VELOCITIES) - int(notes["velocity"][longest]))))
            rows.append((take, int(notes["pitch"][longest]), int(players[longest]), loud))
    result: dict[str, Any] = {"single notes": _told("single notes", score(pairs))}
    parts = {
        "octave": [(t.pitch // 12 - 1, pitch // 12 - 1) for t, pitch, _, _ in rows],
        "pitch class": [(t.pitch % 12, pitch % 12) for t, pitch, _, _ in rows],
        "dynamics": [(t.dynamics, loud) for t, _, _, loud in rows if t.dynamics != UNKNOWN],
        "instrument": [(t.instrument, player) for t, _, player, _ in rows],
        "instrument, Philharmonia and piano": [
            (t.instrument, player)
            for t, _, player, _ in rows
            if INSTRUMENTS[t.instrument].pack != FLUIDR3
        ],
    }
    missing = len(takes) - len(rows)
    print(f"{len(takes)} single notes, {missing} without any note found; of the others right:")
    for name, values in parts.items():
        right = 100 * float(np.mean([a == b for a, b in values]))
        result[name] = round(right, 1)
        near = ""
        if name == "dynamics":
            result["dynamics within one"] = round(
                100 * float(np.mean([abs(a - b) <= 1 for a, b in values])), 1
            )
            near = f", within one {result['dynamics within one']:.1f} %"
        print(f"  {name} {right:.1f} %{near}")
    if judge is not None:
        draw(FIGURES / "transcription.png", parts, NAMES, DYNAMICS)
    return result


def violin_scores(data: Path, network: Network, judge: Judge) -> dict:
    """Print and return the scores of the real violin, whose notes were aligned by others."""
    result = {}
    for name, audio, true in read_violin(data):
        notes, players = transcribed(audio, network, judge)
        result[f"violin, {name}"] = _told(f"violin, {name}", score([(true, notes, players)]))
        plain = score([(true, baseline.transcribe(audio), None)])
        result[f"violin, {name}, autocorrelation"] = _told(f"  {name}, autocorrelation", plain)
    return result


def _kind(notes: np.ndarray) -> str:
    """Return whether one instrument plays one line, two, or two instruments do."""
    if len(set(notes["instrument"].tolist())) > 1:
        return "duo"
    together = notes["start_s"][1:] < notes["end_s"][:-1] - 0.05
    return "chords" if together.any() else "solo"


def _told(name: str, scores: Scores) -> dict:
    told = {key: round(float(value), 1) for key, value in asdict(scores).items()}
    print(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in told.items()))
    return told


if __name__ == "__main__":
    main()
