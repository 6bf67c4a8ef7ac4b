"""Every experiment of the paper on what train.py made: tables on the screen, and as JSON.

    python -m training.latent_morph.evaluate --data FOLDER --names B-1 B-2 B-3 A-1 classifier-1

For each network: labels of held-out keys and of held-out recordings, by frames and by notes; how
far decoded levels are from the recording's, autoencoded and from labels alone. For the live form
besides: rendered sounds of each instrument beside the nearest take, paths with and without
interpolation, velocities, wobble, and a MIDI file played and read back. For form A: sounds out of
its bins by the paper's inversion. Networks of eight instruments are asked for labels alone.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from models.morph.spectrum import vqt
from models.morph.voice_model import MorphModel, from_arrays
from training.latent_morph import course, held_out, paths, prepare, ship
from training.latent_morph.inversion import griffin_lim
from training.latent_morph.metrics import distances_db, rise_ms
from training.latent_morph.network import Pair
from training.latent_morph.sources import (
    BUILD,
    HEADS,
    NAMES,
    Take,
    read_takes,
)
from training.latent_morph.told import SPLITS, hears_courses, labels
from training.latent_morph.train import KINDS, restored

_INVERTED = 70  # frames; more takes long
WAYS = ("analysed", "autoencoded", "labels", "nearest")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--names", nargs="+", required=True, help="networks in --folder, without .pt")
    add("--data", type=Path, help="the packs; without it no sound is compared")
    add("--folder", type=Path, default=BUILD)
    add("--frames", type=Path, default=prepare.FRAMES)
    add("--split", choices=list(SPLITS), default="test")
    add("--most", type=int, default=6, help="sounds compared of each instrument")
    add("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = prepare.load(options.frames)
    takes = read_takes(options.data, prepare.MOST, rest=True) if options.data else None
    if takes is not None and len(takes) != len(corpus.pitch):
        raise SystemExit(f"{options.frames} was made of other takes than {options.data} has")
    figures = {}
    if options.json and options.json.is_file():
        figures = json.loads(options.json.read_text(encoding="utf-8"))
    for name in options.names:
        network, about = restored(options.folder / f"{name}.pt")
        if is_done(figures.get(name), about, options.split):
            print(f"{name}: measured before, {options.json} has it")
            continue
        read = held_out.THRICE if KINDS[about["kind"]].manner.transpose else held_out.ONCE
        reader = None
        if hears_courses(about["kind"]):
            reader = course.restored(options.folder / f"course-{about['seed']}.pt")
        told = labels(network, corpus, options.split, read, reader)
        found = {"about": about, "split": options.split, **told}
        if isinstance(network, Pair) and KINDS[about["kind"]].names == NAMES:
            if network.shape.form == "B":
                found |= live_form(network, corpus, takes, options.split, options.most)
            elif takes is not None:
                found["griffin-lim"] = paper_form(network, corpus, takes, options.split)
        figures[name] = found
        print(name, json.dumps(_rounded(found), indent=1), flush=True)
        if options.json:
            options.json.write_text(json.dumps(_rounded(figures), indent=1) + "\n")


def is_done(found: dict[str, Any] | None, about: dict[str, Any], split: str) -> bool:
    """Return whether these figures are of just this network on this split."""
    return (
        found is not None
        and found.get("about") == _rounded(about)
        and found.get("split", "test") == split
    )


def live_form(
    network: Pair,
    corpus: prepare.Corpus,
    takes: list[Take] | None,
    split: str,
    most: int,
) -> dict[str, Any]:
    """Return what only the live form is asked."""
    model = from_arrays(ship.arrays_of(network, corpus), NAMES, "evaluated")
    found: dict[str, Any] = {"levels": levels(network, corpus, split)}
    found["paths"] = {
        f"{frames} frames": paths.morphing(model, frames=frames) for frames in (40, 94)
    }
    found["free"] = [paths.roughness_db(paths.free(model, seed)) for seed in range(5)]
    found["wobble"] = paths.wobbles_db(model)
    found["velocity"] = paths.velocity_steps(model)
    found["midi"] = midi_read_back(network, model, corpus)
    if takes is not None:
        found["sounds"] = sounds(network, corpus, takes, split, most)
    return found


def levels(network: Pair, corpus: prepare.Corpus, split: str) -> dict[str, float]:
    """Return the error of levels in dB, autoencoded and from labels, and their ratio."""
    errors = []
    for take in np.flatnonzero(np.isin(corpus.split, SPLITS[split])):
        both = held_out.levels_both_ways(network, corpus, int(take))
        errors.append([held_out.level_error_db(corpus, int(take), found) for found in both])
    own, other = np.mean(errors, 0)
    return {"autoencoded": float(own), "labels": float(other), "ratio": float(other / own)}


def sounds(
    network: Pair, corpus: prepare.Corpus, takes: list[Take], split: str, most: int
) -> dict[str, Any]:
    """Return distances of rendered sounds of held-out keys, all and by instrument."""
    chosen = held_out.some(corpus, SPLITS[split][0], most)
    found = [
        held_out.distances(held_out.sounds(network, corpus, takes, take))
        for take in tqdm(chosen, "sounds", mininterval=5)
    ]
    table: dict[str, Any] = {"all": _summary(found)}
    for place, name in enumerate(NAMES):
        own = [
            row for row, take in zip(found, chosen, strict=True) if corpus.instrument[take] == place
        ]
        if own:
            table[name] = {"takes": len(own), **_summary(own)}
    return table


def _summary(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return means of distances, and the median of rise-time errors."""
    table = {
        way: {
            **{
                of: float(np.mean([row[way][of] for row in rows])) for of in ("mel", "fine", "flux")
            },
            "rise": float(np.median([row[way]["rise"] for row in rows])),
        }
        for way in WAYS
    }
    table["recorded"] = {"flux": float(np.mean([row["recorded"]["flux"] for row in rows]))}
    return table


