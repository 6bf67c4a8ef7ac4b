"""The neural synth beside the live voices: how far from the recordings, at what cost a frame.

    python -m training.latent_morph.synth --data FOLDER --live B-1 --json synth.json

Every held-out note that evaluate.py compares is played from its labels by the synth as it ships
(engine.neural.voices, at the note's measured frequency and the recording's level) and by the live
form. Cost is processor time of one thread: of one run of each decoder for a frame of one voice and
of eight, and of a decoder of the paper's own size (two layers of 5,000 units) with weights by
chance, since training that takes more than is at hand.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from engine.morph_memory import PASS
from engine.morph_sounds import Anchor, MorphSound
from engine.neural.instrument import MODEL
from engine.neural.voices import Voices
from engine.rt.morph_decoder import decode
from models import registry
from models.morph import paper_model, voice_model
from training.latent_morph import held_out, prepare
from training.latent_morph.analysis import HOP
from training.latent_morph.metrics import distances_db, rise_ms
from training.latent_morph.network import Pair, Shape
from training.latent_morph.ship_paper import exported
from training.latent_morph.sources import (
    BUILD,
    NAMES,
    RATE_HZ,
    TEST_PITCH,
    UNKNOWN,
    VALID_PITCH,
    VELOCITIES,
    read_takes,
)
from training.latent_morph.train import restored

SPLITS = {"valid": VALID_PITCH, "test": TEST_PITCH}
_FORTE = 3
_RUNS = 40
_PAPER_UNITS = 5000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--live", default="B-1", help="the live form's network in --folder")
    parser.add_argument("--folder", type=Path, default=BUILD)
    parser.add_argument("--frames", type=Path, default=prepare.FRAMES)
    parser.add_argument("--split", choices=list(SPLITS), default="test")
    parser.add_argument("--most", type=int, default=6, help="notes of each instrument")
    parser.add_argument("--model", type=Path, help="an .onnx instead of what ships")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = prepare.load(options.frames)
    takes = read_takes(options.data, prepare.MOST, rest=True)
    network, _ = restored(options.folder / f"{options.live}.pt")
    assert isinstance(network, Pair)
    if options.model:
        decoder = paper_model.PaperModel(options.model.read_bytes(), options.model.stem)
    else:
        decoder = paper_model.load(MODEL)
    live = voice_model.load(registry.list_morphs()[0].name)
    rows = []
    for take in tqdm(held_out.some(corpus, SPLITS[options.split], options.most), mininterval=5):
        true = held_out.recorded(corpus, takes, take)
        played = {
            "synth": synth(decoder, live, corpus, take, len(true)),
            "live": held_out.render(
                held_out.levels_both_ways(network, corpus, take)[1] + corpus.level_db[take],
                float(corpus.f0_hz[take]),
            ),
        }
        rise = rise_ms(true)
        rows.append(
            {way: (distances_db(true, s)[0], abs(rise_ms(s) - rise)) for way, s in played.items()}
        )
    found: dict[str, Any] = {"notes": len(rows), "provider": decoder.provider}
    for way in ("synth", "live"):
        own = np.array([row[way] for row in rows])
        found[way] = {
            "mel": round(float(own[:, 0].mean()), 2),
            "rise_ms": round(float(np.median(own[:, 1])), 1),
        }
    found["cost_us"] = costs(decoder, live)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def synth(
    decoder: paper_model.PaperModel,
    live: voice_model.MorphModel,
    corpus: prepare.Corpus,
    take: int,
    length: int,
) -> np.ndarray:
    """Return what the synth plays for a take's labels, in tune with it and as loud."""
    place, pitch = int(corpus.instrument[take]), int(corpus.pitch[take])
    label = int(corpus.dynamics[take])
    label = _FORTE if label == UNKNOWN else label
    velocity = VELOCITIES[label]
    lacking = 0.7 * (velocity / 127 - 96 / 127)  # what the synth takes off for the velocity
    anchor = Anchor(NAMES[place], dynamics=float(np.clip(label / 4 - lacking, 0, 1)))
    voices = Voices(decoder, live, MorphSound("one", "one", anchors=(anchor,), texture=0), RATE_HZ)
    semitones = 12 * np.log2(corpus.f0_hz[take] / 440) + 69 - pitch
    bend = int(np.clip(8192 + 8192 * semitones / 2, 0, 16383))
    voices.midi(bytes((0xE0, bend & 127, bend >> 7)))
    voices.midi(bytes((0x90, pitch, velocity)))
    gain = 10 ** ((corpus.level_db[take] - live.level_db(place, pitch, velocity)) / 20)
    return (voices.render(length // HOP * HOP) * gain).astype(np.float32)


def costs(decoder: paper_model.PaperModel, live: voice_model.MorphModel) -> dict[str, Any]:
    """Return microseconds of processor time a run, by decoder and by how many voices it has."""
    torch.manual_seed(1)
    wide = Pair(Shape("A", decoder.latent, 16, _PAPER_UNITS, 16))
    tables = {
        "instruments": list(decoder.instruments),
        **{key: getattr(decoder, key).tolist() for key in paper_model.TABLES},
    }
    paper = paper_model.PaperModel(exported(wide, tables), "paper's size")
    one_voice = _compiled(live)
    found: dict[str, Any] = {}
    for voices in (1, 8):
        points = np.zeros((voices, decoder.latent), np.float32)
        found[f"{voices} voices"] = {
            "live form": _us(lambda voices=voices: [one_voice() for _ in range(voices)]),
            "synth": _us(lambda points=points: decoder.bins(points)),
            f"2 x {_PAPER_UNITS}": _us(lambda points=points: paper.bins(points)),
        }
    return found


def _compiled(live: voice_model.MorphModel) -> Callable[[], Any]:
    """Return what the audio callback does for a frame of one voice, as it is compiled there."""
    latent, hidden = live.latent, live.hidden
    padding = -(latent + voice_model.FEATURES) % PASS
    inputs = np.zeros(latent + voice_model.FEATURES + padding, np.float32)
    inputs[latent : latent + voice_model.FEATURES] = voice_model.conditioning(60.0, 96.0, 0.5)
    first = np.pad(live.w0, ((0, padding), (0, 0)))
    layers = [np.ascontiguousarray(w).ravel() for w in (first, live.w1, live.w2)]
    work = [np.zeros(hidden, np.float32) for _ in range(2)]
    levels = np.zeros(voice_model.LEVELS, np.float32)
    w0, w1, w2 = layers
    return lambda: decode(w0, live.b0, w1, live.b1, w2, live.b2, inputs, work[0], work[1], levels)


def _us(run: Callable[[], Any]) -> float:
    run()
    began = time.process_time()
    for _ in range(_RUNS):
        run()
    return round((time.process_time() - began) / _RUNS * 1e6, 1)


if __name__ == "__main__":
    main()
