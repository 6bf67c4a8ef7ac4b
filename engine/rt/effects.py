"""Reverb, chorus and the master's limiter; sample by sample, so any cut of blocks agrees. [audio]

The reverb is a feedback delay network of eight lines mixed by a Hadamard matrix (Jot and Chaigne
1991), with a one-pole low-pass in every line. The limiter has no look-ahead and no memory: it is
the identity up to a knee and bends smoothly towards 1 beyond it.
"""

import numpy as np

from engine.rt.layout import CHORUS_FRAMES, REVERB_LINES, REVERB_ROWS
from engine.rt.native import rt

LINE_FRAMES = (1123, 1327, 1559, 1777, 1931, 2141, 2347, 2593)  # at 48 kHz, mutually prime
DIFFUSER_FRAMES = (142, 107, 379, 277)
REVERB_SECONDS = 1.9  # to -60 dB
KNEE = np.float32(0.7)


def reverb_lengths(rate_hz: float) -> np.ndarray:
    """Return the delay lengths in frames at a sample rate, lines first, then diffusers. [main]"""
    frames = np.array(LINE_FRAMES + DIFFUSER_FRAMES) * rate_hz / 48000.0
    return np.maximum(np.round(frames), 8).astype(np.int64)


@rt
def _diffuse(buffer, index, row, x):
    """Pass one sample through the all-pass in a row of the reverb. [audio]"""
    i = index[0, row]
    delayed = buffer[row, i]
    g = np.float32(0.6)
    y = delayed - g * x
    buffer[row, i] = x + g * y
    i += 1
    index[0, row] = 0 if i == index[1, row] else i
    return y


@rt
def add_reverb(buffer, index, gains, low, send, left, right, count):
    """Add the reverb of `send` to left and right. [audio]

    buffer (rows, longest); index (2, rows): position and length; gains: feedback of each line for
    the wanted decay; low: the lines' low-pass states.
    """
    damping = np.float32(0.32)
    scale = np.float32(1.0 / np.sqrt(8.0))
    for n in range(count):
        x = send[n]
        for row in range(REVERB_LINES, REVERB_ROWS):
            x = _diffuse(buffer, index, row, x)
        for k in range(REVERB_LINES):
            delayed = buffer[k, index[0, k]]
            low[k] += (np.float32(1.0) - damping) * (delayed - low[k])
        a0 = low[0] + low[1]
        a1 = low[0] - low[1]
        a2 = low[2] + low[3]
        a3 = low[2] - low[3]
        a4 = low[4] + low[5]
        a5 = low[4] - low[5]
        a6 = low[6] + low[7]
        a7 = low[6] - low[7]
        b0 = a0 + a2
        b1 = a1 + a3
        b2 = a0 - a2
        b3 = a1 - a3
        b4 = a4 + a6
        b5 = a5 + a7
        b6 = a4 - a6
        b7 = a5 - a7
        left[n] += low[0] - low[2] + low[4] - low[6]
        right[n] += low[1] - low[3] + low[5] - low[7]
        _write_line(buffer, index, 0, x + (b0 + b4) * scale * gains[0])
        _write_line(buffer, index, 1, x + (b1 + b5) * scale * gains[1])
        _write_line(buffer, index, 2, x + (b2 + b6) * scale * gains[2])
        _write_line(buffer, index, 3, x + (b3 + b7) * scale * gains[3])
        _write_line(buffer, index, 4, x + (b0 - b4) * scale * gains[4])
        _write_line(buffer, index, 5, x + (b1 - b5) * scale * gains[5])
        _write_line(buffer, index, 6, x + (b2 - b6) * scale * gains[6])
        _write_line(buffer, index, 7, x + (b3 - b7) * scale * gains[7])


@rt
def _write_line(buffer, index, row, value):
    """Write one sample into a delay line and step on. [audio]"""
    i = index[0, row]
    buffer[row, i] = value
    i += 1
    index[0, row] = 0 if i == index[1, row] else i


@rt
def add_chorus(buffer, frame, rate_hz, send, left, right, count):
    """Add a two-voice chorus of `send`: delays of 7 to 17 ms swinging at 0.6 Hz. [audio]

    buffer holds CHORUS_FRAMES; `frame` is the stream frame of the first sample.
    """
    mask = CHORUS_FRAMES - 1
    middle = 0.012 * rate_hz
    swing = 0.005 * rate_hz
    turn = 2.0 * np.pi * 0.6 / rate_hz
    period = np.int64(rate_hz / 0.6)
    for n in range(count):
        now = frame + n
        buffer[now & mask] = send[n]
        phase = turn * (now % period)
        left[n] += _tap(buffer, now, middle + swing * np.sin(phase))
        right[n] += _tap(buffer, now, middle + swing * np.cos(phase))


@rt
def _tap(buffer, now, delay_frames):
    """Read a delay line between two samples. [audio]"""
    mask = CHORUS_FRAMES - 1
    whole = np.int64(delay_frames)
    part = np.float32(delay_frames - whole)
    a = buffer[(now - whole) & mask]
    b = buffer[(now - whole - 1) & mask]
    return a + (b - a) * part


@rt
def limit(x):
    """Return x, bent so that it never reaches 1: the identity below the knee. [audio]"""
    size = abs(x)
    if size <= KNEE:
        return x
    rest = np.float32(1.0) - KNEE
    over = (size - KNEE) / rest
    y = KNEE + rest * over / (np.float32(1.0) + over)
    return y if x > np.float32(0.0) else -y
