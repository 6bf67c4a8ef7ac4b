"""What a way through the latent space adds to a cross-fade in dB, and how even the sounds are.

All pairs of the shipped model's instruments at a key both have, the puck going from one to the
other in 32 steps, in mode latent and in mode baseline (each anchor decoded alone, the levels mixed
in dB). Of each way: how far apart the two are in the middle; whether the envelope keeps its relief
there (the deviation from its own tilt, of the middle beside the mean of the ends: a cross-fade of
different peaks is flatter than either); and where the ends have their highest peak more than a
third of an octave apart, whether it moves there or is replaced (the largest jump of the peak, in
percent of the way it has to go). An envelope is what the harmonics say, on a logarithmic frequency
axis, smoothed over a sixth of an octave.

Then every shipped sound along its own sources: how much louder or softer (A-weighted) it becomes,
its loudness beside the others', and the largest step of the sound beside the mean one.
"""

import dataclasses
import itertools

import numpy as np

from engine.morph_paths import Ear, even_curve
from engine.morph_plane import Plane, plane_of, weights_at
from engine.morph_sounds import Anchor, MorphSound, list_morph_sounds
from models import registry
from models.morph.voice_model import HARMONICS, MorphModel, conditioning, load
from tests.bench.report import arguments, report, table

STEPS = 33
VELOCITY, AGE_S = 80, 0.6
FREQUENCIES_HZ = np.geomspace(200, 8000, 65)  # a twelfth of an octave
SMOOTH = 2.0  # of these
PEAK_OCTAVES = 1 / 3
FAINT_DB = -70.0
KEYS = (50, 55, 60, 65, 70)  # of loudness
MOMENTS_S = (0.15, 0.3, 0.6)  # the loudest of them counts: plucked notes have fallen by the last
WEIGHTED_SPREAD_DB, SOUNDS_SPREAD_DB, EVEN_STEP = 3.0, 3.0, 1.5


def main() -> None:
    options = arguments(__doc__)
    model = load(registry.list_morphs()[0].name)
    ways = [way(model, *pair) for pair in itertools.combinations(range(len(model.instruments)), 2)]
    rows = [summary(name, [w for w in ways if keep(w)]) for name, keep in GROUPS]
    sounds = [sound_row(model, sound) for sound in list_morph_sounds()[0]]
    spread = max(row["louder or softer, dB"] for row in sounds)
    loudness = np.array([row["loudness, dB(A)"] for row in sounds])
    apart = float(np.abs(loudness - np.median(loudness)).max())
    step = max((row["largest step"] for row in sounds if row["even motion"]), default=0.0)
    reach = {
        "a shipped sound's loudness along its sources, dB from its middle": (
            spread,
            f"<= {WEIGHTED_SPREAD_DB}",
            spread <= WEIGHTED_SPREAD_DB,
        ),
        "shipped sounds' loudness, dB from their median": (
            apart,
            f"<= {SOUNDS_SPREAD_DB}",
            apart <= SOUNDS_SPREAD_DB,
        ),
        "even motion: largest step of the sound, x the mean": (
            step,
            f"<= {EVEN_STEP}",
            step <= EVEN_STEP,
        ),
    }
    print(f"\nmorph sounds\n{table(sounds)}")
    report("morph_path", rows, reach, options.json)


@dataclasses.dataclass(frozen=True)
class Way:
    """What one pair's way measures; jumps are None where the peak has nowhere to go."""

    decays: bool
    apart_db: float  # RMS, latent beside baseline in the middle
    relief: tuple[float, float]  # of the middle beside the ends: latent, baseline
    jump: tuple[float, float] | None  # percent of the peak's way: latent, baseline
    length: tuple[float, float]  # dB along the way beside the straight distance


DECAYING = ("guitar", "harp", "piano")
GROUPS = (
    ("all pairs", lambda way: True),
    ("both sustained", lambda way: not way.decays),
    ("one or both plucked or struck", lambda way: way.decays),
)


