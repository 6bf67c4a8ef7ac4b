"""How a network continues held-out pieces, beside how they really go on: figures, MIDI, pictures.

    python -m training.mmt.continuations --weights build/mmt/small.npz --out build/mmt/continuations

Ten pieces, evenly from the list, each continued once with its own number as seed, by the int8 step
and the rules of `ripieno continue`. The first beats are given; made and true music are measured
over the same beats after them. The means over --measured pieces, with 95 % confidence, follow.

The share of min-p was chosen with `--split valid --pieces 0 --measured 60`.
"""

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.composing import Wish, candidates
from engine.general_midi import Player
from engine.midi.files import write_midi
from engine.midi.performance import Performance
from engine.pictures import RollNote, draw_rolls
from engine.prompts import continued, empty_prompt, with_players
from models.mmt.decoder import Decoder, from_floats
from models.mmt.instruments import name_of, program_of
from models.mmt.representation import KEY, LENGTH, ONSET, PLAYER, TICKS
from models.mmt.sampling import MIN_P_SHARE
from training.mmt.data import Corpus
from training.mmt.metrics import _SCALES, METRICS, with_confidence
from training.mmt.prepare import BUILD, CORPUS
from training.mmt.train import load_weights

TEMPO_BPM = 100.0  # none is represented: what files and pictures are told at
BAR = 4 * TICKS
BUSY = "notes a beat"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=BUILD / "small.npz")
    parser.add_argument("--data", type=Path, default=CORPUS)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--pieces", type=int, default=10, help="told of one by one")
    parser.add_argument("--measured", type=int, default=40, help="that the means are of")
    parser.add_argument("--given", type=int, default=16, help="beats")
    parser.add_argument("--made", type=int, default=48, help="beats")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--min-p", type=float, default=MIN_P_SHARE)
    parser.add_argument("--out", type=Path, default=BUILD / "continuations")
    options = parser.parse_args()
    shape, arrays = load_weights(options.weights)
    decoder = from_floats(arrays, shape)
    corpus = Corpus(options.data, options.split)
    options.out.mkdir(parents=True, exist_ok=True)
    shown = chosen(corpus, options.pieces, options.given + options.made)
    rows = []
    for piece in shown:
        given, made, true = music(decoder, corpus, piece, options)
        write(options.out / f"{corpus.names[piece]}", corpus, piece, made, options)
        rows.append(
            {"piece": corpus.names[piece]} | beside(figures(given, made), figures(given, true))
        )
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    means = {}
    all_made, all_true = [], []
    for piece in chosen(corpus, options.measured, options.given + options.made):
        given, made, true = music(decoder, corpus, piece, options)
        all_made.append(figures(given, made))
        all_true.append(figures(given, true))
    print(f"doublings between notes a beat, made and true: {apart(all_made, all_true):.3f}")
    for name in all_made[0]:
        pair = [list(with_confidence(row[name] for row in side)) for side in (all_made, all_true)]
        means[name] = pair
        print(
            f"{name}: made {pair[0][0]:.4g} +- {pair[0][1]:.2g}, "
            f"true {pair[1][0]:.4g} +- {pair[1][1]:.2g}"
        )
    report = {"bench": "mmt continuations", "rows": rows, "means": means, "reach": {}}
    text = json.dumps(report, indent=1)
    (options.out / "figures.json").write_text(text + "\n", encoding="utf-8")


def apart(made: list[dict[str, float]], true: list[dict[str, float]]) -> float:
    """Return by how many doublings the notes a beat differ, in the mean of the pieces."""
    busy = [[math.log2(max(row[BUSY], 0.05)) for row in side] for side in (made, true)]
    return float(np.abs(np.diff(busy, axis=0)).mean())


def chosen(corpus: Corpus, count: int, beats: int) -> list[int]:
    """Return the numbers of pieces long enough, evenly from the list."""
    long = [i for i, notes in enumerate(corpus.pieces) if notes[-1, ONSET] >= beats * TICKS]
    places = np.linspace(0, len(long) - 1, min(count, len(long))).round().astype(int)
    return [long[i] for i in places]


