"""What a recorded note is made of: harmonics, bands of noise and a frequency, every 256 samples.

A frame is centred on its moment; the recording is first cut so that frame 0 is the onset. Windows
of four periods, at least 512 samples, keep an attack an attack: neighbouring harmonics fall into
the nulls of each other's window. Noise is what stands between the harmonics in windows of eight
periods. Then a frame's levels are moved together to the energy of its 512 middle samples, so that
what the windows smear is as sudden as it was.

Levels are in dB: of a harmonic the amplitude of its sine, of a band the RMS of its noise.
"""

from dataclasses import dataclass

import numpy as np

from models.morph.voice_model import BANDS, FLOOR_DB, HARMONICS
from training.latent_morph.sources import RATE_HZ

HOP = 256
HOP_S = HOP / RATE_HZ
HIGHEST_HZ = 11000.0
_FFT = 8192
_CENTS = np.arange(-60, 61, 4)
_STRETCHES = (0.0, *np.geomspace(2e-5, 3e-3, 22))  # inharmonicity of strings, B


def band_edges_hz() -> np.ndarray:
    """Return the edges of the noise bands, (25,), even on the mel scale from 0 to 11 kHz."""
    mel = np.linspace(0, 2595 * np.log10(1 + HIGHEST_HZ / 700), BANDS + 1)
    return 700 * (10 ** (mel / 2595) - 1)


@dataclass(frozen=True)
class Frames:
    """A note's frames. `f0_hz` is of the first harmonic; `stretch` is its inharmonicity B."""

    harmonics_db: np.ndarray  # (T, 64); FLOOR_DB where a harmonic is above HIGHEST_HZ
    noise_db: np.ndarray  # (T, 24)
    f0_hz: np.ndarray  # (T,)
    stretch: float

    @property
    def levels_db(self) -> np.ndarray:
        """Return (T, 88), harmonics first, as a decoder gives them."""
        return np.concatenate([self.harmonics_db, self.noise_db], 1)


def from_onset(audio: np.ndarray) -> np.ndarray:
    """Return a recording from where its attack leaves the quiet: 25 dB below its early peak.

    The peak is that of the 0.4 s after 30 dB below the loudest is reached first; the attack is the
    last rise to 9 dB below it. A breath or a click well before that is not the note's age.
    """
    power = np.convolve(audio.astype(np.float64) ** 2, np.ones(128) / 128, "same")
    begin = int(np.argmax(power >= power.max() * 1e-3))
    peak = power[begin : begin + int(0.4 * RATE_HZ)].max()
    loud = begin + int(np.argmax(power[begin:] >= peak * 10**-0.9))
    quiet = np.flatnonzero(power[: loud + 1] < peak * 10**-2.5)
    return audio[max(0, int(quiet[-1]) - 32) if len(quiet) else 0 :]


def total_db(levels_db: np.ndarray) -> np.ndarray:
    """Return the RMS in dB of frames (..., 88)."""
    power = 10 ** (levels_db / 10)
    both = power[..., :HARMONICS].sum(-1) / 2 + power[..., HARMONICS:].sum(-1)
    return 10 * np.log10(both + 1e-12)


def analyse(audio: np.ndarray, pitch: float, strings: bool = False) -> Frames:
    """Return the frames of a note that begins at once; `strings` may be inharmonic."""
    nominal = 440 * 2 ** ((pitch - 69) / 12)
    frames = 1 + len(audio) // HOP
    size = int(np.clip(4 * RATE_HZ / nominal, 512, 4096))
    spectrum, window = _spectra(audio, frames, size)
    stretch = _stretch(audio, nominal) if strings else 0.0
    f0 = _frequencies(spectrum, nominal, stretch)
    partial = _partials(f0, stretch)
    magnitude = _at(spectrum, partial) * 2 / window.sum()
    density = _noise_density(audio, frames, f0, stretch)  # (T, 24) power per Hz
    edges = band_edges_hz()
    band = np.clip(np.searchsorted(edges, partial, "right") - 1, 0, BANDS - 1)
    heard = np.take_along_axis(density, band, 1)
    # white noise of this density, seen through this window as if it were a sine
    seen = 2 * heard * RATE_HZ * (window**2).sum() / window.sum() ** 2
    power = np.maximum(magnitude**2 - seen, 0.02 * magnitude**2)
    harmonics = 10 * np.log10(power + 1e-14)
    noise = 10 * np.log10(density * np.diff(edges) + 1e-14)
    levels = np.concatenate([harmonics, noise], 1)
    levels[:, :HARMONICS][partial > HIGHEST_HZ] = -300
    levels += (_energy_db(audio, frames, nominal) - total_db(levels))[:, None]
    levels = np.maximum(levels, FLOOR_DB)
    return Frames(
        levels[:, :HARMONICS].astype(np.float32),
        levels[:, HARMONICS:].astype(np.float32),
        f0.astype(np.float32),
        stretch,
    )


def _windows(audio: np.ndarray, frames: int, size: int) -> np.ndarray:
    """Return (frames, size): the samples around each frame's middle, 0 where there are none."""
    before = size // 2
    after = max(0, (frames - 1) * HOP + size - before - len(audio))
    padded = np.concatenate([np.zeros(before), audio, np.zeros(after)])
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP][:frames]