def way(model: MorphModel, one: int, other: int) -> Way:
    """Measure the way from one instrument to another, at a key both have if there is any."""
    low = max(model.low_keys[one], model.low_keys[other])
    high = max(min(model.high_keys[one], model.high_keys[other]), low)
    key = int(min(low + 4, high))
    shares = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    ends = [model.anchor_table(k, 0.6)[key] for k in (one, other)]
    features = conditioning(np.full(STEPS, key), VELOCITY, AGE_S)
    latent = model.decode((1 - shares) * ends[0] + shares * ends[1], features)
    latent = np.maximum(latent, FAINT_DB)
    baseline = (1 - shares) * latent[0] + shares * latent[-1]
    relief, jump, length = [], [], []
    middle = STEPS // 2
    for levels in (latent, baseline):
        shapes = envelopes(levels[:, :HARMONICS], key)
        bare = shapes - tilt(shapes)
        depth = np.sqrt(np.mean(bare**2, axis=1))
        relief.append(float(depth[middle] / (0.5 * (depth[0] + depth[-1]))))
        peaks = FREQUENCIES_HZ[bare.argmax(axis=1)]
        jump.append(_largest_jump(np.log2(peaks)))
        steps = np.sqrt(np.mean(np.diff(levels, axis=0) ** 2, axis=1))
        straight = np.sqrt(np.mean((levels[-1] - levels[0]) ** 2))
        length.append(float(steps.sum() / straight))
    return Way(
        decays=any(model.instruments[k] in DECAYING for k in (one, other)),
        apart_db=float(np.sqrt(np.mean((latent[middle] - baseline[middle]) ** 2))),
        relief=(relief[0], relief[1]),
        jump=None if jump[0] is None or jump[1] is None else (jump[0], jump[1]),
        length=(length[0], length[1]),
    )


def _largest_jump(octaves: np.ndarray) -> float | None:
    """The largest jump of a peak in percent of the way between its ends."""
    distance = abs(octaves[-1] - octaves[0])
    if distance < PEAK_OCTAVES:
        return None
    return float(100 * np.abs(np.diff(octaves)).max() / distance)


def envelopes(levels_db: np.ndarray, key: int) -> np.ndarray:
    """Harmonics (steps, 64) as smooth envelopes (steps, frequencies) in dB."""
    places = 440 * 2 ** ((key - 69) / 12) * np.arange(1, HARMONICS + 1)
    shapes = np.stack([np.interp(np.log(FREQUENCIES_HZ), np.log(places), row) for row in levels_db])
    reach = np.arange(-6, 7)
    window = np.exp(-0.5 * (reach / SMOOTH) ** 2)
    padded = np.pad(shapes, ((0, 0), (6, 6)), mode="edge")
    return np.stack([np.convolve(row, window / window.sum(), "valid") for row in padded])


def tilt(shapes: np.ndarray) -> np.ndarray:
    """The straight line that lies nearest to each envelope."""
    axis = np.linspace(-1, 1, shapes.shape[1])
    slope = shapes @ axis / (axis @ axis)
    return shapes.mean(axis=1, keepdims=True) + slope[:, None] * axis


def summary(name: str, ways: list[Way]) -> dict:
    """One line of the table: medians over ways."""
    jumps = np.array([w.jump for w in ways if w.jump is not None])
    reliefs = np.array([w.relief for w in ways])
    lengths = np.array([w.length for w in ways])
    glides = (jumps < 50).mean(axis=0) * 100 if len(jumps) else (0, 0)
    return {
        "ways": name,
        "pairs": len(ways),
        "apart in the middle, dB": float(np.median([w.apart_db for w in ways])),
        "relief latent": float(np.median(reliefs[:, 0])),
        "relief baseline": float(np.median(reliefs[:, 1])),
        "flatter than both ends: latent %": float((reliefs[:, 0] < 0.8).mean() * 100),
        "baseline %": float((reliefs[:, 1] < 0.8).mean() * 100),
        "peaks that move": len(jumps),
        "glide latent %": float(glides[0]),
        "glide baseline %": float(glides[1]),
        "way, x straight: latent": float(np.median(lengths[:, 0])),
    }