def music(
    decoder: Decoder, corpus: Corpus, piece: int, options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a piece's first beats, what the network makes after them, and what the piece has."""
    notes = corpus.pieces[piece].astype(np.int64)
    seam, end = options.given * TICKS, (options.given + options.made) * TICKS
    given = notes[notes[:, ONSET] < seam]
    wish = Wish(
        beats=options.made,
        seed=piece,
        temperature=options.temperature,
        min_p=options.min_p,
    )
    (candidate,) = candidates(decoder, given, seam, wish)
    true = notes[(notes[:, ONSET] >= seam) & (notes[:, ONSET] < end)]
    shift = np.array([seam, 0, 0, 0])
    return given, candidate.notes - shift, true - shift


def figures(given: np.ndarray, notes: np.ndarray) -> dict[str, float]:
    """Return the measures of music that follows what was given: the dissertation's and ours."""
    told = {name: measure(notes) for name, measure in METRICS.items()}
    beats = max(1, int(notes[-1, ONSET]) // TICKS + 1) if len(notes) else 1
    onsets = np.unique(notes[:, ONSET])
    told["in the scale given"] = in_scale_of(given, notes)
    told[BUSY] = len(notes) / beats
    told["notes an onset"] = len(notes) / max(1, len(onsets))
    told["onsets on the beat"] = float((onsets % TICKS == 0).mean()) if len(onsets) else 0.0
    told["length of a note, beats"] = float(notes[:, LENGTH].mean()) / TICKS if len(notes) else 0.0
    told["bars heard before"] = repeated(notes)
    told["longest rest, beats"] = float(np.diff(onsets, prepend=0).max(initial=0)) / TICKS
    return told


def repeated(notes: np.ndarray) -> float:
    """Return the share of four-beat bars whose onsets and keys an earlier bar has already."""
    if not len(notes):
        return 0.0
    bars: dict[int, set[tuple[int, int]]] = {}
    for onset, key in notes[:, [ONSET, KEY]].tolist():
        bars.setdefault(onset // BAR, set()).add((onset % BAR, key))
    seen: set[frozenset[tuple[int, int]]] = set()
    again = 0
    for bar in sorted(bars):
        content = frozenset(bars[bar])
        again += content in seen
        seen.add(content)
    return again / len(bars)


def in_scale_of(given: np.ndarray, notes: np.ndarray) -> float:
    """Return the share of notes in the scale that most of the given notes are in."""
    best = int((_SCALES @ np.bincount(given[:, KEY] % 12, minlength=12)).argmax())
    return float(_SCALES[best][notes[:, KEY] % 12].mean()) if len(notes) else 0.0


def beside(made: dict[str, float], true: dict[str, float]) -> dict[str, str]:
    return {name: f"{made[name]:.3g} / {true[name]:.3g}" for name in made}


def write(
    path: Path, corpus: Corpus, piece: int, made: np.ndarray, options: argparse.Namespace
) -> None:
    """Write what was given and made as MIDI, and both it and the truth as a picture."""
    notes = corpus.pieces[piece].astype(np.int64)
    seam, end = options.given * TICKS, (options.given + options.made) * TICKS
    given = notes[notes[:, ONSET] < seam]
    ours = np.concatenate([given, made + np.array([seam, 0, 0, 0])])
    codes = sorted(set(ours[:, PLAYER].tolist()) | set(given[:, PLAYER].tolist()))
    songs = [song(table, codes) for table in (ours, notes[notes[:, ONSET] < end])]
    write_midi(path.parent / f"{path.name}.mid", songs[0].tracks, songs[0].events, songs[0].tempo)
    names = [name_of(code) for code in codes]
    rolls = [(title, roll(s)) for title, s in zip(("made", "the piece"), songs, strict=True)]
    caption = f"{options.given} beats given, {options.made} made, above what the piece has there"
    seam_s = options.given * 60 / TEMPO_BPM
    draw_rolls(path.parent / f"{path.name}.png", rolls, names, path.name, caption, seam_s=seam_s)


def song(notes: np.ndarray, codes: list[int]) -> Performance:
    """Return notes as a performance with a track an instrument."""
    players = [Player(code, program_of(code), name_of(code)) for code in codes]
    prompt = with_players(empty_prompt(TEMPO_BPM), players[:15])
    known = np.isin(notes[:, PLAYER], codes[:15])
    return replace(continued(prompt, notes[known]), name="")


def roll(performance: Performance) -> list[RollNote]:
    rows = performance.notes()[["start_seconds", "end_seconds", "pitch", "track"]].tolist()
    return [RollNote(*row) for row in rows]


if __name__ == "__main__":
    main()
