"""Paths through the latent space: between labels, at random, from a MIDI file; and what they do.

A path between labels has a point for each label and goes on to the next at once (none), in a
straight line, or along a cubic through the points before and after; "even" is the straight line at
an even pace of the sound, as a pad's even motion plays it. Everything here plays the
model as it ships, through models.morph.voice_model.
"""

from pathlib import Path

import mido
import numpy as np

from models.morph.voice_model import BANDS, HARMONICS, MorphModel, conditioning
from training.latent_morph.analysis import HIGHEST_HZ, HOP, HOP_S, total_db
from training.latent_morph.metrics import DEPTH_DB, roughness_db, wobble_db
from training.latent_morph.render import render
from training.latent_morph.sources import RATE_HZ

INTERPOLATIONS = ("none", "linear", "cubic")
_SETTLED_S = 0.6


def between(points: np.ndarray, frames: int, how: str) -> np.ndarray:
    """Return z ((n - 1) * frames, L) through points (n, L), `frames` from one to the next."""
    if how not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {how}")
    place = np.arange((len(points) - 1) * frames) / frames
    begin = place.astype(int)
    share = (place - begin)[:, None]
    ends = np.concatenate([points[:1], points, points[-1:]])  # a point before, and one after
    before, here, there, after = (ends[begin + k] for k in range(4))
    if how == "none":
        return np.where(share < 0.5, here, there)
    if how == "linear":
        return here + share * (there - here)
    slope, next_slope = (there - before) / 2, (after - here) / 2
    s2, s3 = share**2, share**3
    return (
        (2 * s3 - 3 * s2 + 1) * here
        + (s3 - 2 * s2 + share) * slope
        + (3 * s2 - 2 * s3) * there
        + (s3 - s2) * next_slope
    )


def evenly(model: MorphModel, points: np.ndarray, frames: int, key: float) -> np.ndarray:
    """Return the straight way through points in the same time, every frame as far as the next."""
    line = between(points, frames, "linear")
    steps = np.sqrt((np.diff(heard_db(held(model, line, key)), axis=0) ** 2).mean(1))
    gone = np.concatenate([[0.0], np.cumsum(steps + 1e-9)])
    place = np.interp(np.linspace(0, gone[-1], len(line)), gone, np.arange(len(line)))
    below = np.minimum(place.astype(int), len(line) - 2)
    share = (place - below)[:, None]
    return line[below] + share * (line[below + 1] - line[below])


def heard_db(levels_db: np.ndarray) -> np.ndarray:
    """Return levels of a way, none more than 60 dB below the loudest: as roughness_db has them."""
    return np.maximum(levels_db, levels_db.max() - DEPTH_DB)


def held(model: MorphModel, z: np.ndarray, key: float, velocity: float = 96) -> np.ndarray:
    """Return levels (T, 88) of a note that is held while z (T, L) moves."""
    return model.decode(z, conditioning(key, velocity, np.full(len(z), _SETTLED_S)))


def morphing(model: MorphModel, paths: int = 40, stops: int = 5, frames: int = 40) -> dict:
    """Return RMS and max roughness of paths through instruments drawn at random, a held key."""
    random = np.random.default_rng(0)
    found = {how: [] for how in (*INTERPOLATIONS, "even")}
    for _ in range(paths):
        chosen = random.choice(len(model.instruments), stops, replace=False)
        key = int(random.integers(52, 77))
        dynamics = random.integers(0, model.dynamics.size, stops)
        points = model.anchors[chosen, key, dynamics]
        for how in INTERPOLATIONS:
            found[how].append(roughness_db(held(model, between(points, frames, how), key)))
        even = evenly(model, points, frames, key)
        found["even"].append(roughness_db(held(model, even, key)))
    return {
        how: {
            "rms": float(np.sqrt(np.mean(np.square([rms for rms, _ in pairs])))),
            "max": float(max(most for _, most in pairs)),
        }
        for how, pairs in found.items()
    }


def wandering(latent: int, frames: int, seed: int, hz: float = 0.4) -> np.ndarray:
    """Return a random path (frames, L) about the middle of the latent space, slower than `hz`."""
    random = np.random.default_rng(seed)
    turns = hz * (1 + np.arange(4)) / 4
    phases = random.uniform(0, 2 * np.pi, (4, latent))
    time = np.arange(frames)[:, None, None] * HOP_S
    waves = np.sin(2 * np.pi * turns[:, None] * time + phases)
    return (waves * random.normal(0, 0.7, (4, latent))).sum(1).astype(np.float32)


def free(model: MorphModel, seed: int, key: int = 57, seconds: float = 8.0) -> np.ndarray:
    """Return levels (T, 88) of a held key along a random path."""
    return held(model, wandering(model.latent, int(seconds / HOP_S), seed), key)


