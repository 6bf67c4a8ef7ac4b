"""Morph sounds as the callback reads them: the model's weights, and tables of each sound. [main]

The model is read when the first sound is asked for and stays. A sound in its slot belongs to one
part: its weights move with that part's pad, and notes that outlive a switch keep what they have.
Its memory is freed when the callback says that no voice plays from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from engine.inbox import Inbox
from engine.morph_sounds import MorphSound, MorphSoundError
from engine.rt import layout
from engine.rt.layout import MAX_MORPHS, MORPH_ANCHORS, MORPH_POOL, QUANTUM
from engine.rt.morph_decoder import FEATURES, LEVELS, wave_basis
from engine.rt.morph_frames import CHANCE, MOST_HIDDEN
from models import registry
from models.errors import ModelError
from models.morph import voice_model
from models.morph.voice_model import BANDS, MorphModel

PASS = 8  # inputs the callback reads at a time
LOOP_S = 0.8  # of the shortest loop of noise
LOOP_STEP = 997  # frames by which each is longer than the one before
SOFT = 0.12  # of a band's width over which it fades into its neighbour
SEED = 24
TEXTURE_STEP_S = 256 / 24000  # of the AR(1) coefficient of models.morph.voice_model


@dataclass(frozen=True)
class SoundTables:
    """What a voice reads of one sound: rows of 8 anchors, those beyond the sound's silent."""

    points: np.ndarray  # (8, 128, L) float32
    levels: np.ndarray  # (8, 128) dB at velocity 127
    ranges: np.ndarray  # (8,) dB
    releases: np.ndarray  # (8, 128) logarithm of seconds


class MorphMemory:
    """The model and the sounds of one rig. See the module."""

    def __init__(self, rig: SimpleNamespace) -> None:
        self._rig = rig
        self._arrays: list[np.ndarray] = []  # the callback's, as long as it may run
        self._tables: dict[int, SoundTables] = {}  # by slot, while the callback may read them
        self._slots: dict[tuple[int, MorphSound], int] = {}
        self.model: MorphModel | None = None

    def use(self, model: MorphModel) -> None:
        """Play from this model; only before any other was used. ModelError says why not. [main]"""
        if self.model is not None:
            raise ModelError(f"{model.name}: {self.model.name} is in use already")
        if model.hidden > MOST_HIDDEN or model.hidden % PASS:
            raise ModelError(
                f"{model.name}: a hidden layer must have a multiple of {PASS} units, at most "
                f"{MOST_HIDDEN}, got {model.hidden}"
            )
        record = self._rig.morph[0]
        inputs = model.latent + FEATURES
        padding = -inputs % PASS
        record["latent"], record["hidden"] = model.latent, model.hidden
        record["inputs"] = inputs + padding
        step_frames = float(self._rig.state[0]["rate_hz"]) * TEXTURE_STEP_S
        pole = max(float(model.texture_pole[0]), 1e-6)
        record["texture_fall"] = np.log(pole) / step_frames
        loops, lengths = noise_loops(model.band_edges_hz, int(self._rig.state[0]["rate_hz"]))
        record["noise_lengths"] = lengths
        record["noise_starts"] = np.cumsum(lengths + QUANTUM) - (lengths + QUANTUM)
        chance = np.random.default_rng(SEED).standard_normal(CHANCE)
        arrays = {
            "b0": model.b0,
            "w1": model.w1,
            "b1": model.b1,
            "w2": model.w2,
            "b2": model.b2,
            "waves": wave_basis(),
            "noise": loops,
            "chance": np.concatenate([chance, chance[:LEVELS]]),
            "texture_db": model.texture_db,
            "w0": np.pad(model.w0, ((0, padding), (0, 0))),  # last: now it counts
        }
        for name, array in arrays.items():
            kept = np.array(array, np.float32, order="C")
            self._arrays.append(kept)
            record[name] = kept.ctypes.data
        self.model = model

    def slot(self, part: int, sound: MorphSound) -> int:
        """Return the slot of a part's sound, filled if it is new. [main]

        MorphSoundError if there is no model, or none of the instruments; or no room.
        """
        key = (part, sound)
        if key not in self._slots:
            self._slots[key] = self._fill(sound)
        return self._slots[key]

    def _fill(self, sound: MorphSound) -> int:
        if self.model is None:
            self.use(shipped_model())
        assert self.model is not None
        tables = tables_of(self.model, sound)
        for slot in range(MAX_MORPHS):
            if slot not in self._tables and self._rig.morphs[slot]["points"] == 0:
                break
        else:
            raise MorphSoundError(f"all {MAX_MORPHS} places for morph sounds are taken")
        self._tables[slot] = tables
        entry = self._rig.morphs[slot]
        entry["levels"] = tables.levels.ctypes.data
        entry["ranges"] = tables.ranges.ctypes.data
        entry["releases"] = tables.releases.ctypes.data
        entry["leaving"] = 0
        entry["gain_db"] = sound.gain_db
        entry["texture"] = sound.texture
        entry["wheel_swings"] = int(
            not any(one.kind == "cc" and one.controller == 1 for one in sound.sources)
        )
        entry["vibrato_hz"] = sound.vibrato.rate_hz
        entry["vibrato_octaves"] = sound.vibrato.depth_cents / 1200
        entry["vibrato_delay_s"] = sound.vibrato.delay_s
        entry["mode"] = layout.BASELINE if sound.mode == "baseline" else layout.LATENT
        entry["weights"] = np.eye(MORPH_ANCHORS)[0]
        entry["points"] = tables.points.ctypes.data  # last: now it counts
        return slot

    def let_go(self, inbox: Inbox, kept: Iterable[int], frame: int | None) -> None:
        """Free every slot but these from a frame on, as soon as no voice plays from it. [main]"""
        for slot in set(self._slots.values()) - set(kept):
            self._slots = {key: s for key, s in self._slots.items() if s != slot}
            inbox.command(layout.FREE_MORPH, 0, slot, 0.0, frame)

    def freed(self, slots: Iterable[int]) -> None:
        """The callback reads these sounds no more: let go of their memory. [main]"""
        for slot in slots:
            self._tables.pop(int(slot), None)


