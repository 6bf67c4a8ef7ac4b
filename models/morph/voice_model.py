"""The decoder of a morph voice: a latent point, a key, a velocity and a note's age give levels.

A model holds the network's three layers, the latent point of every (instrument, key, dynamics),
how loud and how long each instrument sounds, and how restless it is. The session loads one before
the stream starts; the audio callback reads its arrays and reckons as `decode` does, which is the
reference. Numpy only.

What a frame of 88 levels means: a note's RMS is `level_db(instrument, pitch, velocity)` in dB of
full scale where it is loudest. To that each level is added: for harmonic h (0 to 63) the amplitude
of the sine at (h + 1) times the note's frequency, for band b (0 to 23) the RMS of the noise between
`band_edges_hz[b]` and `[b + 1]`.

    features  p, p^2, v, a, exp(-age / tau) for the seven taus of AGE_S
              p = (pitch - 60) / 24, v = velocity / 127, a = min(age, 16) / 4
    hidden    relu(features_and_z @ w0 + b0), relu(. @ w1 + b1), z first, then the features
    levels    max(. @ w2 + b2, -100)
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from models import registry
from models.errors import ModelError

HARMONICS, BANDS = 64, 24
LEVELS = HARMONICS + BANDS
KEYS = 128
FLOOR_DB = -100.0
AGE_S = (0.006, 0.018, 0.05, 0.15, 0.5, 1.5, 5.0)  # how fast the features of age fade
FEATURES = 4 + len(AGE_S)
LONGEST_AGE_S = 16.0
_AGE_S = np.array(AGE_S, np.float32)


@dataclass(frozen=True)
class MorphModel:
    """What a morph voice plays from: I instruments, a latent of L, N hidden units, D dynamics."""

    name: str
    instruments: tuple[str, ...]
    w0: np.ndarray  # (L + FEATURES, N)
    b0: np.ndarray  # (N,)
    w1: np.ndarray  # (N, N)
    b1: np.ndarray  # (N,)
    w2: np.ndarray  # (N, 88)
    b2: np.ndarray  # (88,)
    band_edges_hz: np.ndarray  # (25,)
    anchors: np.ndarray  # (I, 128, D, L): beyond an instrument's keys that of the nearest one
    dynamics: np.ndarray  # (D,) rising, the velocity / 127 each dynamics stands for
    low_keys: np.ndarray  # (I,)
    high_keys: np.ndarray  # (I,)
    levels_db: np.ndarray  # (I, 128) RMS of the loudest frame at velocity 127
    velocity_range_db: np.ndarray  # (I,) from velocity 0 to 127
    release_s: np.ndarray  # (I, 128) time to fall by 60 dB after the key is let go
    texture_pole: np.ndarray  # (1,) AR(1) coefficient, a step of 256 / 24000 s
    texture_db: np.ndarray  # (88,) size of the wander around what is decoded

    def __post_init__(self) -> None:
        count = len(self.instruments)
        if count < 1 or len(set(self.instruments)) != count:
            raise ModelError(
                f"{self.name}: instruments must be different names, got {self.instruments}"
            )
        if self.anchors.ndim != 4 or not 1 <= self.anchors.shape[3] <= 64:
            raise ModelError(
                f"{self.name}: anchors must be (instruments, 128, dynamics, latent 1 to 64), "
                f"got {self.anchors.shape}"
            )
        dynamics, latent = self.anchors.shape[2:]
        hidden = self.b0.size
        for name, shape in (
            ("w0", (latent + FEATURES, hidden)),
            ("b0", (hidden,)),
            ("w1", (hidden, hidden)),
            ("b1", (hidden,)),
            ("w2", (hidden, LEVELS)),
            ("b2", (LEVELS,)),
            ("band_edges_hz", (BANDS + 1,)),
            ("anchors", (count, KEYS, dynamics, latent)),
            ("dynamics", (dynamics,)),
            ("low_keys", (count,)),
            ("high_keys", (count,)),
            ("levels_db", (count, KEYS)),
            ("velocity_range_db", (count,)),
            ("release_s", (count, KEYS)),
            ("texture_pole", (1,)),
            ("texture_db", (LEVELS,)),
        ):
            array = getattr(self, name)
            if array.shape != shape:
                raise ModelError(f"{self.name}: {name} must be {shape}, got {array.shape}")
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise ModelError(f"{self.name}: {name} must be finite float32")
        _within(self, "low_keys", 0, KEYS - 1)
        _within(self, "high_keys", 0, KEYS - 1)
        _within(self, "dynamics", 0, 1)
        _within(self, "levels_db", FLOOR_DB, 0)
        _within(self, "velocity_range_db", 0, 100)
        _within(self, "release_s", 0.01, 30)
        _within(self, "texture_pole", 0, 0.9999)
        _within(self, "texture_db", 0, 24)
        if (self.low_keys > self.high_keys).any():
            raise ModelError(f"{self.name}: low_keys must not be above high_keys")
        for name in ("dynamics", "band_edges_hz"):
            if (np.diff(getattr(self, name)) <= 0).any():
                raise ModelError(f"{self.name}: {name} must rise, got {getattr(self, name)}")

    @property
    def latent(self) -> int:
        """Return the size of a latent point. [any]"""
        return self.anchors.shape[3]

    @property
    def hidden(self) -> int:
        """Return the units of a hidden layer. [any]"""
        return self.b0.size

    def index(self, instrument: str) -> int:
        """Return an instrument's row in the tables; ModelError if there is none. [main]"""
        if instrument not in self.instruments:
            raise ModelError(
                f"{self.name} knows no instrument '{instrument}'; "
                f"it has: {', '.join(self.instruments)}"
            )
        return self.instruments.index(instrument)

    def anchor_table(self, instrument: int, dynamics: float) -> np.ndarray:
        """Return z of every key (128, L) float32 at dynamics 0 (softest) to 1 (loudest). [main]"""
        if not 0 <= dynamics <= 1:
            raise ModelError(f"{self.name}: dynamics must be 0 to 1, got {dynamics}")
        place = dynamics * (self.dynamics.size - 1)
        below = min(int(place), max(self.dynamics.size - 2, 0))
        above = min(below + 1, self.dynamics.size - 1)
        share = np.float32(place - below)
        table = self.anchors[instrument]
        return (1 - share) * table[:, below] + share * table[:, above]

    def level_db(self, instrument: int, pitch: int, velocity: float) -> float:
        """Return the RMS of the note's loudest frame in dB of full scale. [any]

        The law: the key's level at velocity 127, less the instrument's range times what the
        velocity lacks: `levels_db[i, pitch] - velocity_range_db[i] * (1 - velocity / 127)`.
        """
        lacking = 1 - velocity / 127
        return float(
            self.levels_db[instrument, pitch] - self.velocity_range_db[instrument] * lacking
        )

    def decode(self, z: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return levels (..., 88) dB of z (..., L) and features (..., FEATURES). [any]"""
        count = np.broadcast_shapes(z.shape[:-1], features.shape[:-1])
        both = [np.broadcast_to(part, (*count, part.shape[-1])) for part in (z, features)]
        x = np.concatenate(both, -1).astype(np.float32)
        x = np.maximum(x @ self.w0 + self.b0, 0)
        x = np.maximum(x @ self.w1 + self.b1, 0)
        return np.maximum(x @ self.w2 + self.b2, np.float32(FLOOR_DB))


def conditioning(
    pitch: float | np.ndarray, velocity: float | np.ndarray, age_s: float | np.ndarray
) -> np.ndarray:
    """Return the decoder's features (..., FEATURES) float32: pitch as a MIDI key, 60 = C4. [any]"""
    pitch, velocity, age_s = np.broadcast_arrays(pitch, velocity, age_s)
    p = (pitch.astype(np.float32) - 60) / 24
    age = age_s.astype(np.float32)
    plain = [p, p * p, velocity.astype(np.float32) / 127, np.minimum(age, LONGEST_AGE_S) / 4]
    return np.concatenate(
        [np.stack(plain, -1), np.exp(-age[..., None] / _AGE_S)], -1, dtype=np.float32
    )


def load(name: str, folder: Path = registry.WEIGHTS) -> MorphModel:
    """Return a registered model of morph voices, its file's sha256 checked. [main]"""
    entry = registry.find_morph(name, folder)
    arrays = registry.read_weights(registry.content(entry), str(entry.file))
    return from_arrays(arrays, entry.instruments, entry.name)


def from_arrays(
    arrays: dict[str, np.ndarray], instruments: tuple[str, ...], name: str
) -> MorphModel:
    """Return the model of a file's arrays; ModelError if one lacks or is not known. [main]"""
    wanted = {field.name for field in fields(MorphModel)} - {"name", "instruments"}
    for array in sorted(wanted ^ set(arrays)):
        fault = "is missing" if array in wanted else "is not known"
        raise ModelError(f"{name}: array '{array}' {fault}")
    return MorphModel(name, instruments, **arrays)


def random_model(
    seed: int, instruments: int = 12, latent: int = 8, hidden: int = 128
) -> MorphModel:
    """Return a model of random weights that sounds tame: for tests and benchmarks. [any]"""
    random = np.random.default_rng(seed)

    def layer(rows: int, columns: int) -> np.ndarray:
        return random.normal(0, (2 / rows) ** 0.5, (rows, columns)).astype(np.float32)

    tilt = np.concatenate([-18 * np.log2(np.arange(1, HARMONICS + 1)) / 2, np.full(BANDS, -60)])
    keys = np.arange(KEYS)
    return MorphModel(
        f"random {seed}",
        tuple(f"instrument {i + 1}" for i in range(instruments)),
        w0=layer(latent + FEATURES, hidden),
        b0=np.zeros(hidden, np.float32),
        w1=layer(hidden, hidden),
        b1=np.zeros(hidden, np.float32),
        w2=4 * layer(hidden, LEVELS),
        b2=(tilt - 6).astype(np.float32),
        band_edges_hz=np.geomspace(60, 11000, BANDS + 1).astype(np.float32),
        anchors=random.normal(0, 1, (instruments, KEYS, 5, latent)).astype(np.float32),
        dynamics=np.array([33, 49, 72, 96, 112], np.float32) / 127,
        low_keys=np.full(instruments, 36, np.float32),
        high_keys=np.full(instruments, 96, np.float32),
        levels_db=np.full((instruments, KEYS), -18, np.float32),
        velocity_range_db=np.full(instruments, 36, np.float32),
        release_s=np.tile(0.6 * 2 ** ((60 - keys) / 48), (instruments, 1)).astype(np.float32),
        texture_pole=np.full(1, 0.8, np.float32),
        texture_db=np.full(LEVELS, 1.5, np.float32),
    )


def _within(model: MorphModel, name: str, low: float, high: float) -> None:
    array = getattr(model, name)
    if array.min() < low or array.max() > high:
        raise ModelError(
            f"{model.name}: {name} must be {low:g} to {high:g}, "
            f"got {array.min():g} to {array.max():g}"
        )
