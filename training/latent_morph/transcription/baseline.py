"""What the network is held against: one pitch a frame by autocorrelation, onsets by energy.

The difference function, normalised by its running mean, gives a period where it first dips below a
threshold; frames of one rounded key that hang together are a note, cut where the energy jumps.
Monophonic, without loudness or instruments; a few lines of numpy, as transcribers of one voice
have been made for decades.
"""

import numpy as np

from engine.transcription.notes import FOUND
from training.latent_morph.sources import RATE_HZ

WINDOW, HOP = 2048, 512
AT_ONCE = 500  # frames
LOWEST_HZ, HIGHEST_HZ = 32.0, 3000.0
DIP = 0.15
QUIETEST_DB = -40  # below the loudest frame
SILENCE_DB = -90.0
JUMP_DB = 6.0  # within two frames: a new note
SHORTEST_FRAMES = 3


def transcribe(audio: np.ndarray) -> np.ndarray:
    """Return notes (n,) of FOUND of mono sound at RATE_HZ."""
    padded = np.pad(audio, (WINDOW // 2, 2 * WINDOW))
    count = 1 + len(audio) // HOP
    level, pitch = np.zeros(count), np.zeros(count, int)
    for begin in range(0, count, AT_ONCE):
        part = np.arange(begin, min(begin + AT_ONCE, count))
        frames = padded[part[:, None] * HOP + np.arange(2 * WINDOW)]
        level[part] = 10 * np.log10((frames[:, :WINDOW] ** 2).mean(axis=1) + 1e-12)
        heard = level[part] > SILENCE_DB
        pitch[part[heard]] = _pitches(frames[heard])
    pitch[level <= level.max() + QUIETEST_DB] = 0
    rising = np.zeros(count, bool)
    rising[2:] = level[2:] - level[:-2] > JUMP_DB
    notes, begin = [], 0
    for frame in range(1, count + 1):
        same = frame < count and pitch[frame] == pitch[begin]
        struck = same and rising[frame] and not rising[frame - 1] and frame - begin > 4
        if same and not struck:
            continue
        if pitch[begin] > 0 and frame - begin >= SHORTEST_FRAMES:
            at_s = begin * HOP / RATE_HZ, frame * HOP / RATE_HZ
            notes.append((*at_s, pitch[begin], 80, 1.0))
        begin = frame
    return np.array(notes, FOUND)


def _pitches(frames: np.ndarray) -> np.ndarray:
    """Return the nearest key of each frame, 0 where no period is found."""
    longest, shortest = int(RATE_HZ / LOWEST_HZ), int(RATE_HZ / HIGHEST_HZ)
    head = np.fft.rfft(frames[:, :WINDOW], 4 * WINDOW, axis=1)
    whole = np.fft.rfft(frames, 4 * WINDOW, axis=1)
    products = np.fft.irfft(head.conj() * whole, axis=1)[:, : longest + 2]
    energy = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(frames**2, axis=1)], axis=1)
    lags = np.arange(longest + 2)
    moved = energy[:, lags + WINDOW] - energy[:, lags]
    difference = np.maximum(moved[:, :1] + moved - 2 * products, 0)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags[1:]
    normal = np.concatenate([np.ones((len(frames), 1)), difference[:, 1:] / (mean + 1e-12)], axis=1)
    pitches = np.zeros(len(frames), int)
    for number, row in enumerate(normal):
        below = np.flatnonzero(row[shortest:longest] < DIP) + shortest
        if len(below) == 0:
            continue
        lag = int(below[0])
        while lag + 1 < longest and row[lag + 1] < row[lag]:
            lag += 1
        left, middle, right = row[lag - 1 : lag + 2]
        bent = left - 2 * middle + right
        exact = lag + (np.clip(0.5 * (left - right) / bent, -1, 1) if bent > 0 else 0.0)
        pitches[number] = round(69 + 12 * np.log2(RATE_HZ / exact / 440))
    return pitches
