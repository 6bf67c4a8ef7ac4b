"""Phrases for one or two instruments, summed from recorded single notes.

Every note of a line is a take of that instrument, tuned by at most `MOST_SHIFT` semitones, cut to
its length with a release, in a room and a noise of its own. What a note's truth says is what can be
heard of it: it begins where the take passes 30 dB below its peak and ends with the take.
"""

from dataclasses import dataclass

import numpy as np

from training.latent_morph.sources import (
    INSTRUMENTS,
    RATE_HZ,
    TEST_PITCH,
    TEST_TAKE,
    TRAIN,
    UNKNOWN,
    VALID_PITCH,
    VALID_TAKE,
    Take,
)
from training.latent_morph.transcription.lines import Piece, excerpt

MOST_SHIFT = {"train": 2, "valid": 4, "test": 4}  # semitones; few keys are held out
TAKES_OF = {
    "train": (TRAIN,),
    "valid": (VALID_PITCH, VALID_TAKE),
    "test": (TEST_PITCH, TEST_TAKE),
}
AUDIBLE_DB = 30  # below a take's peak
LOW_KEY, HIGH_KEY = 24, 105
NOTE = np.dtype(
    [
        ("start_s", "f4"),
        ("end_s", "f4"),
        ("pitch", "i2"),
        ("instrument", "i2"),
        ("dynamics", "i2"),  # UNKNOWN: the take has no label
    ]
)


@dataclass(frozen=True)
class Phrase:
    """Mono sound at RATE_HZ and its notes, (n,) of NOTE by rising start."""

    audio: np.ndarray
    notes: np.ndarray


class Orchestra:
    """The takes of one split, found by instrument and key."""

    def __init__(self, takes: list[Take], split: str) -> None:
        self.split = split
        self.sounds: dict[Take, np.ndarray] = {}
        self._takes: dict[int, dict[int, list[Take]]] = {}
        for take in sorted(takes, key=lambda take: (str(take.bank), take.start)):
            if take.split in TAKES_OF[split]:
                self._takes.setdefault(take.instrument, {}).setdefault(take.pitch, []).append(take)
                self.sounds[take] = take.audio().copy()
        most = MOST_SHIFT[split]
        self._keys = {
            instrument: np.array(
                sorted(
                    {
                        key
                        for pitch in by_pitch
                        for key in range(pitch - most, pitch + most + 1)
                        if LOW_KEY <= key <= HIGH_KEY
                    }
                )
            )
            for instrument, by_pitch in self._takes.items()
        }

    @property
    def instruments(self) -> list[int]:
        """Return who has takes."""
        return sorted(self._keys)

    def playable(self, instrument: int, pitches: np.ndarray) -> np.ndarray:
        """Return a line moved by octaves, and notes still out of reach to the nearest key."""
        keys = self._keys[instrument]
        octaves = [pitches + 12 * shift for shift in range(-5, 6)]
        away = [np.abs(line[:, None] - keys).min(axis=1).sum() for line in octaves]
        line = octaves[int(np.argmin(away))]
        return keys[np.abs(line[:, None] - keys).argmin(axis=1)]

    def take(self, instrument: int, pitch: int, dynamics: int, random: np.random.Generator) -> Take:
        """Return a take near a key and a loudness, the nearer the likelier."""
        most, by_pitch = MOST_SHIFT[self.split], self._takes[instrument]
        near = [
            take for shift in range(-most, most + 1) for take in by_pitch.get(pitch + shift, [])
        ]
        cost = [
            abs(take.pitch - pitch)
            + (0 if take.dynamics == UNKNOWN else 1.5 * abs(take.dynamics - dynamics))
            for take in near
        ]
        chance = np.exp(-np.array(cost))
        return near[random.choice(len(near), p=chance / chance.sum())]


def phrase(
    orchestra: Orchestra,
    pieces: list[Piece],
    seconds: float,
    random: np.random.Generator,
    instruments: tuple[int, ...] | None = None,
) -> Phrase:
    """Return a phrase of a duo, solo or chords of one instrument; `instruments` fixes who plays."""
    if instruments is None:
        instruments = _players(orchestra, random)
    lines = excerpt(pieces, len(instruments), seconds - 0.6, random)
    transposed = int(random.integers(-6, 6))
    length = round(seconds * RATE_HZ)
    audio, notes = np.zeros(length), []
    lead_s = random.uniform(0.05, 0.6)
    tuning = random.uniform(-0.2, 0.2)
    for instrument, line in zip(instruments, lines, strict=True):
        sound, played = np.zeros(length), []
        pitches = orchestra.playable(instrument, line[:, 2].astype(int) + transposed)
        shortened = random.choice([1.0, 1.0, 0.95, 0.8, 0.5])
        dynamics = float(random.integers(0, 5))
        for (start_s, end_s, _), pitch in zip(line, pitches, strict=True):
            dynamics = float(np.clip(dynamics + random.normal(0, 0.5), 0, 4))
            take = orchestra.take(instrument, int(pitch), round(dynamics), random)
            start_s = start_s + lead_s + random.normal(0, 0.008)
            held_s = max(0.06, (end_s + lead_s - start_s) * shortened)
            recorded = orchestra.sounds[take]
            played.append(_play(sound, take, recorded, int(pitch), start_s, held_s, tuning, random))
        audio += sound * 10 ** (random.uniform(-6, 6) / 20) / max(1e-6, float(np.abs(sound).max()))
        notes += [note for note in played if note is not None]
    audio = _in_a_room(audio, random)
    audio *= 10 ** (random.uniform(-24, -1) / 20) / max(1e-6, float(np.abs(audio).max()))
    audio += 10 ** (random.uniform(-90, -50) / 20) * random.standard_normal(length)
    return Phrase(audio.astype(np.float32), np.sort(np.array(notes, NOTE), order="start_s"))