def sound_row(model: MorphModel, sound: MorphSound) -> dict:
    """One line of the table: a shipped sound along its sources."""
    plane = plane_of([(anchor.x, anchor.y) for anchor in sound.anchors])
    ear = Ear(sound, model)
    places = [along(sound, plane, ear, k) for k in range(len(sound.sources))]
    places += [np.array([(x, y) for _, x, y in sound.trajectory])] if sound.trajectory else []
    places = places or [np.array([(sound.puck.x, sound.puck.y)])]
    weights = [np.stack([weights_at(plane, x, y) for x, y in way]) for way in places]
    loud = loudness_db(model, sound, np.concatenate(weights))
    steps = [ear.steps_db(one, sound.mode) for one in weights if len(one) == STEPS]
    largest = max((float(one.max() / one.mean()) for one in steps if one.max() > 0), default=1.0)
    return {
        "sound": sound.name,
        "louder or softer, dB": float(np.ptp(loud) / 2),
        "loudness, dB(A)": float(np.mean(loud)),
        "even motion": sound.even_motion,
        "largest step": largest,
    }


def along(sound: MorphSound, plane: Plane, ear: Ear, source: int) -> np.ndarray:
    """Places (STEPS, 2) of the puck while one source goes from its least to its most."""
    moves = sound.sources[source]
    share = np.linspace(0, 1, STEPS)
    if sound.even_motion:
        share = even_curve(sound, plane, ear, source, STEPS)
    way = moves.low + share * (moves.high - moves.low)
    still = np.zeros(STEPS)
    dx, dy = (way, still) if moves.axis == "x" else (still, way)
    return np.clip(np.stack([sound.puck.x + dx, sound.puck.y + dy], 1), 0, 1)


def loudness_db(model: MorphModel, sound: MorphSound, weights: np.ndarray) -> np.ndarray:
    """A-weighted level (rows,) of weights (rows, anchors), the mean of KEYS at their loudest."""
    found = []
    for key in KEYS:
        z = np.stack([_table(model, anchor)[key] for anchor in sound.anchors])
        level = np.array([_level_db(model, anchor, key) for anchor in sound.anchors])
        hearing = a_weight_db(model, key)
        moments = []
        for age_s in MOMENTS_S:
            features = np.broadcast_to(conditioning(key, VELOCITY, age_s), (len(weights), 11))
            levels = model.decode((weights @ z).astype(np.float32), features) + hearing
            power = 10 ** (levels / 10)
            total = power[:, :HARMONICS].sum(1) / 2 + power[:, HARMONICS:].sum(1)
            moments.append(10 * np.log10(total) + weights @ level)
        found.append(np.max(moments, axis=0))
    return np.mean(found, axis=0) + sound.gain_db


def a_weight_db(model: MorphModel, key: int) -> np.ndarray:
    """How much softer than at 1 kHz each level (88,) is heard (IEC 61672)."""
    harmonics = 440 * 2 ** ((key - 69) / 12) * np.arange(1, HARMONICS + 1)
    edges = np.maximum(model.band_edges_hz, 20)
    f2 = np.concatenate([harmonics, np.sqrt(edges[:-1] * edges[1:])]) ** 2
    heard = 12194**2 * f2**2 / ((f2 + 20.6**2) * (f2 + 12194**2))
    heard /= np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    return 20 * np.log10(heard) + 2.0


def _table(model: MorphModel, anchor: Anchor) -> np.ndarray:
    return model.anchor_table(model.index(anchor.instrument), anchor.dynamics)


def _level_db(model: MorphModel, anchor: Anchor, key: int) -> float:
    return model.level_db(model.index(anchor.instrument), key, VELOCITY) + anchor.gain_db


if __name__ == "__main__":
    main()