def _spectra(audio: np.ndarray, frames: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the magnitudes (frames, _FFT // 2 + 1) through a Hann window, and the window."""
    window = np.hanning(size + 2)[1:-1]
    views = _windows(audio, frames, size)
    found = [
        np.abs(np.fft.rfft(views[begin : begin + 64] * window, _FFT)).astype(np.float32)
        for begin in range(0, frames, 64)
    ]
    return np.concatenate(found), window


def _at(spectrum: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Return magnitudes at frequencies (T, n) of each frame, between bins in dB."""
    place = np.clip(hz * _FFT / RATE_HZ, 0, _FFT // 2 - 1.001)
    below = place.astype(int)
    low = np.take_along_axis(spectrum, below, 1) + 1e-9
    high = np.take_along_axis(spectrum, below + 1, 1) + 1e-9
    return low * (high / low) ** (place - below)


def _partials(f0: np.ndarray, stretch: float) -> np.ndarray:
    """Return the frequencies (T, 64) of a note's harmonics."""
    number = np.arange(1, HARMONICS + 1)
    return f0[:, None] * number * np.sqrt((1 + stretch * number**2) / (1 + stretch))


def _frequencies(spectrum: np.ndarray, nominal: float, stretch: float) -> np.ndarray:
    """Return f0 (T,): of those within 60 cents the one whose harmonics are the strongest."""
    size = int(np.clip(HIGHEST_HZ / 2 / nominal, 1, 10))
    candidates = nominal * 2 ** (_CENTS / 1200)
    scores = np.zeros((len(spectrum), len(_CENTS)), np.float32)
    for number in range(1, size + 1):
        hz = candidates * number * np.sqrt((1 + stretch * number**2) / (1 + stretch))
        scores += _at(spectrum, np.broadcast_to(hz, scores.shape)) ** 2
    weight = scores.max(1)
    whole = scores.sum(0)
    best = _CENTS[whole.argmax()].astype(float)
    near = np.abs(_CENTS - best) <= 40
    cents = _CENTS[near][scores[:, near].argmax(1)].astype(float)
    cents = np.where(weight > weight.max() * 1e-3, cents, best)  # quiet frames know nothing
    padded = np.pad(cents, 2, "edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), 1)
    return nominal * 2 ** (smooth / 1200)


def _stretch(audio: np.ndarray, nominal: float) -> float:
    """Return the inharmonicity whose partials hold the most of the first half second."""
    views = _windows(audio, 40, 4096)[8:] * np.hanning(4096)
    spectrum = np.abs(np.fft.rfft(views[::4], _FFT)).mean(0)
    level = np.log(np.maximum(spectrum / spectrum.max(), 1e-4))
    number = np.arange(1, int(np.clip(HIGHEST_HZ / nominal, 1, 24)) + 1)

    def score(stretch: float, cents: float) -> float:
        hz = nominal * 2 ** (cents / 1200) * number * np.sqrt(1 + stretch * number**2)
        place = np.round(hz[hz < HIGHEST_HZ] * _FFT / RATE_HZ).astype(int)
        return float(level[place].sum()) + float(level.min()) * (len(hz) - len(place))

    tried = [(score(b, cents), -b) for b in _STRETCHES for cents in range(-40, 41, 2)]
    return -max(tried)[1]


def _noise_density(audio: np.ndarray, frames: int, f0: np.ndarray, stretch: float) -> np.ndarray:
    """Return noise power per Hz (T, 24): the median of what stands between the harmonics."""
    middle = float(np.median(f0))
    size = int(np.clip(8 * RATE_HZ / middle, 1024, 4096))
    spectrum, window = _spectra(audio, frames, size)
    density = spectrum.astype(np.float64) ** 2 / (RATE_HZ * (window**2).sum() / 2) / 2 * 2
    hz = np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT
    lines = _partials(np.array([middle]), stretch)[0]
    lines = np.concatenate([[0.0], lines, lines[-1] + middle * np.arange(1, 400)])
    distance = np.abs(hz - lines[_nearest(lines, hz)])
    between = distance > min(2.2 * RATE_HZ / size, 0.4 * middle)
    edges = band_edges_hz()
    bands = np.empty((frames, BANDS))
    for band in range(BANDS):
        inside = (hz >= edges[band]) & (hz < edges[band + 1])
        chosen = inside & between
        if chosen.sum() < 4:  # a harmonic fills the band: the gaps beside it tell
            order = np.argsort(np.abs(hz - edges[band : band + 2].mean()))
            chosen = order[between[order]][:8]
        bands[:, band] = np.median(density[:, chosen], 1) / np.log(2)
    return bands


def _nearest(sorted_values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    above = np.clip(np.searchsorted(sorted_values, asked), 1, len(sorted_values) - 1)
    lower = asked - sorted_values[above - 1] < sorted_values[above] - asked
    return above - lower


def _energy_db(audio: np.ndarray, frames: int, nominal: float) -> np.ndarray:
    """Return the RMS in dB of each frame's middle: 512 samples, or one and a half periods."""
    size = int(max(512, 1.5 * RATE_HZ / nominal))
    window = np.hanning(size + 2)[1:-1]
    power = (_windows(audio, frames, size) ** 2) @ (window / window.sum())
    return 10 * np.log10(power + 1e-12)