def _players(orchestra: Orchestra, random: np.random.Generator) -> tuple[int, ...]:
    """Return one instrument, two, or twice the same one: its chords of two."""
    everyone = orchestra.instruments
    one = everyone[random.integers(len(everyone))]
    kind = random.random()
    if kind < 0.4:
        return (one,)
    if kind < 0.55 or (INSTRUMENTS[one].decays and kind < 0.75):
        return (one, one)
    return (one, everyone[random.integers(len(everyone))])


def _play(
    sound: np.ndarray,
    take: Take,
    recorded: np.ndarray,
    pitch: int,
    start_s: float,
    held_s: float,
    tuning: float,
    random: np.random.Generator,
) -> tuple | None:
    """Add a note to `sound`; return its truth, None if nothing of it can be heard."""
    first_s, last_s = audible(recorded)
    semitones = pitch - take.pitch + tuning + random.normal(0, 0.04)
    speed = 2.0 ** (semitones / 12)
    release_s = random.uniform(0.03, 0.15)
    count = round(min(held_s + release_s * 3, take.length / RATE_HZ / speed - 0.01) * RATE_HZ)
    at_s = np.arange(max(0, count)) / RATE_HZ
    where = at_s * speed * RATE_HZ
    if not INSTRUMENTS[take.instrument].decays and random.random() < 0.3:
        depth = random.uniform(0.1, 0.35) / 12 * np.log(2) * speed  # of the semitone
        rate_hz = random.uniform(4.5, 6.8)
        grown = np.clip(at_s / 0.3, 0, 1)
        where += (
            depth * grown * np.sin(2 * np.pi * rate_hz * at_s) * RATE_HZ / (2 * np.pi * rate_hz)
        )
    tone = np.interp(where, np.arange(len(recorded)), recorded)
    tone *= np.exp(-np.clip(at_s - held_s, 0, None) / release_s * 2.3)
    begin = round(start_s * RATE_HZ)
    end = min(len(sound), begin + len(tone))
    if end <= begin:
        return None
    sound[begin:end] += tone[: end - begin]
    from_s = start_s + first_s / speed
    to_s = min(start_s + held_s, start_s + last_s / speed, len(sound) / RATE_HZ)
    if to_s - from_s < 0.03:
        return None
    return (from_s, to_s, pitch, take.instrument, take.dynamics)


def audible(audio: np.ndarray) -> tuple[float, float]:
    """Return the seconds between which a sound is less than AUDIBLE_DB below its peak."""
    step = RATE_HZ // 200
    count = max(1, len(audio) // step)
    level = np.abs(audio[: count * step]).reshape(count, -1).max(axis=1)
    loud = np.flatnonzero(level > level.max() * 10 ** (-AUDIBLE_DB / 20))
    return float(loud[0]) / 200, float(loud[-1] + 1) / 200


def _in_a_room(audio: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the sound with a tail of noise that dies away, in four phrases of ten, and a tilt."""
    size = 1 << int(np.ceil(np.log2(2 * len(audio))))
    spectrum = np.fft.rfft(audio, size)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    tilt_db = random.uniform(-3, 3) * np.log2(np.maximum(hz, 60) / 1000)
    spectrum *= 10 ** (np.clip(tilt_db, -12, 12) / 20)
    if random.random() < 0.4:
        at_s = np.arange(RATE_HZ) / RATE_HZ
        tail = random.standard_normal(RATE_HZ) * np.exp(-6.9 * at_s / random.uniform(0.2, 1.5))
        tail[: round(random.uniform(0.002, 0.02) * RATE_HZ)] = 0
        tail *= random.uniform(0.05, 0.4) / np.sqrt((tail**2).sum())
        tail[0] = 1
        spectrum *= np.fft.rfft(tail, size)
    return np.fft.irfft(spectrum, size)[: len(audio)]