def note(
    model: MorphModel, instrument: str, key: int, velocity: float, seconds: float
) -> np.ndarray:
    """Return the sound of a key that is let go after `seconds`: symbol to signal."""
    place = model.index(instrument)
    frames = int(seconds / HOP_S)
    tail = int(model.release_s[place, key] / HOP_S)
    age = np.arange(frames + tail) * HOP_S
    z = model.anchor_table(place, anchor_of(model, velocity))[key]
    levels = model.decode(np.tile(z, (len(age), 1)), conditioning(key, velocity, age))
    levels = levels + model.level_db(place, key, velocity)
    fall = 60 * np.maximum(np.arange(len(age)) - frames, 0) / max(tail, 1)
    return render(levels - fall[:, None], 440 * 2 ** ((key - 69) / 12), seed=key)


def anchor_of(model: MorphModel, velocity: float) -> float:
    """Return the dynamics, 0 to 1, whose velocity this is."""
    steps = np.linspace(0, 1, model.dynamics.size)
    return float(np.interp(velocity / 127, model.dynamics, steps))


def from_midi(model: MorphModel, path: Path, instrument: str) -> tuple[np.ndarray, list]:
    """Return the sound of a MIDI file and its notes (key, velocity, begin, end in s)."""
    now, begun, notes = 0.0, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity:
            begun[message.note] = (now, message.velocity)
        elif message.type in ("note_on", "note_off") and message.note in begun:
            begin, velocity = begun.pop(message.note)
            notes.append((message.note, velocity, begin, now))
    sound = np.zeros(int((max(end for *_, end in notes) + 4) * RATE_HZ), np.float32)
    for key, velocity, begin, end in notes:
        audio = note(model, instrument, key, velocity, end - begin)
        at = int(begin * RATE_HZ)
        sound[at : at + len(audio)] += audio
    return sound, notes


def write_arpeggio(path: Path, key: int = 65, beat_s: float = 0.5) -> None:
    """Write a MIDI file of our own: an arpeggio of F major up two octaves and down, legato."""
    steps = [0, 4, 7, 12, 16, 19, 24, 19, 16, 12, 7, 4, 0]
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=round(beat_s * 1e6)))
    for place, step in enumerate(steps):
        velocity = 56 + 4 * min(place, len(steps) - 1 - place)
        track.append(mido.Message("note_on", note=key + step, velocity=velocity))
        track.append(mido.Message("note_off", note=key + step, time=480))
    midi.save(path)


def velocity_steps(model: MorphModel) -> dict[str, dict[str, float]]:
    """Return for each instrument the % of velocity steps that are louder, and brighter.

    Keys every three semitones of its range, velocities 16 to 124 in steps of 12, the anchor of
    mezzo-forte, 0.3 s old. Brightness is the mean octave of the power.
    """
    velocities = np.arange(16, 128, 12)
    table = {}
    for place, name in enumerate(model.instruments):
        louder, brighter, octaves = [], [], []
        for key in range(int(model.low_keys[place]), int(model.high_keys[place]) + 1, 3):
            z = np.tile(model.anchors[place, key, model.dynamics.size // 2], (len(velocities), 1))
            levels = model.decode(z, conditioning(key, velocities, 0.3))
            law = np.array([model.level_db(place, key, float(v)) for v in velocities])
            louder.append(np.diff(total_db(levels) + law) > 0)
            centre = _centre(model, key, levels)
            brighter.append(np.diff(centre) > 0)
            octaves.append(centre[-1] - centre[0])
        table[name] = {
            "louder": 100 * float(np.mean(louder)),
            "brighter": 100 * float(np.mean(brighter)),
            "octaves": float(np.mean(octaves)),
        }
    return table


def _centre(model: MorphModel, key: int, levels: np.ndarray) -> np.ndarray:
    """Return the mean octave of the power of levels (n, 88)."""
    edges = model.band_edges_hz
    harmonics = 440 * 2 ** ((key - 69) / 12) * np.arange(1, HARMONICS + 1)
    hz = np.concatenate([harmonics, (edges[1:] + edges[:-1]) / 2])
    share = np.concatenate([np.full(HARMONICS, 0.5), np.ones(BANDS)]) * (hz < HIGHEST_HZ)
    power = 10 ** (levels / 10) * share
    return (power * np.log2(hz)).sum(1) / power.sum(1)


def wobbles_db(model: MorphModel, key: int = 60) -> dict[str, float]:
    """Return how the level of a held frame wobbles: harmonics alone, the most of all, and all."""
    tones, whole = [], []
    for place in range(len(model.instruments)):
        nearest = int(np.clip(key, model.low_keys[place], model.high_keys[place]))
        z = np.tile(model.anchors[place, nearest, 2], (int(2 / HOP_S), 1))
        levels = held(model, z, nearest)
        hz = 440 * 2 ** ((nearest - 69) / 12)
        whole.append(wobble_db(render(levels, hz)[4 * HOP :]))
        silent = levels.copy()
        silent[:, HARMONICS:] = -100
        tones.append(wobble_db(render(silent, hz)[4 * HOP :]))
    return {"tones": max(tones), "tones median": float(np.median(tones)), "all": max(whole)}