def set_up_morphs(rig: SimpleNamespace) -> None:
    """Have every voice free. [main]"""
    rig.morph_free[:] = np.arange(MORPH_POOL)[::-1]
    rig.morph[0]["free"] = MORPH_POOL


def shipped_model() -> MorphModel:
    """Return the model of morph voices that ships; MorphSoundError if none does. [main]"""
    entries = registry.list_morphs()
    if not entries:
        raise MorphSoundError("no model of morph voices is installed: a part cannot play any")
    return voice_model.load(entries[0].name)


def tables_of(model: MorphModel, sound: MorphSound) -> SoundTables:
    """Return what voices read of a sound; MorphSoundError if the model cannot play it. [any]"""
    points = np.zeros((MORPH_ANCHORS, 128, model.latent), np.float32)
    levels = np.zeros((MORPH_ANCHORS, 128), np.float32)
    ranges = np.zeros(MORPH_ANCHORS, np.float32)
    releases = np.zeros((MORPH_ANCHORS, 128), np.float32)
    for k, anchor in enumerate(sound.anchors):
        try:
            instrument = model.index(anchor.instrument)
        except ModelError as error:
            raise MorphSoundError(f"{sound.id}: {error}") from error
        points[k] = model.anchor_table(instrument, anchor.dynamics)
        levels[k] = model.levels_db[instrument] + anchor.gain_db
        ranges[k] = model.velocity_range_db[instrument]
        releases[k] = np.log(model.release_s[instrument] * sound.release)
    return SoundTables(points, levels, ranges, releases)


def noise_loops(edges_hz: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Return loops of noise of RMS 1, one a band, end to end, and their lengths. [main]

    Each is followed by its own first QUANTUM frames. A band above half the rate is silent.
    """
    random = np.random.default_rng(SEED)
    lengths = int(LOOP_S * rate_hz) + LOOP_STEP * np.arange(BANDS)
    loops = []
    for band, length in enumerate(lengths.tolist()):
        low, high = float(edges_hz[band]), float(edges_hz[band + 1])
        frequency = np.arange(length // 2 + 1) * rate_hz / length
        soft = SOFT * (high - low)
        rise = np.clip((frequency - low) / soft + 0.5, 0, 1)
        fall = np.clip((high - frequency) / soft + 0.5, 0, 1)
        phases = np.exp(2j * np.pi * random.random(frequency.size))
        spectrum = np.sqrt(rise * fall) * phases * random.rayleigh(1, frequency.size)
        spectrum[0] = spectrum[-1] = 0
        loop = np.fft.irfft(spectrum, length)
        rms = np.sqrt(np.mean(loop**2))
        loop = loop / rms if rms > 0 else loop
        loops += [loop, loop[:QUANTUM]]
    return np.concatenate(loops).astype(np.float32), lengths
