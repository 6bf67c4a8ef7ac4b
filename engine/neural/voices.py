"""The voices of the neural synth: spectra that the paper's decoder gives, made into sound.

Every 10.7 ms each voice's latent point is decoded, all in one run of the network. Of the bins a
period of sound is made (models.morph.bins): harmonics with one fixed phase each, so that nothing
beats and nothing has to be iterated, and bands of noise; the voice goes over from one period to the
next in a line. The paper's decoder knows no time: how a note rises and falls are its instrument's
measured means. One thread calls everything, the audio thread of a plugin host, or a test. [worker]
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from engine.morph_memory import noise_loops
from engine.morph_sounds import MorphSound
from engine.neural.puck import Puck
from engine.rt.layout import QUANTUM
from models.morph.bins import levels_of
from models.morph.spectrum import HOP_S
from models.morph.voice_model import BANDS, HARMONICS, KEYS, MorphModel, conditioning

MOST_VOICES = 32
POOL = MOST_VOICES + 8  # those that fade out for others besides
TABLE = 2048
DYNAMICS = 5
VELOCITY_SHARE, USUAL_VELOCITY = 0.7, 96 / 127  # of dynamics, by which a key moves the anchor's
WANDER = 0.5  # of the labels' own deviation, at the sound's full texture
WANDER_POLE = 0.95  # a frame
NOISE_DB = -14.0  # mean spectra are fuller between harmonics than any note; chosen on validation
HELD_AGE_S = 0.6  # of a note of the live form that is as loud as one here
KILLED_S = 0.008
GONE = 10 ** (-90 / 20)
VIBRATO_GROWS_S = 0.4
WHEEL_CENTS = 30.0
HIGHEST_SHARE = 0.45  # of the rate: no harmonic above
BEND_SEMITONES = 2.0
SILENT, HELD, RELEASED = 0, 1, 2


class Decoder(Protocol):
    """What the voices need of models.morph.paper_model.PaperModel."""

    instruments: tuple[str, ...]
    rise_s: np.ndarray

    def index(self, instrument: str) -> int: ...

    def points(self, instrument: int) -> tuple[np.ndarray, np.ndarray]: ...

    def bins(self, points: np.ndarray) -> np.ndarray: ...

    def falls_db_s(self) -> np.ndarray: ...


def held_db(live: MorphModel, instrument: int, dynamics: float) -> np.ndarray:
    """How far below its loudest moment a note of the live form is while held, (128,) dB. [any]"""
    told = conditioning(np.arange(KEYS), 127 * USUAL_VELOCITY, HELD_AGE_S)
    power = 10 ** (live.decode(live.anchor_table(instrument, dynamics), told) / 10)
    return 10 * np.log10(power[:, :HARMONICS].sum(1) / 2 + power[:, HARMONICS:].sum(1))


class Voices:
    """The voices of one sound at one rate. See the module.

    `live` is the live form's model, whose laws of level and release hold here too. ModelError if
    either does not know an instrument of the sound.
    """

    def __init__(self, decoder: Decoder, live: MorphModel, sound: MorphSound, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.puck = Puck(sound)
        self._decoder, self._sound = decoder, sound
        places = [decoder.index(anchor.instrument) for anchor in sound.anchors]
        points = [decoder.points(place) for place in places]
        self._points = np.stack([mean for mean, _ in points])  # (K, 128, 5, L)
        self._spreads = np.stack([spread for _, spread in points])
        self._dynamics = np.array([anchor.dynamics for anchor in sound.anchors])
        rows = [live.index(anchor.instrument) for anchor in sound.anchors]
        gains = np.array([anchor.gain_db + sound.gain_db for anchor in sound.anchors])
        self._levels_db = live.levels_db[rows] + gains[:, None]  # (K, 128)
        self._ranges_db = live.velocity_range_db[rows]
        self._releases = np.log(live.release_s[rows] * sound.release)
        self._rise_s = decoder.rise_s[places]
        self._falls_db_s = decoder.falls_db_s()[places]
        for k, row in enumerate(rows):
            if not self._falls_db_s[k].any():
                self._levels_db[k] += held_db(live, row, sound.anchors[k].dynamics)
        self._edges_hz = live.band_edges_hz.astype(float)
        loops, lengths = noise_loops(live.band_edges_hz, rate_hz)
        self._loops, self._lengths = loops, lengths
        self._starts = np.cumsum(lengths + QUANTUM) - (lengths + QUANTUM)
        number = np.arange(1, HARMONICS + 1)
        self._phases = np.exp(-1j * np.pi * number * (number - 1) / HARMONICS)
        self._wheel_swings = not any(s.kind == "cc" and s.controller == 1 for s in sound.sources)
        self._hop = round(HOP_S * rate_hz)
        self._frame = 0
        self._struck = 0  # notes so far: each has a number, which its wander and vibrato follow
        self._gain = self._gain_now = 1.0
        self._volume, self._swell, self._wheel, self._bend = 100, 127, 0, 8192
        self._chance = np.random.default_rng(24)
        self._stage = np.zeros(POOL, int)
        self._key = np.zeros(POOL, int)
        self._velocity = np.zeros(POOL)
        self._number = np.zeros(POOL, int)
        self._start = np.zeros(POOL, int)
        self._let_go = np.zeros(POOL, int)
        self._release_s = np.ones(POOL)
        self._rising_s = np.ones(POOL)
        self._turn = np.zeros(POOL)
        self._fallen_db = np.zeros(POOL)
        self._wander = np.zeros((POOL, self._points.shape[3]), np.float32)
        self._tables = np.zeros((2, POOL, TABLE + 1), np.float32)  # where it comes from, goes to
        self._noise = np.zeros((2, POOL, BANDS))

    # ---- messages ------------------------------------------------------------------------

    def midi(self, message: bytes) -> None:
        """A channel message, now. Pedals are the engine's, which lets keys go late. [worker]"""
        status, data1, data2 = (*message, 0, 0)[:3]
        kind = status & 0xF0
        now_s = self._frame / self.rate_hz
        self.puck.hears(status, data1, data2, now_s)
        if kind == 0x90 and data2 > 0:
            if not (self._stage > SILENT).any():
                self.puck.jump(now_s)
            self._begin(data1, data2)
        elif kind in (0x80, 0x90):
            self._end((self._stage == HELD) & (self._key == data1))
        elif kind == 0xE0:
            self._bend = data1 | data2 << 7
        elif kind == 0xB0:
            self._control(data1, data2)

    def _control(self, controller: int, value: int) -> None:
        if controller == 1:
            self._wheel = value
        elif controller == 7:
            self._volume = value
        elif controller == 11:
            self._swell = value
        elif controller == 120:
            self._end(self._stage > SILENT, KILLED_S)
        elif controller == 123:
            self._end(self._stage == HELD)
        self._gain = (self._volume / 100) ** 2 * (self._swell / 127) ** 2

    def _begin(self, key: int, velocity: int) -> None:
        sounding = np.flatnonzero(self._stage > SILENT)
        if len(sounding) >= MOST_VOICES:
            order = sounding[np.lexsort((self._number[sounding], -self._stage[sounding]))]
            self._end(np.isin(np.arange(POOL), order[:1]), KILLED_S)
        free = np.flatnonzero(self._stage == SILENT)
        if not len(free):
            return
        voice = free[:1]
        self._struck += 1
        self._stage[voice] = HELD
        self._key[voice], self._velocity[voice] = key, velocity / 127
        self._number[voice], self._start[voice] = self._struck, self._frame
        self._turn[voice] = self._fallen_db[voice] = 0.0
        self._rising_s[voice] = 1.5 * (self.puck.weights @ self._rise_s)
        self._wander[voice] = self._chance.standard_normal((1, self._wander.shape[1]))
        self._decode(voice, self.puck.weights)
        self._tables[0, voice] = self._tables[1, voice]
        self._noise[0, voice] = self._noise[1, voice]

    def _end(self, which: np.ndarray, release_s: float = 0.0) -> None:
        """Let voices go, or fade them out within `release_s`."""
        for voice in np.flatnonzero(which):
            if release_s and self._stage[voice] == RELEASED:
                gone_s = (self._frame - self._let_go[voice]) / self.rate_hz
                self._fallen_db[voice] += 60 * gone_s / self._release_s[voice]
            own_s = float(np.exp(self.puck.weights @ self._releases[:, self._key[voice]]))
            self._stage[voice] = RELEASED
            self._let_go[voice] = self._frame
            self._release_s[voice] = release_s or own_s

    # ---- sound ---------------------------------------------------------------------------

    def render(self, frames: int) -> np.ndarray:
        """The next `frames` of sound, (frames,) float32, in full scale. [worker]"""
        out = np.zeros(frames, np.float32)
        done = 0
        while done < frames:
            past = self._frame % self._hop
            if past == 0:
                self._next_frames()
            count = min(frames - done, self._hop - past)
            voices = np.flatnonzero(self._stage > SILENT)
            if len(voices):
                out[done : done + count] = self._piece(voices, past, count)
            self._frame += count
            done += count
        if self._gain_now != self._gain or self._gain != 1.0:
            gains = np.linspace(self._gain_now, self._gain, frames + 1)[1:]
            self._gain_now = self._gain
            out *= gains.astype(np.float32)
        return out

    def _next_frames(self) -> None:
        """Have every voice go on to what the decoder says now."""
        weights = self.puck.step(self._frame / self.rate_hz, self._hop / self.rate_hz)
        voices = np.flatnonzero(self._stage > SILENT)
        if not len(voices):
            return
        self._tables[0, voices] = self._tables[1, voices]
        self._noise[0, voices] = self._noise[1, voices]
        fresh = self._chance.standard_normal((len(voices), self._wander.shape[1]))
        kept = WANDER_POLE * self._wander[voices]
        self._wander[voices] = kept + (1 - WANDER_POLE**2) ** 0.5 * fresh
        self._decode(voices, weights)

    def _decode(self, voices: np.ndarray, weights: np.ndarray) -> None:
        """Write the period and the noise of voices' latent points."""
        keys, velocity = self._key[voices], self._velocity[voices]
        moved = VELOCITY_SHARE * (velocity - USUAL_VELOCITY)
        place = np.clip(self._dynamics[:, None] + moved, 0, 1) * (DYNAMICS - 1)  # (K, n)
        below = np.minimum(place.astype(int), DYNAMICS - 2)
        share = (place - below)[..., None]
        anchor = np.arange(len(weights))[:, None]
        found = []
        for table in (self._points, self._spreads):
            rows = (1 - share) * table[anchor, keys, below] + share * table[anchor, keys, below + 1]
            found.append(np.tensordot(weights, rows, 1))
        point = found[0] + self._sound.texture * WANDER * found[1] * self._wander[voices]
        bins = self._decoder.bins(point.astype(np.float32))
        target_db = weights @ (
            self._levels_db[:, keys] - self._ranges_db[:, None] * (1 - velocity)[None]
        )
        harmonics = np.zeros((len(voices), HARMONICS))
        for row, key in enumerate(keys):
            f0_hz = 440.0 * 2.0 ** ((key - 69) / 12)
            amplitude = 10 ** (levels_of(bins[row : row + 1], f0_hz, self._edges_hz)[0] / 20)
            tones = amplitude[:HARMONICS]
            noise = amplitude[HARMONICS:] * 10 ** (NOISE_DB / 20)
            whole = np.sqrt((tones**2).sum() / 2 + (noise**2).sum())
            gain = 10 ** (target_db[row] / 20) / max(whole, 1e-9)
            heard = f0_hz * np.arange(1, HARMONICS + 1) < HIGHEST_SHARE * self.rate_hz
            harmonics[row] = tones * heard * gain
            self._noise[1, voices[row]] = noise * gain
        spectrum = np.zeros((len(voices), TABLE // 2 + 1), complex)
        spectrum[:, 1 : HARMONICS + 1] = harmonics * self._phases
        period = np.fft.irfft(spectrum, TABLE, axis=1) * (TABLE / 2)
        self._tables[1, voices, :TABLE] = period
        self._tables[1, voices, TABLE] = period[:, 0]

    def _piece(self, voices: np.ndarray, past: int, count: int) -> np.ndarray:
        """So many frames of voices, within one frame of the decoder."""
        at = np.arange(count)
        steps = self._steps(voices)
        turns = self._turn[voices, None] + steps[:, None] * at
        self._turn[voices] = (self._turn[voices] + steps * count) % 1.0
        place = turns % 1.0 * TABLE
        whole = place.astype(int)
        part = (place - whole).astype(np.float32)
        share = ((past + at) / self._hop).astype(np.float32)
        row = np.broadcast_to(voices[:, None], whole.shape)
        sound = np.zeros(whole.shape, np.float32)
        for which, weight in ((0, 1 - share), (1, share)):
            table = self._tables[which]
            one = table[row, whole]
            sound += weight * (one + part * (table[row, whole + 1] - one))
        envelope = self._envelopes(voices, count)
        return (sound * envelope).sum(0) + self._noises(voices, envelope, past, count)

    def _steps(self, voices: np.ndarray) -> np.ndarray:
        """How far each voice goes round its period a frame: key, bend, vibrato."""
        vibrato = self._sound.vibrato
        cents = vibrato.depth_cents + (WHEEL_CENTS * self._wheel / 127) * self._wheel_swings
        age_s = (self._frame - self._start[voices]) / self.rate_hz
        grown = np.clip((age_s - vibrato.delay_s) / VIBRATO_GROWS_S, 0, 1)
        own = self._number[voices] * 0.6180339887498949 % 1.0  # so that voices do not swing as one
        turns = vibrato.rate_hz * (0.94 + 0.12 * own) * age_s + own
        swing = grown * cents * np.sin(2 * np.pi * turns)
        bent = 100 * BEND_SEMITONES * (self._bend - 8192) / 8192
        hz = 440.0 * 2.0 ** ((self._key[voices] - 69) / 12 + (swing + bent) / 1200)
        return hz / self.rate_hz

    def _envelopes(self, voices: np.ndarray, count: int) -> np.ndarray:
        """(voices, count): how each rises, falls and is let go; what is over becomes silent."""
        weights, keys = self.puck.weights, self._key[voices]
        at_s = np.arange(count) / self.rate_hz
        age_s = (self._frame - self._start[voices])[:, None] / self.rate_hz + at_s
        done = np.minimum(age_s / self._rising_s[voices, None], 1)
        rising = 0.5 - 0.5 * np.cos(np.pi * done)
        fall = weights @ self._falls_db_s[:, keys]
        fallen = self._fallen_db[voices, None] + fall[:, None] * at_s
        self._fallen_db[voices] += fall * count / self.rate_hz
        released = self._stage[voices] == RELEASED
        gone_s = (self._frame - self._let_go[voices])[:, None] / self.rate_hz + at_s
        fallen = fallen + np.where(
            released[:, None], 60 * gone_s / self._release_s[voices, None], 0
        )
        falling = 10 ** (-fallen / 20)
        over = (released | (fall > 0)) & (falling[:, -1] < GONE)
        self._stage[voices[over]] = SILENT
        return (rising * falling).astype(np.float32)

    def _noises(
        self, voices: np.ndarray, envelope: np.ndarray, past: int, count: int
    ) -> np.ndarray:
        """The voices' noise: the powers they want of a band add up."""
        ends = []
        for at, frame in ((0, past), (-1, past + count)):
            share = frame / self._hop
            wanted = (1 - share) * self._noise[0, voices] + share * self._noise[1, voices]
            ends.append(np.sqrt(((wanted * envelope[:, at : at + 1 or None]) ** 2).sum(0)))
        first, last = (end.astype(np.float32) for end in ends)
        bands = np.flatnonzero((first > 1e-6) | (last > 1e-6))
        place = self._frame % self._lengths[bands, None] + np.arange(count)
        place = self._starts[bands, None] + place % self._lengths[bands, None]
        ramp = np.arange(count, dtype=np.float32) / np.float32(count)
        gains = first[bands, None] + ramp * (last - first)[bands, None]
        return (self._loops[place] * gains).sum(0)