def midi_read_back(network: Pair, model: MorphModel, corpus: prepare.Corpus) -> dict[str, Any]:
    """Return the % of frames of a played MIDI file whose labels are read back, by instrument.

    The encoder hears the level, so each is played at the mean level of its recordings.
    """
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "arpeggio.mid"
        paths.write_arpeggio(file, key=60)
        for name in ("violin", "flute", "saxophone", "trumpet", "piano"):
            audio, notes = paths.from_midi(model, file, name)
            place = NAMES.index(name)
            usual = corpus.level_db[corpus.instrument == place].mean()
            played = np.mean([model.level_db(place, key, hard) for key, hard, *_ in notes])
            spectra = vqt((audio * 10 ** ((usual - played) / 20)).astype(np.float32))
            right: dict[str, list[float]] = {head: [] for head in ("octave", "class", "instrument")}
            for key, _, begin, end in notes:
                rows = spectra[int(begin * 93.75) + 10 : int(end * 93.75) - 2]
                told = held_out.logits_of(network, rows)
                for head, true in (
                    ("octave", key // 12 - 1),
                    ("class", key % 12),
                    ("instrument", place),
                ):
                    guess = told[list(HEADS).index(head)].argmax(1)
                    right[head].append(float((guess == true).mean()))
            table[name] = {head: 100 * float(np.mean(values)) for head, values in right.items()}
    return table


def paper_form(
    network: Pair, corpus: prepare.Corpus, takes: list[Take], split: str, most: int = 1
) -> dict[str, float]:
    """Return mel LSD and rise error of sounds by Griffin-Lim: of the spectra, and of form A's.

    A sound is the first 0.75 s of a take, one of each instrument.
    """
    rows = []
    for take in tqdm(held_out.some(corpus, SPLITS[split][0], most), "griffin-lim", mininterval=5):
        part = corpus.rows(take)
        spectra = corpus.spectra[part][:_INVERTED].astype(np.float32)
        true = held_out.recorded(corpus, takes, take)[: len(spectra) * 256]
        with torch.no_grad():
            mean = network.of_signal(torch.from_numpy(spectra))[0]
            own = network.signal(mean, torch.zeros(0)).numpy()
            z = network.of_symbol(held_out.true_labels(corpus, np.array([take])))[0]
            other = network.signal(z, torch.zeros(0)).numpy().repeat(len(spectra), 0)
        row = []
        for bins in (spectra, own, other):
            audio = griffin_lim(np.maximum(bins, -100))
            row += [distances_db(true, audio)[0], abs(rise_ms(audio) - rise_ms(true))]
        rows.append(row)
    found = np.array(rows)
    return {
        **{f"{way} mel": float(found[:, 2 * n].mean()) for n, way in enumerate(WAYS[:3])},
        **{f"{way} rise": float(np.median(found[:, 2 * n + 1])) for n, way in enumerate(WAYS[:3])},
        "takes": len(rows),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(float(value), 3) if isinstance(value, float | np.floating) else value


if __name__ == "__main__":
    main()
