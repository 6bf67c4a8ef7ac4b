"""The decoder of morph voices: a latent point and a note's condition in, levels in dB out. [audio]

A network of three layers over flat float32 arrays, read eight rows of weights at a time.
`models.morph.voice_model` is the plain reference; the two agree to a thousandth of a dB. From the
harmonics' levels a wavetable is made, the same phase of each harmonic every time, so that tables
which follow each other cross-fade without beating.
"""

import numpy as np
from numba import njit

TABLE = 512  # points of a wavetable's period
HALF = TABLE // 2
GUARDED = TABLE + 8  # a point before, three behind, for the interpolation; whole vectors
HARMONICS, BANDS = 64, 24
LEVELS = HARMONICS + BANDS
FLOOR_DB, CEILING_DB = np.float32(-100.0), np.float32(24.0)
DB_TO_LOG = np.float32(np.log(10.0) / 20.0)
FADES_PER_S = np.array([1 / 0.006, 1 / 0.018, 1 / 0.05, 1 / 0.15, 1 / 0.5, 1 / 1.5, 1 / 5.0])
FEATURES = 4 + len(FADES_PER_S)
LONGEST_AGE_S = 16.0

# Sums may be ordered as is quickest, but what is no number stays visible.
quick = njit(
    nogil=True, error_model="numpy", cache=True, fastmath={"reassoc", "contract", "nsz", "arcp"}
)


@quick
def add_product(inputs, weights, width, out):
    """Add inputs (n,) @ weights (n * width,) to out (width,); n a multiple of 8. [audio]"""
    for row in range(0, inputs.size, 8):
        a0 = inputs[row]
        a1 = inputs[row + 1]
        a2 = inputs[row + 2]
        a3 = inputs[row + 3]
        a4 = inputs[row + 4]
        a5 = inputs[row + 5]
        a6 = inputs[row + 6]
        a7 = inputs[row + 7]
        w = weights[row * width : (row + 8) * width]
        for j in range(width):
            out[j] += (
                a0 * w[j]
                + a1 * w[width + j]
                + a2 * w[2 * width + j]
                + a3 * w[3 * width + j]
                + a4 * w[4 * width + j]
                + a5 * w[5 * width + j]
                + a6 * w[6 * width + j]
                + a7 * w[7 * width + j]
            )


@quick
def _layer(inputs, weights, bias, out):
    """Set out to relu(bias + inputs @ weights). [audio]"""
    for j in range(out.size):
        out[j] = bias[j]
    add_product(inputs, weights, out.size, out)
    for j in range(out.size):
        out[j] = max(out[j], np.float32(0.0))


@quick
def write_features(pitch, velocity, age_s, out):
    """Write the decoder's features of a note, voice_model.conditioning's. [audio]"""
    p = np.float32((pitch - 60.0) / 24.0)
    out[0] = p
    out[1] = p * p
    out[2] = np.float32(velocity / 127.0)
    out[3] = np.float32(min(age_s, LONGEST_AGE_S) / 4.0)
    for i in range(FADES_PER_S.size):
        out[4 + i] = np.float32(np.exp(-age_s * FADES_PER_S[i]))


@quick
def decode(w0, b0, w1, b1, w2, b2, inputs, first, second, levels):
    """Write levels (88,) dB of inputs (n,): the latent point, the features, zeros. [audio]

    first, second (hidden,): working memory. A level that is no number is silence.
    """
    _layer(inputs, w0, b0, first)
    _layer(first, w1, b1, second)
    for j in range(LEVELS):
        levels[j] = b2[j]
    add_product(second, w2, LEVELS, levels)
    for j in range(LEVELS):
        level = levels[j]
        level = level if level > FLOOR_DB else FLOOR_DB  # also for what is no number
        levels[j] = level if level < CEILING_DB else CEILING_DB


@quick
def to_amplitudes(levels, gain_db, out):
    """Write the amplitudes of levels in dB, so many dB louder; the floor is silence. [audio]"""
    for j in range(levels.size):
        level = levels[j]
        heard = np.float32(1.0) if level > FLOOR_DB else np.float32(0.0)
        out[j] = heard * np.exp((level + gain_db) * DB_TO_LOG)


@quick
def limit_band(amplitudes, cycles_a_frame, out):
    """Write the harmonics' amplitudes, odd ones first, without those above half the rate. [audio]

    Near it they fade. Harmonic 1 has so many cycles a frame.
    """
    for i in range(HARMONICS // 2):
        place = np.float32(0.48) - np.float32((2 * i + 1) * cycles_a_frame)
        above = np.float32(0.48) - np.float32((2 * i + 2) * cycles_a_frame)
        share = min(max(place * np.float32(25.0), np.float32(0.0)), np.float32(1.0))
        share_above = min(max(above * np.float32(25.0), np.float32(0.0)), np.float32(1.0))
        out[i] = amplitudes[2 * i] * share
        out[HARMONICS // 2 + i] = amplitudes[2 * i + 1] * share_above


@quick
def build_table(amplitudes, waves, odd, even, table):
    """Write the period of 64 harmonics, with its guard points, into table (GUARDED,). [audio]

    waves (64 * 256,): rows of the odd harmonics, then of the even ones, over half a period. The
    other half is the even ones less the odd ones. odd, even (256,): working memory.
    """
    for n in range(HALF):
        odd[n] = np.float32(0.0)
        even[n] = np.float32(0.0)
    add_product(amplitudes[:32], waves[: 32 * HALF], HALF, odd)
    add_product(amplitudes[32:], waves[32 * HALF :], HALF, even)
    for n in range(HALF):
        table[1 + n] = even[n] + odd[n]
        table[1 + HALF + n] = even[n] - odd[n]
    table[0] = table[TABLE]
    for n in range(3):
        table[1 + TABLE + n] = table[1 + n]


def wave_basis() -> np.ndarray:
    """Return waves for build_table (64 * 256,) float32: odd harmonics, then even ones. [main]

    Each has the phase that spreads their sum over the period, and is louder by what the
    interpolation between 512 points will take from it.
    """
    number = np.arange(1, HARMONICS + 1)
    phase = -np.pi * number * (number - 1) / HARMONICS
    turns = np.outer(number, np.arange(HALF)) / TABLE
    rows = (
        np.cos(2 * np.pi * turns + phase[:, None]) / kept_by_interpolation(number / TABLE)[:, None]
    )
    order = np.concatenate([np.arange(0, HARMONICS, 2), np.arange(1, HARMONICS, 2)])
    return np.ascontiguousarray(rows[order], np.float32).ravel()


def kept_by_interpolation(frequency: np.ndarray) -> np.ndarray:
    """Return what Catmull-Rom keeps of sines of so many cycles a point, as a factor. [main]"""
    t = (np.arange(256) + 0.5) / 256
    weights = [
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    ]
    w = 2 * np.pi * np.asarray(frequency)[:, None]
    places = [np.exp(1j * w * (k - 1 - t)) for k in range(4)]
    kept = sum(weight * place for weight, place in zip(weights, places, strict=True))
    return np.abs(kept.mean(axis=1))
